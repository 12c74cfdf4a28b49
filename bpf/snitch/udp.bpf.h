/* SPDX-License-Identifier: GPL-2.0-only */
/* UDP: who sends to whom, and who receives from whom.
 *
 * A flow is what a socket exchanges with one address and port. It begins with its first datagram and ends when
 * the socket is closed, or has been idle for long. Datagrams are counted where cgroups see them: each once, with
 * its socket, before it is cut into fragments or after it was put together. Whose a socket is says its storage.
 */
#ifndef SNITCH_UDP_BPF_H
#define SNITCH_UDP_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "header.bpf.h"
#include "snitch.h"
#include "tell.bpf.h"
#include "whose.bpf.h"

struct flow_key {
	__u64 cookie; /* of the socket */
	__u32 remote[4]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 remote_port; /* host byte order */
	__u32 pad;
};

struct flow {
	__u64 number;
	__u64 begun_ns;
	__u64 last_ns;
	__u64 sent;
	__u64 received;
	__u64 told_sent; /* by the events so far */
	__u64 told_received;
	__u64 round; /* of looking, in which it was told of last */
	__u64 netns_cookie;
	struct snt_process process;
	__u32 local[4];
	__u16 local_port; /* host byte order */
	__u8 is_passive; /* the other side has sent first */
	__u8 is_older;
	__u32 error; /* that the network has answered */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SNT_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_key);
	__type(value, struct flow);
} snt_flows SEC(".maps");

/* Of a socket. */
struct datagrams {
	struct snt_process process; /* that has made it, or has sent by it last */
	__u64 cookie;
	__u64 netns_cookie; /* 0: not known */
	struct flow_key first; /* flow that it has had */
	__u32 flows; /* that it has had */
	__u32 is_left_out; /* its process is not asked for */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct datagrams);
} snt_sockets SEC(".maps");

/* When a socket of several flows was closed, by its cookie: the next look ends them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SNT_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} snt_closed SEC(".maps");

/* What this processor has counted last as received, and the socket may have no room for. */
struct arrival {
	struct flow_key key;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct arrival);
} snt_arrival SEC(".maps");

/* --- telling ---------------------------------------------------------------------------------- */

static __always_inline void flow_fill(struct snt_event *event, const struct flow_key *key,
				      const struct flow *flow)
{
	event->number = flow->number;
	event->begun_ns = flow->begun_ns;
	event->last_ns = flow->last_ns;
	event->netns_cookie = flow->netns_cookie;
	event->process = flow->process;
	__builtin_memcpy(event->local, flow->local, sizeof(event->local));
	__builtin_memcpy(event->remote, key->remote, sizeof(event->remote));
	event->local_port = flow->local_port;
	event->remote_port = key->remote_port;
	event->protocol = IPPROTO_UDP;
	event->is_passive = flow->is_passive;
	event->is_older = flow->is_older;
	event->error = flow->error;
}

static __always_inline void flow_amounts_take(struct snt_event *event, struct flow *flow)
{
	event->sent = flow->sent;
	event->received = flow->received;
	event->sent_new = new_take(&flow->told_sent, event->sent);
	event->received_new = new_take(&flow->told_received, event->received);
}

static __always_inline bool flow_is_wanted(const struct flow *flow, __u32 kind)
{
	return is_wanted(&flow->process, flow->error, kind) &&
	       direction_is_wanted(flow->is_passive);
}

static __always_inline void flow_tell(const struct flow_key *key, struct flow *flow, __u32 kind)
{
	struct snt_event *event;

	if (!flow_is_wanted(flow, kind))
		return;
	event = event_begin(kind);
	if (!event)
		return;
	flow_fill(event, key, flow);
	bpf_ringbuf_submit(event, 0);
}

/* Whoever takes it out of the map tells of it. Its memory is not to be read after that. */
static __always_inline void flow_end(const struct flow_key *key, struct flow *flow, __u64 time_ns,
				     enum snt_side side)
{
	struct snt_event *event = flow_is_wanted(flow, SNT_ENDED) ? event_begin(SNT_ENDED) : NULL;
	int err; /* an int: older kernels leave the upper half of the result zero */

