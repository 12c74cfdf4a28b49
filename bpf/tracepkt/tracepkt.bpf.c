// SPDX-License-Identifier: GPL-2.0-only
/* tracepkt's programs: follow the packets that the filter names from hook to hook.
 *
 * A packet is known by its buffer (the skb) and by its data (skb->head), which clones share: a
 * buffer that is new and whose data is known is a branch of the same packet. Nothing is sent for
 * any other packet. The helper loads and attaches all, and they go with it.
 *
 * The way from one of the kernel's structures to another goes by BPF_CORE_READ. To follow a pointer by itself
 * has the verifier search all of the kernel's types for its name, a millisecond each, before anything is traced.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "filter.bpf.h"
#include "tracepkt.h"
#include "vershitify.h"

const volatile struct tpk_filter filter;
struct tpk_counts counts;

/* Where a buffer has come in, until it is sent again. */
struct door {
	__u64 netns_cookie;
	__u32 ifindex; /* 0: not known */
	__u32 pad;
};

/* A buffer that is followed. */
struct track {
	struct tpk_seen seen;
	__u64 packet;
	__u64 branch;
	__u64 head;
	struct door door;
	__u64 lost; /* counts.lost before the packet's first event */
	__u64 is_told; /* there was an event */
	__u32 is_fragment; /* a later one of several */
	__u32 fragment; /* the number that these share */
};

/* The data of a packet that is followed. */
struct shared {
	struct tpk_seen seen; /* one of its buffers */
	__u64 packet;
	__u64 buffers; /* that are followed */
	struct door door; /* of the buffer that came in last */
	__u64 lost; /* as in struct track */
};

/* The buffer that this processor has received last: what it sends next can be the answer. */
struct received {
	__u64 buffer;
	__u64 branch;
};

/* Where they are full, what is followed already is followed to its end, and what comes is counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TPK_TRACKED_MAX);
	__type(key, __u64); /* address of a buffer */
	__type(value, struct track);
} tpk_buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TPK_TRACKED_MAX);
	__type(key, __u64); /* address of data */
	__type(value, struct shared);
} tpk_data SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct received);
} tpk_received SEC(".maps");

/* vershitify's own, if there is a set-up. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_DROPPED_CPUS);
	__type(key, __u32);
	__type(value, struct vsh_dropped);
} vsh_dropped SEC(".maps");

/* The serial number of the verdict that was taken last on this processor: others may want it as well. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tpk_verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TPK_RING_BYTES);
} tpk_events SEC(".maps");

static __always_inline struct skb_shared_info *shared_info(struct sk_buff *skb)
{
	return (struct skb_shared_info *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
}

/* The lower half counts those who have the data, the upper half those of them who have the payload
 * only: TCP keeps that until it is acknowledged.
 */
static __always_inline bool is_last_of_data(struct sk_buff *skb)
{
	__u32 users = BPF_CORE_READ(shared_info(skb), dataref.counter);

	return (__u16)(users - (users >> 16)) == 1;
}

/* One more buffer has this data. */
static __noinline long data_take(const struct track *track)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &track->head);
	struct shared new = {
		.packet = track->packet,
		.buffers = 1,
		.door = track->door,
		.lost = track->lost,
	};
	long err;

	new.seen.ns = bpf_ktime_get_ns();
	if (shared && shared->packet == track->packet) {
		__sync_fetch_and_add(&shared->buffers, 1);
		return 0;
	}
	err = bpf_map_update_elem(&tpk_data, &track->head, &new, BPF_ANY);
	if (!err && !shared)
		__sync_fetch_and_add(&counts.tracked, 1);
	return err;
}

static __always_inline void data_drop(__u64 head)
{
	if (!bpf_map_delete_elem(&tpk_data, &head))
		__sync_fetch_and_sub(&counts.tracked, 1);
}

/* Of data whose last buffer goes on without them nobody tells when they are freed. */
static __always_inline void data_leave(const struct track *track)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &track->head);

	if (shared && __sync_fetch_and_sub(&shared->buffers, 1) == 1)
		data_drop(track->head);
}

