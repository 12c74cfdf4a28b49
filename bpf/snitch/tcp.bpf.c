// SPDX-License-Identifier: GPL-2.0-only
/* snitch's programs that watch TCP itself: states, retransmissions, resets, each with its process.
 *
 * A socket is known by its address, from the state with which it begins until it is freed: a reset is sent
 * after the state was set to TCP_CLOSE. What nobody asks for is not followed: it costs a look into a map.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "call.bpf.h"
#include "tcp.h"
#include "vershitify.h"
#include "whose.bpf.h"

#define TCP_CA_RECOVERY 3 /* enum tcp_ca_state */
#define TCP_CA_LOSS 4
#define ICSK_TIME_LOSS_PROBE 5

const volatile struct snt_tcp_settings settings SEC(".rodata.tcp");
struct snt_tcp_counts counts;

/* What rules have dropped, one way, and what has not arrived since. */
struct gap {
	__u64 since_ns; /* 0: there is none */
	__u32 end; /* sequence number after it */
	__u32 pad;
};

/* A socket that is followed. */
struct party {
	__u64 number;
	struct snt_process process;
	struct gap gaps[SNT_TCP_WAYS];
	__u32 state; /* that was told last */
	__u32 is_unaccepted; /* whose it will be is not known yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SNT_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the socket */
	__type(value, struct party);
} snt_parties SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SNT_RING_BYTES);
} snt_tcp_events SEC(".maps");

/* vershitify's, if there is a mask. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, VSH_TASKS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct vsh_task);
} snt_tasks SEC(".maps");

/* vershitify's, put there by the helper while that is set up. */
struct dropped {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_DROPPED_CPUS);
	__type(key, __u32);
	__type(value, struct vsh_dropped);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct dropped);
} snt_dropped SEC(".maps");

/* The serial number of the drop that was taken last on this processor. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} snt_taken SEC(".maps");

/* --- whom to follow --------------------------------------------------------------------------- */

static __always_inline struct party *party_of(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&snt_parties, &key);
}

static __always_inline void party_forget(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&snt_parties, &key);
}

static __always_inline bool is_target(const struct snt_process *process)
{
	struct vsh_task *task;

	if (!settings.mask)
		return true;
	task = bpf_map_lookup_elem(&snt_tasks, &process->pid);
	return task && task->mask & settings.mask;
}

static __always_inline bool is_followed(const struct snt_process *process)
{
	return process_is_wanted(process) && is_target(process);
}

static __always_inline void party_begin(struct sock *sk, struct party *new)
{
	__u64 key = (__u64)sk;

	if (!socket_is_wanted(sk) || (!new->is_unaccepted && !is_followed(&new->process)))
		return;
	new->number = __sync_fetch_and_add(&counts.sockets, 1) + 1;
	if (bpf_map_update_elem(&snt_parties, &key, new, BPF_ANY))
		__sync_fetch_and_add(&counts.unfollowed, 1);
}

static __always_inline void party_begin_here(struct sock *sk, __u32 state)
{
	struct party new = { .state = state };

	process_current(&new.process);
	party_begin(sk, &new);
}

static __always_inline void party_begin_passive(struct sock *sk, __u32 state)
{
	struct party new = { .state = state, .is_unaccepted = 1 };
	struct snt_process *listener = listener_of(sk);

	if (listener)
		new.process = *listener;
	party_begin(sk, &new);
}

/* --- events ----------------------------------------------------------------------------------- */

