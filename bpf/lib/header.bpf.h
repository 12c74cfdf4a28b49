/* SPDX-License-Identifier: GPL-2.0-only */
/* From a packet to its headers, for the programs of all tools and all hooks: no other file
 * knows how a header looks.
 *
 *	struct packet packet = packet_of_xdp(ctx, false);
 *	struct headers headers = {};
 *
 *	if (headers_parse(&packet, &headers) == HEADERS_IP && transport_parse(&packet, &headers))
 *
 * All functions become part of the program that calls them. What it does not use of struct
 * headers is neither read nor kept.
 *
 * Passed over are Ethernet, HEADER_TAGS_MAX VLAN tags (802.1Q, 802.1ad), the options of
 * IPv4, and HEADER_EXTENSIONS_MAX extension headers of IPv6: hop-by-hop, routing, fragment,
 * destination, authentication, mobility, HIP, shim6. Transport headers are those of TCP, UDP,
 * ICMP and ICMPv6. Not looked into are tunnels: of IP in IP (protocols 4 and 41), GRE, ESP and
 * authentication headers after IPv4, the outer header tells the protocol, and that is all.
 * Checksums are not looked at.
 */
#ifndef VSH_HEADER_BPF_H
#define VSH_HEADER_BPF_H

#include "kernel.bpf.h"
#include <stddef.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "header.h"

#define ETH_P_IP 0x0800
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8
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
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

struct ethernet_header {
	__u8 to[6];
	__u8 from[6];
	__be16 type;
};

struct vlan_header {
	__be16 id;
	__be16 type;
};

struct ipv4_header {
	__u8 version_words; /* version, and length of the header in 32-bit words */
	__u8 tos;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 check;
	__be32 from;
	__be32 to;
};

struct ipv6_header {
	__u8 version_class; /* version, and the upper half of the traffic class */
	__u8 class_flow; /* its lower half, and the first bits of the flow label */
	__be16 flow;
	__be16 length; /* without this header */
	__u8 next;
	__u8 hops;
	__be32 from[4];
	__be32 to[4];
};

/* What extension headers begin with, and all that the one of fragments has. */
struct extension_header {
	__u8 next;
	__u8 length; /* beyond the first, in units of 8 bytes; AH: beyond two, of 4 */
	__be16 fragment; /* only of fragments */
	__be32 id;
};

struct tcp_header {
	__be16 source;
	__be16 dest;
	__be32 sequence;
	__be32 acknowledged;
	__u8 words; /* length of the header in 32-bit words, in the upper half */
	__u8 flags;
	__be16 window;
	__be16 check;
	__be16 urgent;
};

struct udp_header {
	__be16 source;
	__be16 dest;
	__be16 length;
	__be16 check;
};

/* Every message has all eight bytes. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 check;
	__be32 rest;
};

#define IPV4_OFFSET_MASK 0x1fff
#define IPV4_MORE 0x2000
#define IPV6_OFFSET_MASK 0xfff8
#define IPV6_MORE 0x0001

_Static_assert(sizeof(struct ethernet_header) == 14 && sizeof(struct vlan_header) == 4 &&
		       sizeof(struct ipv4_header) == 20 && sizeof(struct ipv6_header) == 40 &&
		       sizeof(struct extension_header) == 8 && sizeof(struct tcp_header) == 20 &&
		       sizeof(struct udp_header) == 8 && sizeof(struct icmp_header) == 8,
	       "headers are as long as on the wire");
/* --- where a packet is read ------------------------------------------------------------------ */

enum packet_kind {
	PACKET_XDP, /* struct xdp_md: the frame */
	PACKET_FRAME, /* struct __sk_buff of a classifier: the frame */
	PACKET_NETWORK, /* struct __sk_buff of any hook: from the network header on */
	PACKET_KERNEL, /* struct sk_buff, by whoever may read the kernel's memory */
};

struct packet {
	enum packet_kind kind; /* a constant, so that of all ways to read one is left */
	void *context;
	const void *data; /* _XDP, _FRAME: the frame; _KERNEL: an address */
	const void *end; /* _XDP, _FRAME: of what can be read without a helper */
	__u32 length; /* _XDP, _FRAME: all of the frame; _KERNEL: what can be read */
	bool bare; /* _XDP, _FRAME: it begins with the IP header */
	__be16 type; /* the others: ETH_P_*, of what it begins with */
	__u8 tags; /* VLAN tags that the kernel keeps beside the packet: 0 or 1 */
};

/* bare: the device has no link layer. A tag that the device has taken out of the frame is
 * not to be seen here.
 */
