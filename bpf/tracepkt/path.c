// SPDX-License-Identifier: GPL-2.0-or-later
/* From what the hooks tell to the path of an echo and its answer.
 *
 * Several hooks see a packet at one device: the first makes a hop. A buffer that is dropped while
 * others share its data is not told of before the last of these has ended: the kernel drops the
 * original of an answer after a clone of it has gone to the socket.
 */
#include <stdlib.h>
#include <string.h>
#include "trace.h"
#include "vsh.h"

static struct branch *branch_find(const struct path *path, uint64_t number)
{
	struct branch *branch = path->branches;

	while (branch && branch->number != number)
		branch = branch->next;
	return branch;
}

static struct trace *trace_find(const struct path *path, uint32_t sequence)
{
	struct trace *trace = path->traces;

	while (trace && trace->sequence != sequence)
		trace = trace->next;
	return trace;
}

enum fate trace_fate(const struct trace *trace)
{
	if (trace->ending.is_drop)
		return FATE_DROPPED;
	if (trace->is_read)
		return FATE_READ;
	if (trace->is_taken)
		return FATE_TAKEN;
	return trace->ending.time_ns ? FATE_CONSUMED : FATE_UNSEEN;
}

struct trace *path_trace(struct path *path, uint32_t sequence)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		return NULL;
	trace->sequence = sequence;
	trace->next = path->traces;
	path->traces = trace;
	return trace;
}

/* A clone has come by where its packet has, that of a fragment where the same fragment has. */
static void branch_inherit(const struct path *path, struct branch *clone)
{
	const struct branch *oldest = NULL;

	for (const struct branch *other = path->branches; other; other = other->next)
		if (other->packet_number == clone->packet_number && other->trace == clone->trace &&
		    other->packet.fragment_begin == clone->packet.fragment_begin)
			oldest = other;
	if (!oldest)
		return;
	clone->place = oldest->place;
	clone->packet = oldest->packet;
}

/* Of this packet, or NULL: its result is out already, or its first event was lost. */
static struct trace *trace_of(struct path *path, const struct tpk_event *event,
			      const struct packet *packet)
{
	struct trace *trace = trace_find(path, packet->sequence);

	if (trace || !path->is_listening || !event->is_first)
		return trace;
	trace = path_trace(path, packet->sequence);
	if (trace)
		trace->is_listened = true;
	return trace;
}

static void packet_take(const struct path *path, const struct tpk_event *event,
			struct packet *packet)
{
	packet_read(packet, event->content, event->bytes);
	if (path->is_listening)
		packet->sequence = event->packet;
	else
		probe_know(path->probe, packet);
}

/* Another buffer of that packet, or NULL. */
static const struct branch *branch_beside(const struct path *path, uint64_t packet_number)
{
	const struct branch *branch = path->branches;

	while (branch && branch->packet_number != packet_number)
		branch = branch->next;
	return branch;
}

/* What is not known by itself is what it was, or what the first fragment is. */
static void packet_inherit(struct packet *packet, const struct packet *before)
{
	if (packet->is_request || packet->is_reply)
		return;
	packet->is_request = before->is_request;
	packet->is_reply = before->is_reply;
	packet->sequence = before->sequence;
	if (!packet->fragment_begin)
		return;
	packet->icmp_type = before->icmp_type;
	packet->tcp_flags = before->tcp_flags;
}

/* NULL: nobody wants to know of it any more. */
static struct branch *branch_of(struct path *path, const struct tpk_event *event,
				struct packet *packet)
{
	struct branch *branch = branch_find(path, event->branch);
	const struct branch *beside;
	struct trace *trace;

