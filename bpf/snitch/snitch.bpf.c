// SPDX-License-Identifier: GPL-2.0-only
/* snitch's programs: which process connects where, and what becomes of it.
 *
 * A TCP connection is known by the address of its socket, from the state that it enters first to TCP_CLOSE,
 * which each of them enters. States change in the right process only when a connection begins (SYN_SENT);
 * who accepts is seen at the exit of accept(2). An error before the first state is paired with the exit of
 * connect(2). Payload is counted by the kernel itself, and read when there is something to tell.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "call.bpf.h"
#include "snitch.h"
#include "tell.bpf.h"
#include "udp.bpf.h"
#include "whose.bpf.h"

#define EINPROGRESS 115
#define ERRNO_MAX 4095
#define PF_IO_WORKER 0x10 /* of io_uring: it exits no system call, as the kernel's own threads */

/* A connection that is followed. */
struct connection {
	__u64 number;
	__u64 begun_ns;
	__u64 told_sent; /* by the events so far */
	__u64 told_received;
	struct snt_process process;
	__u8 is_passive;
	__u8 is_accepted;
	__u8 is_open;
	__u8 is_older;
	__u8 side; /* enum snt_side */
	__u8 is_reset; /* by this side */
	__u8 pad[2];
	__u64 round; /* of looking, in which it was told of last */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SNT_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); /* address of the socket */
	__type(value, struct connection);
} snt_open SEC(".maps");

/* A thread in connect(2), whose connection has no state yet; or in a call that connects as well and whose exit is
 * not looked at: such a one stays behind, until there is no room.
 */
struct attempt {
	__u64 begun_ns;
	__u64 cookie; /* of the socket */
	__u64 netns_cookie;
	__u32 remote[4];
	__u16 remote_port; /* network byte order */
	__u16 protocol;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SNT_CONNECTING_MAX);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct attempt);
} snt_connecting SEC(".maps");

enum sock_flags___snitch {
	SOCK_DONE___snitch = 1
};

/* The kernel counts the FIN as a byte that has come, and notes that it has. */
static __always_inline bool fin_has_come(struct sock *sk)
{
	int bit = bpf_core_enum_value(enum sock_flags___snitch, SOCK_DONE___snitch);

	return BPF_CORE_READ(sk, __sk_common.skc_flags) >> bit & 1;
}

struct amount {
	__u64 sent;
	__u64 received;
};

/* What is taken away is read last: the kernel may change both meanwhile, and what is too little now is told the
 * next time.
 */
static __always_inline struct amount amount_of(struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct amount amount;
	__u64 again;

	amount.sent = BPF_CORE_READ(tcp, bytes_sent);
	amount.received = BPF_CORE_READ(tcp, bytes_received);
	again = BPF_CORE_READ(tcp, bytes_retrans);
	amount.sent = less(amount.sent, again);
	amount.received = less(amount.received, fin_has_come(sk));
	return amount;
}

static __always_inline void socket_tell(struct snt_event *event, struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	addresses_read(sk, (__u32 *)event->local, (__u32 *)event->remote);
	event->local_port = local_port_of(sk);
	event->remote_port = remote_port_of(sk);
	event->netns_cookie = netns_of(sk);
	event->protocol = IPPROTO_TCP;
	event->retransmits = BPF_CORE_READ(tcp, total_retrans);
	event->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
}

static __always_inline void connection_tell(struct snt_event *event, struct connection *connection)
{
	event->begun_ns = connection->begun_ns;
	event->number = connection->number;
	event->process = connection->process;
	event->is_passive = connection->is_passive;
	event->is_older = connection->is_older;
	event->is_reset = connection->is_reset;
	event->side = connection->side;
}

static __always_inline void amount_tell(struct snt_event *event, struct connection *connection,
					struct amount amount)
{
	event->sent = amount.sent;
	event->received = amount.received;
	/* At its beginning nothing is summed yet. */
	if (event->kind == SNT_ENDED || event->kind == SNT_TRAFFIC || event->kind == SNT_OPEN) {
		event->sent_new = new_take(&connection->told_sent, amount.sent);
		event->received_new = new_take(&connection->told_received, amount.received);
	}
}

