/* SPDX-License-Identifier: GPL-2.0-only */
/* From a frame to the ICMP message in it. Truncated, malformed and too deeply nested
 * packets are counted by class and never judged.
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

/* All headers together are shorter; it tells the verifier so. */
#define HEADERS_MASK 0x7fff

_Static_assert(sizeof(struct ethernet) == 14 && sizeof(struct ipv4) == 20 &&
		       sizeof(struct ipv6) == 40 && sizeof(struct icmp) == 8,
	       "headers are as long as on the wire");
_Static_assert(sizeof(struct ethernet) + PK_TAGS_MAX * sizeof(struct vlan_tag) +
			       sizeof(struct ipv6) + PK_EXTENSIONS_MAX * 256 * 8 <
		       HEADERS_MASK,
	       "no header lies behind what the mask can tell");

/* A frame, and what is found in it. */
struct packet {
	void *data;
	void *end; /* of what can be read */
	__u32 length; /* of the frame, which can go on behind that */
	/* only of PK_ICMP */
	__u32 family; /* enum pk_family */
	__u32 network; /* offset of the IP header */
	__u8 type;
	__u8 code;
};

/* The message at that offset: all of its header is there, and the IP packet, which ends
 * at packet_end, ends neither in it nor behind the frame. What follows is padding.
 */
static __always_inline enum pk_class icmp_parse(struct packet *packet, __u32 offset,
						__u32 packet_end)
{
	struct icmp *icmp = packet->data + offset;

	if ((void *)(icmp + 1) > packet->end)
		return PK_MALFORMED;
	if (packet_end < offset + sizeof(*icmp) || packet_end > packet->length)
		return PK_MALFORMED;
	packet->type = icmp->type;
	packet->code = icmp->code;
	return PK_ICMP;
}

static __always_inline enum pk_class ipv4_parse(struct packet *packet, __u32 offset)
{
	struct ipv4 *ip = packet->data + offset;
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
	packet->family = PK_IPV4;
	packet->network = offset;
	return icmp_parse(packet, offset + words * 4, offset + bpf_ntohs(ip->length));
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

/* What comes behind the extension headers: its offset and, in the lowest byte, its
 * protocol; or the negative of a class.
 */
static __always_inline int extensions_walk(void *ctx, bool is_skb, __u32 offset, __u8 next)
{
	for (int i = 0; i < PK_EXTENSIONS_MAX; i++) {
		struct extension extension;

		if (!is_extension(next))
			return offset << 8 | next;
		if (is_skb ? bpf_skb_load_bytes(ctx, offset, &extension, sizeof(extension))
			   : bpf_xdp_load_bytes(ctx, offset, &extension, sizeof(extension)))
			return -PK_MALFORMED;
		if (next == IPPROTO_FRAGMENT && (extension.fragment & bpf_htons(IPV6_OFFSET_MASK)))
			return -PK_FRAGMENT;
		offset = (offset + extension_bytes(next, &extension)) & HEADERS_MASK;
		next = extension.next;
	}
	return is_extension(next) ? -PK_DEEP : (int)(offset << 8 | next);
}

/* Out of line: the common path stays short. */
__noinline int extensions_walk_xdp(struct xdp_md *ctx, __u32 offset, __u8 next)
{
	return extensions_walk(ctx, false, offset & 0xff, next);
}

__noinline int extensions_walk_skb(struct __sk_buff *ctx, __u32 offset, __u8 next)
{
	return extensions_walk(ctx, true, offset & 0xff, next);
}

static __always_inline enum pk_class ipv6_parse(struct packet *packet, void *ctx, bool is_skb,
						__u32 offset)
{
	struct ipv6 *ip = packet->data + offset;
	__u32 packet_end;
	int behind;

	if ((void *)(ip + 1) > packet->end || ip->version >> 4 != 6)
		return PK_MALFORMED;
	packet_end = offset + sizeof(*ip) + bpf_ntohs(ip->length);
	packet->family = PK_IPV6;
	packet->network = offset;
	offset += sizeof(*ip);
	if (likely(ip->next == IPPROTO_ICMPV6))
		return icmp_parse(packet, offset, packet_end);
	if (!is_extension(ip->next))
		return PK_OTHER_IPV6;
	behind = is_skb ? extensions_walk_skb(ctx, offset, ip->next)
			: extensions_walk_xdp(ctx, offset, ip->next);
	if (behind < 0)
		return -behind;
	if ((behind & 0xff) != IPPROTO_ICMPV6)
		return PK_OTHER_IPV6;
	return icmp_parse(packet, behind >> 8 & HEADERS_MASK, packet_end);
}

/* A device without a link layer: the first bits tell the family. */
static __always_inline __be16 bare_type(const struct packet *packet)
{
	switch (*(__u8 *)packet->data >> 4) {
	case 4:
		return bpf_htons(ETH_P_IP);
	case 6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* The type of what the frame carries; *offset is moved behind Ethernet header and tags.
 * Negative: it ends before that.
 */
static __always_inline int ethernet_type(const struct packet *packet, __u32 *offset)
{
	struct ethernet *ethernet = packet->data;
	__be16 type;

	*offset = sizeof(*ethernet);
	if (packet->data + *offset > packet->end)
		return -1;
	type = ethernet->type;
#pragma unroll
	for (int i = 0; i < PK_TAGS_MAX; i++) {
		struct vlan_tag *tag = packet->data + *offset;

		if (likely(type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)))
			break;
		if ((void *)(tag + 1) > packet->end)
			return -1;
		type = tag->type;
		*offset += sizeof(*tag);
	}
	return type;
}

static __always_inline enum pk_class packet_parse(struct packet *packet, void *ctx, bool is_skb,
						  bool bare)
{
	__u32 offset = 0;
	int type;

	if (packet->data + 1 > packet->end)
		return PK_MALFORMED;
	type = unlikely(bare) ? bare_type(packet) : ethernet_type(packet, &offset);
	if (type < 0)
		return PK_MALFORMED;
	if (type == bpf_htons(ETH_P_IP))
		return ipv4_parse(packet, offset);
	if (type == bpf_htons(ETH_P_IPV6))
		return ipv6_parse(packet, ctx, is_skb, offset);
	return PK_OTHER;
}

static __always_inline enum pk_class xdp_parse(struct xdp_md *ctx, bool bare, struct packet *packet)
{
	packet->data = (void *)(long)ctx->data;
	packet->end = (void *)(long)ctx->data_end;
	packet->length = bpf_xdp_get_buff_len(ctx);
	return packet_parse(packet, ctx, false, bare);
}

/* Behind generic XDP that had to copy the packet, some kernels forget how long the link
 * layer's header is (skb->mac_len), and a classifier sees the IP header first. An
 * Ethernet header would have the protocol in its place.
 */
static __always_inline bool is_link_forgotten(struct __sk_buff *skb, const struct packet *packet)
{
	const struct ethernet *ethernet = packet->data;

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return false;
	return (void *)(ethernet + 1) <= packet->end && ethernet->type != (__be16)skb->protocol;
}

static __always_inline enum pk_class skb_parse(struct __sk_buff *skb, bool bare,
					       struct packet *packet)
{
	packet->data = (void *)(long)skb->data;
	packet->end = (void *)(long)skb->data_end;
	packet->length = skb->len;
	return packet_parse(packet, skb, true, bare || is_link_forgotten(skb, packet));
}

#endif
