/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs of the root cgroup that rules need, by their hooks. */
#ifndef VSH_CGROUPHOOKS_H
#define VSH_CGROUPHOOKS_H

#include <linux/bpf.h>
#include <stdint.h>

struct cgroup_hook {
	uint32_t hook; /* enum vsh_hook */
	enum bpf_attach_type type;
	const char *program;
};

extern const struct cgroup_hook cgroup_hooks[]; /* up to one without a program */

#define CGROUP_HOOKS_MAX 8

/* A line "hook NAME" for each program of these hooks. */
void hooks_print(uint32_t hooks);

#endif
