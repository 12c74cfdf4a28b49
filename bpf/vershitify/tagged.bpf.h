/* SPDX-License-Identifier: GPL-2.0-only */
/* For programs that follow a tracker's targets (targets.h): is a socket a target's? Who loads them puts the
 * tracker's own map in the place of this one.
 */
#ifndef VERSHITIFY_TAGGED_BPF_H
#define VERSHITIFY_TAGGED_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "vershitify.h"

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct vsh_sock);
} vsh_socks SEC(".maps");

static __always_inline bool is_targets_socket(void *sk)
{
	struct vsh_sock *tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);

	return tag && tag->owner.mask;
}

#endif
