/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict: which rule takes a packet, and what becomes of it. */
#ifndef VERSHITIFY_JUDGE_BPF_H
#define VERSHITIFY_JUDGE_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"
#include "random.bpf.h"
#include "select.bpf.h"
#include "tag.bpf.h"

enum action {
	NOT_OURS, /* no rule takes the packet */
	PASS,
	PASS_MARKED, /* and mark the packet as judged by the rule */
	PASS_HELD, /* and mark it as one that the rule holds */
	DROP, /* from here on the packet does not pass */
	DROP_LOCAL, /* and let the sender know */
	REFUSE, /* and answer with a reset, as from its receiver */
};

/* What becomes of a packet. It stays in registers: a function that the verifier looks at alone
 * returns it as a number, since it may return nothing else.
 */
struct verdict {
	__u8 action; /* enum action */
	__u8 reason; /* enum vsh_reason, if a rule has decided */
	__u16 rule; /* its index, likewise */
};

static __always_inline __u32 verdict_pack(struct verdict verdict)
{
	return verdict.action | verdict.reason << 8 | (__u32)verdict.rule << 16;
}

static __always_inline struct verdict verdict_unpack(__u32 packed)
{
	return (struct verdict){
		.action = packed,
		.reason = packed >> 8,
		.rule = packed >> 16,
	};
}

static __always_inline bool verdict_drops(struct verdict verdict)
{
	return verdict.action >= DROP;
}

/* The devices that rules name. The kernel takes an entry out when its device is removed or goes
 * to another namespace: the next device with that number is not the rule's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, VSH_RULES_MAX *VSH_DEVS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} vsh_devices SEC(".maps");

/* Is the device in place i of the rule the one that it was? A classifier hangs on its device,
 * and need not ask.
 */
static __always_inline bool device_is_same(__u32 id, __u32 i, __u32 hook)
{
	__u32 key = VSH_DEVICES_KEY(id, i);

	return (hook & (VSH_TC_EGRESS | VSH_TC_INGRESS)) || bpf_map_lookup_elem(&vsh_devices, &key);
}

/* Which of the rule's devices has this number, or VSH_DEVS_MAX. Global, so that it is verified once
 * and not at every call.
 */
__noinline __u32 rule_further_device(const struct vsh_rule *rule, __u32 ifindex)
{
	if (!rule)
		return VSH_DEVS_MAX;
	for (__u32 i = 1; i < VSH_DEVS_MAX && i < rule->devs; i++)
		if (rule->ifindex[i] == ifindex)
			return i;
	return VSH_DEVS_MAX;
}

static __always_inline __u32 rule_device(const struct vsh_rule *rule, __u32 ifindex)
{
	if (rule->devs && rule->ifindex[0] == ifindex)
		return 0;
	return rule->devs > 1 ? rule_further_device(rule, ifindex) : VSH_DEVS_MAX;
}

/* The clock costs more than the rest of a verdict: read for rules that need it. */
static __always_inline bool rule_is_on(const struct vsh_rule *rule)
{
	return !schedule_is_set(&rule->schedule) ||
	       schedule_is_on(&rule->schedule, bpf_ktime_get_boot_ns());
}

struct search {
	__u64 owned; /* rules over the owner, and ... */
	__u64 mask; /* ... those still to be looked at */
	__u64 netns_cookie;
	__u32 config_epoch; /* of all rules, when the search began, and ... */
	__u32 epoch; /* ... of the owner */
	__u32 ifindex;
	__u32 hook;
	__u32 passed_over; /* hooks of rules that do not take this packet, but perhaps another */
	int found; /* index of a rule, or -1 */
	struct vsh_subject subject; /* read if a rule of the mask has conditions on it */
};

/* Of the packets of an owner with this epoch: those with this device's number? The answer is the
 * same for all of these packets. A condition on the packet or its hook belongs into rule_takes().
 */
static __always_inline bool rule_is_for(const struct vsh_rule *rule, const struct search *search)
{
	return rule_is_of(rule, search->epoch) && !(rule->needs & VSH_ORPHANED) &&
	       rule->netns_cookie == search->netns_cookie &&
	       (!rule->devs || rule_device(rule, search->ifindex) < VSH_DEVS_MAX);
}

/* Of the packets that it is for: this one? */
static __always_inline bool rule_takes(const struct vsh_rule *rule, __u32 id,
				       const struct search *search)
{
	return (rule->hooks & search->hook) && rule_is_on(rule) &&
	       (!rule->devs ||
		device_is_same(id, rule_device(rule, search->ifindex), search->hook)) &&
	       (!(rule->needs & VSH_SELECTS) || rule_selects(id, &search->subject));
}

