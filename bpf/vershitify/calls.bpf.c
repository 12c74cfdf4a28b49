// SPDX-License-Identifier: GPL-2.0-only
/* Calls that fail: connect(2), bind(2), and sendto(2) of sockets that are not connected.
 *
 * An object of its own: its programs run at each such call of everybody, so that they are
 * attached to the root cgroup as long as a rule needs them. An error that a program before
 * these has set stays as it is, and is not counted here.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "judge.bpf.h"
#include "owner.bpf.h"
#include "select.bpf.h"

#define CALL_REFUSED 0
#define CALL_GOES_ON 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, struct vsh_call_counts);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_calls SEC(".maps");

/* A call, and the rules that are still to be asked about it. */
struct call {
	__u64 mask;
	__u64 netns_cookie;
	__u32 epoch; /* of the owner */
	__u32 kind; /* enum vsh_call */
	int found; /* index of a rule, or -1 */
	__u32 pad;
	struct vsh_subject subject;
};

/* A call has no device yet, so that those of the rule do not matter. */
static __always_inline bool rule_is_for_call(const struct vsh_rule *rule, __u32 id,
					     const struct call *call)
{
	return rule_is_of(rule, call->epoch) && !(rule->needs & VSH_ORPHANED) &&
	       rule->netns_cookie == call->netns_cookie &&
	       (rule->hooks & VSH_CALL_HOOK(call->kind)) && rule_is_on(rule) &&
	       (!(rule->needs & VSH_SELECTS) || rule_selects(id, &call->subject));
}

static long call_try(__u32 i, void *context)
{
	struct call *call = context;
	struct vsh_rule *rule;
	__u32 id;

	if (!call->mask)
		return 1;
	id = lowest_bit(call->mask);
	call->mask &= call->mask - 1;
	rule = rule_get(id);
	if (!rule || !rule_is_for_call(rule, id, call))
		return 0;
	call->found = id;
	return 1;
}

/* The process can be interrupted by another one on its CPU. */
static __always_inline void call_count(__u32 id, __u32 kind, bool failed)
{
	struct vsh_call_counts *counts = bpf_map_lookup_elem(&vsh_calls, &id);

	if (!counts || kind >= VSH_CALLS)
		return;
	__sync_fetch_and_add(&counts->calls[kind].seen, 1);
	if (failed)
		__sync_fetch_and_add(&counts->calls[kind].failed, 1);
}

/* Returns the error with which the first rule that takes the call makes it fail, or 0. */
static __always_inline __u32 call_fails(struct vsh_sock *tag, struct call *call)
{
	const struct vsh_failure *failure;
	struct vsh_label *label;
	struct vsh_rule *rule;
	bool fails;
	__u32 id;

	call->found = -1;
	call->epoch = READ_ONCE(tag->owner.epoch);
	call->mask = READ_ONCE(tag->owner.mask);
	call->netns_cookie = tag->owner.netns_cookie;
	bpf_loop(VSH_RULES_MAX, call_try, call, 0);
	id = call->found;
	rule = rule_get(id);
	label = bpf_map_lookup_elem(&vsh_labels, &id);
	if (!rule || !label || call->kind >= VSH_CALLS)
		return 0;
	failure = &label->failures[call->kind];
	fails = failure->error && call_draw(rule, id, tag, call->kind) < failure->threshold;
	call_count(id, call->kind, fails);
	return fails ? failure->error : 0;
}

/* What the call says of itself: the address to connect or send to, or to bind. */
static __always_inline void subject_of_call(struct bpf_sock_addr *ctx, struct call *call)
{
	struct vsh_subject *subject = &call->subject;
	bool local = call->kind == VSH_BIND;
	__u32 protocol = ctx->protocol;

	subject->known |= SUBJECT_READ | 1 << (local ? VSH_ASK_SRC : VSH_ASK_DST);
	number_know(subject, VSH_ASK_PROTO, protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol);
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP || protocol == IPPROTO_UDP)
		number_know(subject, local ? VSH_ASK_SPORT : VSH_ASK_DPORT,
			    bpf_ntohs(ctx->user_port));
}

static __always_inline int call_judge(struct bpf_sock_addr *ctx, struct call *call)
{
	struct vsh_sock *tag = full_socket_tag(ctx->sk);
	__u32 error;

	if (likely(!tag || !tag->owner.mask) || bpf_get_retval())
		return CALL_GOES_ON;
	subject_of_call(ctx, call);
	error = call_fails(tag, call);
	if (!error)
		return CALL_GOES_ON;
	bpf_set_retval(-(int)error);
	return CALL_REFUSED;
}

static __always_inline int call_judge4(struct bpf_sock_addr *ctx, __u32 kind)
{
	struct call call = { .kind = kind, .subject.version = 4 };

	call.subject.address[kind != VSH_BIND][0] = ctx->user_ip4;
	return call_judge(ctx, &call);
}

/* An IPv6 socket reaches IPv4 by ::ffff:0:0/96. */
static __always_inline int call_judge6(struct bpf_sock_addr *ctx, __u32 kind)
{
	struct call call = { .kind = kind, .subject.version = 6 };
	__u32 *address = call.subject.address[kind != VSH_BIND];

	address[0] = ctx->user_ip6[0];
	address[1] = ctx->user_ip6[1];
	address[2] = ctx->user_ip6[2];
	address[3] = ctx->user_ip6[3];
	if (!address[0] && !address[1] && address[2] == bpf_htonl(0xffff)) {
		call.subject.version = 4;
		address[0] = address[3];
		address[2] = address[3] = 0;
	}
	return call_judge(ctx, &call);
}

SEC("cgroup/connect4")
int vsh_connect4(struct bpf_sock_addr *ctx)
{
	return call_judge4(ctx, VSH_CONNECT);
}

SEC("cgroup/connect6")
int vsh_connect6(struct bpf_sock_addr *ctx)
{
	return call_judge6(ctx, VSH_CONNECT);
}

SEC("cgroup/bind4")
int vsh_bind4(struct bpf_sock_addr *ctx)
{
	return call_judge4(ctx, VSH_BIND);
}

SEC("cgroup/bind6")
int vsh_bind6(struct bpf_sock_addr *ctx)
{
	return call_judge6(ctx, VSH_BIND);
}

SEC("cgroup/sendmsg4")
int vsh_sendmsg4(struct bpf_sock_addr *ctx)
{
	return call_judge4(ctx, VSH_SEND);
}

SEC("cgroup/sendmsg6")
int vsh_sendmsg6(struct bpf_sock_addr *ctx)
{
	return call_judge6(ctx, VSH_SEND);
}

char _license[] SEC("license") = "GPL";