static __always_inline struct snt_tcp_event *event_begin(struct sock *sk, struct party *party,
							 __u32 kind)
{
	struct snt_tcp_event *event;

	/* A process that may be a target's has ended by now, perhaps. */
	if (party->is_unaccepted && !is_followed(&party->process))
		return NULL;
	event = bpf_ringbuf_reserve(&snt_tcp_events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&counts.lost, 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->number = party->number;
	event->process = party->process;
	event->netns_cookie = netns_of(sk);
	addresses_read(sk, (__u32 *)event->local, (__u32 *)event->remote);
	event->local_port = local_port_of(sk);
	event->remote_port = remote_port_of(sk);
	return event;
}

/* --- what was dropped and has arrived all the same --------------------------------------------- */

static __always_inline bool is_before(__u32 one, __u32 other)
{
	return (__s32)(one - other) < 0;
}

static __noinline void gap_close(struct sock *sk, struct party *party, __u32 way)
{
	struct snt_tcp_event *event = event_begin(sk, party, SNT_TCP_GOOD);
	struct gap *gap = &party->gaps[way % SNT_TCP_WAYS];

	if (event) {
		event->way = way;
		event->lasted_ns = event->time_ns - gap->since_ns;
		bpf_ringbuf_submit(event, 0);
	}
	gap->since_ns = 0;
}

/* acknowledged, received: up to which sequence number; before the other side's first one is known, 0. */
static __always_inline void gaps_look(struct sock *sk, struct party *party, __u32 acknowledged,
				      __u32 received)
{
	struct gap *out = &party->gaps[SNT_TCP_OUT], *in = &party->gaps[SNT_TCP_IN];

	if (out->since_ns && !is_before(acknowledged, out->end))
		gap_close(sk, party, SNT_TCP_OUT);
	if (in->since_ns && received && !is_before(received, in->end))
		gap_close(sk, party, SNT_TCP_IN);
}

static __always_inline bool has_gap(struct party *party)
{
	return party->gaps[SNT_TCP_OUT].since_ns || party->gaps[SNT_TCP_IN].since_ns;
}

static __always_inline void gaps_look_now(struct sock *sk, struct party *party)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (has_gap(party))
		gaps_look(sk, party, BPF_CORE_READ(tcp, snd_una), BPF_CORE_READ(tcp, rcv_nxt));
}

/* --- states ----------------------------------------------------------------------------------- */

static __noinline void state_tell(struct sock *sk, struct party *party, int old, int new)
{
	struct snt_tcp_event *event = event_begin(sk, party, SNT_TCP_STATE);

	if (!event)
		return;
	event->before = old;
	event->after = new;
	event->error = new == TCP_CLOSE ? BPF_CORE_READ(sk, sk_err) : 0;
	bpf_ringbuf_submit(event, 0);
}

/* Of a socket that the other side has connected to, the addresses are complete with ESTABLISHED, and no sooner. */
static __always_inline bool is_beginning(struct party *party, int old, int new)
{
	if (old == TCP_CLOSE)
		return new == TCP_SYN_SENT || new == TCP_LISTEN;
	return new == TCP_ESTABLISHED &&old == TCP_SYN_RECV &&
	       (!party || party->state != TCP_SYN_RECV);
}

/* Whatever has had this address before is gone. */
static __always_inline void party_replace(struct sock *sk, int old, int new)
{
	party_forget(sk);
	if (new == TCP_LISTEN)
		listener_note(sk, (struct task_struct *)bpf_get_current_task());
	if (new == TCP_ESTABLISHED)
		party_begin_passive(sk, old);
	else
		party_begin_here(sk, old);
}

/* Of two programs that see a change, the second finds it told. */
static __always_inline int state_set(struct sock *sk, int old, int new)
{
	struct party *party;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	party = party_of(sk);
	if (party && party->state == (__u32) new)
		return 0;
	if (is_beginning(party, old, new)) {
		party_replace(sk, old, new);
		party = party_of(sk);
	}
	if (!party)
		return 0;
	gaps_look_now(sk, party);
	party->state = new;
	state_tell(sk, party, old, new);
	return 0;
}

/* A program that a packet's arrival has interrupted is not run for that packet: of two one always is. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(snt_tcp_state, struct sock *sk, int old, int new)
{
	return state_set(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(snt_tcp_nested, struct sock *sk, int old, int new)
{
	return state_set(sk, old, new);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(snt_tcp_gone, struct sock *sk)
{
	party_forget(sk);
	return 0;
}

/* --- retransmissions -------------------------------------------------------------------------- */