static __noinline void tell(struct sock *sk, struct connection *connection, __u32 kind, __u32 error)
{
	struct snt_event *event;

	if (!is_wanted(&connection->process, error || connection->is_reset, kind) ||
	    !direction_is_wanted(connection->is_passive))
		return;
	event = event_begin(kind);
	if (!event)
		return;
	event->error = error;
	socket_tell(event, sk);
	connection_tell(event, connection);
	amount_tell(event, connection, amount_of(sk));
	bpf_ringbuf_submit(event, 0);
}

/* --- connections ------------------------------------------------------------------------------ */

static __always_inline struct connection *connection_of(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&snt_open, &key);
}

static __always_inline void connection_forget(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&snt_open, &key);
}

static __always_inline struct connection *connection_begin(struct sock *sk, struct connection *new,
							   __u64 how)
{
	__u64 key = (__u64)sk;
	int err; /* an int: older kernels leave the upper half of the result zero */

	if (!socket_is_wanted(sk))
		return NULL;
	new->number = __sync_fetch_and_add(&counts.connections, 1) + 1;
	new->begun_ns = bpf_ktime_get_boot_ns();
	err = bpf_map_update_elem(&snt_open, &key, new, how);
	if (err == -EEXIST)
		return NULL;
	if (err) {
		__sync_fetch_and_add(&counts.unfollowed, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&snt_open, &key);
}

static __always_inline void connecting_begin(const struct attempt *attempt)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (!(BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_KTHREAD)))
		bpf_map_update_elem(&snt_connecting, &thread, attempt, BPF_ANY);
}

static __always_inline void began(struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct connection new = {};

	if (connection_of(sk))
		return;
	bpf_map_delete_elem(&snt_connecting, &thread);
	process_current(&new.process);
	connection_begin(sk, &new, BPF_ANY);
}

static __always_inline void came_in(struct sock *sk)
{
	struct connection new = { .is_passive = 1, .is_open = 1 };
	struct snt_process *listener = listener_of(sk);
	struct connection *connection;

	if (listener)
		new.process = *listener;
	connection = connection_begin(sk, &new, BPF_ANY);
	if (connection)
		tell(sk, connection, SNT_INCOMING, 0);
}

static __always_inline void established(struct sock *sk, int old)
{
	struct connection *connection = connection_of(sk);

	if (old == TCP_SYN_RECV && !connection) {
		came_in(sk);
	} else if (connection && !connection->is_open) {
		connection->is_open = 1;
		tell(sk, connection, SNT_CONNECTED, 0);
	}
}

/* connect(2) undoes its own first step and then returns the error. */
static __always_inline bool is_undone(struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	return socket && BPF_CORE_READ(socket, state) == SS_UNCONNECTED;
}

static __always_inline __u64 cookie_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

static __always_inline void attempt_again(struct sock *sk, struct connection *connection)
{
	struct attempt attempt = {
		.begun_ns = connection->begun_ns,
		.cookie = cookie_of(sk),
		.netns_cookie = netns_of(sk),
		.protocol = IPPROTO_TCP,
	};
	__u32 local[4];

	addresses_read(sk, local, attempt.remote);
	attempt.remote_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	connecting_begin(&attempt);
}

/* One that goes from established to closed without a FIN, and without an error, was reset by this side. */
static __always_inline void ended(struct sock *sk, int old)
{
	struct connection *connection = connection_of(sk);
	__u32 error = BPF_CORE_READ(sk, sk_err);

	if (!connection)
		return;
	connection->is_reset = old == TCP_ESTABLISHED && !error;
	if (connection->side == SNT_NOBODY)
		connection->side = error ? SNT_REMOTE : SNT_LOCAL;
	if (connection->is_open)
		tell(sk, connection, SNT_ENDED, error);
	else if (!error && is_undone(sk))
		attempt_again(sk, connection);
	else
		tell(sk, connection, SNT_FAILED, error);
	connection_forget(sk);
}

static __always_inline void side_note(struct sock *sk, enum snt_side side)
{
	struct connection *connection = connection_of(sk);

	if (connection && connection->side == SNT_NOBODY)
		connection->side = side;
}

