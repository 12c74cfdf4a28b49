// SPDX-License-Identifier: GPL-2.0-only
/* The classifier of what comes in, on devices where a rule holds it: marks the packets of tagged
 * sockets, for a filter after this one to send them on their detour (tc/hold-vershitify.sh). They come back
 * past all filters. Whether one is lost vsh_cg_ingress decides, and counts it, after that.
 *
 * At this hook skb->sk is nothing, or the sender's: the receiver is looked up by the addresses.
 */
#include "kernel.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "judge.bpf.h"
#include "owner.bpf.h"

static __always_inline struct bpf_sock *socket_find(struct __sk_buff *skb, __u32 protocol,
						    struct bpf_sock_tuple *tuple, __u32 size)
{
	if (protocol == IPPROTO_TCP)
		return bpf_sk_lookup_tcp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
	return bpf_sk_lookup_udp(skb, tuple, size, BPF_F_CURRENT_NETNS, 0);
}

/* To be released. */
static __always_inline struct bpf_sock *receiver_find(struct __sk_buff *skb,
						      const struct headers *headers)
{
	struct bpf_sock_tuple tuple = {};

	if (headers->version == 4) {
		tuple.ipv4.saddr = headers->saddr[0];
		tuple.ipv4.daddr = headers->daddr[0];
		tuple.ipv4.sport = headers->sport;
		tuple.ipv4.dport = headers->dport;
		return socket_find(skb, headers->protocol, &tuple, sizeof(tuple.ipv4));
	}
	__builtin_memcpy(tuple.ipv6.saddr, headers->saddr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, headers->daddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = headers->sport;
	tuple.ipv6.dport = headers->dport;
	return socket_find(skb, headers->protocol, &tuple, sizeof(tuple.ipv6));
}

/* False: a protocol whose sockets cannot be looked up, or a later fragment. */
__noinline bool addresses_read(struct __sk_buff *skb, struct headers *headers)
{
	struct packet packet = packet_of_network(skb);

	if (!headers || headers_parse(&packet, headers) != HEADERS_IP)
		return false;
	if (headers->protocol != IPPROTO_TCP && headers->protocol != IPPROTO_UDP)
		return false;
	return transport_parse(&packet, headers);
}

/* The index of the rule that holds what this socket receives, or -1. That rule will be the one
 * that judges it as well.
 */
__noinline int rule_holding(struct __sk_buff *skb, struct vsh_sock *tag)
{
	struct search search = {};
	struct vsh_rule *rule;

	if (!tag)
		return -1;
	rule = rule_search(skb, tag, VSH_CG_INGRESS | VSH_TC_INGRESS, &search);
	if (!rule || !(rule->needs & VSH_HOLD_INGRESS) || is_judged(skb, search.found))
		return -1;
	return search.found;
}

SEC("tc")
int vsh_ingress(struct __sk_buff *skb)
{
	struct headers headers = {};
	struct vsh_sock *tag;
	struct bpf_sock *sk;
	int rule = -1;

	if (!addresses_read(skb, &headers))
		return TC_ACT_UNSPEC;
	sk = receiver_find(skb, &headers);
	if (!sk)
		return TC_ACT_UNSPEC;
	tag = full_socket_tag(sk);
	if (tag)
		rule = rule_holding(skb, tag);
	bpf_sk_release(sk);
	if (rule >= 0)
		skb->tc_index = VSH_HELD_INGRESS + rule;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