static __always_inline void data_move(struct track *track, __u64 head)
{
	data_leave(track);
	track->head = head;
	data_take(track);
}

/* A buffer is followed from here on, as a branch of a packet. NULL: there is no room, which is counted there. */
static __noinline struct track *track_begin(__u64 buffer, struct track *new, __u64 *failures)
{
	new->branch = __sync_fetch_and_add(&counts.branches, 1) + 1;
	new->seen.ns = bpf_ktime_get_ns();
	if (!data_take(new)) {
		if (!bpf_map_update_elem(&tpk_buffers, &buffer, new, BPF_ANY))
			return bpf_map_lookup_elem(&tpk_buffers, &buffer);
		data_leave(new);
	}
	__sync_fetch_and_add(failures, 1);
	return NULL;
}

/* The data of the packet that this is a buffer of, or NULL. What has not been seen for long may have
 * been freed where no hook is, and be another packet's by now.
 */
static __always_inline struct shared *data_known(__u64 head)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &head);
	__u64 now = shared ? bpf_ktime_get_ns() : 0;

	if (!shared || now - shared->seen.ns > TPK_SHARED_NS)
		return NULL;
	shared->seen.ns = now;
	return shared;
}

/* TCP and UDP free what they have received where no hook is, and the next packet gets the memory. What was
 * received has the number of its device; what is made anew has none, until it is received in turn.
 */
static __always_inline bool is_made_anew(struct sk_buff *skb, const struct door *door, __u32 hook)
{
	return door->ifindex && !skb->skb_iif &&
	       (hook == TPK_QUEUE || hook == TPK_XMIT || hook == TPK_CONSUMED);
}

/* Where a device hands over what a driver may have made just now. */
static __always_inline bool is_received(__u32 hook)
{
	return hook == TPK_NETIF_RX || hook == TPK_RECEIVE || hook == TPK_GRO;
}

/* What a socket has gets no other data, and no device receives it again. What has come in has from then on
 * the number of its device, or at least the data that it came with. And to receive takes no time: queues are
 * before TPK_XMIT.
 */
static __always_inline bool is_reused(struct sk_buff *skb, const struct track *track, __u64 now,
				      __u32 hook)
{
	bool is_moved = track->head != (__u64)skb->head;

	if (is_received(hook))
		return track->seen.is_taken || now - track->seen.ns > TPK_SHARED_NS ||
		       (is_moved && track->door.ifindex && !skb->skb_iif);
	return (is_moved && track->seen.is_taken) || is_made_anew(skb, &track->door, hook);
}

/* The same of data. Clones have not been received either, and have no socket. */
static __always_inline bool is_data_reused(struct sk_buff *skb, const struct shared *shared,
					   __u32 hook)
{
	if (is_received(hook))
		return shared->seen.is_taken && !BPF_CORE_READ_BITFIELD_PROBED(skb, cloned);
	return is_made_anew(skb, &shared->door, hook) && BPF_CORE_READ(skb, sk);
}

/* A branch of the packet that has this data. */
static __noinline struct track *track_branch(__u64 buffer, __u64 head, const struct shared *shared)
{
	struct track new = {
		.packet = shared->packet,
		.head = head,
		.lost = shared->lost,
		.is_told = true,
	};

	return track_begin(buffer, &new, &counts.lost); /* its events are lost */
}

/* Of a buffer that is followed already, or that shares its data with one. */
static __always_inline struct track *track_known(struct sk_buff *skb, __u32 hook)
{
	__u64 buffer = (__u64)skb, head = (__u64)skb->head;
	struct shared *shared;
	struct track *track;
	__u64 now;

	if (!counts.tracked)
		return NULL;
	track = bpf_map_lookup_elem(&tpk_buffers, &buffer);
	now = track ? bpf_ktime_get_ns() : 0;
	if (track && is_reused(skb, track, now, hook)) {
		data_drop(track->head);
		bpf_map_delete_elem(&tpk_buffers, &buffer);
		track = NULL;
	}
	if (track) {
		track->seen.ns = now;
		if (track->head != head)
			data_move(track, head);
		return track;
	}
	shared = data_known(head);
	if (!shared)
		return NULL;
	if (!is_data_reused(skb, shared, hook))
		return track_branch(buffer, head, shared);
	data_drop(head);
	return NULL;
}

