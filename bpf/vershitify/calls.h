/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* Calls of a target on its sockets, which a rule can make fail: layouts of both sides. */
#ifndef VERSHITIFY_CALLS_H
#define VERSHITIFY_CALLS_H

#include <linux/types.h>

enum vsh_call {
	VSH_CONNECT, /* connect(2) */
	VSH_BIND, /* bind(2) */
	VSH_SEND, /* sendto(2) and sendmsg(2) with an address, of UDP */
	VSH_CALLS,
};

/* How a call fails. A draw of 32 bits below the threshold makes it fail. */
struct vsh_failure {
	__u64 threshold; /* 0..VSH_CERTAIN */
	__u64 share; /* as it was asked for, in millionths of a percent */
	__u32 error; /* errno; 0: the rule is not for this call */
	__u32 refuses; /* VSH_CONNECT: the call goes on, and its SYN is answered with a reset */
};

struct vsh_call_count {
	__u64 seen;
	__u64 failed;
};

/* Value of vsh_calls, per CPU, by rule: what the counters of packets are to packets. */
struct vsh_call_counts {
	struct vsh_call_count calls[VSH_CALLS]; /* by enum vsh_call */
};

_Static_assert(sizeof(struct vsh_failure) == 24, "vsh_failure has no holes");

#endif
