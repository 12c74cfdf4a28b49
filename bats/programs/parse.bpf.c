// SPDX-License-Identifier: GPL-2.0-only
/* The parser of headers (bpf/lib/header.bpf.h) in each of its ways, for headers.c: what it finds goes to
 * a map. A classifier's context is its struct sk_buff, so that one can read as tracing programs do.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"
#include "headers.h"
#include "owner.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parse_order);
} parse_order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PARSE_WAYS);
	__type(key, __u32);
	__type(value, struct parse_result);
} parse_results SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parse_segment);
} parse_segment SEC(".maps");

static __always_inline struct parse_order *order_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&parse_order, &zero);
}

static __always_inline void packet_parse(const struct packet *packet, __u32 way)
{
	struct parse_result *result = bpf_map_lookup_elem(&parse_results, &way);
	struct headers headers = {};

	if (!result)
		return;
	result->found = headers_parse(packet, &headers);
	result->has_transport = result->found == HEADERS_IP && transport_parse(packet, &headers);
	result->headers = headers;
	result->count++;
}

SEC("xdp.frags")
int parse_xdp(struct xdp_md *ctx)
{
	struct parse_order *order = order_get();
	struct packet packet;

	if (!order || bpf_xdp_adjust_tail(ctx, order->length - bpf_xdp_get_buff_len(ctx)))
		return XDP_ABORTED;
	packet = packet_of_xdp(ctx, order->bare);
	packet_parse(&packet, PARSE_XDP);
	return XDP_PASS;
}

/* Apart from each other, so that each is verified once. */
__noinline int frame_parse(struct __sk_buff *skb)
{
	struct packet packet = packet_of_frame(skb, false);

	packet_parse(&packet, PARSE_FRAME);
	return 0;
}

__noinline int network_parse(struct __sk_buff *skb)
{
	struct packet packet = packet_of_network(skb);

	packet_parse(&packet, PARSE_NETWORK);
	return 0;
}

__noinline int kernel_parse(struct __sk_buff *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx;
	struct packet packet = packet_of_kernel(skb, BPF_CORE_READ(skb, network_header));

	packet_parse(&packet, PARSE_KERNEL);
	return 0;
}

static __always_inline void segment_parse(struct __sk_buff *skb)
{
	struct segment segment = {};
	struct parse_segment *result;
	__u32 zero = 0;

	result = bpf_map_lookup_elem(&parse_segment, &zero);
	if (!result)
		return;
	result->is_segment = segment_read(skb, &segment);
	result->key = segment.key;
	result->syn = segment.syn;
}

SEC("tc")
int parse_tc(struct __sk_buff *skb)
{
	struct parse_order *order = order_get();

	if (!order || bpf_skb_change_tail(skb, order->length, 0))
		return 1;
	if (order->tag && bpf_skb_vlan_push(skb, order->tag, 5))
		return 1;
	frame_parse(skb);
	network_parse(skb);
	kernel_parse(skb);
	segment_parse(skb);
	return 0;
}

SEC("cgroup_skb/egress")
int parse_cgroup(struct __sk_buff *skb)
{
	struct packet packet = packet_of_network(skb);

	packet_parse(&packet, PARSE_CGROUP);
	return 1;
}

char _license[] SEC("license") = "GPL";