	if (!path->is_listening) {
		beside = branch ?: branch_beside(path, event->packet);
		if (beside)
			packet_inherit(packet, &beside->packet);
	}
	if (branch || !(path->is_listening || packet->is_request || packet->is_reply))
		return branch;
	trace = trace_of(path, event, packet);
	branch = trace ? calloc(1, sizeof(*branch)) : NULL;
	if (!branch)
		return NULL;
	*branch = (struct branch){
		.next = path->branches,
		.number = event->branch,
		.packet_number = event->packet,
		.trace = trace,
	};
	branch->packet.fragment_begin = packet->fragment_begin;
	packet_inherit(&branch->packet, packet);
	branch_inherit(path, branch);
	path->branches = branch;
	return branch;
}

static bool same_device(const struct spot *a, const struct spot *b)
{
	return a->netns_cookie == b->netns_cookie && a->ifindex == b->ifindex;
}

/* Counts a device once, and its namespace. */
static void place_count(struct trace *trace, const struct spot *place)
{
	bool is_new_netns = true;

	for (size_t i = 0; i < trace->devices; i++) {
		if (same_device(&trace->seen[i], place))
			return;
		if (trace->seen[i].netns_cookie == place->netns_cookie)
			is_new_netns = false;
	}
	if (trace->devices == PLACES_MAX)
		return;
	trace->seen[trace->devices++] = *place;
	trace->namespaces += is_new_netns;
}

/* Another tunnel has other addresses, which is no translation. */
static const struct packet *translated(const struct packet *before, const struct packet *packet)
{
	if (!before->family || before->tunnel != packet->tunnel ||
	    before->is_reply != packet->is_reply)
		return NULL;
	if (!strcmp(before->source, packet->source) &&
	    !strcmp(before->destination, packet->destination))
		return NULL;
	return before;
}

/* A drop that was kept back is told of late: not before what came after it. */
static uint64_t time_since(uint64_t since_ns, uint64_t time_ns)
{
	return since_ns && time_ns > since_ns ? time_ns - since_ns : 0;
}

static struct hop hop_make(const struct trace *trace, const struct tpk_event *event,
			   const struct packet *packet, const struct spot *place)
{
	return (struct hop){
		.trace = trace,
		.event = event,
		.packet = packet,
		.place = *place,
		.since_first_ns = time_since(trace->first_ns, event->time_ns),
		.since_last_ns = time_since(trace->last_ns, event->time_ns),
	};
}

static void time_take(struct trace *trace, uint64_t time_ns)
{
	if (!trace->first_ns)
		trace->first_ns = time_ns;
	if (trace->last_ns < time_ns)
		trace->last_ns = time_ns;
}

static struct spot place_of(const struct tpk_event *event)
{
	struct spot place = {
		.netns_cookie = event->netns_cookie,
		.netns_inode = event->netns_inode,
		.ifindex = event->ifindex,
		.out = event->hook == TPK_QUEUE || event->hook == TPK_XMIT,
	};

	memcpy(place.dev, event->dev, sizeof(place.dev));
	place.dev[sizeof(place.dev) - 1] = '\0';
	if (event->hook == TPK_INSIDE)
		device_name(event->netns_cookie, event->ifindex, place.dev);
	return place;
}

/* A clone may have come first. */
static bool is_told(const struct trace *trace, const struct spot *place)
{
	return same_device(&trace->last, place) && !trace->last.out;
}

static void arrival(struct branch *branch, const struct tpk_event *event,
		    const struct packet *packet)
{
	struct trace *trace = branch->trace;
	struct spot place = place_of(event);
	struct hop hop;

	if (same_device(&branch->place, &place) && branch->place.out == place.out)
		return;
	if (event->hook == TPK_INSIDE && is_told(trace, &place)) {
		branch->place = place;
		return;
	}
	hop = hop_make(trace, event, packet, &place);
	hop.before = translated(&branch->packet, packet);
	format_all.hop(&hop);
	branch->place = place;
	branch->packet = *packet;
	trace->last = place;
	trace->is_reply = packet->is_reply;
	if (packet->is_reply && !trace->answerer)
		trace->answerer = place.netns_cookie;
	trace->hops++;
	place_count(trace, &place);
	time_take(trace, event->time_ns);
}