	if (event) {
		flow_fill(event, key, flow);
		flow_amounts_take(event, flow);
		event->time_ns = time_ns;
		event->side = flow->error ? SNT_REMOTE : side;
	}
	err = bpf_map_delete_elem(&snt_flows, key);
	if (event && err)
		bpf_ringbuf_discard(event, 0);
	else if (event)
		bpf_ringbuf_submit(event, 0);
}

/* --- flows ------------------------------------------------------------------------------------ */

/* false: somebody else has begun it at the same time, or there is no room. */
static __always_inline bool flow_begin(struct datagrams *socket, const struct flow_key *key,
				       struct flow *new)
{
	int err;

	new->number = __sync_fetch_and_add(&counts.connections, 1) + 1;
	new->process = socket->process;
	new->netns_cookie = socket->netns_cookie;
	err = bpf_map_update_elem(&snt_flows, key, new, BPF_NOEXIST);
	if (err && err != -EEXIST)
		__sync_fetch_and_add(&counts.unfollowed, 1);
	if (err)
		return false;
	if (!__sync_fetch_and_add(&socket->flows, 1))
		socket->first = *key;
	return true;
}

/* What a datagram says of itself. */
struct datagram {
	struct flow_key key;
	__u32 local[4];
	__u32 local_port; /* host byte order */
	__u32 bytes; /* payload */
};

static __always_inline void address_write(__u32 to[4], const __u32 address[4], __u32 version)
{
	if (version == 4)
		mapped_write(to, address[0]);
	else
		__builtin_memcpy(to, address, 16);
}

/* Global, so that it is verified once, and has a stack of its own. 0, or negative: no datagram. */
__noinline int datagram_read(struct __sk_buff *skb, struct datagram *datagram, bool is_out)
{
	struct packet packet = packet_of_network(skb);
	struct headers headers = {};

	if (!datagram || headers_parse(&packet, &headers) != HEADERS_IP ||
	    headers.protocol != IPPROTO_UDP || !transport_parse(&packet, &headers))
		return -1;
	address_write(datagram->local, is_out ? headers.saddr : headers.daddr, headers.version);
	address_write(datagram->key.remote, is_out ? headers.daddr : headers.saddr,
		      headers.version);
	datagram->local_port = bpf_ntohs(is_out ? headers.sport : headers.dport);
	datagram->key.remote_port = bpf_ntohs(is_out ? headers.dport : headers.sport);
	datagram->bytes = headers.end - headers.transport - sizeof(struct udp_header);
	return 0;
}

static __always_inline struct flow *flow_first(struct datagrams *socket,
					       const struct datagram *datagram, bool is_out)
{
	struct flow new = { .is_passive = !is_out, .begun_ns = bpf_ktime_get_boot_ns() };

	if (!place_is_wanted(socket->netns_cookie, datagram->key.remote, datagram->local_port,
			     datagram->key.remote_port))
		return NULL;
	new.last_ns = new.begun_ns;
	new.local_port = datagram->local_port;
	__builtin_memcpy(new.local, datagram->local, sizeof(new.local));
	if (flow_begin(socket, &datagram->key, &new))
		flow_tell(&datagram->key, &new, is_out ? SNT_CONNECTED : SNT_INCOMING);
	return bpf_map_lookup_elem(&snt_flows, &datagram->key);
}

static __always_inline void flow_count(struct flow *flow, __u32 bytes, bool is_out)
{
	__sync_fetch_and_add(is_out ? &flow->sent : &flow->received, bytes);
	flow->last_ns = bpf_ktime_get_boot_ns();
}

/* A socket can have got to another process, which is seen when that sends. What the kernel itself sends is
 * nobody's. It is looked at anew with each flow, for what its process is called.
 */
