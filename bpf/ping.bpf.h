/* SPDX-License-Identifier: GPL-2.0-only */
/* From a frame to the ICMP message in it. Whatever ends before it should, or is longer
 * or deeper than is looked at, has a class of its own; nothing of it is judged.
 */
#ifndef PINGKILLER_PING_BPF_H
#define PINGKILLER_PING_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "pingkiller.h"

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_MH 135
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8

struct ethernet {
	__u8 to[6];
	__u8 from[6];
	__be16 type;
};

struct vlan_tag {
	__be16 id;
	__be16 type;
};

struct ipv4 {
	__u8 version_words; /* version, and length of the header in 32-bit words */
	__u8 tos;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__u8 from[4];
	__u8 to[4];
};

struct ipv6 {
	__u8 version; /* in the upper half */
	__u8 flow[3];
	__be16 length; /* without this header */
	__u8 next;
	__u8 hops;
	__u8 from[16];
	__u8 to[16];
};

/* What extension headers begin with, and all that the one of fragments has. */
struct extension {
	__u8 next;
	__u8 length; /* beyond the first, in units of 8 bytes; AH: beyond two, of 4 */
	__be16 fragment; /* only of fragments */
	__be32 id;
};

/* Of every message that is judged all eight bytes are there. */
struct icmp {
	__u8 type;
	__u8 code;
	__be16 check;
	__be32 rest;
};

#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_OFFSET_MASK 0xfff8

_Static_assert(sizeof(struct ethernet) == 14 && sizeof(struct ipv4) == 20 &&
		       sizeof(struct ipv6) == 40 && sizeof(struct icmp) == 8,
	       "headers are as long as on the wire");

struct packet {
	void *end; /* of what can be read */
	__u32 length; /* of the frame, which can go on behind that */
	__u32 family; /* enum pk_family */
	void *from; /* source address; the destination follows it */
	struct icmp *icmp;
};

/* The frame has to hold what its IP header speaks of; more is padding. */
static __always_inline bool is_whole(void *data, const struct packet *packet, void *network,
				     __u32 bytes)
{
	__u32 before = network - data;
	__u32 headers = (void *)(packet->icmp + 1) - data;

	return before + bytes >= headers && before + bytes <= packet->length;
}

static __always_inline enum pk_class ipv4_parse(void *data, struct ipv4 *ip, struct packet *packet)
{
	__u32 words;

	if ((void *)(ip + 1) > packet->end)
		return PK_MALFORMED;
	words = ip->version_words - 0x40;
	if (words < 5 || words > 15)
		return PK_MALFORMED;
	if (ip->protocol != IPPROTO_ICMP)
		return PK_OTHER_IPV4;
	if (ip->fragment & bpf_htons(IPV4_OFFSET_MASK))
		return PK_FRAGMENT;
	packet->icmp = (void *)ip + words * 4;
	if ((void *)(packet->icmp + 1) > packet->end)
		return PK_MALFORMED;
	packet->family = PK_IPV4;
	packet->from = ip->from;
	return is_whole(data, packet, ip, bpf_ntohs(ip->length)) ? PK_ICMP : PK_MALFORMED;
}

static __always_inline bool is_extension(__u8 next)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
	case IPPROTO_MH:
	case IPPROTO_HIP:
	case IPPROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

static __always_inline __u32 extension_bytes(__u8 kind, const struct extension *extension)
{
	if (kind == IPPROTO_FRAGMENT)
		return sizeof(*extension);
	if (kind == IPPROTO_AH)
		return (extension->length + 2) * 4;
	return (extension->length + 1) * 8;
}

static __always_inline enum pk_class ipv6_parse(void *data, struct ipv6 *ip, struct packet *packet)
{
	void *header = ip + 1;
	__u8 next;

	if (header > packet->end || ip->version >> 4 != 6)
		return PK_MALFORMED;
	next = ip->next;
	for (int i = 0; unlikely(is_extension(next)); i++) {
		struct extension *extension = header;

		if (i == PK_EXTENSIONS_MAX)
			return PK_DEEP;
		if ((void *)(extension + 1) > packet->end)
			return PK_MALFORMED;
		if (next == IPPROTO_FRAGMENT && (extension->fragment & bpf_htons(IPV6_OFFSET_MASK)))
			return PK_FRAGMENT;
		header += extension_bytes(next, extension);
		next = extension->next;
	}
	if (next != IPPROTO_ICMPV6)
		return PK_OTHER_IPV6;
	packet->icmp = header;
	if ((void *)(packet->icmp + 1) > packet->end)
		return PK_MALFORMED;
	packet->family = PK_IPV6;
	packet->from = ip->from;
	return is_whole(data, packet, ip, sizeof(*ip) + bpf_ntohs(ip->length)) ? PK_ICMP
									       : PK_MALFORMED;
}

/* A device without a link layer: the first bits tell the family. */
static __always_inline enum pk_class bare_parse(void *data, struct packet *packet)
{
	if (data + 1 > packet->end)
		return PK_MALFORMED;
	switch (*(__u8 *)data >> 4) {
	case 4:
		return ipv4_parse(data, data, packet);
	case 6:
		return ipv6_parse(data, data, packet);
	default:
		return PK_OTHER;
	}
}

static __always_inline enum pk_class ethernet_parse(void *data, struct packet *packet)
{
	struct ethernet *ethernet = data;
	void *header = ethernet + 1;
	__be16 type;

	if (header > packet->end)
		return PK_MALFORMED;
	type = ethernet->type;
#pragma unroll
	for (int i = 0; i < PK_TAGS_MAX; i++) {
		struct vlan_tag *tag = header;

		if (likely(type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)))
			break;
		if ((void *)(tag + 1) > packet->end)
			return PK_MALFORMED;
		type = tag->type;
		header = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP))
		return ipv4_parse(data, header, packet);
	if (type == bpf_htons(ETH_P_IPV6))
		return ipv6_parse(data, header, packet);
	return PK_OTHER;
}

/* data: the frame, as far as it can be read; length: all of it. Fills the rest of the
 * packet for PK_ICMP only.
 */
static __always_inline enum pk_class packet_parse(void *data, void *end, __u32 length, bool bare,
						  struct packet *packet)
{
	packet->end = end;
	packet->length = length;
	return unlikely(bare) ? bare_parse(data, packet) : ethernet_parse(data, packet);
}

#endif
