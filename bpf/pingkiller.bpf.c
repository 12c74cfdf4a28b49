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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PK_FAMILIES *PK_TYPES);
	__type(key, __u32);
	__type(value, struct pk_type);
} pk_types SEC(".maps");

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

static __always_inline void address_copy(__u8 address[16], const void *from, __u32 family)
{
	if (family == PK_IPV4)
		__builtin_memcpy(address, from, 4);
	else
		__builtin_memcpy(address, from, 16);
}

static __always_inline bool is_in(void *prefixes, const void *address, __u32 family)
{
	struct pk_prefix key = {
		.bits = PK_FAMILY_BITS + (family == PK_IPV4 ? 32 : 128),
		.family = family,
	};

	address_copy(key.address, address, family);
	return bpf_map_lookup_elem(prefixes, &key);
}

static __always_inline const void *packet_to(const struct packet *packet)
{
	return packet->from + (packet->family == PK_IPV4 ? 4 : 16);
}

static struct pk_bucket *bucket_get(const struct packet *packet)
{
	struct pk_source source = { .family = packet->family };
	struct pk_bucket empty = {}, *bucket;

	address_copy(source.address, packet->from, packet->family);
	bucket = bpf_map_lookup_elem(&pk_sources, &source);
	if (bucket)
		return bucket;
	/* Of two processors one is first, and both take what that one has made. */
	bpf_map_update_elem(&pk_sources, &source, &empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&pk_sources, &source);
}

#define BUCKET_TRIES 16

/* See struct pk_bucket. A try fails if another processor has taken from the same bucket;
 * a source that all of them take from that often is over its rate.
 */
static __always_inline bool is_over_rate(const struct pk_config *config,
					 const struct packet *packet)
{
	struct pk_bucket *bucket = bucket_get(packet);
	__u64 now = bpf_ktime_get_ns();

	if (!bucket)
		return false;
	for (int i = 0; i < BUCKET_TRIES; i++) {
		__u64 before = *(volatile __u64 *)&bucket->full_ns;
		__u64 after = (before > now ? before : now) + config->packet_ns;

		if (after - now > config->burst_ns)
			return true;
		if (__sync_val_compare_and_swap(&bucket->full_ns, before, after) == before)
			return false;
	}
	return true;
}

/* In this order, since the rate counts what the other conditions leave. */
static __always_inline bool conditions_hold(const struct pk_config *config, struct pk_stats *stats,
					    const struct packet *packet)
{
	__u32 conditions = config->conditions;

	if ((conditions & PK_CODE) && !bit_is_set(config->codes, packet->icmp->code))
		return false;
	if ((conditions & PK_SRC) && !is_in(&pk_src, packet->from, packet->family))
		return false;
	if ((conditions & PK_DST) && !is_in(&pk_dst, packet_to(packet), packet->family))
		return false;
	if ((conditions & PK_ENDS) && bpf_ktime_get_boot_ns() >= config->expires_ns)
		return false;
	if ((conditions & PK_RATE) && !is_over_rate(config, packet))
		return false;
	return !(conditions & PK_SHARE) || random_next(&stats->random) < config->threshold;
}

static __always_inline enum pk_verdict
icmp_judge(const struct pk_config *config, struct pk_stats *stats, const struct packet *packet)
{
	const __u64 *types = packet->family == PK_IPV4 ? config->types[PK_IPV4]
						       : config->types[PK_IPV6];

	if (!bit_is_set(types, packet->icmp->type))
		return PK_PASS;
	if (likely(!config->conditions))
		return PK_DROP;
	return conditions_hold(config, stats, packet) ? PK_DROP : PK_PASS;
}

static __always_inline void count_add(struct pk_count *count, __u32 bytes)
{
	count->packets++;
	count->bytes += bytes;
}