/* Where a packet's network header is, or the tags before it. */
struct start {
	__u32 offset; /* from skb->head */
	bool is_network; /* no tag comes before it, whatever skb->protocol says */
};

/* On its way out the network layer has said where its header is, ... */
static __always_inline struct start start_sent(struct sk_buff *skb)
{
	return (struct start){ skb->network_header, true };
}

/* ... on its way in the header of the link has been taken off, but for tags. */
static __always_inline struct start start_received(struct sk_buff *skb)
{
	return (struct start){ kernel_begin(skb), false };
}

/* What the filter makes of the packet at that address, of which length bytes can be read. type: its EtherType, or 0:
 * an IP header without tags. A global function: the verifier looks at it once, and not on each way to it.
 */
__noinline __u32 tpk_wanted(__u64 address, __u32 length, __u32 type, struct fragment_key *key)
{
	struct packet packet = {
		.kind = PACKET_KERNEL,
		.data = (const void *)address,
		.length = length,
		.type = type,
	};

	if (!key)
		return WANTED_NOT;
	if (!type)
		packet.type = bare_type(&packet);
	return packet_wanted(&packet, &filter, key);
}

/* The same of what a tunnel holds. */
static __always_inline enum wanted inside_wanted(__u64 address, __u32 length, __u32 found,
						 struct fragment_key *key)
{
	__u32 offset = found >> WANTED_OFFSET;
	struct fragment_key inner = {};
	enum wanted wanted;

	if (offset >= length)
		return WANTED_NOT;
	wanted = tpk_wanted(address + offset, length - offset, 0, &inner);
	if ((found & 0xff) == WANTED_INSIDE_FIRST)
		return wanted == WANTED_WHOLE ? WANTED_FIRST : WANTED_NOT;
	*key = inner;
	return wanted;
}

static __always_inline enum wanted wanted_of(struct sk_buff *skb, struct start start,
					     struct fragment_key *key)
{
	__u64 address = (__u64)BPF_CORE_READ(skb, head) + start.offset;
	__u32 tail = skb->tail;
	__u32 length = tail > start.offset ? tail - start.offset : 0;
	__u32 found = tpk_wanted(address, length, start.is_network ? 0 : skb->protocol, key);

	return found < WANTED_INSIDE ? found : inside_wanted(address, length, found, key);
}

/* Where a packet without a device is, its socket knows. */
static __always_inline bool is_inside(struct sk_buff *skb, bool has_device)
{
	struct net_device *dev;

	if (!filter.netns_cookie)
		return true;
	dev = has_device ? BPF_CORE_READ(skb, dev) : NULL;
	if (dev)
		return BPF_CORE_READ(dev, nd_net.net, net_cookie) == filter.netns_cookie;
	return BPF_CORE_READ(skb, sk, __sk_common.skc_net.net, net_cookie) == filter.netns_cookie;
}

/* What was received may have the socket that it is for. */
static __always_inline bool is_targets(struct sk_buff *skb)
{
	return !filter.owned || (!skb->skb_iif && is_owned(skb->sk));
}

static __always_inline struct track *
track_fragment(struct sk_buff *skb, const struct fragment_key *key, struct track *new)
{
	new->packet = fragment_packet(key);
	if (!new->packet)
		return NULL;
	new->is_told = true;
	new->is_fragment = true;
	new->fragment = key->id;
	return track_begin((__u64)skb, new, &counts.lost); /* its events are lost */
}

/* A packet that the filter names is followed from here on. */
static __always_inline struct track *track_new(struct sk_buff *skb, bool has_device,
					       struct start start)
{
	struct track new = { .head = (__u64)skb->head, .lost = counts.lost };
	struct fragment_key key = {};
	enum wanted wanted;

