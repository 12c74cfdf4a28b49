// SPDX-License-Identifier: GPL-2.0-only
/* Drops pings at the earliest hook: XDP, or tc ingress where XDP is taken.
 *
 * Loaded once for each device, by `bpftool prog loadall ... pinmaps ...`, and attached by
 * `bpftool net attach` or `tc filter add`. Nothing else runs for a packet: counters and
 * histograms are each processor's own, and are added up by who reads them.
 */
#include "kernel.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include "ping.bpf.h"
#include "random.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pk_config);
} pk_config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pk_label);
} pk_label SEC(".maps");

/* enum pk_hook, once it is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} pk_hook SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pk_stats);
} pk_stats SEC(".maps");

struct prefixes {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PK_PREFIXES_MAX);
	__type(key, struct pk_prefix);
	__type(value, __u8);
};

struct prefixes pk_src SEC(".maps");
struct prefixes pk_dst SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PK_SOURCES_MAX);
	__type(key, struct pk_source);
	__type(value, struct pk_bucket);
} pk_sources SEC(".maps");

/* The bucket that all sources share. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pk_bucket);
} pk_all SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pk_tracers);
} pk_tracers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PK_DROPPED_MAX);
	__type(key, struct pk_echo);
	__type(value, __u64);
} pk_dropped SEC(".maps");

static __always_inline struct pk_config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pk_config, &zero);
}

static __always_inline struct pk_stats *stats_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&pk_stats, &zero);
}

static __always_inline bool bit_is_set(const __u64 *bits, __u8 bit)
{
	return bits[bit / 64] >> bit % 64 & 1;
}

/* What the conditions look at. */
struct message {
	__u32 family; /* enum pk_family */
	__u32 code;
	__u32 addresses[2][4]; /* source, destination; IPv4: the first word */
};

static __always_inline bool is_in(void *prefixes, __u32 family, const __u32 address[4])
{
	struct pk_prefix key = {
		.bits = PK_FAMILY_BITS + (family == PK_IPV4 ? 32 : 128),
		.family = family,
	};

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return bpf_map_lookup_elem(prefixes, &key);
}

static __always_inline struct pk_bucket *bucket_get(const struct message *message)
{
	struct pk_source source = { .family = message->family };
	struct pk_bucket full = {}, *bucket;

	__builtin_memcpy(source.address, message->addresses[0], sizeof(source.address));
	bucket = bpf_map_lookup_elem(&pk_sources, &source);
	if (bucket)
		return bucket;
	/* Of two processors one is first, and both take from what that one has made. */
	bpf_map_update_elem(&pk_sources, &source, &full, BPF_NOEXIST);
	return bpf_map_lookup_elem(&pk_sources, &source);
}

#define BUCKET_TRIES 16

/* See struct pk_bucket. A try fails if another processor has taken from the same bucket;
 * one that all of them take from that often is empty.
 */
static __noinline bool is_over_limit(struct pk_bucket *bucket, const struct pk_limit *limit)
{
	__u64 now = bpf_ktime_get_ns();

	if (!bucket)
		return false;
	for (int i = 0; i < BUCKET_TRIES; i++) {
		__u64 before = *(volatile __u64 *)&bucket->full_ns;
		__u64 after = (before > now ? before : now) + limit->packet_ns;

		if (after - now > limit->burst_ns)
			return true;
		if (__sync_val_compare_and_swap(&bucket->full_ns, before, after) == before)
			return false;
	}
	return true;
}

/* What is over its source's rate takes nothing from what all may send. */
static __always_inline bool is_over_rates(const struct pk_config *config,
					  const struct message *message)
{
	__u32 zero = 0;

	if ((config->conditions & PK_RATE) && is_over_limit(bucket_get(message), &config->source))
		return true;
	return (config->conditions & PK_RATE_ALL) &&
	       is_over_limit(bpf_map_lookup_elem(&pk_all, &zero), &config->all);
}

/* In this order, since the rates count what the other conditions leave. */
static __always_inline int conditions_judge(const struct message *message)
{
	struct pk_config *config = config_get();
	struct pk_stats *stats = stats_get();
	__u32 conditions;

	if (!config || !stats)
		return PK_PASS;
	conditions = config->conditions;
	if ((conditions & PK_CODE) && !bit_is_set(config->codes, message->code))
		return PK_PASS;
	if ((conditions & PK_SRC) && !is_in(&pk_src, message->family, message->addresses[0]))
		return PK_PASS;
	if ((conditions & PK_DST) && !is_in(&pk_dst, message->family, message->addresses[1]))
		return PK_PASS;
	if ((conditions & PK_ENDS) && bpf_ktime_get_boot_ns() >= config->expires_ns)
		return PK_PASS;
	if ((conditions & (PK_RATE | PK_RATE_ALL)) && !is_over_rates(config, message))
		return PK_PASS;
	if ((conditions & PK_SHARE) && random_next(&stats->random) >= config->threshold)
		return PK_PASS;
	return PK_DROP;
}

