// SPDX-License-Identifier: GPL-2.0-only
/* The classifier: drops packets of tagged sockets.
 *
 * vsh_egress is attached to clsact by `tc filter add ... bpf da obj ... sec tc`,
 * vsh_cg_ingress and vsh_cg_egress to the root cgroup by `bpftool cgroup attach`.
 */
#include "kernel.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "judge.bpf.h"
#include "owner.bpf.h"

/* SYN-ACKs, by the listener; what is left of a closed connection, by the
 * addresses that the tracker has remembered.
 */
static __always_inline enum verdict judge_without_socket(struct __sk_buff *skb, struct place *place)
{
	struct vsh_flow_key key = {};
	struct vsh_sock *tag = NULL;
	struct vsh_flow *flow;
	struct bpf_sock *sk;

	if (skb->ingress_ifindex || !flow_key_fill(skb, &key))
		return NOT_OURS;
	place->netns_cookie = device_netns_cookie(skb);
	sk = flow_socket(skb, &key);
	if (sk) {
		tag = socket_tag(sk);
		bpf_sk_release(sk);
	}
	if (tag)
		return judge(skb, &tag->owner, tag->ordinal, place);
	key.netns_cookie = place->netns_cookie;
	flow = bpf_map_lookup_elem(&vsh_flows, &key);
	return flow ? judge(skb, &flow->owner, flow->ordinal, place) : NOT_OURS;
}

static __always_inline enum verdict judge_socket(struct __sk_buff *skb, struct vsh_sock *tag,
						 struct place *place)
{
	return tag ? judge(skb, &tag->owner, tag->ordinal, place) : NOT_OURS;
}

static __always_inline enum verdict judge_full_socket(struct __sk_buff *skb, struct place *place)
{
	struct vsh_flow_key key = {};
	struct bpf_sock *sk = skb->sk;
	struct vsh_sock *tag;

	if (!sk)
		return NOT_OURS;
	place->netns_cookie = device_netns_cookie(skb);
	tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);
	if (tag)
		return judge_socket(skb, tag, place);
	tag = subflow_tag(sk);
	if (!tag)
		return NOT_OURS;
	if (flow_key_fill(skb, &key)) {
		key.netns_cookie = place->netns_cookie;
		flow_remember(&key, tag);
	}
	return judge_socket(skb, tag, place);
}

static __always_inline enum verdict egress_judge(struct __sk_buff *skb, struct place *place)
{
	switch (suspect_of(skb)) {
	case FULL_SOCKET:
		return judge_full_socket(skb, place);
	case PACKET_SOCKET:
		place->netns_cookie = device_netns_cookie(skb);
		return judge_socket(skb, packet_socket_tag(skb, place->netns_cookie), place);
	case NO_SOCKET:
		return judge_without_socket(skb, place);
	default:
		return NOT_OURS;
	}
}

SEC("tc")
int vsh_egress(struct __sk_buff *skb)
{
	struct place place = {
		.hook = VSH_TC_EGRESS,
		.direction = VSH_EGRESS,
		.ifindex = skb->ifindex,
	};

	switch (egress_judge(skb, &place)) {
	case DROP:
		/* The sender's stack is told that the packet left. */
		return TC_ACT_STOLEN;
	case DROP_LOCAL:
		return TC_ACT_SHOT;
	default:
		/* The next filter decides. */
		return TC_ACT_UNSPEC;
	}
}

/* Returns 1 to let the packet pass. The hook hands over the socket itself; its
 * namespace is the device's.
 */
static __always_inline int cgroup_judge(struct __sk_buff *skb, struct place *place)
{
	enum verdict verdict;
	struct vsh_sock *tag;
	struct bpf_sock *sk;

	if (suspect_of(skb) != FULL_SOCKET)
		return 1;
	sk = skb->sk;
	if (!sk)
		return 1;
	tag = socket_tag(sk);
	if (!tag)
		return 1;
	place->ifindex = skb->ifindex;
	place->netns_cookie = tag->owner.netns_cookie;
	verdict = judge(skb, &tag->owner, tag->ordinal, place);
	return verdict != DROP && verdict != DROP_LOCAL;
}

SEC("cgroup_skb/ingress")
int vsh_cg_ingress(struct __sk_buff *skb)
{
	struct place place = { .hook = VSH_CG_INGRESS, .direction = VSH_INGRESS };

	return cgroup_judge(skb, &place);
}

SEC("cgroup_skb/egress")
int vsh_cg_egress(struct __sk_buff *skb)
{
	struct place place = { .hook = VSH_CG_EGRESS, .direction = VSH_EGRESS };

	return cgroup_judge(skb, &place);
}

char _license[] SEC("license") = "GPL";
