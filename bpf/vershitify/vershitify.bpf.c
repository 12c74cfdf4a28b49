// SPDX-License-Identifier: GPL-2.0-only
/* The classifier: drops packets of tagged sockets.
 *
 * vsh_egress is attached to clsact by `tc filter add ... bpf da`, from its pin or this object,
 * vsh_cg_ingress and vsh_cg_egress to the root cgroup by `bpftool cgroup attach`.
 */
#include "kernel.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "judge.bpf.h"
#include "owner.bpf.h"
#include "recall.bpf.h"
#include "reset.bpf.h"

/* A SYN-ACK is its listener's, which the request knows, whatever addresses and devices the
 * packet has come to by now.
 */
static __always_inline struct vsh_sock *request_tag(struct bpf_sock *request)
{
	struct bpf_sock *listener = bpf_get_listener_sock(request);

	return listener ? full_socket_tag(listener) : NULL;
}

/* By addresses. A SYN-ACK with a SYN cookie, by the listener; what is left of a closed
 * connection, by what the tracker has remembered, unless there is a new one: a listener of
 * the same port may be another program's by now.
 */
static __always_inline struct vsh_sock *tag_by_addresses(struct __sk_buff *skb, __u64 netns_cookie)
{
	struct segment segment = { .key.netns_cookie = netns_cookie };
	struct vsh_sock *tag = NULL;
	bool settled;
	struct bpf_sock *sk;

	if (skb->ingress_ifindex || is_users_raw_socket(skb) || !segment_read(skb, &segment))
		return NULL;
	settled = segment.syn;
	sk = flow_socket(skb, &segment.key);
	if (sk) {
		settled = settled || sk->state != TCP_LISTEN;
		tag = full_socket_tag(sk);
		bpf_sk_release(sk);
	}
	return tag || settled ? tag : flow_recall(&segment.key);
}

static __always_inline struct vsh_sock *tag_without_socket(struct __sk_buff *skb,
							   __u64 netns_cookie)
{
	struct bpf_sock *sk = skb->sk;

	if (sk && sk->state == TCP_NEW_SYN_RECV)
		return request_tag(sk);
	return tag_by_addresses(skb, netns_cookie);
}

/* Several listeners can, of several programs. */
static __always_inline bool shares_port(struct bpf_sock *sk)
{
	struct sock *listener = (struct sock *)bpf_skc_to_tcp_sock(sk);

	return listener && BPF_CORE_READ_BITFIELD_PROBED(listener, __sk_common.skc_reuseport);
}

/* A server with MPTCP accepts clients without: such a connection is no subflow. If the rule
 * came between its SYN-ACK and its ACK, it has inherited from its listener that it is
 * stale, and nothing else. No connection has port 0, so that what is found is the listener.
 */
static __always_inline void listener_ask(struct __sk_buff *skb, struct vsh_sock *tag)
{
	struct segment segment = {};
	struct vsh_sock *listener;
	struct bpf_sock *sk;
	__u32 epoch;

	if (!segment_read(skb, &segment))
		return;
	segment.key.dport = 0;
	sk = flow_socket(skb, &segment.key);
	if (!sk)
		return;
	listener = shares_port(sk) ? NULL : full_socket_tag(sk);
	if (listener) {
		epoch = READ_ONCE(listener->owner.epoch);
		tag_add(tag, mask_live(listener->owner.mask, epoch), epoch,
			listener->owner.netns_cookie);
	}
	bpf_sk_release(sk);
}

static __always_inline struct vsh_sock *stale_tag(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct vsh_sock *tag = socket_tag(sk);
	bool stale = tag && tag->owner.stale;

	tag = full_socket_tag(sk);
	if (sk && stale && tag && !tag->owner.mask && !bpf_skc_to_mptcp_sock(sk))
		listener_ask(skb, tag);
	return tag;
}

/* A call, so that the judge does not find this one's stack beneath its own. */
static __noinline struct vsh_sock *egress_tag(struct __sk_buff *skb, enum suspect suspect,
					      __u64 netns_cookie)
{
	switch (suspect) {
	case FULL_SOCKET:
		return stale_tag(skb);
	case PACKET_SOCKET:
		return packet_socket_tag(skb, netns_cookie);
	default:
		return tag_without_socket(skb, netns_cookie);
	}
}

#define LOOPBACK_IFINDEX 1 /* in each network namespace */