static __always_inline struct packet packet_of_xdp(struct xdp_md *ctx, bool bare)
{
	return (struct packet){
		.kind = PACKET_XDP,
		.context = ctx,
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.length = bpf_xdp_get_buff_len(ctx),
		.bare = bare,
	};
}

/* After generic XDP that had to copy the packet, some kernels forget how long the link
 * layer's header is (skb->mac_len), and a classifier sees the IP header first. An
 * Ethernet header would have the protocol in its place.
 */
static __always_inline bool is_link_forgotten(struct __sk_buff *skb, const struct packet *packet)
{
	const struct ethernet_header *ethernet = packet->data;

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return false;
	return (const void *)(ethernet + 1) <= packet->end &&
	       ethernet->type != (__be16)skb->protocol;
}

/* On its way in, the kernel has taken the first tag out of the frame. */
static __always_inline struct packet packet_of_frame(struct __sk_buff *skb, bool bare)
{
	struct packet packet = {
		.kind = PACKET_FRAME,
		.context = skb,
		.data = (void *)(long)skb->data,
		.end = (void *)(long)skb->data_end,
		.length = skb->len,
		.tags = skb->vlan_present,
	};

	packet.bare = bare || is_link_forgotten(skb, &packet);
	return packet;
}

/* On its way out, the network header is the IP header. With a tag inside of the packet, which
 * skb->protocol then tells, it is not always the same thing: this is HEADERS_OTHER.
 */
static __always_inline struct packet packet_of_network(struct __sk_buff *skb)
{
	return (struct packet){
		.kind = PACKET_NETWORK,
		.context = skb,
		.type = skb->protocol,
		.tags = skb->vlan_present,
	};
}

static __always_inline bool kernel_has_tag(struct sk_buff *skb)
{
	struct sk_buff___6_1 *older = (void *)skb;

	if (bpf_core_field_exists(older->vlan_present))
		return BPF_CORE_READ_BITFIELD_PROBED(older, vlan_present);
	return BPF_CORE_READ(skb, vlan_all);
}

/* Newer verifiers (6.17) take what the kernel's types call a pointer for one, and refuse arithmetic
 * of 32 bits on it, to which the compiler would shorten this.
 */
static __always_inline __u64 pointer_distance(const void *from, const void *to)
{
	__u64 bytes = (__u64)to - (__u64)from;

	barrier_var(bytes);
	return bytes;
}

/* Where the packet begins that the kernel works on now, counted from skb->head. */
static __always_inline __u32 kernel_begin(struct sk_buff *skb)
{
	return pointer_distance(skb->head, skb->data);
}

/* The kernel's address of the packet's first byte, to know it again by. */
static __always_inline __u64 packet_address(struct __sk_buff *skb)
{
	return (__u64)(long)skb->data;
}

static __always_inline struct packet packet_of_memory(struct sk_buff *skb, __u32 start, __u32 tail,
						      __be16 type)
{
	return (struct packet){
		.kind = PACKET_KERNEL,
		.context = skb,
		.data = BPF_CORE_READ(skb, head) + start,
		.length = tail > start ? tail - start : 0,
		.type = type,
		.tags = kernel_has_tag(skb),
	};
}

/* start: where, counted from skb->head, that begins of which skb->protocol tells the type.
 * The kernel knows it as network_header, or, where a device has just received the packet, as
 * the difference of data and head. Headers outside of the linear part cannot be read.
 */
static __always_inline struct packet packet_of_kernel(struct sk_buff *skb, __u32 start)
{
	return packet_of_memory(skb, start, BPF_CORE_READ(skb, tail), BPF_CORE_READ(skb, protocol));
}

/* The same of a packet that the kernel has handed to a tracing program, where reading takes no call: each
 * packet of the machine pays.
 */
static __always_inline struct packet packet_of_traced(struct sk_buff *skb, __u32 start)
{
	__u32 tail = skb->tail;
	__be16 type = skb->protocol;

	/* Read once: each reading is another number to the verifier. */
	barrier_var(tail);
	barrier_var(type);
	return packet_of_memory(skb, start, tail, type);
}

#define PULL_BYTES 512 /* more than the headers of nearly all packets have */

/* For a classifier, before packet_of_frame(): headers may lie where they cannot be read,
 * until they are pulled together.
 */
static __always_inline void frame_pull(struct __sk_buff *skb)
{
	__u32 readable = skb->data_end - skb->data;

	if (unlikely(readable < PULL_BYTES && readable < skb->len))
		bpf_skb_pull_data(skb, skb->len < PULL_BYTES ? skb->len : PULL_BYTES);
}