static __always_inline int addresses_judge(void *ctx, bool is_skb, __u32 network, __u32 family,
					   __u32 code)
{
	struct packet packet = { .kind = is_skb ? PACKET_FRAME : PACKET_XDP, .context = ctx };
	struct message message = { .family = family, .code = code };

	if (addresses_load(&packet, network & 0xff, family == PK_IPV4 ? 4 : 6, message.addresses))
		return PK_PASS;
	return conditions_judge(&message);
}

/* Functions of their own, so that the way of those without conditions is short. */
__noinline int conditions_judge_xdp(struct xdp_md *ctx, __u32 network, __u32 family, __u32 code)
{
	return addresses_judge(ctx, false, network, family, code);
}

__noinline int conditions_judge_skb(struct __sk_buff *ctx, __u32 network, __u32 family, __u32 code)
{
	return addresses_judge(ctx, true, network, family, code);
}

static __always_inline enum pk_family family_of(const struct headers *headers)
{
	return headers->version == 4 ? PK_IPV4 : PK_IPV6;
}

static __always_inline enum pk_verdict icmp_judge(const struct pk_stats *stats, void *ctx,
						  bool is_skb, const struct headers *headers)
{
	enum pk_family family = family_of(headers);
	int verdict;

	if (!bit_is_set(stats->meant[family], headers->icmp_type))
		return PK_PASS;
	if (likely(!stats->conditions))
		return PK_DROP;
	if (is_skb)
		verdict = conditions_judge_skb(ctx, headers->network, family, headers->icmp_code);
	else
		verdict = conditions_judge_xdp(ctx, headers->network, family, headers->icmp_code);
	return verdict == PK_DROP ? PK_DROP : PK_PASS;
}

/* When the time of all is over, drops do not pay for them any more. */
static __always_inline bool is_traced(struct pk_tracers *tracers, __be16 id, __u64 now)
{
	bool is_found = false, is_over = true;

	for (int i = 0; i < PK_TRACERS; i++) {
		if (tracers->each[i].until_ns <= now)
			continue;
		is_over = false;
		is_found |= tracers->each[i].id == id;
	}
	if (is_over)
		tracers->count = 0;
	return is_found;
}

/* What an echo begins with. */
struct echo {
	struct icmp_header header;
	__u8 token[PK_TOKEN_LEN];
};

static __always_inline int drop_note(void *ctx, bool is_skb, __u32 transport)
{
	struct packet packet = { .kind = is_skb ? PACKET_FRAME : PACKET_XDP, .context = ctx };
	__u32 zero = 0;
	struct pk_tracers *tracers = bpf_map_lookup_elem(&pk_tracers, &zero);
	__u64 now = bpf_ktime_get_ns();
	struct pk_echo key = {};
	struct echo echo;

	if (!tracers || header_load(&packet, transport, &echo, sizeof(echo)))
		return 0;
	key.type = echo.header.type;
	__builtin_memcpy(&key.id, &echo.header.rest, sizeof(echo.header.rest));
	__builtin_memcpy(key.token, echo.token, sizeof(key.token));
	if (is_traced(tracers, key.id, now))
		bpf_map_update_elem(&pk_dropped, &key, &now, BPF_ANY);
	return 0;
}

__noinline int drop_note_xdp(struct xdp_md *ctx, __u32 transport)
{
	return drop_note(ctx, false, transport);
}

__noinline int drop_note_skb(struct __sk_buff *ctx, __u32 transport)
{
	return drop_note(ctx, true, transport);
}

/* Of what passes nobody is told, and does not pay for the question. */
static __always_inline void dropped(void *ctx, bool is_skb, const struct headers *headers)
{
	__u32 zero = 0;
	const struct pk_tracers *tracers = bpf_map_lookup_elem(&pk_tracers, &zero);

	if (likely(!tracers || !tracers->count))
		return;
	if (is_skb)
		drop_note_skb(ctx, headers->transport);
	else
		drop_note_xdp(ctx, headers->transport);
}

