/* SPDX-License-Identifier: GPL-2.0-only */
/* Masks of rules, and how a socket comes to carry one.
 *
 * Functions that loop over rules are global (__noinline, not static): the verifier
 * then looks at each of them once, not at every call.
 */
#ifndef VERSHITIFY_TAG_BPF_H
#define VERSHITIFY_TAG_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

/* Index of the lowest bit set; mask is not 0. Without branches, so that the
 * verifier has one path to follow in each turn of a loop over rules, and without
 * __builtin_ctzll(), which clang 14 cannot compile for BPF. From C. E. Leiserson,
 * H. Prokop, K. H. Randall, "Using de Bruijn Sequences to Index a 1 in a Computer
 * Word" (1998).
 */
static const __u8 de_bruijn_index[64] = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

static __always_inline __u32 lowest_bit(__u64 mask)
{
	return de_bruijn_index[((mask & -mask) * 0x022fdd63cc95386dULL) >> 58];
}

static __always_inline struct vsh_rule *rule_get(__u32 id)
{
	return bpf_map_lookup_elem(&vsh_rules, &id);
}

/* One comparison: less one, the generation 0 of no rule is above every epoch. */
static __always_inline bool rule_is_of(const struct vsh_rule *rule, __u32 epoch)
{
	return rule->generation - 1 < epoch;
}

struct bits {
	__u64 mask; /* still to be looked at */
	__u64 live;
	__u32 epoch;
	__u32 pad;
};

static long bit_live(__u32 i, void *context)
{
	struct bits *bits = context;
	__u32 id;
	struct vsh_rule *rule;

	if (!bits->mask)
		return 1;
	id = lowest_bit(bits->mask);
	rule = rule_get(id);
	if (rule && rule_is_of(rule, bits->epoch))
		bits->live |= 1ULL << id;
	bits->mask &= bits->mask - 1;
	return 0;
}

/* The bits of mask that still stand for the rules they stood for at epoch. */
__noinline __u64 mask_live(__u64 mask, __u32 epoch)
{
	struct bits bits = { .mask = mask, .epoch = epoch };

	if (mask)
		bpf_loop(VSH_RULES_MAX, bit_live, &bits, 0);
	return bits.live;
}

static __always_inline struct vsh_config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vsh_config, &zero);
}

static __always_inline struct vsh_task *task_get(__u32 tgid)
{
	return bpf_map_lookup_elem(&vsh_tasks, &tgid);
}

struct ordinals {
	struct vsh_sock *tag;
	__u64 mask;
};

static long ordinal_take(__u32 i, void *context)
{
	struct ordinals *ordinals = context;
	struct vsh_sock *tag = ordinals->tag;
	__u32 id, key, *next;

	if (!ordinals->mask)
		return 1;
	id = key = lowest_bit(ordinals->mask);
	next = bpf_map_lookup_elem(&vsh_ordinals, &key);
	if (next)
		tag->ordinal[id % VSH_RULES_MAX] = __sync_fetch_and_add(next, 1);
	for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++)
		tag->steps[VSH_STATS_KEY(id, direction) % VSH_STEPS] = 0;
	ordinals->mask &= ordinals->mask - 1;
	return 0;
}

/* A socket begins under the rules of mask: the next number of each, and no packet yet. */
__noinline int ordinals_take(struct vsh_sock *tag, __u64 mask)
{
	struct ordinals ordinals = { .tag = tag, .mask = mask };

	if (tag)
		bpf_loop(VSH_RULES_MAX, ordinal_take, &ordinals, 0);
	return 0;
}

struct missing {
	__u64 mask; /* rules that are still to be told */
	__u32 reason;
	__u32 pad;
};

static long miss_tell(__u32 i, void *context)
{
	struct missing *missing = context;
	struct vsh_misses *misses;
	__u32 key;

	if (!missing->mask)
		return 1;
	key = VSH_MISSES_KEY(lowest_bit(missing->mask), missing->reason);
	misses = bpf_map_lookup_elem(&vsh_misses, &key);
	if (misses)
		__sync_fetch_and_add(&misses->times[missing->reason % VSH_MISSES_ROOM], 1);
	missing->mask &= missing->mask - 1;
	return 0;
}

/* Something of a target, or of what may be one, escapes the rules of mask. */
__noinline int miss_count(__u64 mask, __u32 reason)
{
	struct missing missing = { .mask = mask, .reason = reason };

	bpf_loop(VSH_RULES_MAX, miss_tell, &missing, 0);
	return 0;
}

/* Of a socket: the tag that it has, or a new one, for rules of mask. NULL: there was no memory. */
static __always_inline struct vsh_sock *tag_make(void *sk, __u64 mask, enum vsh_miss reason)
{
	struct vsh_sock *tag =
		bpf_sk_storage_get(&vsh_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!tag)
		miss_count(mask, reason);
	return tag;
}

/* Of a subflow of MPTCP, which has yet to ask for its rules: it could be of any. */
static __always_inline struct vsh_sock *subflow_tag_make(void *sk)
{
	struct vsh_config *config = config_get();

	return config ? tag_make(sk, mask_live(~0ULL, config->epoch), VSH_SUBFLOW) : NULL;
}

/* Adds to a socket the rules of mask, which were live at epoch. Returns what is new.
 *
 * Classifiers read while this writes. They take the epoch first: with a new one they
 * see the new mask and the new short cut, since those are written before it. The short
 * cut is written once more behind it, over what judge_all() may have put there for the
 * old mask.
 */
static __always_inline __u64 tag_add(struct vsh_sock *tag, __u64 mask, __u32 epoch,
				     __u64 netns_cookie)
{
	__u64 old = mask_live(tag->owner.mask, tag->owner.epoch);
	__u64 added = mask & ~old;

	if (!added)
		return 0;
	if (epoch < tag->owner.epoch)
		epoch = tag->owner.epoch;
	ordinals_take(tag, added);
	if (!old) {
		__builtin_memset(tag->owner.packets, 0, sizeof(tag->owner.packets));
		tag->calls = 0;
	}
	tag->owner.netns_cookie = netns_cookie;
	WRITE_ONCE(tag->owner.mask, old | added);
	WRITE_ONCE(tag->owner.shortcut, lowest_bit(old | added));
	WRITE_ONCE(tag->owner.epoch, epoch);
	__sync_lock_test_and_set(&tag->owner.shortcut, lowest_bit(old | added));
	return added;
}

#endif