	if (filter.packets && counts.packets >= filter.packets)
		return NULL;
	wanted = wanted_of(skb, start, &key);
	if (wanted == WANTED_NOT || !is_inside(skb, has_device) || !is_targets(skb))
		return NULL;
	if (wanted == WANTED_LATER)
		return track_fragment(skb, &key, &new);
	new.packet = __sync_fetch_and_add(&counts.packets, 1) + 1;
	if (filter.packets && new.packet > filter.packets)
		return NULL;
	if (wanted == WANTED_FIRST)
		fragment_note(&key, new.packet);
	return track_begin((__u64)skb, &new, &counts.untracked);
}

static __always_inline void track_end(struct sk_buff *skb, bool is_last)
{
	__u64 buffer = (__u64)skb;

	bpf_map_delete_elem(&tpk_buffers, &buffer);
	if (is_last)
		data_drop((__u64)skb->head);
}

/* Followed, until its memory is another packet's. */
static __always_inline struct track *track_followed(struct sk_buff *skb, struct start start,
						    __u32 hook)
{
	struct track *track = track_known(skb, hook);

	if (!track || !track->is_fragment || is_fragment_still(skb, start.offset, track->fragment))
		return track;
	track_end(skb, true);
	return NULL;
}

/* Or of one that the filter names. */
static __always_inline struct track *track_of(struct sk_buff *skb, struct start start, __u32 hook)
{
	return track_followed(skb, start, hook) ?: track_new(skb, true, start);
}

static __noinline void device_tell(struct tpk_event *event, struct net_device *dev)
{
	event->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_INTO(&event->dev, dev, name);
	event->netns_cookie = BPF_CORE_READ(dev, nd_net.net, net_cookie);
	event->netns_inode = BPF_CORE_READ(dev, nd_net.net, ns.inum);
}

/* start: of the network header, from skb->head. */
static __noinline void packet_tell(struct tpk_event *event, struct sk_buff *skb, __u32 start)
{
	const unsigned char *from = BPF_CORE_READ(skb, head) + start;
	/* In the linear part of the data: what lies in fragments is not headers. */
	__u64 bytes = pointer_distance(from, shared_info(skb));
	__u64 length = pointer_distance(from, BPF_CORE_READ(skb, data)) + BPF_CORE_READ(skb, len);

	event->length = length;
	event->segments = BPF_CORE_READ(shared_info(skb), gso_segs) ?: 1;
	event->vlan = BPF_CORE_READ(skb, vlan_tci);
	if (bytes > length)
		bytes = length;
	if (bytes > TPK_BYTES + filter.more)
		bytes = TPK_BYTES + filter.more;
	barrier_var(bytes); /* or older verifiers do not see the bound */
	if (bytes <= TPK_BYTES + filter.more && !bpf_probe_read_kernel(event->content, bytes, from))
		event->bytes = bytes;
}

static __always_inline struct tpk_event *event_begin(struct track *track, __u32 hook)
{
	/* Frozen before the programs are loaded, "more" is a constant to the verifier. */
	struct tpk_event *event = bpf_ringbuf_reserve(&tpk_events, sizeof(*event) + filter.more, 0);
	bool is_first = !track->is_told;

	track->is_told = true;
	if (!event) {
		__sync_fetch_and_add(&counts.lost, 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event) - sizeof(event->content));
	event->time_ns = bpf_ktime_get_ns();
	event->packet = track->packet;
	event->branch = track->branch;
	event->hook = hook;
	event->is_first = is_first;
	event->is_whole = counts.lost == track->lost;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	return event;
}

/* Devices on top of others (VLAN, macvlan, ipvlan, bond) take a packet over without any hook. What is
 * left of that is a number in the buffer, which the next hook finds. net: where it is now.
 */
static __always_inline void inside_tell(struct sk_buff *skb, struct track *track, struct door *door,
					struct net *net)
{
	struct door now = { .ifindex = BPF_CORE_READ(skb, skb_iif) };
	struct tpk_event *event;

