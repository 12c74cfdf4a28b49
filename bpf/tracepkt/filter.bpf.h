/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this a packet that is asked for? Asked where a buffer is seen that nobody follows, hence of each
 * packet of the machine. The filter is constant: of its kinds the verifier leaves one.
 */
#ifndef TRACEPKT_FILTER_BPF_H
#define TRACEPKT_FILTER_BPF_H

#include "echo.bpf.h"
#include "fragment.bpf.h"
#include "header.bpf.h"
#include "knock.bpf.h"
#include "tagged.bpf.h"
#include "tracepkt.h"
#include "tunnel.bpf.h"

static __always_inline bool is_protocol(const struct headers *headers, __u8 protocols)
{
	if (headers->protocol == IPPROTO_TCP)
		return protocols & TPK_TCP;
	if (headers->protocol == IPPROTO_UDP)
		return protocols & TPK_UDP;
	return is_icmp(headers) && (protocols & TPK_ICMP);
}

static __always_inline bool is_below(const __u32 address[4],
				     const volatile struct tpk_filter *filter)
{
	if (filter->version == 4)
		return (address[0] & filter->mask[0]) == filter->address[0];
	for (int i = 0; i < 4; i++)
		if ((address[i] & filter->mask[i]) != filter->address[i])
			return false;
	return true;
}

static __always_inline bool has_address(const struct headers *headers,
					const volatile struct tpk_filter *filter)
{
	return headers->version == filter->version &&
	       (is_below(headers->saddr, filter) || is_below(headers->daddr, filter));
}

static __always_inline bool has_port(const struct packet *packet, struct headers *headers,
				     __be16 port)
{
	if (headers->protocol != IPPROTO_TCP && headers->protocol != IPPROTO_UDP)
		return false;
	return transport_parse(packet, headers) &&
	       (headers->sport == port || headers->dport == port);
}

static __always_inline bool is_listened(const struct packet *packet, struct headers *headers,
					const volatile struct tpk_filter *filter)
{
	if (filter->protocols && !is_protocol(headers, filter->protocols))
		return false;
	if (filter->version && !has_address(headers, filter))
		return false;
	return !filter->port || has_port(packet, headers, filter->port);
}

/* Only of full sockets: the others are shorter, and what lies after them is not theirs. */
static __always_inline bool is_owned(struct sock *sk)
{
	if (!sk || sk->__sk_common.skc_state == TCP_TIME_WAIT ||
	    sk->__sk_common.skc_state == TCP_NEW_SYN_RECV)
		return false;
	return is_targets_socket(sk);
}

/* Whole, first and later ones are found by different means. */
enum wanted {
	WANTED_NOT,
	WANTED_WHOLE,
	WANTED_FIRST, /* of several fragments: key tells which */
	WANTED_LATER, /* perhaps: if the first of that key is known */
	WANTED_INSIDE, /* perhaps: what the tunnel holds from WANTED_OFFSET on has to be looked at */
	WANTED_INSIDE_FIRST, /* the same in a first fragment */
};

#define WANTED_OFFSET 8 /* bits, of what is in the lower ones beside it */

static __always_inline bool is_probe(const struct packet *packet, const struct headers *headers,
				     const volatile struct tpk_filter *filter)
{
	switch (filter->kind) {
	case TPK_ECHO:
		return is_echo(packet, headers, filter);
	case TPK_SYN:
		return is_syn(packet, headers, filter);
	default:
		return is_datagram(packet, headers, filter);
	}
}

static __always_inline __u32 probe_wanted(const struct packet *packet,
					  const struct headers *headers,
					  const volatile struct tpk_filter *filter,
					  struct fragment_key *key)
{
	bool is_fragment = headers->fragment != FRAGMENT_NONE;
	__u32 offset;

	if (is_fragment && !fragment_key(packet, headers, key))
		return WANTED_NOT;
	if (headers->fragment == FRAGMENT_LATER)
		return WANTED_LATER;
	if (is_probe(packet, headers, filter))
		return is_fragment ? WANTED_FIRST : WANTED_WHOLE;
	offset = tunnel_offset(packet, headers);
	if (!offset)
		return WANTED_NOT;
	return offset << WANTED_OFFSET | (is_fragment ? WANTED_INSIDE_FIRST : WANTED_INSIDE);
}

/* enum wanted. What is listened to is what others see of it: tunnels are not entered. */
static __always_inline __u32 packet_wanted(const struct packet *packet,
					   const volatile struct tpk_filter *filter,
					   struct fragment_key *key)
{
	struct headers headers = {};

	if (headers_parse(packet, &headers) != HEADERS_IP)
		return WANTED_NOT;
	if (filter->kind != TPK_LISTEN)
		return probe_wanted(packet, &headers, filter, key);
	return is_listened(packet, &headers, filter) ? WANTED_WHOLE : WANTED_NOT;
}

#endif
