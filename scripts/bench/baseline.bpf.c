// SPDX-License-Identifier: GPL-2.0-only
/* What ours is measured against: programs that do nothing, and the method of the
 * program that this one came from (a socket mark instead of a tag).
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define TARGET_MARK 123

enum outcome {
	PASSED,
	DROPPED,
	OUTCOMES,
};

/* Shared by all CPUs, as there. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OUTCOMES);
	__type(key, __u32);
	__type(value, __u64);
} bench_counts SEC(".maps");

/* Not a constant to the compiler, which would take the comparison away. */
const volatile __u32 drop_percent = 0;

SEC("tc")
int bench_empty(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

static __always_inline void count(__u32 outcome)
{
	__u64 *value = bpf_map_lookup_elem(&bench_counts, &outcome);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* A cookie that nobody uses, the mark that the socket gave the packet, a random
 * number, a counter. That its 0 % drops 1 % is not repeated here.
 */
SEC("tc")
int bench_original(struct __sk_buff *skb)
{
	bpf_get_socket_cookie(skb);
	if (skb->mark != TARGET_MARK)
		return TC_ACT_UNSPEC;
	if (bpf_get_prandom_u32() % 100 < drop_percent) {
		count(DROPPED);
		return TC_ACT_STOLEN;
	}
	count(PASSED);
	return TC_ACT_UNSPEC;
}

SEC("cgroup_skb/ingress")
int bench_ingress(struct __sk_buff *skb)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