/* Fragments that have become parts of a whole are freed with it, which tells why if it was dropped. Older kernels
 * (6.1) call it a drop.
 */
static bool is_part_freed(const struct tpk_event *drop)
{
	const char *function = function_name(drop->location);

	return function && (!strcmp(function, "skb_release_data") ||
			    !strncmp(function, "kfree_skb_list", strlen("kfree_skb_list")));
}

/* The request ends after its answer has gone out, which can have been lost by then. */
static bool is_answered_here(const struct branch *branch)
{
	return branch->packet.is_request && branch->trace->answerer &&
	       branch->trace->answerer == branch->place.netns_cookie;
}

/* What the kernel drops after it has done its work: the request that was answered, and the answer of
 * which the socket has got a clone, or would have without a rule.
 */
static bool has_done_its_work(const struct branch *branch, const struct packet *packet)
{
	const struct trace *trace = branch->trace;

	if (trace->is_listened)
		return trace->is_read && !branch->drop->rule;
	if (packet->is_request)
		return is_answered_here(branch);
	return packet->is_reply && !branch->drop->rule && (trace->answer || trace->ending.rule) &&
	       same_device(&branch->place, &trace->last);
}

/* And parts of what has been put together. */
static bool is_end_of_work(const struct branch *branch, const struct packet *packet)
{
	return has_done_its_work(branch, packet) ||
	       (packet->fragment_begin && is_part_freed(branch->drop));
}

/* killer: that has dropped it, or NULL. */
static void drop_print(struct trace *trace, const struct tpk_event *drop,
		       const struct packet *packet, const struct spot *place,
		       const struct killer *killer)
{
	struct hop hop = hop_make(trace, drop, packet, place);

	hop.killer = killer;
	format_all.drop(&hop);
	time_take(trace, drop->time_ns);
	trace->ending = (struct ending){
		.is_drop = true,
		.rule = drop->rule,
		.reason = drop->reason,
		.location = drop->location,
		.time_ns = drop->time_ns,
		.place = *place,
	};
	if (killer) {
		trace->is_reply = packet->is_reply; /* of which there may have been no hop */
		trace->ending.killer = *killer;
	}
}

/* What pingkiller drops in XDP comes to its end before the device has it, as others see it: at the
 * device that it came from.
 */
static void drop_tell(const struct path *path, struct branch *branch)
{
	struct trace *trace = branch->trace;
	struct packet packet;
	struct killer killer;

	packet_take(path, branch->drop, &packet);
	if (!path->is_listening)
		packet_inherit(&packet, &branch->packet);
	if (!branch->drop->rule &&
	    killer_find(path->probe, trace->sequence, packet.is_reply, &killer))
		drop_print(trace, branch->drop, &packet, &killer.place, &killer);
	else if (!is_end_of_work(branch, &packet))
		drop_print(trace, branch->drop, &packet, &branch->place, NULL);
}

/* What a driver's XDP drops ends without any event. */
static void killed_tell(const struct path *path, struct trace *trace)
{
	struct tpk_event drop = { .hook = TPK_DROPPED };
	struct packet packet = { .sequence = trace->sequence };
	struct killer killer;

	packet.is_reply = killer_find(path->probe, trace->sequence, true, &killer);
	packet.is_request = !packet.is_reply &&
			    killer_find(path->probe, trace->sequence, false, &killer);
	if (!packet.is_reply && !packet.is_request)
		return;
	drop.time_ns = killer.time_ns;
	drop_print(trace, &drop, &packet, &killer.place, &killer);
}

/* Drops that were kept back, of a packet, or of a trace. */
static void drops_tell(const struct path *path, const struct trace *trace, uint64_t packet_number)
{
	for (struct branch *branch = path->branches; branch; branch = branch->next) {
		if (!branch->drop || branch->trace != trace ||
		    (packet_number && branch->packet_number != packet_number))
			continue;
		drop_tell(path, branch);
		free(branch->drop);
		branch->drop = NULL;
	}
}

