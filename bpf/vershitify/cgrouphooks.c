// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "cgrouphooks.h"
#include "vershitify.h"

const struct cgroup_hook cgroup_hooks[] = {
	{ VSH_CG_INGRESS, BPF_CGROUP_INET_INGRESS, "vsh_cg_ingress" },
	{ VSH_CG_EGRESS, BPF_CGROUP_INET_EGRESS, "vsh_cg_egress" },
	{ VSH_AT_CONNECT, BPF_CGROUP_INET4_CONNECT, "vsh_connect4" },
	{ VSH_AT_CONNECT, BPF_CGROUP_INET6_CONNECT, "vsh_connect6" },
	{ VSH_AT_BIND, BPF_CGROUP_INET4_BIND, "vsh_bind4" },
	{ VSH_AT_BIND, BPF_CGROUP_INET6_BIND, "vsh_bind6" },
	{ VSH_AT_SEND, BPF_CGROUP_UDP4_SENDMSG, "vsh_sendmsg4" },
	{ VSH_AT_SEND, BPF_CGROUP_UDP6_SENDMSG, "vsh_sendmsg6" },
	{},
};

_Static_assert(sizeof(cgroup_hooks) / sizeof(cgroup_hooks[0]) == CGROUP_HOOKS_MAX + 1,
	       "there are as many as that");

void hooks_print(uint32_t hooks)
{
	for (const struct cgroup_hook *at = cgroup_hooks; at->program; at++)
		if (hooks & at->hook)
			printf("hook %s\n", at->program + strlen("vsh_"));
}