static __always_inline void count_add(struct pk_count *count, __u32 bytes)
{
	count->packets++;
	count->bytes += bytes;
}

#define COUNTDOWN_UNTIMED 65536

/* The countdown has ended. Is this packet timed? The distance to the next one is random, 1
 * to 2 * sample - 1 and so `sample` on average: traffic that repeats in step with it would
 * be timed wrongly. The first packet of all, with every cache cold, is not typical.
 */
static __noinline bool countdown_begin(struct pk_stats *stats, const struct pk_config *config)
{
	bool is_first = !stats->countdown;
	__u32 sample = config->sample;

	__builtin_memcpy(stats->meant, config->types, sizeof(stats->meant));
	stats->conditions = config->conditions;
	stats->bare = config->bare;
	if (!sample) {
		stats->countdown = COUNTDOWN_UNTIMED;
		return false;
	}
	stats->countdown = 1 + random_next(&stats->random) % (2 * sample - 1);
	return sample == 1 || !is_first;
}

static __always_inline __u32 log2_of(__u64 ns)
{
	__u32 slot = 0;

#pragma unroll
	for (int shift = 16; shift; shift /= 2) {
		if (ns >> shift) {
			ns >>= shift;
			slot += shift;
		}
	}
	return slot;
}

static __noinline void timing_end(struct pk_stats *stats, enum pk_verdict verdict, __u64 begin_ns)
{
	__u64 ns = bpf_ktime_get_ns() - begin_ns;
	struct pk_times *times = &stats->times[verdict & 1];

	times->sum_ns += ns;
	times->slots[log2_of(ns) % PK_TIME_SLOTS]++;
}

/* The hooks run with bottom halves off, so that nothing comes between on this processor. */
static __always_inline enum pk_verdict packet_judge(struct pk_stats *stats, void *ctx, bool is_skb)
{
	struct packet packet = packet_begin(ctx, is_skb, stats->bare);
	struct headers headers = {};
	enum pk_class class = packet_parse(&packet, &headers);
	enum pk_verdict verdict;
	struct pk_type *type;

	if (class != PK_ICMP) {
		count_add(&stats->passed[class % PK_CLASS_ROOM], packet_bytes(&packet));
		return PK_PASS;
	}
	verdict = icmp_judge(stats, ctx, is_skb, &headers);
	if (verdict == PK_DROP)
		dropped(ctx, is_skb, &headers);
	type = &stats->types[family_of(&headers)][headers.icmp_type];
	count_add(&type->count[verdict == PK_DROP], packet_bytes(&packet));
	return verdict;
}

static __always_inline enum pk_verdict packet_judge_timed(void *ctx, bool is_skb)
{
	struct pk_stats *stats = stats_get();
	struct pk_config *config = config_get();
	enum pk_verdict verdict;
	__u64 begin_ns;

	if (!stats || !config)
		return PK_PASS;
	if (!countdown_begin(stats, config))
		return packet_judge(stats, ctx, is_skb);
	begin_ns = bpf_ktime_get_ns();
	verdict = packet_judge(stats, ctx, is_skb);
	timing_end(stats, verdict, begin_ns);
	return verdict;
}

/* Apart, like all that is rare. */
__noinline int xdp_judge_timed(struct xdp_md *ctx)
{
	return packet_judge_timed(ctx, false);
}

__noinline int skb_judge_timed(struct __sk_buff *ctx)
{
	return packet_judge_timed(ctx, true);
}

/* "frags": frames that are spread over several buffers are welcome. The headers are in
 * the first one.
 */
SEC("xdp.frags")
int pk_xdp(struct xdp_md *ctx)
{
	struct pk_stats *stats = stats_get();

	if (!stats)
		return XDP_PASS;
	if (unlikely(stats->countdown <= 1))
		return xdp_judge_timed(ctx) == PK_DROP ? XDP_DROP : XDP_PASS;
	stats->countdown--;
	return packet_judge(stats, ctx, false) == PK_DROP ? XDP_DROP : XDP_PASS;
}

/* UNSPEC: the next filter decides about what is not ours. */
SEC("tc")
int pk_tc(struct __sk_buff *skb)
{
	struct pk_stats *stats = stats_get();

	if (!stats)
		return TC_ACT_UNSPEC;
	frame_pull(skb);
	if (unlikely(stats->countdown <= 1))
		return skb_judge_timed(skb) == PK_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	stats->countdown--;
	return packet_judge(stats, skb, true) == PK_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