/* A copy of these bytes; 0, or negative: the packet ends before they do. */
static __always_inline long header_load(const struct packet *packet, __u32 offset, void *to,
					__u32 bytes)
{
	switch (packet->kind) {
	case PACKET_XDP:
		return bpf_xdp_load_bytes(packet->context, offset, to, bytes);
	case PACKET_FRAME:
		return bpf_skb_load_bytes(packet->context, offset, to, bytes);
	case PACKET_NETWORK:
		return bpf_skb_load_bytes_relative(packet->context, offset, to, bytes,
						   BPF_HDR_START_NET);
	default:
		if (offset + bytes > packet->length)
			return -1;
		return bpf_probe_read_kernel(to, bytes, packet->data + offset);
	}
}

/* These bytes where they are, if they can be read there, or a copy of them; NULL: the packet
 * ends before they do.
 */
static __always_inline const void *header_at(const struct packet *packet, __u32 offset, void *copy,
					     __u32 bytes)
{
	const void *at = packet->data + offset;

	if (packet->kind != PACKET_XDP && packet->kind != PACKET_FRAME)
		return header_load(packet, offset, copy, bytes) ? NULL : copy;
	if (at + bytes > packet->end)
		return NULL;
	__builtin_assume(at != NULL); /* so that nobody asks twice */
	return at;
}

/* --- link layer ------------------------------------------------------------------------------ */

/* A device without a link layer: the first bits tell the family. */
static __always_inline int bare_type(const struct packet *packet)
{
	__u8 copy;
	const __u8 *first = header_at(packet, 0, &copy, sizeof(copy));

	if (!first)
		return -1;
	switch (*first >> 4) {
	case 4:
		return bpf_htons(ETH_P_IP);
	case 6:
		return bpf_htons(ETH_P_IPV6);
	default:
		return 0;
	}
}

/* What tags and Ethernet headers end with. */
static __always_inline int ethernet_type(const struct packet *packet, struct headers *headers)
{
	struct ethernet_header copy;
	const struct ethernet_header *ethernet = header_at(packet, 0, &copy, sizeof(copy));

	if (!ethernet)
		return -1;
	headers->network = sizeof(*ethernet);
	return ethernet->type;
}

