/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose packet is it? The loads of suspect_by_loads() settle it for nearly all
 * packets of bystanders; the rest of this file is for the others.
 */
#ifndef VERSHITIFY_OWNER_BPF_H
#define VERSHITIFY_OWNER_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "header.bpf.h"
#include "tag.bpf.h"

/* Since 6.2, both at no cost in the program. Where they are missing, libbpf
 * leaves their address 0 and the verifier removes the branch: the choice is made
 * by what the kernel offers.
 */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
extern void *bpf_rdonly_cast(void *object, __u32 btf_id) __ksym __weak;

#define kernel_cast(type, object) \
	((type *)bpf_rdonly_cast((void *)(object), bpf_core_type_id_kernel(type)))

enum suspect {
	BYSTANDER,
	FULL_SOCKET, /* has storage, perhaps ours; or a new subflow of MPTCP */
	PACKET_SOCKET, /* not seen at its creation: the sending task tells */
	NO_SOCKET, /* or one that stands for another: the addresses tell */
};

/* States of sockets that are shorter than struct sock. The fields after their end must
 * not be read.
 */
static __always_inline bool is_short(__u32 state)
{
	return state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT;
}

/* States in which the tag of a TCP socket may be missing: for closed connections the kernel
 * answers through an internal raw socket; an MPTCP subflow that was not tagged when it was
 * made begins with its SYN, or with the one that it receives (SYN_RECV: with data in it).
 */
#define ODD_STATES (1U << TCP_CLOSE | 1U << TCP_SYN_SENT | 1U << TCP_LISTEN | 1U << TCP_SYN_RECV)

static __always_inline bool is_odd(__u32 state)
{
	return 1U << (state & 31) & ODD_STATES;
}

static __always_inline bool is_mptcp(struct sock *sk)
{
	return bpf_core_field_exists(struct tcp_sock, is_mptcp) &&
	       kernel_cast(struct tcp_sock, sk)->is_mptcp;
}

static __always_inline enum suspect suspect_odd(struct sock *sk, __u32 state)
{
	if (state == TCP_CLOSE)
		return sk->sk_type == SOCK_RAW ? NO_SOCKET : BYSTANDER;
	return is_mptcp(sk) ? FULL_SOCKET : BYSTANDER;
}

static __always_inline enum suspect suspect_by_loads(struct sock *sk)
{
	__u32 state, protocol;

	if (unlikely(!sk))
		return NO_SOCKET;
	state = sk->__sk_common.skc_state;
	if (likely(state == TCP_ESTABLISHED)) /* connected, of whatever protocol */
		return unlikely(sk->sk_bpf_storage) ? FULL_SOCKET : BYSTANDER;
	if (unlikely(is_short(state)))
		return NO_SOCKET;
	if (unlikely(sk->sk_bpf_storage))
		return FULL_SOCKET;
	protocol = sk->sk_protocol;
	if (protocol == IPPROTO_UDP)
		return BYSTANDER;
	if (protocol == IPPROTO_TCP)
		return unlikely(is_odd(state)) ? suspect_odd(sk, state) : BYSTANDER;
	return unlikely(sk->__sk_common.skc_family == AF_PACKET) ? PACKET_SOCKET : BYSTANDER;
}

/* The same where the kernel does not let a classifier look at its structures. Whether
 * it is a subflow is left to full_socket_tag().
 */
static __always_inline enum suspect suspect_odd_by_helpers(const struct bpf_sock *sk)
{
	if (sk->state == TCP_CLOSE)
		return sk->type == SOCK_RAW ? NO_SOCKET : BYSTANDER;
	return is_odd(sk->state) ? FULL_SOCKET : BYSTANDER;
}

static __always_inline enum suspect suspect_by_helpers(struct bpf_sock *sk)
{
	if (!sk)
		return NO_SOCKET;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return NO_SOCKET;
	if (bpf_sk_storage_get(&vsh_socks, sk, NULL, 0))
		return FULL_SOCKET;
	if (sk->protocol == IPPROTO_TCP)
		return suspect_odd_by_helpers(sk);
	return sk->family == AF_PACKET ? PACKET_SOCKET : BYSTANDER;
}

/* A raw socket that sends TCP, and is not the kernel's own: nobody answers through it,
 * and what addresses it writes means nothing.
 */