	now.netns_cookie = BPF_CORE_READ(net, net_cookie);
	if (!now.ifindex || !door->ifindex ||
	    (now.ifindex == door->ifindex && now.netns_cookie == door->netns_cookie))
		return;
	*door = now;
	event = event_begin(track, TPK_INSIDE);
	if (!event)
		return;
	event->ifindex = now.ifindex;
	event->netns_cookie = now.netns_cookie;
	event->netns_inode = BPF_CORE_READ(net, ns.inum);
	packet_tell(event, skb, BPF_CORE_READ(skb, network_header));
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void received(struct sk_buff *skb, struct track *track,
				     struct net_device *dev)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &track->head);
	__u32 zero = 0;
	struct received *last = bpf_map_lookup_elem(&tpk_received, &zero);

	track->door.netns_cookie = BPF_CORE_READ(dev, nd_net.net, net_cookie);
	track->door.ifindex = BPF_CORE_READ(dev, ifindex);
	if (shared) {
		shared->door = track->door;
		shared->seen.is_taken |= track->is_fragment; /* by a whole */
	}
	if (last)
		*last = (struct received){ .buffer = (__u64)skb, .branch = track->branch };
}

/* What was not received itself, and is no clone of what was, is an answer to it. */
static __always_inline void question_tell(struct net *net)
{
	__u32 zero = 0;
	struct received *last = bpf_map_lookup_elem(&tpk_received, &zero);
	struct track *track = last ? bpf_map_lookup_elem(&tpk_buffers, &last->buffer) : NULL;

	if (track && track->branch == last->branch)
		inside_tell((struct sk_buff *)last->buffer, track, &track->door, net);
}

static __always_inline void sent(struct sk_buff *skb, struct track *track, struct net_device *dev)
{
	struct net *net = BPF_CORE_READ(dev, nd_net.net);

	if (skb->skb_iif)
		inside_tell(skb, track, &track->door, net);
	else if (filter.kind == TPK_ECHO &&
		 !track->is_fragment) /* TCP and UDP have freed it by now, perhaps */
		question_tell(net);
	track->door.ifindex = 0;
}

/* A socket reads a clone, which no hook has seen come in. Other clones can be elsewhere by now. */
static __always_inline void reader_tell(struct sk_buff *skb, struct track *track, struct net *net)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &track->head);

	if (shared && shared->door.netns_cookie == BPF_CORE_READ(net, net_cookie))
		inside_tell(skb, track, &shared->door, net);
}

