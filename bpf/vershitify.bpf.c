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

static __always_inline void sight_fill(struct sight *sight, struct __sk_buff *skb)
{
	sight->ifindex = skb->ifindex;
	sight->segments = skb->gso_segs ?: 1;
	sight->tc_index = skb->tc_index;
}

static __always_inline int egress_judge(struct __sk_buff *skb, struct vsh_sock *tag,
					__u64 netns_cookie)
{
	struct sight sight = {
		.hook = VSH_TC_EGRESS,
		.direction = VSH_EGRESS,
		.netns_cookie = netns_cookie,
		.bytes = skb->wire_len,
	};

	sight_fill(&sight, skb);
	return judge(tag, &sight);
}

/* SYN-ACKs, by the listener; what is left of a closed connection, by the
 * addresses that the tracker has remembered.
 */
static __always_inline struct vsh_sock *tag_without_socket(struct __sk_buff *skb,
							   __u64 netns_cookie)
{
	struct vsh_flow_key key = { .netns_cookie = netns_cookie };
	struct vsh_sock *tag = NULL;
	struct bpf_sock *sk;

	if (skb->ingress_ifindex || !flow_key_fill(skb, &key))
		return NULL;
	sk = flow_socket(skb, &key);
	if (sk) {
		tag = socket_tag(sk);
		bpf_sk_release(sk);
	}
	return tag ?: bpf_map_lookup_elem(&vsh_flows, &key);
}

/* A subflow's addresses are remembered here, since the tracker cannot. */
static __always_inline struct vsh_sock *tag_of_full_socket(struct __sk_buff *skb,
							   __u64 netns_cookie)
{
	struct vsh_flow_key key = { .netns_cookie = netns_cookie };
	struct bpf_sock *sk = skb->sk;
	struct vsh_sock *tag;

	if (!sk)
		return NULL;
	tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);
	if (tag)
		return tag;
	tag = subflow_tag(sk);
	if (tag && flow_key_fill(skb, &key))
		flow_remember(&key, tag);
	return tag;
}

static __always_inline struct vsh_sock *egress_tag(struct __sk_buff *skb, enum suspect suspect,
						   __u64 netns_cookie)
{
	switch (suspect) {
	case FULL_SOCKET:
		return tag_of_full_socket(skb, netns_cookie);
	case PACKET_SOCKET:
		return packet_socket_tag(skb, netns_cookie);
	default:
		return tag_without_socket(skb, netns_cookie);
	}
}

SEC("tc")
int vsh_egress(struct __sk_buff *skb)
{
	enum suspect suspect = suspect_of(skb);
	struct vsh_sock *tag;
	__u64 netns_cookie;
	int verdict;

	/* The next filter decides. */
	if (suspect == BYSTANDER)
		return TC_ACT_UNSPEC;
	netns_cookie = device_netns_cookie(skb);
	tag = egress_tag(skb, suspect, netns_cookie);
	if (!tag)
		return TC_ACT_UNSPEC;
	verdict = egress_judge(skb, tag, netns_cookie);
	if (verdict == DROP) /* the sender's stack is told that the packet left */
		return TC_ACT_STOLEN;
	if (verdict == DROP_LOCAL)
		return TC_ACT_SHOT;
	if (verdict >= PASS_MARKED)
		skb->tc_index = VSH_JUDGED + verdict - PASS_MARKED;
	return TC_ACT_UNSPEC;
}

/* Returns 1 to let the packet pass. The hook hands over the socket itself; its
 * namespace is the device's.
 */
static __always_inline int cgroup_judge(struct __sk_buff *skb, __u32 hook, __u32 direction)
{
	struct sight sight = { .hook = hook, .direction = direction, .bytes = skb->len };
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
	sight.netns_cookie = tag->owner.netns_cookie;
	sight_fill(&sight, skb);
	return judge(tag, &sight) < DROP;
}

SEC("cgroup_skb/ingress")
int vsh_cg_ingress(struct __sk_buff *skb)
{
	return cgroup_judge(skb, VSH_CG_INGRESS, VSH_INGRESS);
}

SEC("cgroup_skb/egress")
int vsh_cg_egress(struct __sk_buff *skb)
{
	return cgroup_judge(skb, VSH_CG_EGRESS, VSH_EGRESS);
}

char _license[] SEC("license") = "GPL";
