/* SPDX-License-Identifier: GPL-2.0-only */
/* A TCP segment that is about to leave, made into the reset that its receiver would answer. */
#ifndef VSH_RESET_BPF_H
#define VSH_RESET_BPF_H

#include "kernel.bpf.h"
#include <stddef.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"

#define CHECKSUM_PARTIAL 3 /* include/linux/skbuff.h: the device, or nobody, completes it */

/* How long the header of the link layer is; a classifier's offsets count from its beginning. */
static __always_inline __u32 link_bytes(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = (struct sk_buff *)skb;
	__u64 begin =
		pointer_distance(BPF_CORE_READ(kernel_skb, head), BPF_CORE_READ(kernel_skb, data));

	return BPF_CORE_READ(kernel_skb, network_header) - begin;
}

/* From sender to receiver, and back. */
static __always_inline long link_turn(struct __sk_buff *skb)
{
	struct packet frame = { .kind = PACKET_FRAME, .context = skb };
	struct ethernet_header link, turned;

	if (header_load(&frame, 0, &link, sizeof(link)))
		return -1;
	turned = link;
	__builtin_memcpy(turned.to, link.from, sizeof(turned.to));
	__builtin_memcpy(turned.from, link.to, sizeof(turned.from));
	return bpf_skb_store_bytes(skb, 0, &turned, sizeof(turned), 0);
}

/* Of a segment with ACK the reset has the number that it acknowledges, of another it acknowledges all
 * that is in it (RFC 9293, 3.5.2). syn: that is one.
 */
static __always_inline void reset_fill(const struct tcp_header *segment, struct tcp_header *reset)
{
	*reset = (struct tcp_header){
		.source = segment->dest,
		.dest = segment->source,
		.words = sizeof(*reset) / 4 << 4,
		.flags = TCP_FLAG_RST,
	};
	if (segment->flags & TCP_FLAG_ACK) {
		reset->sequence = segment->acknowledged;
		return;
	}
	reset->flags |= TCP_FLAG_ACK;
	reset->acknowledged = bpf_htonl(bpf_ntohl(segment->sequence) + 1);
}

static __always_inline __u16 sum_fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The addresses are the same in both directions, for a sum. Where the kernel leaves the checksum to the
 * device it wants that of the pseudo header, not complemented.
 */
static __always_inline void reset_sum(struct __sk_buff *skb, struct headers *headers,
				      struct tcp_header *reset)
{
	struct sk_buff *kernel_skb = (struct sk_buff *)skb;
	__be32 pseudo[2] = { bpf_htonl(sizeof(*reset)), bpf_htonl(IPPROTO_TCP) };
	__s64 sum;

	sum = bpf_csum_diff(NULL, 0, headers->saddr, sizeof(headers->saddr), 0);
	sum = bpf_csum_diff(NULL, 0, headers->daddr, sizeof(headers->daddr), sum);
	sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), sum);
	if (BPF_CORE_READ_BITFIELD_PROBED(kernel_skb, ip_summed) == CHECKSUM_PARTIAL) {
		reset->check = sum_fold(sum);
		return;
	}
	sum = bpf_csum_diff(NULL, 0, (__be32 *)reset, sizeof(*reset), sum);
	reset->check = ~sum_fold(sum);
}

static __always_inline long network_turn4(struct __sk_buff *skb, __u32 link, __u32 bytes,
					  const struct packet *packet)
{
	struct ipv4_header old, turned;
	__be16 length = bpf_htons(bytes);

	if (header_load(packet, 0, &old, sizeof(old)))
		return -1;
	turned = old;
	turned.from = old.to;
	turned.to = old.from;
	turned.length = length;
	return bpf_skb_store_bytes(skb, link, &turned, sizeof(turned), 0)
		       ?: bpf_l3_csum_replace(skb, link + offsetof(struct ipv4_header, check),
					      old.length, length, sizeof(length));
}

static __always_inline long network_turn6(struct __sk_buff *skb, __u32 link, __u32 bytes,
					  const struct packet *packet)
{
	struct ipv6_header old, turned;

	if (header_load(packet, 0, &old, sizeof(old)))
		return -1;
	turned = old;
	__builtin_memcpy(turned.from, old.to, sizeof(turned.from));
	__builtin_memcpy(turned.to, old.from, sizeof(turned.to));
	turned.length = bpf_htons(bytes - sizeof(turned));
	return bpf_skb_store_bytes(skb, link, &turned, sizeof(turned), 0);
}

/* 0, or negative: it is none of TCP that is whole, or there is no memory; then it is not to be sent any
 * more. Its link header stays as it is.
 */
static __always_inline long reset_make(struct __sk_buff *skb)
{
	struct packet packet = packet_of_network(skb);
	__u32 link = link_bytes(skb), bytes;
	struct tcp_header segment, reset;
	struct headers headers = {};
	long err;

	if (headers_parse(&packet, &headers) != HEADERS_IP || headers.protocol != IPPROTO_TCP ||
	    headers.fragment || header_load(&packet, headers.transport, &segment, sizeof(segment)))
		return -1;
	bytes = headers.transport + sizeof(reset);
	reset_fill(&segment, &reset);
	err = bpf_skb_change_tail(skb, link + bytes, 0);
	if (err)
		return err;
	reset_sum(skb, &headers, &reset);
	err = headers.version == 4 ? network_turn4(skb, link, bytes, &packet)
				   : network_turn6(skb, link, bytes, &packet);
	return err ?: bpf_skb_store_bytes(skb, link + headers.transport, &reset, sizeof(reset), 0);
}

#endif
