/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What the programs that watch TCP itself, and the helper, say to each other. */
#ifndef SNITCH_TCP_H
#define SNITCH_TCP_H

#include <linux/types.h>
#include "snitch.h"

/* What has happened to a socket. */
enum snt_tcp_kind {
	SNT_TCP_STATE = 1, /* before, after; error if it is closed now */
	SNT_TCP_AGAIN = 2, /* a segment was sent again: cause, sequence, bytes */
	SNT_TCP_RESET_OUT = 3, /* this side has sent a reset: reason */
	SNT_TCP_RESET_IN = 4, /* the other one has */
	SNT_TCP_DROPPED =
		5, /* a rule has dropped a packet: rule, reason, way, is_again, sequence, bytes */
	SNT_TCP_GOOD = 6, /* what was dropped has arrived all the same: way, lasted_ns */
	SNT_TCP_KINDS,
};

/* Why a segment was sent again. */
enum snt_tcp_cause {
	SNT_TCP_OTHER = 0, /* as after news of a smaller MTU */
	SNT_TCP_RTO = 1, /* the timer has expired, or what follows from that */
	SNT_TCP_FAST = 2, /* acknowledgements have told of a loss */
	SNT_TCP_TLP =
		3, /* a tail loss probe: the last segment once more, before the timer expires */
	SNT_TCP_CAUSES,
};

enum snt_tcp_way {
	SNT_TCP_OUT = 0,
	SNT_TCP_IN = 1,
	SNT_TCP_WAYS,
};

/* What the helper knows, in a section of its own, written before the programs are loaded. */
struct snt_tcp_settings {
	__u64 mask; /* rules that rule over the processes to be watched, by their bits; 0: anybody */
	/* What the tracepoints of this kernel tell: */
	__u32 reset_has_reason; /* since 6.10 */
	__u32 again_has_error; /* since 6.16: it is told of, too, if it could not be sent */
};

/* Times are CLOCK_BOOTTIME. */
struct snt_tcp_event {
	__u64 time_ns;
	__u64 number; /* of the socket, among those that are followed */
	__u64 netns_cookie;
	struct snt_process process;
	__u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port; /* 0: there is no other side (yet) */
	__u8 kind; /* enum snt_tcp_kind */
	__u8 cause; /* enum snt_tcp_cause */
	__u8 before; /* states */
	__u8 after;
	__u32 sequence; /* of the first byte */
	__u32 bytes; /* of sequence numbers: payload, and one for a SYN or a FIN */
	__u32 error; /* errno */
	__u32 reason; /* the kernel's enum sk_rst_reason, 0: not told; or of a drop enum vsh_reason */
	__u64 lasted_ns; /* since the first drop that was not made good */
	__u16 rule; /* its number */
	__u8 way; /* enum snt_tcp_way */
	__u8 is_again; /* a retransmission was dropped */
	__u32 pad;
};

/* The programs' counters, in .bss. */
struct snt_tcp_counts {
	__u64 sockets; /* numbers given away so far */
	__u64 lost; /* events for which the ring had no room, and drops that were not seen */
	__u64 unfollowed; /* sockets for which the map had no room */
	__u64 gaps; /* drops of what is followed, so far, whose arrival was waited for */
};

_Static_assert(sizeof(struct snt_tcp_event) == 128, "snt_tcp_event has no holes");

#endif