static struct tpk_event *event_keep(const struct tpk_event *event, size_t size)
{
	struct tpk_event *kept = malloc(size);

	if (kept)
		memcpy(kept, event, size);
	return kept;
}

static void ended(struct path *path, struct branch *branch, const struct tpk_event *event,
		  size_t size)
{
	if (event->ifindex) /* that of a rule, or on top of the one it came by */
		branch->place = place_of(event);
	if (event->hook == TPK_DROPPED || event->rule) {
		branch->drop = event_keep(event, size);
	} else if (!is_answered_here(branch)) {
		branch->trace->ending = (struct ending){
			.time_ns = event->time_ns,
			.place = branch->place,
		};
	}
	if (event->is_last)
		drops_tell(path, branch->trace, branch->packet_number);
	if (event->is_last && branch->trace->is_listened)
		path_result(path, branch->trace, 0);
}

int path_event(void *context, void *data, size_t size)
{
	const struct tpk_event *event = data;
	struct path *path = context;
	struct branch *branch;
	struct packet packet;

	if (size < sizeof(*event))
		return 0;
	packet_take(path, event, &packet);
	branch = branch_of(path, event, &packet);
	if (!branch)
		return 0;
	branch->is_queued = event->hook == TPK_QUEUE;
	path->tells_of_drivers |= event->hook == TPK_XMIT;
	branch->trace->is_whole = event->is_whole;
	branch->trace->seen_ns = event->time_ns;
	switch (event->hook) {
	case TPK_READ:
		branch->trace->is_read = true;
		time_take(branch->trace, event->time_ns);
		break;
	case TPK_TAKEN:
		branch->trace->is_taken = true;
		time_take(branch->trace, event->time_ns);
		break;
	case TPK_DROPPED:
	case TPK_CONSUMED:
		ended(path, branch, event, size);
		break;
	default:
		arrival(branch, event, &packet);
	}
	return 0;
}

static void branches_forget(struct path *path, const struct trace *trace)
{
	struct branch **place = &path->branches;

	while (*place) {
		struct branch *branch = *place;

		if (branch->trace != trace) {
			place = &branch->next;
			continue;
		}
		*place = branch->next;
		free(branch->drop);
		free(branch);
	}
}

static void trace_forget(struct path *path, struct trace *trace)
{
	struct trace **place = &path->traces;

	while (*place != trace)
		place = &(*place)->next;
	*place = trace->next;
	free(trace);
}

void path_result(struct path *path, struct trace *trace, int send_error)
{
	drops_tell(path, trace, 0);
	if (!trace->answer && !*trace->ending.killer.words)
		killed_tell(path, trace);
	path->whole += trace->is_whole;
	format_all.result(trace, send_error);
	branches_forget(path, trace);
	trace_forget(path, trace);
}

#define UNSEEN_NS TPK_SHARED_NS
#define QUEUED_NS 60000000000 /* a queue tells when it lets go of a packet */

/* Does a buffer of it lie in a queue? */
static bool is_queued(const struct path *path, const struct trace *trace)
{
	const struct branch *branch = path->branches;

	while (branch && (branch->trace != trace || !branch->is_queued))
		branch = branch->next;
	return branch && path->tells_of_drivers && path->lost_ns <= trace->seen_ns;
}

static bool is_over(const struct path *path, const struct trace *trace, uint64_t now_ns)
{
	uint64_t unseen_ns = now_ns > trace->seen_ns ? now_ns - trace->seen_ns : 0;

	if (trace->is_taken)
		return unseen_ns > TPK_TAKEN_NS;
	return unseen_ns > QUEUED_NS || (unseen_ns > UNSEEN_NS && !is_queued(path, trace));
}

void path_settle(struct path *path, uint64_t now_ns)
{
	struct trace *trace, *next;

	for (trace = path->traces; trace; trace = next) {
		next = trace->next;
		if (!is_over(path, trace, now_ns))
			continue;
		trace->is_whole &= path->lost_ns <= trace->seen_ns;
		path_result(path, trace, 0);
	}
}