static __always_inline int state_set(struct sock *sk, int old, int new)
{
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP || !protocol_is_wanted(IPPROTO_TCP))
		return 0;
	switch (new) {
	case TCP_SYN_SENT:
		began(sk);
		break;
	case TCP_LISTEN:
		listener_note(sk, (struct task_struct *)bpf_get_current_task());
		break;
	case TCP_ESTABLISHED:
		established(sk, old);
		break;
	case TCP_FIN_WAIT1:
		side_note(sk, SNT_LOCAL);
		break;
	case TCP_CLOSE_WAIT:
		side_note(sk, SNT_REMOTE);
		break;
	case TCP_CLOSE:
		ended(sk, old);
		break;
	}
	return 0;
}

/* A program that a packet's arrival has interrupted is not run for that packet, or 1 in 10,000 changes would
 * be missed on a busy machine. Of two one always is: what the other has done already is not done again.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(snt_state, struct sock *sk, int old, int new)
{
	return state_set(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(snt_nested, struct sock *sk, int old, int new)
{
	return state_set(sk, old, new);
}

/* --- system calls ----------------------------------------------------------------------------- */

/* Every connect(2) is allowed: these only look. */
static __always_inline int attempt_note(struct bpf_sock_addr *ctx, struct attempt *attempt)
{
	struct bpf_sock *sk = ctx->sk;

	if (ctx->protocol != IPPROTO_TCP || !protocol_is_wanted(IPPROTO_TCP))
		return 1;
	if (filter.owned && (!sk || !is_targets_socket(sk)))
		return 1;
	attempt->begun_ns = bpf_ktime_get_boot_ns();
	attempt->cookie = bpf_get_socket_cookie(ctx);
	attempt->netns_cookie = bpf_get_netns_cookie(ctx);
	attempt->remote_port = ctx->user_port;
	attempt->protocol = IPPROTO_TCP;
	if (place_is_wanted(attempt->netns_cookie, attempt->remote, 0,
			    bpf_ntohs(attempt->remote_port)))
		connecting_begin(attempt);
	return 1;
}

SEC("cgroup/connect4")
int snt_connect4(struct bpf_sock_addr *ctx)
{
	struct attempt attempt = {};

	mapped_write(attempt.remote, ctx->user_ip4);
	return attempt_note(ctx, &attempt);
}

SEC("cgroup/connect6")
int snt_connect6(struct bpf_sock_addr *ctx)
{
	struct attempt attempt = {};

	attempt.remote[0] = ctx->user_ip6[0];
	attempt.remote[1] = ctx->user_ip6[1];
	attempt.remote[2] = ctx->user_ip6[2];
	attempt.remote[3] = ctx->user_ip6[3];
	return attempt_note(ctx, &attempt);
}

static __always_inline void attempt_tell(const struct attempt *attempt, __u32 error)
{
	struct snt_process process = {};
	struct snt_event *event;

	process_current(&process);
	if (!is_wanted(&process, true, SNT_FAILED) || !direction_is_wanted(false))
		return;
	event = event_begin(SNT_FAILED);
	if (!event)
		return;
	event->begun_ns = attempt->begun_ns;
	event->netns_cookie = attempt->netns_cookie;
	event->process = process;
	__builtin_memcpy(event->remote, attempt->remote, sizeof(event->remote));
	event->remote_port = bpf_ntohs(attempt->remote_port);
	event->protocol = attempt->protocol;
	event->error = error;
	bpf_ringbuf_submit(event, 0);
}

/* An attempt that is still there has got no further; or it is of another call of the thread. */
static __always_inline void connect_returned(unsigned int descriptor, long result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct attempt *attempt = bpf_map_lookup_elem(&snt_connecting, &thread);

	if (!attempt)
		return;
	if (result < 0 && result >= -ERRNO_MAX && result != -EINPROGRESS &&
	    attempt->cookie == cookie_of(socket_at(descriptor)))
		attempt_tell(attempt, -result);
	bpf_map_delete_elem(&snt_connecting, &thread);
}

/* Of a file that is no socket this finds nothing, since nothing is followed by that address. */
static __always_inline void accept_returned(unsigned int descriptor)
{
	struct sock *sk = socket_at(descriptor);
	struct connection *connection = connection_of(sk);

	if (!connection || !connection->is_passive || connection->is_accepted)
		return;
	connection->is_accepted = 1;
	process_current(&connection->process);
	tell(sk, connection, SNT_ACCEPTED, 0);
}