static __always_inline void sender_note(struct datagrams *socket, bool again)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (!again && BPF_CORE_READ(task, tgid) == (pid_t)socket->process.pid)
		return;
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
	process_of(task, &socket->process);
	socket->is_left_out = !process_is_wanted(&socket->process);
}

static __always_inline void arrival_note(const struct datagram *datagram)
{
	__u32 zero = 0;
	struct arrival *arrival = bpf_map_lookup_elem(&snt_arrival, &zero);

	if (!arrival)
		return;
	arrival->key = datagram->key;
	arrival->bytes = datagram->bytes;
}

static __always_inline int datagram_see(struct __sk_buff *skb, bool is_out)
{
	struct bpf_sock *sk = skb->sk;
	struct datagram datagram = {};
	struct datagrams *socket;
	struct flow *flow;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->protocol != IPPROTO_UDP || (filter.owned && !is_targets_socket(sk)))
		return 1;
	socket = bpf_sk_storage_get(&snt_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket)
		return 1;
	if (is_out)
		sender_note(socket, false);
	if (socket->is_left_out || datagram_read(skb, &datagram, is_out))
		return 1;
	datagram.key.cookie = bpf_get_socket_cookie(skb);
	flow = bpf_map_lookup_elem(&snt_flows, &datagram.key);
	if (!flow) {
		if (is_out)
			sender_note(socket, true);
		flow = flow_first(socket, &datagram, is_out);
	}
	if (!flow)
		return 1;
	if (is_out && flow->process.pid != socket->process.pid)
		flow->process = socket->process;
	flow_count(flow, datagram.bytes, is_out);
	if (!is_out)
		arrival_note(&datagram);
	return 1;
}

/* Every packet may pass: these only look. */
SEC("cgroup_skb/egress")
int snt_sent(struct __sk_buff *skb)
{
	return datagram_see(skb, true);
}

SEC("cgroup_skb/ingress")
int snt_received(struct __sk_buff *skb)
{
	return datagram_see(skb, false);
}

/* The socket's queue is full. The kernel has asked the program above just before, on this processor. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(snt_unqueued, int result, struct sock *sk)
{
	__u32 zero = 0;
	struct arrival *arrival = bpf_map_lookup_elem(&snt_arrival, &zero);
	struct flow_key key;
	struct flow *flow;

	if (!arrival || arrival->key.cookie != bpf_get_socket_cookie(sk))
		return 0;
	key = arrival->key;
	flow = bpf_map_lookup_elem(&snt_flows, &key);
	if (flow)
		__sync_fetch_and_sub(&flow->received, arrival->bytes);
	arrival->key.cookie = 0;
	return 0;
}

/* --- sockets ---------------------------------------------------------------------------------- */

SEC("cgroup/sock_create")
int snt_created(struct bpf_sock *sk)
{
	struct datagrams *socket;

	if (sk->protocol != IPPROTO_UDP)
		return 1;
	socket = bpf_sk_storage_get(&snt_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket)
		return 1;
	process_current(&socket->process);
	socket->cookie = bpf_get_socket_cookie(sk);
	socket->netns_cookie = bpf_get_netns_cookie(sk);
	return 1;
}

SEC("cgroup/sock_release")
int snt_released(struct bpf_sock *sk)
{
	struct datagrams *socket;
	struct flow_key key;
	struct flow *flow;
	__u64 now;

	if (sk->protocol != IPPROTO_UDP)
		return 1;
	socket = bpf_sk_storage_get(&snt_sockets, sk, NULL, 0);
	if (!socket || !socket->flows)
		return 1;
	now = bpf_ktime_get_boot_ns();
	key = socket->first;
	if (socket->flows > 1) {
		bpf_map_update_elem(&snt_closed, &key.cookie, &now, BPF_ANY);
		return 1;
	}
	flow = bpf_map_lookup_elem(&snt_flows, &key);
	if (flow)
		flow_end(&key, flow, now, SNT_LOCAL);
	return 1;
}

/* What a router or the other side has to say of a datagram comes to a socket that is connected. It can also be
 * reported without an error for the program, which takes none back.
 */
