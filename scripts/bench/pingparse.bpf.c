// SPDX-License-Identifier: GPL-2.0-only
/* What the verdicts of pingkiller are measured against: a program that does nothing, and
 * one that finds the ICMP message as pingkiller does, and returns.
 */
#include "ping.bpf.h"

SEC("xdp.frags")
int bench_nothing(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_parse(struct xdp_md *ctx)
{
	struct packet packet = packet_begin(ctx, false, false);
	struct headers headers = {};

	return packet_parse(&packet, &headers) == PK_ICMP ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