/* The packet becomes its own answer. Loopback brings it back by itself, and would take one that comes
 * in anew for a martian. An answer that cannot be made is none. Global, so that it is verified once.
 */
__noinline int refuse(struct __sk_buff *skb, __u32 rule)
{
	__u32 link = link_bytes(skb);

	if (reset_make(skb))
		return TC_ACT_STOLEN;
	skb->tc_index = VSH_JUDGED + rule;
	if (skb->ifindex == LOOPBACK_IFINDEX)
		return TC_ACT_UNSPEC;
	if (link && (link != sizeof(struct ethernet_header) || link_turn(skb)))
		return TC_ACT_STOLEN;
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

/* STOLEN: the sender's stack is told that the packet left. UNSPEC: the next filter
 * decides.
 */
static __always_inline int egress_act(struct __sk_buff *skb, struct verdict verdict)
{
	if (verdict.action == DROP)
		return TC_ACT_STOLEN;
	if (verdict.action == DROP_LOCAL)
		return TC_ACT_SHOT;
	if (unlikely(verdict.action == REFUSE))
		return refuse(skb, verdict.rule);
	if (verdict.action == PASS_MARKED)
		skb->tc_index = VSH_JUDGED + verdict.rule;
	if (verdict.action == PASS_HELD)
		skb->tc_index = VSH_HELD + verdict.rule;
	return TC_ACT_UNSPEC;
}

/* A packet that an ifb has sent back: without its socket, and with an ifb for its ingress device. */
static __always_inline bool is_back(struct __sk_buff *skb)
{
	return (skb->tc_index & ~(VSH_RULES_MAX - 1)) == VSH_HELD && skb->ingress_ifindex;
}

/* On the device that it was sent on its detour from, the kernel skips the action of the filter that
 * did so, once. On any further device that would hold it a second time.
 */
static __always_inline int back_act(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = (struct sk_buff *)skb;

	if (!bpf_core_field_exists(kernel_skb->tc_skip_classify) ||
	    !BPF_CORE_READ_BITFIELD_PROBED(kernel_skb, tc_skip_classify))
		skb->tc_index ^= VSH_HELD ^ VSH_JUDGED;
	return TC_ACT_UNSPEC;
}

/* Out of line, so that the common path stays short. */
__noinline int egress_rare(struct __sk_buff *skb)
{
	struct verdict verdict;
	struct vsh_sock *tag;
	__u64 netns_cookie;

	if (is_back(skb))
		return back_act(skb);
	if (is_bystanders_request(skb))
		return TC_ACT_UNSPEC;
	netns_cookie = device_netns_cookie(skb);
	tag = egress_tag(skb, suspect_of(skb), netns_cookie);
	if (!tag || tag->owner.netns_cookie != netns_cookie)
		return TC_ACT_UNSPEC;
	verdict = verdict_unpack(judge_all(skb, tag, VSH_TC_EGRESS, skb->wire_len));
	flow_keep();
	return egress_act(skb, verdict);
}

SEC("tc")
int vsh_egress(struct __sk_buff *skb)
{
	enum suspect suspect = suspect_of(skb);
	struct vsh_sock *tag;

	if (suspect == BYSTANDER)
		return TC_ACT_UNSPEC;
	if (unlikely(suspect != FULL_SOCKET))
		return egress_rare(skb);
	tag = socket_tag(skb->sk);
	if (unlikely(!tag || tag->owner.stale || !is_at_home(skb, &tag->owner)))
		return egress_rare(skb);
	return egress_act(skb, judge(skb, tag, VSH_TC_EGRESS, skb->wire_len));
}

/* Returns 1 to let the packet pass. The hook hands over the socket itself; its
 * namespace is the device's.
 */
static __always_inline int cgroup_judge(struct __sk_buff *skb, __u32 hook)
{
	struct vsh_sock *tag;

	if (suspect_of(skb) != FULL_SOCKET)
		return 1;
	tag = full_socket_tag(skb->sk);
	return !tag || !verdict_drops(judge(skb, tag, hook, skb->len));
}

SEC("cgroup_skb/ingress")
int vsh_cg_ingress(struct __sk_buff *skb)
{
	return cgroup_judge(skb, VSH_CG_INGRESS);
}

SEC("cgroup_skb/egress")
int vsh_cg_egress(struct __sk_buff *skb)
{
	return cgroup_judge(skb, VSH_CG_EGRESS);
}

char _license[] SEC("license") = "GPL";