static __always_inline void refused(struct sock *sk)
{
	struct datagrams *socket = bpf_sk_storage_get(&snt_sockets, sk, NULL, 0);
	struct flow_key key = {};
	int error = BPF_CORE_READ(sk, sk_err);
	struct flow *flow;
	__u32 local[4];

	if (!socket || !error)
		return;
	addresses_read(sk, local, key.remote);
	key.cookie = socket->cookie;
	key.remote_port = remote_port_of(sk);
	flow = bpf_map_lookup_elem(&snt_flows, &key);
	if (flow)
		flow->error = error;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(snt_refused, struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_UDP)
		refused(sk);
	return 0;
}

/* One that was open before: its flow is known if it is connected. Bytes are those from now on. */
static __always_inline void older_socket_note(struct sock *sk, struct task_struct *task)
{
	struct datagrams *socket =
		bpf_sk_storage_get(&snt_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	struct flow new = { .is_older = 1, .begun_ns = bpf_ktime_get_boot_ns() };
	struct flow_key key = {};

	if (!socket)
		return;
	if (!socket->cookie) {
		socket->netns_cookie = netns_of(sk);
		socket->cookie = bpf_get_socket_cookie(sk);
	}
	if (socket->process.pid) /* it has sent meanwhile, or was found already */
		return;
	process_of(task, &socket->process);
	key.cookie = socket->cookie;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_ESTABLISHED || !socket_is_wanted(sk))
		return;
	addresses_read(sk, new.local, key.remote);
	new.last_ns = new.begun_ns;
	new.local_port = local_port_of(sk);
	key.remote_port = remote_port_of(sk);
	flow_begin(socket, &key, &new);
}

/* --- looking ---------------------------------------------------------------------------------- */

/* true: it was ended. */
static __always_inline bool flow_settle(const struct flow_key *key, struct flow *flow, __u64 now)
{
	__u64 cookie = key->cookie;
	__u64 *closed = bpf_map_lookup_elem(&snt_closed, &cookie);

	if (closed)
		flow_end(key, flow, *closed, SNT_LOCAL);
	else if (now > flow->last_ns && now - flow->last_ns > filter.idle_ns)
		flow_end(key, flow, flow->last_ns, SNT_IDLE);
	else
		return false;
	return true;
}

static __always_inline bool flow_look_is_wanted(const struct flow *flow, const struct look *look)
{
	__u32 kind = look->kind;

	if (kind == SNT_ENDED || flow->round == look->round || !flow_is_wanted(flow, kind))
		return false;
	if (kind == SNT_OPEN)
		return true;
	return !is_ancestor(flow->process.pid) &&
	       (flow->sent > flow->told_sent || flow->received > flow->told_received);
}

static long flow_look(struct bpf_map *map, const void *at, void *value, void *context)
{
	struct flow_key key = *(const struct flow_key *)at;
	struct look *look = context;
	struct flow *flow = value;
	struct snt_event *event;

	look->is_cut = is_ring_filled();
	if (look->is_cut)
		return 1;
	if (flow_settle(&key, flow, look->now_ns) || !flow_look_is_wanted(flow, look))
		return 0;
	event = event_begin(look->kind);
	if (!event)
		return 0;
	flow_fill(event, &key, flow);
	flow_amounts_take(event, flow);
	flow->round = look->round;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Its flows were all ended by this look. */
static long closed_forget(struct bpf_map *map, const void *at, void *value, void *context)
{
	const struct look *look = context;
	__u64 cookie = *(const __u64 *)at;

	if (*(__u64 *)value < look->now_ns)
		bpf_map_delete_elem(&snt_closed, &cookie);
	return 0;
}

static __always_inline void flows_look(struct look *look)
{
	bpf_for_each_map_elem(&snt_flows, flow_look, look, 0);
	if (!look->is_cut)
		bpf_for_each_map_elem(&snt_closed, closed_forget, look, 0);
}

#endif
