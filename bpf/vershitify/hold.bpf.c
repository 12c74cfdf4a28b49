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

#define PACKET_HOST 0 /* skb->pkt_type, as in <linux/if_packet.h> */

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

static __always_inline bool is_multicast(const struct headers *headers)
{
	if (headers->version == 4)
		return (headers->daddr[0] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
	return (headers->daddr[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

/* Is the packet for one socket of this host? One of any address is found for what is forwarded as well, or
 * goes through a bridge, and what many receive is not for the target alone.
 */
__noinline int is_for_one(struct __sk_buff *skb, const struct headers *headers)
{
	struct bpf_fib_lookup route = {};
	long found;

	if (!headers || skb->pkt_type != PACKET_HOST || is_multicast(headers))
		return 0;
	route.ifindex = skb->ifindex;
	route.l4_protocol = headers->protocol;
	route.sport = headers->sport;
	route.dport = headers->dport;
	if (headers->version == 4) {
		route.family = AF_INET;
		route.tos = headers->traffic_class;
		route.ipv4_src = headers->saddr[0];
		route.ipv4_dst = headers->daddr[0];
	} else {
		route.family = AF_INET6;
		__builtin_memcpy(route.ipv6_src, headers->saddr, sizeof(route.ipv6_src));
		__builtin_memcpy(route.ipv6_dst, headers->daddr, sizeof(route.ipv6_dst));
	}
	found = bpf_fib_lookup(skb, &route, sizeof(route), 0);
	return found == BPF_FIB_LKUP_RET_NOT_FWDED || found == BPF_FIB_LKUP_RET_FWD_DISABLED;
}

/* One that comes back from its detour, and is not to be held a second time by the device on top. */
static __always_inline bool has_been_held(struct __sk_buff *skb)
{
	__u32 mark = skb->tc_index & ~(VSH_RULES_MAX - 1);

	if (mark == VSH_HELD_INGRESS)
		skb->tc_index ^= VSH_HELD_INGRESS ^ VSH_WAS_HELD_INGRESS;
	return mark == VSH_HELD_INGRESS || mark == VSH_WAS_HELD_INGRESS;
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

/* netem can turn a bit of it: what the device has said of the checksum counts no more. tbf takes apart what
 * comes in one piece, and needs to know.
 */
static __always_inline void hold(struct __sk_buff *skb, __u32 rule)
{
	if (!skb->gso_size)
		bpf_csum_level(skb, BPF_CSUM_LEVEL_RESET);
	skb->tc_index = VSH_HELD_INGRESS + rule;
}

SEC("tc")
int vsh_ingress(struct __sk_buff *skb)
{
	struct headers headers = {};
	struct vsh_sock *tag;
	struct bpf_sock *sk;
	int rule = -1;

	if (has_been_held(skb) || !addresses_read(skb, &headers))
		return TC_ACT_UNSPEC;
	sk = receiver_find(skb, &headers);
	if (!sk)
		return TC_ACT_UNSPEC;
	tag = full_socket_tag(sk);
	if (tag)
		rule = rule_holding(skb, tag);
	bpf_sk_release(sk);
	if (rule >= 0 && is_for_one(skb, &headers))
		hold(skb, rule);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
