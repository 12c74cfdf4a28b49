/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What paths.c and judged.bpf.c share. */
#ifndef PATHS_H
#define PATHS_H

#include "vershitify.h"

/* Value of path_packet: a packet and the socket that has sent it. */
struct path_packet {
	struct vsh_sock sock;
	__u32 hook; /* enum vsh_hook */
	__u32 tc_index; /* before, and after */
	__u32 verdict; /* from here on what became of it: verdict_pack() in judge.bpf.h */
	__u8 action; /* the parts of that */
	__u8 reason;
	__u16 rule;
	__u32 fast; /* by the fast path */
	__u32 pad;
};

#endif
