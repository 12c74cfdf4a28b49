/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What snitch's programs and the helper say to each other. */
#ifndef SNITCH_H
#define SNITCH_H

#include <linux/types.h>

#define SNT_COMM_LEN 16
#define SNT_CONNECTIONS_MAX 262144 /* that are followed at once; memory is taken as they come */
#define SNT_CONNECTING_MAX 4096 /* threads in connect(2), and some that were */
#define SNT_LISTENERS_MAX 16384
#define SNT_RING_BYTES (4 << 20)
#define SNT_ANCESTORS_MAX 16

/* What has happened. */
enum snt_kind {
	SNT_CONNECTED = 1, /* this side has connected, or has sent first */
	SNT_FAILED = 2, /* or has not: the error says why; 0: its process has given it up */
	SNT_INCOMING = 3, /* the other side has, or it has sent first */
	SNT_ACCEPTED = 4, /* and a process has taken that */
	SNT_TRAFFIC = 5, /* there were bytes since the last look */
	SNT_ENDED = 6, /* the error says why; 0: as it should */
	SNT_OPEN = 7, /* still there, when the watching ends */
	SNT_KINDS,
};

/* Who has begun to end a connection. */
enum snt_side {
	SNT_NOBODY = 0,
	SNT_LOCAL = 1,
	SNT_REMOTE = 2,
	SNT_IDLE = 3, /* neither: nothing has come or gone for long, of UDP */
};

enum snt_direction {
	SNT_BOTH = 0,
	SNT_EGRESS = 1, /* this side has begun */
	SNT_INGRESS = 2, /* the other one has */
};

/* The programs' .rodata, written before they are loaded. Zeroes: everything. */
struct snt_filter {
	__u64 netns_cookie;
	__u64 idle_ns; /* after which UDP with one other side has ended */
	__u8 direction; /* enum snt_direction */
	__u8 protocol; /* IPPROTO_*, or 0 */
	__u8 owned; /* only sockets of targets (targets.h) */
	__u8 pad[5];
	__u32 pid;
	__u32 prefix_bits; /* of the 128 of address[] */
	__u8 prefix[16]; /* of the other side's address */
	__u16 port; /* of either side, host byte order */
	__u8 only_failed;
	__u8 has_comm;
	char comm[SNT_COMM_LEN];
	/* Numbers of system calls, since they differ between machines. */
	__u32 nr_accept;
	__u32 nr_accept4;
	__u32 nr_connect;
	/* Processes that this one has come from, up to 0: its own lines can be traffic of theirs, as of an sshd. */
	__u32 ancestors[SNT_ANCESTORS_MAX];
};

/* As the kernel's first pid namespace has it. */
struct snt_process {
	__u64 cgroup; /* id of version 2 */
	__u32 pid; /* 0: not known */
	__u32 uid; /* as the first user namespace has it */
	char comm[SNT_COMM_LEN]; /* of the process, not of its thread */
};

/* Times are CLOCK_BOOTTIME. Bytes are payload. */
struct snt_event {
	__u64 time_ns;
	__u64 begun_ns; /* of the connection: connect(2), or the end of its handshake; of UDP, its first datagram */
	__u64 last_ns; /* of UDP: its last datagram; else 0 */
	__u64 number; /* of the connection; 0: it has not got as far as the network */
	__u64 netns_cookie;
	__u64 sent; /* without retransmissions */
	__u64 received; /* in order */
	__u64 sent_new; /* since the last sum; of SNT_TRAFFIC, SNT_ENDED and SNT_OPEN */
	__u64 received_new;
	struct snt_process process;
	__u8 local[16]; /* IPv4 as ::ffff:a.b.c.d */
	__u8 remote[16];
	__u16 local_port; /* host byte order */
	__u16 remote_port;
	__u16 kind; /* enum snt_kind */
	__u16 is_reset; /* by this side; of SNT_ENDED */
	__u32 error; /* errno */
	__u32 retransmits; /* segments */
	__u32 rtt_us; /* smoothed; 0: not measured */
	__u8 protocol; /* IPPROTO_* */
	__u8 is_passive; /* the other side has connected */
	__u8 side; /* enum snt_side */
	__u8 is_older; /* was open before the watching began: begun_ns is the beginning of that */
};

/* The programs' counters, in .bss. */
struct snt_counts {
	__u64 connections; /* numbers given away so far */
	__u64 lost; /* events for which the ring had no room */
	__u64 unfollowed; /* connections for which the map had no room */
};

_Static_assert(sizeof(struct snt_filter) == 144, "snt_filter has no holes");
_Static_assert(sizeof(struct snt_process) == 32, "snt_process has no holes");
_Static_assert(sizeof(struct snt_event) == 160, "snt_event has no holes");

#endif
