/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What parse.bpf.c and traced.bpf.c are told by headers.c, and tell it. */
#ifndef HEADERS_H
#define HEADERS_H

#include <linux/types.h>
#include "header.h"
#include "vershitify.h"

/* Each way to read a packet (enum packet_kind of header.bpf.h), and who takes it. */
enum parse_way {
	PARSE_XDP,
	PARSE_FRAME,
	PARSE_NETWORK, /* of a classifier */
	PARSE_CGROUP, /* the same, of a cgroup program */
	PARSE_KERNEL,
	PARSE_WAYS,
};

/* Value of parse_order, one entry. */
struct parse_order {
	__u32 length; /* of the frame, whose other bytes are cut off, and stay where they are */
	__u32 tag; /* ETH_P_*, network byte order: put beside the frame; 0: none */
	__u32 bare; /* for XDP: the frame begins with the IP header */
};

/* Value of parse_results, by enum parse_way. */
struct parse_result {
	struct headers headers;
	__u32 found; /* enum headers_found */
	__u32 has_transport;
	__u32 count; /* of packets */
};

/* Value of parse_segment, one entry: what vershitify makes of it. */
struct parse_segment {
	struct vsh_flow_key key;
	__u64 syn;
	__u32 is_segment;
	__u32 pad;
};

/* Key of traced_ports, whose value is a number of datagrams. */
struct traced_port {
	__u16 version;
	__u16 dport; /* network byte order */
};

#endif