/* Of nearly all calls it is the number alone that is looked at, which no other processor has. */
SEC("tp_btf/sys_exit")
int BPF_PROG(snt_exit, struct pt_regs *regs, long result)
{
	__u32 number = call_number(regs);

	if (number == filter.nr_connect)
		connect_returned(call_argument(regs), result);
	else if ((number == filter.nr_accept || number == filter.nr_accept4) && result >= 0)
		accept_returned(result);
	return 0;
}

/* --- what was open before ---------------------------------------------------------------------- */

/* The file holds the socket meanwhile, which can be closed all the same. */
static __always_inline void older_begin(struct sock *sk, struct task_struct *task)
{
	struct connection new = { .is_open = 1, .is_accepted = 1, .is_older = 1 };
	struct amount amount = amount_of(sk);

	new.told_sent = amount.sent;
	new.told_received = amount.received;
	process_of(task, &new.process);
	connection_begin(sk, &new, BPF_NOEXIST);
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		connection_forget(sk);
}

/* Whose listener is there, or was seen before this one, has been connected to. Hence the helper reads this
 * twice.
 */
static __always_inline void older_note(struct sock *sk, struct task_struct *task)
{
	struct connection *connection = connection_of(sk);

	if (!connection)
		older_begin(sk, task);
	else if (connection->is_older && listener_of(sk))
		connection->is_passive = 1;
}

static __always_inline void older_stream_note(struct sock *sk, struct task_struct *task)
{
	switch (BPF_CORE_READ(sk, __sk_common.skc_state)) {
	case TCP_LISTEN:
		listener_note(sk, task);
		break;
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSE_WAIT:
		older_note(sk, task);
		break;
	}
}

SEC("iter/task_file")
int snt_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket = file ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? socket->sk : NULL;
	__u16 family;

	if (!sk || !task)
		return 0;
	family = sk->__sk_common.skc_family;
	if ((family != AF_INET && family != AF_INET6) || !protocol_is_wanted(sk->sk_protocol))
		return 0;
	if (sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP)
		older_stream_note(sk, task);
	else if (sk->sk_protocol == IPPROTO_UDP)
		older_socket_note(sk, task);
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static __always_inline bool look_is_wanted(struct connection *connection, const struct look *look,
					   struct amount amount)
{
	__u32 kind = look->kind;

	if (!connection->is_open || connection->round == look->round ||
	    !is_wanted(&connection->process, false, kind) ||
	    !direction_is_wanted(connection->is_passive))
		return false;
	if (kind == SNT_TRAFFIC && is_ancestor(connection->process.pid))
		return false;
	return kind == SNT_OPEN || amount.sent > connection->told_sent ||
	       amount.received > connection->told_received;
}

/* A connection that is followed still after its socket was read was not closed until then. What it is told to have
 * carried is taken last, when it is known that this is told.
 */
static __always_inline bool look_tell(struct snt_event *event, struct sock *sk, __u64 number,
				      __u64 round)
{
	struct amount amount = amount_of(sk);
	struct connection *connection;

	socket_tell(event, sk);
	connection = connection_of(sk);
	if (!connection || connection->number != number)
		return false;
	connection_tell(event, connection);
	amount_tell(event, connection, amount);
	connection->round = round;
	return event->kind == SNT_OPEN || event->sent_new || event->received_new;
}

static long connection_look(struct bpf_map *map, const void *key, void *value, void *context)
{
	struct sock *sk = (struct sock *)*(const __u64 *)key;
	struct connection *connection = value;
	__u64 number = connection->number;
	struct look *look = context;
	struct snt_event *event;

	if (!look_is_wanted(connection, look, amount_of(sk)))
		return 0;
	look->is_cut = is_ring_filled();
	if (look->is_cut)
		return 1;
	event = event_begin(look->kind);
	if (!event)
		return 0;
	if (look_tell(event, sk, number, look->round))
		bpf_ringbuf_submit(event, 0);
	else
		bpf_ringbuf_discard(event, 0);
	return 0;
}

SEC("raw_tp")
int snt_look(struct bpf_raw_tracepoint_args *ctx)
{
	struct look look = { .kind = ctx->args[0], .round = ctx->args[1] };

	look.now_ns = bpf_ktime_get_boot_ns();
	if (look.kind != SNT_ENDED)
		bpf_for_each_map_elem(&snt_open, connection_look, &look, 0);
	if (!look.is_cut)
		flows_look(&look);
	return look.is_cut;
}

char _license[] SEC("license") = "GPL";