static __always_inline bool is_users_raw_socket(struct __sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ((struct sk_buff *)skb, sk);

	if (!sk || is_short(BPF_CORE_READ(sk, __sk_common.skc_state)))
		return false;
	return BPF_CORE_READ(sk, sk_type) == SOCK_RAW &&
	       BPF_CORE_READ_BITFIELD_PROBED(sk, __sk_common.skc_net_refcnt);
}

/* A SYN-ACK whose listener cannot be a target's. */
static __always_inline bool is_bystanders_request(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb;
	struct sock *sk, *listener;

	if (unlikely(!bpf_cast_to_kern_ctx))
		return false;
	kernel_skb = bpf_cast_to_kern_ctx(skb);
	sk = kernel_skb->sk;
	if (!sk || sk->__sk_common.skc_state != TCP_NEW_SYN_RECV)
		return false;
	listener = kernel_cast(struct sock, sk->__sk_common.skc_flags);
	return !listener->sk_bpf_storage && !is_mptcp(listener);
}

static __always_inline enum suspect suspect_of(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb;

	if (unlikely(!bpf_cast_to_kern_ctx))
		return suspect_by_helpers(skb->sk);
	kernel_skb = bpf_cast_to_kern_ctx(skb);
	return suspect_by_loads(kernel_skb->sk);
}

/* Of the device that the packet is on. The context of a classifier is its
 * struct sk_buff, so the probe read serves where the cast does not exist.
 */
static __always_inline __u64 device_netns_cookie(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb;

	if (unlikely(!bpf_cast_to_kern_ctx))
		return BPF_CORE_READ((struct sk_buff *)skb, dev, nd_net.net, net_cookie);
	kernel_skb = bpf_cast_to_kern_ctx(skb);
	return kernel_skb->dev->nd_net.net->net_cookie;
}

/* Is the packet on a device of its socket's namespace? Elsewhere the numbers of
 * devices mean something else.
 */
static __always_inline bool is_at_home(struct __sk_buff *skb, const struct vsh_owner *owner)
{
	struct sk_buff *kernel_skb;
	struct sock *sk;

	if (unlikely(!bpf_cast_to_kern_ctx))
		return device_netns_cookie(skb) == owner->netns_cookie;
	kernel_skb = bpf_cast_to_kern_ctx(skb);
	sk = kernel_skb->sk;
	return sk && sk->__sk_common.skc_net.net == kernel_skb->dev->nd_net.net;
}

static __always_inline struct vsh_sock *socket_tag(struct bpf_sock *sk)
{
	return sk ? bpf_sk_storage_get(&vsh_socks, sk, NULL, 0) : NULL;
}

/* A subflow of MPTCP takes the rules of the socket that its program has made. It stays
 * stale until it has them, since a listener answers on several processors at the same
 * time, and after that if it has become so once more meanwhile.
 */
static __always_inline struct vsh_sock *subflow_tag(struct bpf_sock *sk, struct vsh_sock *tag)
{
	struct mptcp_sock *mptcp = bpf_skc_to_mptcp_sock(sk);
	__u32 epoch, stale = tag ? READ_ONCE(tag->owner.stale) : 0;
	struct vsh_sock *program;

	program = mptcp ? bpf_sk_storage_get(&vsh_socks, mptcp, NULL, 0) : NULL;
	if (program && !tag)
		tag = subflow_tag_make(sk);
	if (!tag)
		return NULL;
	if (program) {
		epoch = READ_ONCE(program->owner.epoch);
		tag_add(tag, mask_live(program->owner.mask, epoch), epoch,
			program->owner.netns_cookie);
	}
	__sync_val_compare_and_swap(&tag->owner.stale, stale, 0);
	return tag;
}

/* A subflow is looked at when it sends its SYN, or its listener the first SYN-ACK, and
 * when it has become stale; also while it has no rules, for another processor may be
 * about to write them.
 */
static __always_inline struct vsh_sock *full_socket_tag(struct bpf_sock *sk)
{
	struct vsh_sock *tag = socket_tag(sk);

	if (!sk || (tag && tag->owner.mask && !tag->owner.stale))
		return tag;
	return subflow_tag(sk, tag);
}

/* cgroup/sock_create does not run for packet sockets. They send in the context
 * of their process (a forwarded packet has an ingress device): tag them here.
 */