static __always_inline bool is_tag(int type)
{
	return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline int tagged_type(const struct packet *packet, struct headers *headers,
				       int type)
{
#pragma unroll
	for (int i = 0; i < HEADER_TAGS_MAX; i++) {
		struct vlan_header copy;
		const struct vlan_header *tag;

		if (likely(!is_tag(type)) || headers->tags == HEADER_TAGS_MAX)
			break;
		tag = header_at(packet, headers->network, &copy, sizeof(copy));
		if (!tag)
			return -1;
		type = tag->type;
		headers->network += sizeof(*tag);
		headers->tags++;
	}
	return type;
}

/* Negative: the packet ends before that. */
static __always_inline int link_type(const struct packet *packet, struct headers *headers)
{
	if (packet->kind == PACKET_NETWORK)
		return packet->type;
	if (packet->kind == PACKET_KERNEL)
		return tagged_type(packet, headers, packet->type);
	if (unlikely(packet->bare))
		return bare_type(packet);
	return tagged_type(packet, headers, ethernet_type(packet, headers));
}

/* Tags, the version of IP, and where its header begins. */
static __always_inline enum headers_found link_parse(const struct packet *packet,
						     struct headers *headers)
{
	int type;

	headers->tags = packet->tags;
	type = link_type(packet, headers);
	if (type < 0)
		return HEADERS_MALFORMED;
	if (type != bpf_htons(ETH_P_IP) && type != bpf_htons(ETH_P_IPV6))
		return HEADERS_OTHER;
	headers->version = type == bpf_htons(ETH_P_IP) ? 4 : 6;
	return HEADERS_IP;
}

/* --- network layer --------------------------------------------------------------------------- */

static __always_inline enum header_fragment fragment_of(bool has_offset, bool has_more)
{
	if (has_offset)
		return FRAGMENT_LATER;
	return has_more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/* From `begin` on. Packets longer than the field can tell (jumbograms, and what the kernel puts
 * together) have 0 in it, which stands for 65536 here.
 */
static __always_inline __u32 ip_end(__u32 begin, __be16 length)
{
	return begin + 1 + (__u16)(bpf_ntohs(length) - 1);
}

static __always_inline enum headers_found ipv4_parse(const struct packet *packet,
						     struct headers *headers)
{
	struct ipv4_header copy;
	const struct ipv4_header *ip = header_at(packet, headers->network, &copy, sizeof(copy));
	__u32 words;

	if (!ip)
		return HEADERS_MALFORMED;
	words = ip->version_words - 0x40;
	if (words < 5 || words > 15)
		return HEADERS_MALFORMED;
	headers->protocol = ip->protocol;
	headers->traffic_class = ip->tos;
	headers->fragment = fragment_of(ip->fragment & bpf_htons(IPV4_OFFSET_MASK),
					ip->fragment & bpf_htons(IPV4_MORE));
	headers->transport = headers->network + words * 4;
	headers->end = ip_end(headers->network, ip->length);
	headers->saddr[0] = ip->from;
	headers->daddr[0] = ip->to;
	return HEADERS_IP;
}

/* As if there were no extension headers: see has_extensions(). */
static __always_inline enum headers_found ipv6_parse(const struct packet *packet,
						     struct headers *headers)
{
	struct ipv6_header copy;
	const struct ipv6_header *ip = header_at(packet, headers->network, &copy, sizeof(copy));

	if (!ip || ip->version_class >> 4 != 6)
		return HEADERS_MALFORMED;
	headers->protocol = ip->next;
	headers->traffic_class = ip->version_class << 4 | ip->class_flow >> 4;
	headers->transport = headers->network + sizeof(*ip);
	headers->end = ip_end(headers->transport, ip->length);
	__builtin_memcpy(headers->saddr, ip->from, sizeof(headers->saddr));
	__builtin_memcpy(headers->daddr, ip->to, sizeof(headers->daddr));
	return HEADERS_IP;
}

/* --- extension headers of IPv6 --------------------------------------------------------------- */

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

static __always_inline bool has_extensions(const struct headers *headers)
{
	return headers->version == 6 && is_extension(headers->protocol);
}

static __always_inline __u32 extension_bytes(__u8 kind, const struct extension_header *extension)
{
	if (kind == IPPROTO_FRAGMENT)
		return sizeof(*extension);
	if (kind == IPPROTO_AH)
		return (extension->length + 2) * 4;
	return (extension->length + 1) * 8;
}

/* Where a walk along extension headers begins, and has ended. A structure of its own for who
 * has put the walk into a function of its own.
 */
struct walk {
	__u32 offset;
	__be16 fragment; /* field of the last fragment header, or 0 */
	__u8 next;
	__u8 pad;
};

static __always_inline bool is_later(const struct walk *walk)
{
	return walk->fragment & bpf_htons(IPV6_OFFSET_MASK);
}

/* A later fragment ends it: its `next` may be an extension header that it does not have. */
static __always_inline enum headers_found extensions_walk(const struct packet *packet,
							  struct walk *walk)
{
	struct walk now = { .offset = walk->offset, .next = walk->next };

	for (int i = 0; i < HEADER_EXTENSIONS_MAX && is_extension(now.next); i++) {
		struct extension_header extension;

		if (header_load(packet, now.offset, &extension, sizeof(extension)))
			return HEADERS_MALFORMED;
		if (now.next == IPPROTO_FRAGMENT)
			now.fragment = extension.fragment;
		now.offset += extension_bytes(now.next, &extension);
		now.next = extension.next;
		if (is_later(&now))
			break;
	}
	*walk = now;
	return is_extension(now.next) && !is_later(&now) ? HEADERS_DEEP : HEADERS_IP;
}

static __always_inline struct walk walk_begin(const struct headers *headers)
{
	return (struct walk){ .offset = headers->transport, .next = headers->protocol };
}

static __always_inline void walk_end(const struct walk *walk, struct headers *headers)
{
	headers->extended = 1;
	headers->transport = walk->offset;
	headers->protocol = walk->next;
	headers->fragment = fragment_of(is_later(walk), walk->fragment & bpf_htons(IPV6_MORE));
}

/* All but the transport header. */
static __always_inline enum headers_found headers_parse(const struct packet *packet,
							struct headers *headers)
{
	enum headers_found found = link_parse(packet, headers);
	struct walk walk;

	if (found != HEADERS_IP)
		return found;
	found = headers->version == 4 ? ipv4_parse(packet, headers) : ipv6_parse(packet, headers);
	if (found != HEADERS_IP || !has_extensions(headers))
		return found;
	walk = walk_begin(headers);
	found = extensions_walk(packet, &walk);
	walk_end(&walk, headers);
	return found;
}

/* Both addresses of the IP header at that offset, IPv4 in the first words: for who knows no more of
 * the packet than this.
 */
static __always_inline long addresses_load(const struct packet *packet, __u32 network,
					   __u32 version, __u32 addresses[2][4])
{
	struct ipv4_header ip;

	if (version == 6)
		return header_load(packet, network + offsetof(struct ipv6_header, from), addresses,
				   32);
	if (header_load(packet, network, &ip, sizeof(ip)))
		return -1;
	addresses[0][0] = ip.from;
	addresses[1][0] = ip.to;
	return 0;
}

/* --- transport layer ------------------------------------------------------------------------- */

/* NULL: the packet does not have all of that header, or the IP header says so. After extension
 * headers it is copied: of an offset in the packet itself the verifier wants to know the
 * exact range, on each way that a walk can take.
 */
static __always_inline const void *
transport_at(const struct packet *packet, const struct headers *headers, void *copy, __u32 bytes)
{
	if (headers->fragment == FRAGMENT_LATER || headers->transport + bytes > headers->end)
		return NULL;
	if (headers->extended)
		return header_load(packet, headers->transport, copy, bytes) ? NULL : copy;
	return header_at(packet, headers->transport, copy, bytes);
}

static __always_inline bool tcp_parse(const struct packet *packet, struct headers *headers)
{
	struct tcp_header copy;
	const struct tcp_header *tcp = transport_at(packet, headers, &copy, sizeof(copy));

	if (!tcp)
		return false;
	headers->sport = tcp->source;
	headers->dport = tcp->dest;
	headers->tcp_flags = tcp->flags;
	return true;
}

static __always_inline bool udp_parse(const struct packet *packet, struct headers *headers)
{
	struct udp_header copy;
	const struct udp_header *udp = transport_at(packet, headers, &copy, sizeof(copy));

	if (!udp)
		return false;
	headers->sport = udp->source;
	headers->dport = udp->dest;
	return true;
}

/* ICMP of the IP version that it belongs to. */
static __always_inline bool is_icmp(const struct headers *headers)
{
	return headers->protocol == (headers->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static __always_inline bool icmp_parse(const struct packet *packet, struct headers *headers)
{
	struct icmp_header copy;
	const struct icmp_header *icmp = transport_at(packet, headers, &copy, sizeof(copy));

	if (!icmp)
		return false;
	headers->icmp_type = icmp->type;
	headers->icmp_code = icmp->code;
	return true;
}

/* Of TCP and UDP. */
struct ports {
	__be16 source;
	__be16 dest;
};

/* Those of a header of UDP at that offset, wherever it is: in a tunnel, quoted by an error. */
static __always_inline bool udp_ports_load(const struct packet *packet, __u32 offset,
					   struct ports *ports)
{
	struct udp_header udp;

	if (header_load(packet, offset, &udp, sizeof(udp)))
		return false;
	ports->source = udp.source;
	ports->dest = udp.dest;
	return true;
}

/* Of ICMP, of either version. */
struct icmp_kind {
	__u8 type;
	__u8 code;
};

static __always_inline bool icmp_kind_load(const struct packet *packet, __u32 offset,
					   struct icmp_kind *kind)
{
	struct icmp_header icmp;

	if (header_load(packet, offset, &icmp, sizeof(icmp)))
		return false;
	kind->type = icmp.type;
	kind->code = icmp.code;
	return true;
}

/* What a segment of TCP says of its place in the connection. */
struct tcp_place {
	struct ports ports;
	__u32 sequence;
	__u32 acknowledged;
	__u8 flags;
};

static __always_inline bool tcp_place_read(const struct packet *packet,
					   const struct headers *headers, struct tcp_place *place)
{
	struct tcp_header copy;
	const struct tcp_header *tcp = transport_at(packet, headers, &copy, sizeof(copy));

	if (!tcp)
		return false;
	place->ports.source = tcp->source;
	place->ports.dest = tcp->dest;
	place->sequence = bpf_ntohl(tcp->sequence);
	place->acknowledged = bpf_ntohl(tcp->acknowledged);
	place->flags = tcp->flags;
	return true;
}

/* How long the transport header of TCP or UDP is. 0: another protocol, or it is cut off. */
static __always_inline __u32 transport_bytes(const struct packet *packet,
					     const struct headers *headers)
{
	struct tcp_header tcp;

	if (headers->protocol == IPPROTO_UDP)
		return sizeof(struct udp_header);
	if (headers->protocol != IPPROTO_TCP ||
	    header_load(packet, headers->transport, &tcp, sizeof(tcp)))
		return 0;
	return tcp.words >> 4 << 2;
}

/* After HEADERS_IP. False: another protocol, a later fragment, or cut off. */
static __always_inline bool transport_parse(const struct packet *packet, struct headers *headers)
{
	if (headers->protocol == IPPROTO_TCP)
		return tcp_parse(packet, headers);
	if (headers->protocol == IPPROTO_UDP)
		return udp_parse(packet, headers);
	return is_icmp(headers) && icmp_parse(packet, headers);
}

#endif