static __always_inline int seen(struct sk_buff *skb, struct start start, __u32 hook)
{
	/* What goes to a driver was handed to its device before, and asked about there. */
	struct track *track = hook == TPK_XMIT ? track_known(skb, hook)
					       : track_of(skb, start, hook);
	struct net_device *dev;
	struct tpk_event *event;

	if (!track)
		return 0;
	dev = BPF_CORE_READ(skb, dev);
	if (hook == TPK_QUEUE || hook == TPK_XMIT)
		sent(skb, track, dev);
	else
		received(skb, track, dev);
	event = event_begin(track, hook);
	if (!event)
		return 0;
	device_tell(event, dev);
	packet_tell(event, skb, start.offset);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(tpk_queue, struct sk_buff *skb)
{
	return seen(skb, start_sent(skb), TPK_QUEUE);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(tpk_xmit, struct sk_buff *skb)
{
	return seen(skb, start_sent(skb), TPK_XMIT);
}

SEC("tp_btf/netif_rx")
int BPF_PROG(tpk_netif_rx, struct sk_buff *skb)
{
	return seen(skb, start_received(skb), TPK_NETIF_RX);
}

SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(tpk_receive, struct sk_buff *skb)
{
	return seen(skb, start_received(skb), TPK_RECEIVE);
}

SEC("tp_btf/netif_receive_skb_list_entry")
int BPF_PROG(tpk_list, struct sk_buff *skb)
{
	return seen(skb, start_received(skb), TPK_RECEIVE);
}

SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(tpk_gro, struct sk_buff *skb)
{
	return seen(skb, start_received(skb), TPK_GRO);
}

static __always_inline void taken_mark(struct track *track)
{
	struct shared *shared = bpf_map_lookup_elem(&tpk_data, &track->head);

	track->seen.is_taken = true;
	if (shared)
		shared->seen.is_taken = true;
}

/* What is read is told of without a device: a socket keeps other things in its place. */
static __always_inline int taken(struct sk_buff *skb, __u32 hook)
{
	struct track *track = track_known(skb, hook);
	struct tpk_event *event;
	struct sock *socket;

	if (!track)
		return 0;
	taken_mark(track);
	socket = BPF_CORE_READ(skb, sk);
	if (socket)
		reader_tell(skb, track, BPF_CORE_READ(socket, __sk_common.skc_net.net));
	event = event_begin(track, hook);
	if (!event)
		return 0;
	packet_tell(event, skb, start_sent(skb).offset);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Who sniffs reads a copy: the packet has still to arrive. */
static __always_inline bool is_sniffed(struct sk_buff *skb)
{
	struct sock *reader = BPF_CORE_READ(skb, sk);

	return reader && BPF_CORE_READ(reader, __sk_common.skc_family) == AF_PACKET;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tpk_read, struct sk_buff *skb)
{
	return !counts.tracked || is_sniffed(skb) ? 0 : taken(skb, TPK_READ);
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tpk_tcp, struct sock *sk, struct sk_buff *skb)
{
	return taken(skb, TPK_TAKEN);
}

/* Of what is freed the device is known where it came in by that. A socket may keep other things in its
 * place, which do not look like that.
 */
static __always_inline struct net_device *device_of(struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 ifindex = BPF_CORE_READ(skb, skb_iif);

	return dev && ifindex && ifindex == (__u32)BPF_CORE_READ(dev, ifindex) ? dev : NULL;
}

/* On its way out a packet has its device still. */
static __always_inline void verdict_tell(struct tpk_event *event, struct sk_buff *skb,
					 const struct vsh_dropped *verdict)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	event->rule = verdict->rule + 1;
	event->rule_reason = verdict->reason;
	if (dev)
		device_tell(event, dev);
}

/* Has a rule dropped this packet, just now on this CPU? What is left there by another packet that was
 * dropped was taken at its own end, which comes first.
 */
static __always_inline bool verdict_take(struct sk_buff *skb, struct vsh_dropped *verdict)
{
	__u32 zero = 0, slot = bpf_get_smp_processor_id() % VSH_DROPPED_CPUS;
	struct vsh_dropped *dropped = bpf_map_lookup_elem(&vsh_dropped, &slot);
	__u32 *taken = bpf_map_lookup_elem(&tpk_verdicts, &zero);

	if (!dropped || !taken || !dropped->address || dropped->serial == *taken)
		return false;
	*verdict = *dropped;
	*taken = dropped->serial;
	return verdict->address >= (__u64)skb->head &&
	       verdict->address < (__u64)skb->head + skb->end;
}

static __always_inline int freed(struct sk_buff *skb, __u32 hook, __u32 reason, __u64 location)
{
	struct vsh_dropped verdict = {};
	bool is_rules = verdict_take(skb, &verdict);
	struct tpk_event *event;
	struct net_device *dev;
	struct track *track;
	bool is_last;

	track = track_known(skb, hook);
	/* A packet can be dropped before any device has seen it. A message of a unix socket, or of
	 * netlink, is none: it has no protocol.
	 */
	if (!track && (is_rules || (hook == TPK_DROPPED && skb->protocol)))
		track = track_new(skb, is_rules, start_sent(skb));
	if (!track)
		return 0;
	dev = device_of(skb);
	if (dev)
		inside_tell(skb, track, &track->door, BPF_CORE_READ(dev, nd_net.net));
	is_last = is_last_of_data(skb);
	event = event_begin(track, hook);
	if (event) {
		event->reason = reason;
		event->location = location;
		event->is_last = is_last;
		packet_tell(event, skb, start_sent(skb).offset);
		if (dev)
			device_tell(event, dev);
		if (is_rules)
			verdict_tell(event, skb, &verdict);
		bpf_ringbuf_submit(event, 0);
	}
	track_end(skb, is_last);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(tpk_drop, struct sk_buff *skb, void *location, int reason)
{
	return freed(skb, TPK_DROPPED, reason, (__u64)location);
}

SEC("tp_btf/consume_skb")
int BPF_PROG(tpk_consume, struct sk_buff *skb)
{
	return freed(skb, TPK_CONSUMED, 0, 0);
}

char _license[] SEC("license") = "GPL";