static __always_inline struct vsh_sock *packet_socket_tag(struct __sk_buff *skb, __u64 netns_cookie)
{
	struct vsh_config *config = config_get();
	struct bpf_sock *sk = skb->sk;
	struct vsh_task *task;
	struct vsh_sock *tag;
	__u32 epoch;
	__u64 mask;

	if (!sk || !config || skb->ingress_ifindex)
		return NULL;
	epoch = READ_ONCE(config->epoch);
	task = task_get(bpf_get_current_task_btf()->tgid);
	if (!task)
		return NULL;
	mask = mask_live(task->mask, task->epoch);
	if (!mask)
		return NULL;
	tag = tag_make(sk, mask, VSH_SOCKET_NEW);
	if (tag)
		tag_add(tag, mask, epoch, netns_cookie);
	return tag;
}

/* A packet of TCP that the kernel sends without its socket. */
struct segment {
	struct vsh_flow_key key; /* the addresses of the socket, whatever is on the wire */
	__u64 syn;
};

#define NFCT_INFO 7
#define NFCT_IS_REPLY 3 /* enum ip_conntrack_info: this, and what comes after it */

/* Address translation comes before the device. How the sender has addressed the packet,
 * connection tracking knows: it compares packets of that direction with this tuple.
 */
static __always_inline void flow_key_untranslate(struct __sk_buff *skb, struct vsh_flow_key *key)
{
	struct sk_buff *kernel_skb = (struct sk_buff *)skb;
	struct nf_conntrack_tuple *tuple;
	struct nf_conn *connection;
	unsigned long nfct;

	if (!bpf_core_field_exists(kernel_skb->_nfct) || !bpf_core_type_exists(struct nf_conn))
		return;
	nfct = BPF_CORE_READ(kernel_skb, _nfct);
	connection = (void *)(nfct & ~(unsigned long)NFCT_INFO);
	if (!connection)
		return;
	tuple = (nfct & NFCT_INFO) >= NFCT_IS_REPLY ? &connection->tuplehash[1].tuple
						    : &connection->tuplehash[0].tuple;
	if (BPF_CORE_READ(tuple, src.l3num) != key->family)
		return;
	BPF_CORE_READ_INTO(&key->saddr, tuple, src.u3.all);
	BPF_CORE_READ_INTO(&key->daddr, tuple, dst.u3.all);
	key->sport = BPF_CORE_READ(tuple, src.u.all);
	key->dport = BPF_CORE_READ(tuple, dst.u.all);
}

static __always_inline void flow_key_fill(const struct headers *headers, struct vsh_flow_key *key)
{
	key->family = headers->version == 4 ? AF_INET : AF_INET6;
	__builtin_memcpy(key->saddr, headers->saddr, sizeof(key->saddr));
	__builtin_memcpy(key->daddr, headers->daddr, sizeof(key->daddr));
	key->sport = headers->sport;
	key->dport = headers->dport;
}

/* False: not the first fragment of a TCP segment. A listening socket puts the extension headers
 * that it was given (IPV6_DSTOPTS and others) into its SYN-ACKs. Global, so that it is verified
 * once and not at every call.
 */
__noinline bool segment_read(struct __sk_buff *skb, struct segment *segment)
{
	struct packet packet = packet_of_network(skb);
	struct headers headers = {};

	if (!segment || headers_parse(&packet, &headers) != HEADERS_IP)
		return false;
	if (headers.protocol != IPPROTO_TCP || !tcp_parse(&packet, &headers))
		return false;
	flow_key_fill(&headers, &segment->key);
	segment->syn = headers.tcp_flags & TCP_FLAG_SYN;
	flow_key_untranslate(skb, &segment->key);
	return true;
}

/* The socket that would receive the answer: for a SYN-ACK with a SYN cookie that is the
 * listener. To be released.
 */
static __always_inline struct bpf_sock *flow_socket(struct __sk_buff *skb,
						    const struct vsh_flow_key *key)
{
	struct bpf_sock_tuple tuple = {};

	if (key->family == AF_INET) {
		tuple.ipv4.saddr = key->daddr[0];
		tuple.ipv4.daddr = key->saddr[0];
		tuple.ipv4.sport = key->dport;
		tuple.ipv4.dport = key->sport;
		return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, key->daddr, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, key->saddr, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = key->dport;
	tuple.ipv6.dport = key->sport;
	return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

#endif