/* The hooks run with bottom halves off, so that nothing comes between on this processor. */
static __always_inline void icmp_count(const struct packet *packet, enum pk_verdict verdict)
{
	__u32 key = PK_TYPE_KEY(packet->family, packet->icmp->type);
	struct pk_type *type = bpf_map_lookup_elem(&pk_types, &key);

	if (likely(type))
		count_add(&type->count[verdict & 1], packet->length);
}

/* Is this packet timed? The distance to the next one is random, 1 to 2 * sample - 1 and so
 * `sample` on average: traffic that repeats in step with it would be timed wrongly. The
 * first packet of all, with every cache cold, is not typical.
 */
static __noinline bool timing_begin(struct pk_stats *stats, __u32 sample)
{
	bool is_first = !stats->countdown;

	if (!sample) {
		stats->countdown = ~0U;
		return false;
	}
	stats->countdown = 1 + random_next(&stats->random) % (2 * sample - 1);
	return sample == 1 || !is_first;
}

static __always_inline bool is_timed(struct pk_stats *stats, const struct pk_config *config)
{
	if (unlikely(stats->countdown <= 1))
		return timing_begin(stats, config->sample);
	stats->countdown--;
	return false;
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

static __always_inline enum pk_verdict packet_judge(const struct pk_config *config,
						    struct pk_stats *stats, enum pk_class class,
						    const struct packet *packet)
{
	enum pk_verdict verdict;

	if (class != PK_ICMP) {
		count_add(&stats->passed[class % PK_CLASSES], packet->length);
		return PK_PASS;
	}
	verdict = icmp_judge(config, stats, packet);
	icmp_count(packet, verdict);
	return verdict;
}

/* "frags": frames that are spread over several buffers are welcome. The headers are in
 * the first one.
 */
SEC("xdp.frags")
int pk_xdp(struct xdp_md *ctx)
{
	struct pk_config *config = config_get();
	struct pk_stats *stats = stats_get();
	enum pk_verdict verdict;
	struct packet packet;
	enum pk_class class;
	__u64 begin_ns = 0;

	if (!config || !stats)
		return XDP_PASS;
	if (is_timed(stats, config))
		begin_ns = bpf_ktime_get_ns();
	class = packet_parse((void *)(long)ctx->data, (void *)(long)ctx->data_end,
			     bpf_xdp_get_buff_len(ctx), config->bare, &packet);
	verdict = packet_judge(config, stats, class, &packet);
	if (unlikely(begin_ns))
		timing_end(stats, verdict, begin_ns);
	return verdict == PK_DROP ? XDP_DROP : XDP_PASS;
}

#define PULL_BYTES 512 /* more than the headers of any message that is judged have */

/* Headers may lie where they cannot be read, until they are pulled together. */
static __noinline enum pk_class skb_parse_pulled(struct __sk_buff *skb, bool bare,
						 struct packet *packet)
{
	bpf_skb_pull_data(skb, skb->len < PULL_BYTES ? skb->len : PULL_BYTES);
	return packet_parse((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len, bare,
			    packet);
}

/* UNSPEC: the next filter decides about what is not ours. */
SEC("tc")
int pk_tc(struct __sk_buff *skb)
{
	struct pk_config *config = config_get();
	struct pk_stats *stats = stats_get();
	enum pk_verdict verdict;
	struct packet packet;
	enum pk_class class;
	__u64 begin_ns = 0;

	if (!config || !stats)
		return TC_ACT_UNSPEC;
	if (is_timed(stats, config))
		begin_ns = bpf_ktime_get_ns();
	class = packet_parse((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len,
			     config->bare, &packet);
	if (unlikely(class == PK_MALFORMED && skb->len > (__u32)(skb->data_end - skb->data)))
		class = skb_parse_pulled(skb, config->bare, &packet);
	verdict = packet_judge(config, stats, class, &packet);
	if (unlikely(begin_ns))
		timing_end(stats, verdict, begin_ns);
	return verdict == PK_DROP ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