/* The fate of packet n of a socket: a number that depends on nothing but (seed, socket,
 * direction, n).
 */
static __always_inline __u32 draw_seeded(const struct vsh_rule *rule, __u32 id,
					 struct vsh_sock *tag, __u32 direction)
{
	__u32 n = __sync_fetch_and_add(&tag->owner.packets[direction], 1);

	return fate_number(fate_base(rule->seed, tag->ordinal[id], direction), n) >> 32;
}

/* With a seed the fate of call n of a socket depends on (seed, socket, kind, n) alone. */
static __always_inline __u32 call_draw(const struct vsh_rule *rule, __u32 id, struct vsh_sock *tag,
				       __u32 kind)
{
	__u64 base;

	if (!(rule->needs & VSH_SEEDED))
		return bpf_get_prandom_u32();
	base = fate_base(rule->seed, tag->ordinal[id % VSH_RULES_MAX], VSH_DIRECTIONS + kind);
	return fate_number(base, __sync_fetch_and_add(&tag->calls, 1)) >> 32;
}

static __always_inline bool is_syn(struct __sk_buff *skb)
{
	struct packet packet = packet_of_network(skb);
	struct headers headers = {};

	return headers_parse(&packet, &headers) == HEADERS_IP && headers.protocol == IPPROTO_TCP &&
	       tcp_parse(&packet, &headers) &&
	       (headers.tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
}

/* Does the packet ask for a connection that the rule refuses? Global, as model_loses(). */
__noinline int rule_refuses(struct __sk_buff *skb, struct vsh_sock *tag, __u32 id)
{
	struct vsh_label *label = bpf_map_lookup_elem(&vsh_labels, &id);
	struct vsh_rule *rule = rule_get(id);

	if (!tag || !label || !rule || !is_syn(skb))
		return 0;
	return call_draw(rule, id, tag, VSH_CONNECT) < label->failures[VSH_CONNECT].threshold;
}

/* Where the rules are whose sockets share one model: as vsh_sock.steps. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_RULES_MAX *VSH_DIRECTIONS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_steps SEC(".maps");

/* A step of a model, which several processors may take at the same time. */
struct stride {
	const struct vsh_model *model;
	__u32 *step;
	__u64 base;
	__u32 lost;
	__u32 pad;
};

static long step_try(__u32 i, void *context)
{
	struct stride *stride = context;
	__u32 before = READ_ONCE(*stride->step), after = before;

	stride->lost = model_step(stride->model, stride->base, &after);
	return __sync_val_compare_and_swap(stride->step, before, after) == before;
}

/* Each try that fails is another processor's step: so many in a row do not. */
#define STEP_TRIES 1024

/* By the model of a rule. Global, so that it is verified once; plain loss never comes here. */
__noinline int model_loses(struct vsh_sock *tag, __u32 id, __u32 direction)
{
	__u32 key = VSH_STATS_KEY(id, direction) % VSH_STEPS, socket = 0;
	struct vsh_rule *rule = rule_get(id);
	struct stride stride = {};

	if (!tag || !rule)
		return 0;
	stride.model = &rule->model;
	if (rule->model.per_rule) {
		stride.step = bpf_map_lookup_elem(&vsh_steps, &key);
	} else {
		stride.step = &tag->steps[key];
		socket = tag->ordinal[id % VSH_RULES_MAX];
	}
	if (!stride.step)
		return 0;
	stride.base = fate_base(rule->seed, socket, direction);
	bpf_loop(STEP_TRIES, step_try, &stride, 0);
	return stride.lost;
}

/* From a start that each CPU draws for each rule: in a cache line that the counters need
 * anyway.
 */
static __always_inline __u32 draw(struct vsh_stats *stats)
{
	return random_next(&stats->random);
}

/* Only cgroup_skb/egress can be interrupted on its CPU by another run for the
 * same rule: the other hooks run with bottom halves off and save the bus lock.
 */
static __always_inline void count_add(struct vsh_count *count, __u32 hook, __u32 segments,
				      __u64 bytes)
{
	if (hook == VSH_CG_EGRESS) {
		__sync_fetch_and_add(&count->packets, 1);
		__sync_fetch_and_add(&count->segments, segments);
		__sync_fetch_and_add(&count->bytes, bytes);
		return;
	}
	count->packets++;
	count->segments += segments;
	count->bytes += bytes;
}

/* The packet is freed next, on this CPU: tracers that see that look here for the reason. */
static __always_inline void drop_note(struct __sk_buff *skb, __u32 rule, __u32 reason)
{
	__u32 slot = bpf_get_smp_processor_id() % VSH_DROPPED_CPUS;
	struct vsh_dropped *dropped = bpf_map_lookup_elem(&vsh_dropped, &slot);

	if (dropped) {
		dropped->address = packet_address(skb);
		dropped->socket = (__u64)skb->sk;
		dropped->rule = rule;
		dropped->reason = reason;
		dropped->serial++;
	}
}

static __always_inline bool is_traced(void)
{
	__u32 zero = 0, *tracer = bpf_map_lookup_elem(&vsh_tracer, &zero);

	return tracer && *tracer;
}

static __always_inline enum vsh_reason loss_reason(__u32 needs)
{
	if (needs & VSH_MODEL)
		return VSH_MODEL_LOSS;
	return needs & VSH_SEEDED ? VSH_SEEDED_LOSS : VSH_LOSS;
}

static __always_inline bool rule_loses(const struct vsh_rule *rule, __u32 needs, __u32 id,
				       struct vsh_sock *tag, __u32 direction,
				       struct vsh_stats *stats)
{
	if (needs & VSH_MODEL)
		return model_loses(tag, id, direction);
	if (needs & VSH_SEEDED)
		return draw_seeded(rule, id % VSH_RULES_MAX, tag, direction) < rule->threshold;
	return draw(stats) < rule->threshold;
}

static __always_inline enum action pass_action(__u32 needs, __u32 hook)
{
	if ((needs & VSH_HOLD) && hook == VSH_TC_EGRESS)
		return PASS_HELD;
	return needs & VSH_ONCE ? PASS_MARKED : PASS;
}

/* Whether to be held or not. */
static __always_inline bool is_judged(struct __sk_buff *skb, __u32 id)
{
	return (skb->tc_index | (VSH_HELD ^ VSH_JUDGED)) == VSH_JUDGED + id;
}

/* The verdict of one rule, once for a packet however many hooks see it. needs: those of the
 * rule, or 0 on the fast path, where there are none.
 */
static __always_inline struct verdict rule_judge(struct __sk_buff *skb, const struct vsh_rule *rule,
						 __u32 needs, __u32 id, struct vsh_sock *tag,
						 __u32 hook, __u64 bytes)
{
	__u32 direction = hook == VSH_CG_INGRESS ? VSH_INGRESS : VSH_EGRESS;
	__u32 key = VSH_STATS_KEY(id, direction), segments = skb->gso_segs ?: 1;
	struct verdict pass = { .action = pass_action(needs, hook), .rule = id };
	struct verdict drop = { .action = needs & VSH_LOCAL ? DROP_LOCAL : DROP,
				.reason = loss_reason(needs),
				.rule = id };
	struct vsh_stats *stats;

	if ((needs & VSH_ONCE) && is_judged(skb, id))
		return (struct verdict){ .action = PASS };
	stats = bpf_map_lookup_elem(&vsh_stats, &key);
	if (unlikely(!stats))
		return (struct verdict){ .action = NOT_OURS };
	if (unlikely((needs & VSH_REFUSES) && hook == VSH_TC_EGRESS &&
		     rule_refuses(skb, tag, id))) {
		count_add(&stats->verdicts[VSH_REFUSED], hook, segments, bytes);
		return (struct verdict){ .action = REFUSE, .reason = VSH_REFUSED, .rule = id };
	}
	if (unlikely(rule_loses(rule, needs, id, tag, direction, stats))) {
		count_add(&stats->verdicts[drop.reason], hook, segments, bytes);
		if (unlikely(is_traced()))
			drop_note(skb, drop.rule, drop.reason);
		barrier(); /* or both are made one, with a jump for each address in it */
		return drop;
	}
	count_add(&stats->verdicts[VSH_PASSED], hook, segments, bytes);
	return pass;
}

/* Short cuts: nearly always one and the same rule takes all packets of a socket. A
 * socket keeps its number, and with it, in the upper half, the epoch at which that was
 * found; an upper half of 0 means the lowest bit of the mask, which is valid at any epoch.
 */
static __always_inline bool shortcut_holds(__u64 shortcut)
{
	struct vsh_config *config;

	if (likely(!(shortcut >> 32)))
		return true;
	config = config_get();
	return config && config->epoch == shortcut >> 32;
}

/* Does the fast path judge all that this rule has? */
static __always_inline bool rule_is_simple(const struct vsh_rule *rule)
{
	return rule->needs == VSH_KNOWN;
}

/* The fast path: the rule to which the short cut leads, if it is a simple one and takes this
 * packet. NULL: judge_all() has to look.
 */
static __always_inline struct vsh_rule *rule_fast(struct __sk_buff *skb,
						  const struct vsh_owner *owner, __u32 epoch,
						  __u64 shortcut, __u32 hook)
{
	struct vsh_rule *rule = rule_get(shortcut);

	if (unlikely(!rule || !rule_is_simple(rule) || rule->ifindex[0] != skb->ifindex ||
		     !(rule->hooks & hook) || !rule_is_of(rule, epoch) ||
		     rule->netns_cookie != owner->netns_cookie || !shortcut_holds(shortcut) ||
		     !device_is_same(shortcut, 0, hook)))
		return NULL;
	return rule;
}

/* tag_add() writes mask and epoch and then the short cut, this the other way round:
 * one of the two sees what the other has done.
 */
static __always_inline void shortcut_make(struct vsh_owner *owner, __u64 mask, __u32 owner_epoch,
					  __u64 shortcut)
{
	__sync_lock_test_and_set(&owner->shortcut, shortcut);
	if (owner->mask != mask || owner->epoch != owner_epoch)
		owner->shortcut = lowest_bit(owner->mask);
}

static long rule_try(__u32 i, void *context)
{
	struct search *search = context;
	struct vsh_rule *rule;
	__u32 id;

	if (!search->mask)
		return 1;
	id = lowest_bit(search->mask);
	search->mask &= search->mask - 1;
	rule = rule_get(id);
	if (!rule)
		return 0;
	if (rule_is_for(rule, search)) {
		if (rule_takes(rule, id, search)) {
			search->found = id;
			return 1;
		}
		search->passed_over |= rule->hooks;
	}
	/* What is not known may depend on the packet: no short cut leads past such a rule. */
	if (!(rule->needs & VSH_KNOWN))
		search->passed_over |= rule->hooks;
	return 0;
}

/* A packet, which is in the namespace of its socket, takes the first rule, by number,
 * that matches it. search: to be filled, all 0 before.
 */
static __always_inline struct vsh_rule *
rule_search(struct __sk_buff *skb, const struct vsh_sock *tag, __u32 hook, struct search *search)
{
	struct vsh_config *config = config_get();

	if (!config)
		return NULL;
	search->found = -1;
	search->ifindex = skb->ifindex;
	search->hook = hook;
	search->config_epoch = READ_ONCE(config->epoch);
	search->epoch = READ_ONCE(tag->owner.epoch);
	search->owned = READ_ONCE(tag->owner.mask);
	search->mask = search->owned;
	search->netns_cookie = tag->owner.netns_cookie;
	if (search->mask & READ_ONCE(config->selects))
		subject_read(skb, &search->subject);
	bpf_loop(VSH_RULES_MAX, rule_try, search, 0);
	return rule_get(search->found);
}

/* The verdict of that rule, packed. bytes: what the packet is counted as. */
__noinline __u32 judge_all(struct __sk_buff *skb, struct vsh_sock *tag, __u32 hook, __u32 bytes)
{
	struct search search = {};
	struct verdict verdict = { .action = NOT_OURS };
	struct vsh_rule *rule;

	if (!tag)
		return verdict_pack(verdict);
	rule = rule_search(skb, tag, hook, &search);
	if (!rule)
		return verdict_pack(verdict);
	if (rule_is_simple(rule) && !(rule->hooks & search.passed_over))
		shortcut_make(&tag->owner, search.owned, search.epoch,
			      (__u64)search.config_epoch << 32 | search.found);
	verdict = rule_judge(skb, rule, rule->needs, (__u32)search.found % VSH_RULES_MAX, tag, hook,
			     bytes);
	return verdict_pack(verdict);
}

/* The same, by the short cut where there is one. */
static __always_inline struct verdict judge(struct __sk_buff *skb, struct vsh_sock *tag, __u32 hook,
					    __u64 bytes)
{
	__u32 epoch = READ_ONCE(tag->owner.epoch); /* first, see tag_add() */
	__u64 shortcut = READ_ONCE(tag->owner.shortcut);
	struct vsh_rule *rule = rule_fast(skb, &tag->owner, epoch, shortcut, hook);

	if (unlikely(!rule))
		return verdict_unpack(judge_all(skb, tag, hook, bytes));
	return rule_judge(skb, rule, 0, shortcut, tag, hook, bytes);
}

#endif
