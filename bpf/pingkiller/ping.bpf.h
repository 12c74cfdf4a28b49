/* SPDX-License-Identifier: GPL-2.0-only */
/* From a packet to the ICMP message in it. Truncated, malformed and too deeply nested
 * packets are counted by class and never judged.
 */
#ifndef PINGKILLER_PING_BPF_H
#define PINGKILLER_PING_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"
#include "pingkiller.h"

static __always_inline struct packet packet_begin(void *ctx, bool is_skb, bool bare)
{
	return is_skb ? packet_of_frame(ctx, bare) : packet_of_xdp(ctx, bare);
}

/* What it took on the wire, as far as it is known. */
static __always_inline __u32 packet_bytes(const struct packet *packet)
{
	return packet->length + packet->tags * sizeof(struct vlan_header);
}

/* Out of line: the common path stays short. */
__noinline int extensions_walk_xdp(struct xdp_md *ctx, struct walk *walk)
{
	struct packet packet = { .kind = PACKET_XDP, .context = ctx };

	return walk ? extensions_walk(&packet, walk) : HEADERS_MALFORMED;
}

__noinline int extensions_walk_skb(struct __sk_buff *ctx, struct walk *walk)
{
	struct packet packet = { .kind = PACKET_FRAME, .context = ctx };

	return walk ? extensions_walk(&packet, walk) : HEADERS_MALFORMED;
}

static __always_inline enum headers_found extensions_parse(const struct packet *packet,
							   struct headers *headers)
{
	struct walk walk = walk_begin(headers);
	enum headers_found found = packet->kind == PACKET_FRAME
					   ? extensions_walk_skb(packet->context, &walk)
					   : extensions_walk_xdp(packet->context, &walk);

	walk_end(&walk, headers);
	return found;
}

/* headers is right if this is PK_ICMP: all of the message's header is there, and the IP packet
 * ends neither in it nor beyond the frame. What follows is padding.
 */
static __always_inline enum pk_class icmp_class(const struct packet *packet,
						struct headers *headers)
{
	if (headers->end > packet->length || !icmp_parse(packet, headers))
		return PK_MALFORMED;
	return PK_ICMP;
}

static __always_inline enum pk_class ipv4_class(const struct packet *packet,
						struct headers *headers)
{
	if (ipv4_parse(packet, headers) != HEADERS_IP)
		return PK_MALFORMED;
	if (!is_icmp(headers))
		return PK_OTHER_IPV4;
	if (headers->fragment == FRAGMENT_LATER)
		return PK_FRAGMENT;
	return icmp_class(packet, headers);
}

/* The first fragment tells the protocol; that of later ones nobody knows. */
static __always_inline enum pk_class extended_class(const struct packet *packet,
						    struct headers *headers)
{
	enum headers_found found = extensions_parse(packet, headers);

	if (found != HEADERS_IP)
		return found == HEADERS_DEEP ? PK_DEEP : PK_MALFORMED;
	if (headers->fragment == FRAGMENT_LATER)
		return PK_FRAGMENT;
	return is_icmp(headers) ? icmp_class(packet, headers) : PK_OTHER_IPV6;
}

static __always_inline enum pk_class ipv6_class(const struct packet *packet,
						struct headers *headers)
{
	if (ipv6_parse(packet, headers) != HEADERS_IP)
		return PK_MALFORMED;
	if (likely(is_icmp(headers)))
		return icmp_class(packet, headers);
	return has_extensions(headers) ? extended_class(packet, headers) : PK_OTHER_IPV6;
}

static __always_inline enum pk_class packet_parse(const struct packet *packet,
						  struct headers *headers)
{
	enum headers_found found = link_parse(packet, headers);

	if (found != HEADERS_IP)
		return found == HEADERS_OTHER ? PK_OTHER : PK_MALFORMED;
	return headers->version == 4 ? ipv4_class(packet, headers) : ipv6_class(packet, headers);
}

#endif
