/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this a knock of ours at a port of TCP or UDP, or what answers it? One of the ports is enough beside
 * the number or token: the other can be translated on the way.
 */
#ifndef TRACEPKT_KNOCK_BPF_H
#define TRACEPKT_KNOCK_BPF_H

#include "echo.bpf.h"
#include "header.bpf.h"
#include "tracepkt.h"

#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10
#define ICMP_UNREACHABLE 3
#define ICMP_NO_PORT 3
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_NO_PORT 4

static __always_inline bool is_own_port(__be16 port, const volatile struct tpk_filter *filter)
{
	return (__u16)(bpf_ntohs(port) - filter->own_port) < filter->own_ports;
}

static __always_inline bool is_there(__be16 source, __be16 dest,
				     const volatile struct tpk_filter *filter)
{
	return dest == filter->port || is_own_port(source, filter);
}

static __always_inline bool is_back(__be16 source, __be16 dest,
				    const volatile struct tpk_filter *filter)
{
	return source == filter->port || is_own_port(dest, filter);
}

/* --- TCP ------------------------------------------------------------------------------------- */

static __always_inline bool is_numbered(__u32 sequence, const volatile struct tpk_filter *filter)
{
	return sequence - filter->sequence < filter->count;
}

/* What answers a SYN acknowledges it, and the byte that it stands for. */
static __always_inline bool is_syn(const struct packet *packet, const struct headers *headers,
				   const volatile struct tpk_filter *filter)
{
	struct tcp_place place;

	if (headers->protocol != IPPROTO_TCP || !tcp_place_read(packet, headers, &place))
		return false;
	switch (place.flags & (TCP_FLAG_SYN | TCP_FLAG_RST | TCP_FLAG_ACK)) {
	case TCP_FLAG_SYN:
		return is_there(place.ports.source, place.ports.dest, filter) &&
		       is_numbered(place.sequence, filter);
	case TCP_FLAG_SYN | TCP_FLAG_ACK:
	case TCP_FLAG_RST | TCP_FLAG_ACK:
		return is_back(place.ports.source, place.ports.dest, filter) &&
		       is_numbered(place.acknowledged - 1, filter);
	default:
		return false;
	}
}

/* --- UDP ------------------------------------------------------------------------------------- */

static __always_inline bool has_token(const struct packet *packet, __u32 offset,
				      const volatile struct tpk_filter *filter)
{
	__u8 token[TPK_TOKEN_LEN];

	return !header_load(packet, offset, token, sizeof(token)) && is_token(token, filter);
}

/* An answer carries what it likes: without the token its address has to be right, and both ports. */
static __always_inline bool is_exchange(__be16 own, __be16 other, const __u32 address[4],
					const volatile struct tpk_filter *filter)
{
	if (!is_own_port(own, filter) || other != filter->port || address[0] != filter->address[0])
		return false;
	return filter->version == 4 ||
	       (address[1] == filter->address[1] && address[2] == filter->address[2] &&
		address[3] == filter->address[3]);
}

/* The header of UDP at that offset, and the token after it. */
static __always_inline bool is_knock(const struct packet *packet, __u32 offset, const __u32 to[4],
				     const volatile struct tpk_filter *filter)
{
	struct ports ports;

	if (!udp_ports_load(packet, offset, &ports) || !is_there(ports.source, ports.dest, filter))
		return false;
	return has_token(packet, offset + sizeof(struct udp_header), filter) ||
	       is_exchange(ports.source, ports.dest, to, filter);
}

static __always_inline bool is_answer(const struct packet *packet, const struct headers *headers,
				      const volatile struct tpk_filter *filter)
{
	__u32 offset = headers->transport;
	struct ports ports;

	if (!udp_ports_load(packet, offset, &ports) || !is_back(ports.source, ports.dest, filter))
		return false;
	return is_exchange(ports.dest, ports.source, headers->saddr, filter) ||
	       has_token(packet, offset + sizeof(struct udp_header), filter);
}

static __always_inline bool is_unreachable(const struct icmp_kind *icmp, __u8 version)
{
	if (version == 4)
		return icmp->type == ICMP_UNREACHABLE && icmp->code == ICMP_NO_PORT;
	return icmp->type == ICMPV6_UNREACHABLE && icmp->code == ICMPV6_NO_PORT;
}

/* It quotes the datagram that it is about. */
static __always_inline bool is_refusal(const struct packet *packet, const struct headers *headers,
				       const volatile struct tpk_filter *filter)
{
	__u32 offset = headers->transport + sizeof(struct icmp_header);
	__u32 addresses[2][4] = {};
	struct icmp_kind icmp;
	__u8 words;

	if (!icmp_kind_load(packet, headers->transport, &icmp) ||
	    !is_unreachable(&icmp, headers->version) ||
	    addresses_load(packet, offset, headers->version, addresses) ||
	    header_load(packet, offset, &words, sizeof(words)))
		return false;
	offset += headers->version == 4 ? (words & 15) * 4 : sizeof(struct ipv6_header);
	return is_knock(packet, offset, addresses[1], filter);
}

static __always_inline bool is_datagram(const struct packet *packet, const struct headers *headers,
					const volatile struct tpk_filter *filter)
{
	if (headers->fragment == FRAGMENT_LATER)
		return false;
	if (is_icmp(headers))
		return is_refusal(packet, headers, filter);
	return headers->protocol == IPPROTO_UDP &&
	       (is_knock(packet, headers->transport, headers->daddr, filter) ||
		is_answer(packet, headers, filter));
}

#endif