/* The timer of the probe can run during a recovery as well, but a probe is sent only outside of one. */
static __always_inline enum snt_tcp_cause cause_of(struct sock *sk)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	__u32 state = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);

	if (state == TCP_CA_LOSS)
		return SNT_TCP_RTO;
	if (state == TCP_CA_RECOVERY)
		return SNT_TCP_FAST;
	return BPF_CORE_READ(icsk, icsk_pending) == ICSK_TIME_LOSS_PROBE ? SNT_TCP_TLP
									 : SNT_TCP_OTHER;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(snt_tcp_again, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *segment = (struct tcp_skb_cb *)skb->cb;
	struct party *party = party_of(sk);
	struct snt_tcp_event *event;

	if (!party || (settings.again_has_error && (int)ctx[2]))
		return 0;
	gaps_look_now(sk, party);
	event = event_begin(sk, party, SNT_TCP_AGAIN);
	if (!event)
		return 0;
	event->cause = cause_of(sk);
	event->sequence = BPF_CORE_READ(segment, seq);
	event->bytes = BPF_CORE_READ(segment, end_seq) - event->sequence;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* --- resets ----------------------------------------------------------------------------------- */

static __always_inline int reset_tell(struct sock *sk, __u32 kind, __u32 reason)
{
	struct party *party = party_of(sk);
	struct snt_tcp_event *event = party ? event_begin(sk, party, kind) : NULL;

	if (!event)
		return 0;
	event->reason = reason;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Without a socket it is nobody's. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(snt_tcp_rst_out, struct sock *sk)
{
	return sk ? reset_tell(sk, SNT_TCP_RESET_OUT, settings.reset_has_reason ? ctx[2] : 0) : 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(snt_tcp_rst_in, struct sock *sk)
{
	return reset_tell(sk, SNT_TCP_RESET_IN, 0);
}

/* --- drops by rules --------------------------------------------------------------------------- */

/* What a TCP header says, in the order of the wire. */
struct segment {
	__be16 ports[2];
	__be32 sequence;
	__be32 acknowledged;
	__u8 length; /* upper half: of the header, in units of 4 bytes */
	__u8 flags;
};

#define SEGMENT_FIN 0x01
#define SEGMENT_SYN 0x02

/* The part of a packet that TCP has numbers for. */
struct span {
	__u32 sequence;
	__u32 bytes;
};

static __always_inline struct span span_of(struct sk_buff *skb)
{
	__u64 transport = (__u64)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__u64 end = (__u64)BPF_CORE_READ(skb, data) + BPF_CORE_READ(skb, len);
	struct segment segment = {};
	__u32 payload;

	bpf_probe_read_kernel(&segment, sizeof(segment), (void *)transport);
	payload = end - transport - (segment.length >> 4) * 4;
	return (struct span){
		.sequence = bpf_ntohl(segment.sequence),
		.bytes =
			payload + !!(segment.flags & SEGMENT_SYN) + !!(segment.flags & SEGMENT_FIN),
	};
}

static __always_inline bool is_inside(struct sk_buff *skb, __u64 address)
{
	return address >= (__u64)skb->head && address < (__u64)skb->head + skb->end;
}

/* Has a rule dropped this packet, just now on this processor? Numbers that are left out were of packets that
 * this has not seen.
 */
static __always_inline bool verdict_take(struct sk_buff *skb, struct vsh_dropped *verdict)
{
	__u32 zero = 0, slot = bpf_get_smp_processor_id() % VSH_DROPPED_CPUS;
	void *map = bpf_map_lookup_elem(&snt_dropped, &zero);
	struct vsh_dropped *dropped = map ? bpf_map_lookup_elem(map, &slot) : NULL;
	__u32 *taken = bpf_map_lookup_elem(&snt_taken, &zero);

	if (!dropped || !taken || dropped->serial == *taken || !is_inside(skb, dropped->address))
		return false;
	*verdict = *dropped;
	if (*taken && verdict->serial - *taken > 1)
		__sync_fetch_and_add(&counts.lost, verdict->serial - *taken - 1);
	*taken = verdict->serial;
	return true;
}

/* What is sent for the first time begins where nothing was sent yet: the kernel counts it afterwards. */
static __always_inline bool was_sent(struct sock *sk, const struct span *span)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	return span->bytes && is_before(span->sequence, BPF_CORE_READ(tcp, snd_nxt));
}

static __always_inline void gap_open(struct party *party, __u32 way, const struct span *span)
{
	struct gap *gap = &party->gaps[way % SNT_TCP_WAYS];
	__u32 end = span->sequence + span->bytes;

	if (!span->bytes)
		return;
	if (!gap->since_ns || is_before(gap->end, end))
		gap->end = end;
	if (gap->since_ns)
		return;
	gap->since_ns = bpf_ktime_get_boot_ns();
	__sync_fetch_and_add(&counts.gaps, 1);
}

static __noinline void drop_tell(struct sk_buff *skb, const struct vsh_dropped *verdict)
{
	struct sock *sk = (struct sock *)verdict->socket;
	struct party *party = party_of(sk);
	struct span span = span_of(skb);
	__u32 way = skb->skb_iif ? SNT_TCP_IN : SNT_TCP_OUT;
	struct snt_tcp_event *event = party ? event_begin(sk, party, SNT_TCP_DROPPED) : NULL;

	if (!event)
		return;
	event->way = way;
	event->is_again = way == SNT_TCP_OUT && was_sent(sk, &span);
	event->rule = verdict->rule + 1;
	event->reason = verdict->reason;
	event->sequence = span.sequence;
	event->bytes = span.bytes;
	bpf_ringbuf_submit(event, 0);
	if (party->state != TCP_LISTEN)
		gap_open(party, way, &span);
}

static __always_inline int freed(struct sk_buff *skb)
{
	struct vsh_dropped verdict = {};

	if (verdict_take(skb, &verdict))
		drop_tell(skb, &verdict);
	return 0;
}

SEC("tp_btf/consume_skb")
int BPF_PROG(snt_tcp_stolen, struct sk_buff *skb)
{
	return freed(skb);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(snt_tcp_shot, struct sk_buff *skb)
{
	return freed(skb);
}

/* The packet is on its way into the socket. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(snt_tcp_arrival, struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *segment = (struct tcp_skb_cb *)skb->cb;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct party *party;
	__u32 received;

	/* Everybody's segments come by here. */
	if (!*(volatile __u64 *)&counts.gaps)
		return 0;
	party = party_of(sk);
	if (!party || !has_gap(party))
		return 0;
	received = BPF_CORE_READ(tcp, rcv_nxt);
	if (!is_before(received, BPF_CORE_READ(segment, seq)) &&
	    is_before(received, BPF_CORE_READ(segment, end_seq)))
		received = BPF_CORE_READ(segment, end_seq);
	gaps_look(sk, party, BPF_CORE_READ(segment, ack_seq), received);
	return 0;
}

/* --- who accepts ------------------------------------------------------------------------------ */

SEC("tp_btf/sys_exit")
int BPF_PROG(snt_tcp_exit, struct pt_regs *regs, long result)
{
	__u32 number = call_number(regs);
	struct party *party;
	struct sock *sk;

	if ((number != filter.nr_accept && number != filter.nr_accept4) || result < 0)
		return 0;
	sk = socket_at(result);
	party = party_of(sk);
	if (!party || !party->is_unaccepted)
		return 0;
	process_current(&party->process);
	party->is_unaccepted = 0;
	if (!is_followed(&party->process))
		party_forget(sk);
	return 0;
}

/* --- what was open before ---------------------------------------------------------------------- */

static __always_inline bool is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_type) == SOCK_STREAM &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

SEC("iter/task_file")
int snt_tcp_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket = file ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? BPF_CORE_READ(socket, sk) : NULL;
	struct party new = {};

	if (!sk || !task || !is_tcp(sk))
		return 0;
	new.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (new.state == TCP_LISTEN)
		listener_note(sk, task);
	if (new.state == TCP_CLOSE || party_of(sk))
		return 0;
	process_of(task, &new.process);
	party_begin(sk, &new);
	/* The file holds the socket meanwhile, which can be closed all the same. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		party_forget(sk);
	return 0;
}

char _license[] SEC("license") = "GPL";
