/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What header.bpf.h tells of a packet, for programs, and for who reads it from their maps. */
#ifndef VSH_HEADER_H
#define VSH_HEADER_H

#include <linux/types.h>

#define HEADER_TAGS_MAX 2 /* VLAN tags passed over: 802.1Q in 802.1ad */
#define HEADER_EXTENSIONS_MAX 8 /* IPv6 extension headers passed over */

enum headers_found {
	HEADERS_IP, /* a whole IP header: the fields of struct headers are right */
	HEADERS_OTHER, /* neither IPv4 nor IPv6: ARP, a third VLAN tag, ... */
	HEADERS_MALFORMED, /* the packet ends too early, or contradicts itself */
	HEADERS_DEEP, /* more extension headers than HEADER_EXTENSIONS_MAX */
};

enum header_fragment {
	FRAGMENT_NONE, /* the packet is whole */
	FRAGMENT_FIRST, /* which has the transport header */
	FRAGMENT_LATER, /* which has not */
};

/* Offsets count from where the packet was begun to be read: see struct packet. */
struct headers {
	__u32 network; /* offset of the IP header */
	__u32 transport; /* offset of what comes after it, its options and extension headers */
	__u32 end; /* offset of the end that the IP header tells; what follows is padding */
	__u8 tags; /* VLAN tags, also one that the kernel has taken out of the frame */
	__u8 version; /* 4 or 6 */
	__u8 protocol; /* IPPROTO_*, of the transport header */
	__u8 traffic_class; /* IPv4: type of service; DSCP is the upper six bits of it */
	__u8 fragment; /* enum header_fragment */
	/* Of the transport header, if there is one and it was asked for. */
	__u8 tcp_flags; /* FIN is the lowest bit */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 extended; /* IPv6 extension headers were passed over */
	__u8 pad[3];
	__u16 sport; /* network byte order */
	__u16 dport;
	__u32 saddr[4]; /* network byte order; IPv4: the first word */
	__u32 daddr[4];
};

_Static_assert(sizeof(struct headers) == 60, "struct headers has no holes");

#endif
