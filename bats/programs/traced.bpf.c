// SPDX-License-Identifier: GPL-2.0-only
/* A tracing program that reads headers (bpf/lib/header.bpf.h) out of the kernel's memory: it counts datagrams that
 * are about to leave, by version of IP and destination port. For headers.c.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "header.bpf.h"
#include "headers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct traced_port);
	__type(value, __u64);
} traced_ports SEC(".maps");

static __always_inline void port_count(const struct headers *headers)
{
	struct traced_port port = { .version = headers->version, .dport = headers->dport };
	__u64 *count, one = 1;

	count = bpf_map_lookup_elem(&traced_ports, &port);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&traced_ports, &port, &one, BPF_NOEXIST);
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(traced_queue, struct sk_buff *skb)
{
	struct packet packet = packet_of_traced(skb, skb->network_header);
	struct headers headers = {};

	if (headers_parse(&packet, &headers) == HEADERS_IP && headers.protocol == IPPROTO_UDP &&
	    udp_parse(&packet, &headers))
		port_count(&headers);
	return 0;
}

char _license[] SEC("license") = "GPL";
