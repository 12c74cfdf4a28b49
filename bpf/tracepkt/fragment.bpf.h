/* SPDX-License-Identifier: GPL-2.0-only */
/* Later fragments have nothing that a probe is known by, but the number that all fragments of a packet share. */
#ifndef TRACEPKT_FRAGMENT_BPF_H
#define TRACEPKT_FRAGMENT_BPF_H

#include "header.bpf.h"
#include "tracepkt.h"

#define FRAGMENTS_NS 30000000000ULL /* as long as the kernel waits for all of them */

struct fragment_key {
	__u32 id;
	__u32 from, to; /* a word of each address */
};

struct fragment_packet {
	__u64 packet;
	__u64 seen_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct fragment_key);
	__type(value, struct fragment_packet);
} tpk_fragments SEC(".maps");

/* False: the packet ends before that. */
static __always_inline bool fragment_key(const struct packet *packet, const struct headers *headers,
					 struct fragment_key *key)
{
	int word = headers->version == 4 ? 0 : 3;
	__be16 id4;

	key->from = headers->saddr[word];
	key->to = headers->daddr[word];
	if (headers->version == 6)
		return !header_load(packet,
				    headers->transport - sizeof(struct extension_header) +
					    offsetof(struct extension_header, id),
				    &key->id, sizeof(key->id));
	if (header_load(packet, headers->network + offsetof(struct ipv4_header, id), &id4,
			sizeof(id4)))
		return false;
	key->id = id4;
	return true;
}

/* The first has been seen; the others come after it. */
static __always_inline void fragment_note(const struct fragment_key *key, __u64 packet)
{
	struct fragment_packet new = { .packet = packet, .seen_ns = bpf_ktime_get_ns() };

	bpf_map_update_elem(&tpk_fragments, key, &new, BPF_ANY);
}

/* The packet that this is a later fragment of; 0: none that is followed. */
static __always_inline __u64 fragment_packet(const struct fragment_key *key)
{
	struct fragment_packet *known = bpf_map_lookup_elem(&tpk_fragments, key);

	return known && bpf_ktime_get_ns() - known->seen_ns < FRAGMENTS_NS ? known->packet : 0;
}

/* Fragments that have become part of a whole are freed without a hook: is this one of that number still? offset:
 * of the network header, from skb->head.
 */
static __always_inline bool is_fragment_still(struct sk_buff *skb, __u32 offset, __u32 id)
{
	const unsigned char *from = BPF_CORE_READ(skb, head) + offset;
	struct ipv4_header ip4;
	__u32 id6;

	if (bpf_probe_read_kernel(&ip4, sizeof(ip4), from))
		return false;
	if (ip4.version_words >> 4 == 4)
		return ip4.id == id;
	return !bpf_probe_read_kernel(&id6, sizeof(id6),
				      from + sizeof(struct ipv6_header) +
					      offsetof(struct extension_header, id)) &&
	       id6 == id;
}

#endif
