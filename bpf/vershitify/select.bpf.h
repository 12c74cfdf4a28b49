/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet says of itself, and whether a rule's conditions hold for it. */
#ifndef VERSHITIFY_SELECT_BPF_H
#define VERSHITIFY_SELECT_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"
#include "maps.bpf.h"

#define SUBJECT_READ (1 << VSH_ASKS)

/* Tunnels are not looked into, and a later fragment has no port and no flags. The size is that of
 * the packet from its IP header on; of a packet of many segments, of one of them that is full.
 */
struct vsh_subject {
	__u32 known; /* by enum vsh_ask: what the packet has; SUBJECT_READ: it was looked at */
	__u32 version; /* 4 or 6; 0: not an IP packet */
	__u32 number[VSH_ASK_NUMBERS];
	__u32 address[VSH_ASK_ADDRESSES][4];
};

static __always_inline void number_know(struct vsh_subject *subject, enum vsh_ask ask, __u32 number)
{
	subject->known |= 1 << ask;
	subject->number[ask] = number;
}

static __always_inline void size_know(struct __sk_buff *skb, const struct packet *packet,
				      const struct headers *headers, struct vsh_subject *subject)
{
	__u32 bytes = headers->end - headers->network;
	__u32 header = skb->gso_size ? transport_bytes(packet, headers) : 0;

	if (header)
		bytes = headers->transport - headers->network + header + skb->gso_size;
	number_know(subject, VSH_ASK_SIZE, bytes);
}

static __always_inline void transport_know(const struct packet *packet, struct headers *headers,
					   struct vsh_subject *subject)
{
	if (headers->protocol != IPPROTO_TCP && headers->protocol != IPPROTO_UDP)
		return;
	if (!transport_parse(packet, headers))
		return;
	number_know(subject, VSH_ASK_SPORT, bpf_ntohs(headers->sport));
	number_know(subject, VSH_ASK_DPORT, bpf_ntohs(headers->dport));
	if (headers->protocol == IPPROTO_TCP)
		number_know(subject, VSH_ASK_TCP_FLAGS, headers->tcp_flags);
}

/* Global, so that it is verified once, and has a stack of its own. */
__noinline int subject_read(struct __sk_buff *skb, struct vsh_subject *subject)
{
	struct packet packet = packet_of_network(skb);
	struct headers headers = {};

	if (!subject)
		return 0;
	subject->known = SUBJECT_READ;
	if (headers_parse(&packet, &headers) != HEADERS_IP)
		return 0;
	subject->version = headers.version;
	__builtin_memcpy(subject->address[0], headers.saddr, sizeof(headers.saddr));
	__builtin_memcpy(subject->address[1], headers.daddr, sizeof(headers.daddr));
	subject->known |= 1 << VSH_ASK_SRC | 1 << VSH_ASK_DST;
	number_know(subject, VSH_ASK_PROTO, headers.protocol);
	number_know(subject, VSH_ASK_DSCP, headers.traffic_class >> 2);
	size_know(skb, &packet, &headers, subject);
	transport_know(&packet, &headers, subject);
	return 0;
}

static __always_inline bool range_has(const struct vsh_range *range, enum vsh_ask ask, __u32 number)
{
	if (ask == VSH_ASK_TCP_FLAGS)
		return (number & range->last) == range->first;
	return range->first <= number && number <= range->last;
}

static __always_inline bool prefix_has(const struct vsh_prefix *prefix, __u32 version,
				       const __u32 address[4])
{
	__u32 differs = prefix->version ^ version;

	for (int i = 0; i < 4; i++)
		differs |= (address[i] & prefix->mask[i]) ^ prefix->address[i];
	return !differs;
}

static __always_inline bool numbers_have(const struct vsh_selector *selector, enum vsh_ask ask,
					 __u32 number)
{
	for (__u32 i = 0; i < VSH_SELECT_MAX && i < selector->count[ask]; i++)
		if (range_has(&selector->range[ask][i], ask, number))
			return true;
	return false;
}

static __always_inline bool addresses_have(const struct vsh_selector *selector, __u32 which,
					   const struct vsh_subject *subject)
{
	__u32 count = selector->count[VSH_ASK_NUMBERS + which];

	for (__u32 i = 0; i < VSH_SELECT_MAX && i < count; i++)
		if (prefix_has(&selector->prefix[which][i], subject->version,
			       subject->address[which]))
			return true;
	return false;
}

/* Does the condition hold, apart from `not`? */
static __always_inline bool ask_holds(const struct vsh_selector *selector, enum vsh_ask ask,
				      const struct vsh_subject *subject)
{
	if (!(subject->known >> ask & 1))
		return false;
	if (ask >= VSH_ASK_NUMBERS)
		return addresses_have(selector, ask - VSH_ASK_NUMBERS, subject);
	return numbers_have(selector, ask, subject->number[ask]);
}

/* Global, for the same reasons. */
__noinline int selector_takes(const struct vsh_selector *selector,
			      const struct vsh_subject *subject)
{
	__u32 failed = 0;

	if (!selector || !subject)
		return 0;
#pragma unroll
	for (int ask = 0; ask < VSH_ASKS; ask++)
		if ((selector->asked >> ask & 1) && !ask_holds(selector, ask, subject))
			failed |= 1 << ask;
	return failed == (selector->asked & selector->negated);
}

/* While a change is written, a rule can have conditions of which vsh_config does not know yet: it
 * takes nothing.
 */
static __always_inline bool rule_selects(__u32 id, const struct vsh_subject *subject)
{
	struct vsh_label *label = bpf_map_lookup_elem(&vsh_labels, &id);

	return label && (subject->known & SUBJECT_READ) &&
	       selector_takes(&label->selector, subject);
}

#endif
