/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict: which rule takes a packet, and what becomes of it. */
#ifndef VERSHITIFY_JUDGE_BPF_H
#define VERSHITIFY_JUDGE_BPF_H

#include "tag.bpf.h"

enum verdict {
	NOT_OURS,
	PASS,
	PASS_MARKED, /* + the rule's index: let it pass, and mark the packet as judged */
	DROP = PASS_MARKED + VSH_RULES_MAX,
	DROP_LOCAL, /* and let the sender know */
};

/* A packet, and where it is. */
struct sight {
	__u64 netns_cookie; /* of the device */
	__u64 bytes;
	__u32 ifindex;
	__u32 segments;
	__u32 hook; /* enum vsh_hook */
	__u32 direction; /* enum vsh_direction */
	__u32 tc_index; /* of the skb: VSH_JUDGED + the rule that has let it pass */
	__u32 pad;
};

/* Global, so that it is verified once and not in every turn of judge(). */
__noinline bool rule_has_further_device(const struct vsh_rule *rule, __u32 ifindex)
{
	if (!rule)
		return false;
	for (__u32 i = 1; i < VSH_DEVS_MAX && i < rule->devs; i++)
		if (rule->ifindex[i] == ifindex)
			return true;
	return false;
}

static __always_inline bool rule_has_device(const struct vsh_rule *rule, __u32 ifindex)
{
	if (!rule->devs || rule->ifindex[0] == ifindex)
		return true;
	return rule->devs > 1 && rule_has_further_device(rule, ifindex);
}

/* The clock costs more than the rest of a verdict: read for rules that need it. */
static __always_inline bool rule_is_over(const struct vsh_rule *rule)
{
	return rule->expires_ns && bpf_ktime_get_boot_ns() >= rule->expires_ns;
}

static __always_inline bool rule_takes(const struct vsh_rule *rule, const struct vsh_owner *owner,
				       const struct sight *sight)
{
	return rule_is_of(rule, owner->epoch) && (rule->hooks & sight->hook) &&
	       !(rule->flags & VSH_ORPHANED) && rule->netns_cookie == owner->netns_cookie &&
	       sight->netns_cookie == owner->netns_cookie &&
	       rule_has_device(rule, sight->ifindex) && !rule_is_over(rule);
}

/* The fate of packet n of a socket: a 32-bit number that depends on nothing but
 * (seed, socket, direction, n). The finalizer is "Mix13" of David Stafford's
 * "Better Bit Mixing" (2011), the one of SplitMix64; the multipliers before it
 * are odd constants that keep the inputs apart.
 */
static __always_inline __u32 draw(__u64 seed, __u32 ordinal, __u32 direction, __u32 n)
{
	__u64 x = seed + ordinal * 0xd1342543de82ef95ULL + direction * 0xaf251af3b0f025b5ULL +
		  n * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (x ^ (x >> 31)) >> 32;
}

/* Only cgroup_skb/egress can be interrupted on its CPU by another run for the
 * same rule: the other hooks run with bottom halves off and save the bus lock.
 */
static __always_inline void count_add(struct vsh_count *count, const struct sight *sight)
{
	if (sight->hook == VSH_CG_EGRESS) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->segments, sight->segments);
		__sync_fetch_and_add(&count->bytes, sight->bytes);
		return;
	}
	count->packets++;
	count->segments += sight->segments;
	count->bytes += sight->bytes;
}

static __always_inline void account(const struct sight *sight, __u32 id, bool dropped)
{
	__u32 key = VSH_STATS_KEY(id, sight->direction);
	struct vsh_stats *stats = bpf_map_lookup_elem(&vsh_stats, &key);

	if (!stats)
		return;
	count_add(&stats->seen, sight);
	if (dropped)
		count_add(&stats->dropped, sight);
}

/* The verdict of one rule, once for a packet however many hooks see it. */
static __always_inline int rule_judge(const struct vsh_rule *rule, __u32 id, struct vsh_sock *tag,
				      const struct sight *sight)
{
	__u32 direction = sight->direction % VSH_DIRECTIONS;
	bool drop;
	__u32 n;

	if ((rule->flags & VSH_ONCE) && sight->tc_index == VSH_JUDGED + id)
		return PASS;
	n = __sync_fetch_and_add(&tag->owner.packets[direction], 1);
	drop = draw(rule->seed, tag->ordinal[id], direction, n) < rule->threshold;
	account(sight, id, drop);
	if (drop)
		return rule->flags & VSH_LOCAL ? DROP_LOCAL : DROP;
	return rule->flags & VSH_ONCE ? PASS_MARKED + id : PASS;
}

/* A packet takes the first rule, by number, that matches it. Returns enum verdict. */
__noinline int judge(struct vsh_sock *tag, const struct sight *sight)
{
	__u64 mask;

	if (!tag || !sight)
		return NOT_OURS;
	mask = tag->owner.mask;
	for (int i = 0; i < VSH_RULES_MAX && mask; i++) {
		__u32 id = lowest_bit(mask), key = id;
		struct vsh_rule *rule = rule_get(key);

		if (rule && rule_takes(rule, &tag->owner, sight))
			return rule_judge(rule, id % VSH_RULES_MAX, tag, sight);
		mask &= mask - 1;
	}
	return NOT_OURS;
}

#endif
