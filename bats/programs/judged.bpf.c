// SPDX-License-Identifier: GPL-2.0-only
/* The judge (bpf/vershitify/judge.bpf.h) without what comes before it: the packet is that of
 * BPF_PROG_TEST_RUN, its socket what paths.c has put into a map.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "judge.bpf.h"
#include "paths.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_packet);
} path_packet SEC(".maps");

/* The hook is a constant, as it is in the classifier. */
static __always_inline void packet_judge(struct __sk_buff *skb, struct path_packet *packet,
					 __u32 hook)
{
	struct vsh_owner *owner = &packet->sock.owner;
	struct verdict verdict;

	packet->fast = !!rule_fast(skb, owner, owner->epoch, owner->shortcut, hook);
	verdict = judge(skb, &packet->sock, hook, skb->wire_len);
	packet->verdict = verdict_pack(verdict);
	packet->action = verdict.action;
	packet->reason = verdict.reason;
	packet->rule = verdict.rule;
}

SEC("tc")
int path_judge(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct path_packet *packet = bpf_map_lookup_elem(&path_packet, &zero);

	if (!packet)
		return 1;
	skb->tc_index = packet->tc_index;
	if (packet->hook == VSH_TC_EGRESS)
		packet_judge(skb, packet, VSH_TC_EGRESS);
	else if (packet->hook == VSH_CG_EGRESS)
		packet_judge(skb, packet, VSH_CG_EGRESS);
	else
		packet_judge(skb, packet, VSH_CG_INGRESS);
	return 0;
}

char _license[] SEC("license") = "GPL";
