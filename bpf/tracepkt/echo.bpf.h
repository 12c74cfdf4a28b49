/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this an echo of ours? By id and token, which survive translation of addresses. */
#ifndef TRACEPKT_ECHO_BPF_H
#define TRACEPKT_ECHO_BPF_H

#include "header.bpf.h"
#include "tracepkt.h"

#define ICMP_REPLY 0
#define ICMP_REQUEST 8
#define ICMPV6_REQUEST 128
#define ICMPV6_REPLY 129

struct echo {
	__u8 type, code;
	__u16 checksum;
	__u16 id, sequence;
	__u8 token[TPK_TOKEN_LEN];
};

static __always_inline bool is_echo_type(const struct headers *headers, __u8 type)
{
	if (headers->protocol == IPPROTO_ICMP)
		return type == ICMP_REQUEST || type == ICMP_REPLY;
	return type == ICMPV6_REQUEST || type == ICMPV6_REPLY;
}

static __always_inline bool is_token(const __u8 token[TPK_TOKEN_LEN],
				     const volatile struct tpk_filter *filter)
{
	for (int i = 0; i < TPK_TOKEN_LEN; i++)
		if (token[i] != filter->token[i])
			return false;
	return true;
}

static __always_inline bool is_echo(const struct packet *packet, const struct headers *headers,
				    const volatile struct tpk_filter *filter)
{
	const struct echo *echo;
	struct echo copy;

	if (headers->protocol != IPPROTO_ICMP && headers->protocol != IPPROTO_ICMPV6)
		return false;
	echo = transport_at(packet, headers, &copy, sizeof(copy));
	return echo && echo->id == filter->id && is_echo_type(headers, echo->type) &&
	       is_token(echo->token, filter);
}

#endif
