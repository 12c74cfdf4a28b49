/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What tracepkt's programs and the helper say to each other. */
#ifndef TRACEPKT_H
#define TRACEPKT_H

#include <linux/types.h>

#define TPK_COMM_LEN 16
#define TPK_NAME_LEN 16 /* of a device, with a NUL: IFNAMSIZ */
#define TPK_BYTES 128 /* of a packet, from its network header on */
#define TPK_MORE_MAX 1920 /* bytes beyond these, where they are wanted */
#define TPK_TOKEN_LEN 8
#define TPK_TRACKED_MAX 65536 /* buffers that are followed at once */
#define TPK_SHARED_NS 1000000000ULL /* how long clones are looked for, at rest */
#define TPK_TAKEN_NS 10000000ULL /* TCP drops at once what it does not keep */
#define TPK_RING_BYTES (8 << 20)

/* Where a packet was seen. The numbers are public, in -j. */
enum tpk_hook {
	TPK_QUEUE = 1, /* net_dev_queue: handed to a device, after its tc filters */
	TPK_XMIT = 2, /* net_dev_start_xmit: handed to its driver */
	TPK_NETIF_RX = 3, /* netif_rx: received, by a virtual device */
	TPK_RECEIVE = 4, /* netif_receive_skb(_list)_entry: received */
	TPK_GRO = 5, /* napi_gro_receive_entry: received, before packets are merged */
	TPK_READ = 6, /* skb_copy_datagram_iovec: read by a program */
	TPK_DROPPED = 7, /* kfree_skb */
	TPK_CONSUMED = 8, /* consume_skb: the packet has done what it was for, or was stolen */
	TPK_INSIDE =
		9, /* no hook: received by a device on top of the one before, as is seen later */
	TPK_TAKEN = 10, /* tcp_probe: received by a connection, which need not tell of the end */
	TPK_HOOKS,
};

/* How a packet is known that nobody follows yet. */
enum tpk_kind {
	TPK_ECHO, /* an echo of ours: id and token */
	TPK_LISTEN, /* whatever has all that is said of it: 0 says nothing */
	TPK_SYN, /* a SYN of ours: ports and sequence number */
	TPK_DATAGRAM, /* a datagram of ours: ports, and token or address */
};

enum tpk_protocol {
	TPK_ICMP = 1 << 0, /* of either family */
	TPK_TCP = 1 << 1,
	TPK_UDP = 1 << 2,
};

/* The programs' .rodata, written before they are loaded. */
struct tpk_filter {
	__u8 token[TPK_TOKEN_LEN]; /* first bytes of what an echo or a datagram carries */
	__u16 id; /* of the echo, network byte order */
	__u16 more; /* bytes of a packet that are wanted beyond TPK_BYTES, 0..TPK_MORE_MAX */
	__u16 port; /* network byte order: either port of the packet; of probes: the target's */
	__u8 kind; /* enum tpk_kind */
	__u8 protocols; /* enum tpk_protocol */
	__u64 netns_cookie; /* where it is taken up; 0: anywhere */
	__u64 packets; /* how many are followed, from the first on; 0: no limit */
	__u32 address[4], mask[4]; /* network byte order; IPv4: the first word */
	__u8 version; /* 4 or 6: either address is below address and mask; of probes: the target's */
	__u8 owned; /* the socket that sends it is a target's */
	__u16 own_port,
		own_ports; /* of probes: the first port that they are sent from, and how many */
	__u16 pad;
	__u32 sequence; /* TPK_SYN: that of the first one, ... */
	__u32 count; /* ... and how many there are, with the next numbers */
};

/* One buffer at one hook. Times are CLOCK_MONOTONIC, addresses the kernel's own. */
struct tpk_event {
	__u64 time_ns;
	__u64 packet; /* number of the packet: the same for all of its clones */
	__u64 branch; /* number of the buffer: a clone has another one */
	__u64 netns_cookie;
	__u64 location; /* TPK_DROPPED: where in the kernel */
	__u32 netns_inode;
	__u32 ifindex; /* 0: no device at this hook */
	__u32 hook; /* enum tpk_hook */
	__u32 reason; /* TPK_DROPPED: enum skb_drop_reason of this kernel */
	__u32 pid; /* tgid of the process during which this happened */
	__u32 length; /* of the packet, from the network header on */
	__u32 segments; /* that the packet is on the wire */
	__u32 bytes; /* how many there are in content[] */
	__u32 rule; /* of vershitify's, that has dropped it; 0: none has */
	__u32 rule_reason; /* enum vsh_reason */
	__u16 vlan; /* tag beside the packet, or 0 */
	__u8 is_last; /* no other buffer shares this packet's data any more */
	__u8 is_first; /* of the packet's events */
	__u8 is_whole; /* no event of any packet was lost since this packet's first */
	__u8 pad[3];
	char comm[TPK_COMM_LEN];
	char dev[TPK_NAME_LEN];
	__u8 content[TPK_BYTES]; /* and tpk_filter.more after them */
};

/* The programs' counters, in .bss. */
struct tpk_counts {
	__u64 packets; /* numbers given away so far */
	__u64 branches;
	__u64 lost; /* events for which the ring had no room, clones for which the maps had none */
	__u64 untracked; /* packets for which the maps had no room */
	__s64 tracked; /* packets' data that are followed now */
};

/* With this begin the values of tpk_buffers and tpk_data. Not of each end there is a hook: the helper takes
 * away what nobody has seen for long (tracks.c).
 */
struct tpk_seen {
	__u64 ns; /* when a hook has seen it last */
	__u64 is_taken; /* a socket has it: it may be freed where no hook is */
};

_Static_assert(sizeof(struct tpk_filter) == 80, "tpk_filter has no holes");
_Static_assert(sizeof(struct tpk_event) == 120 + TPK_BYTES, "tpk_event has no holes");

#endif
