// SPDX-License-Identifier: GPL-2.0-or-later
/* tracepkt.sh --listen: the paths of packets that others send. */
#include <errno.h>
#include <string.h>
#include "signals.h"
#include "targets.h"
#include "trace.h"
#include "vsh.h"

#define NS_PER_MS 1000000ULL
#define LOOK_NS (50 * NS_PER_MS) /* for what is over without an event */
#define DONE_LOOKS 2 /* between the events and the counts of one look a packet can come */

struct overhearing {
	struct path path;
	struct hooks *hooks;
	struct tpk_counts counts; /* when they were looked at last */
	uint64_t packets; /* to listen to; 0: no limit */
	uint64_t until_ns; /* UINT64_MAX: no end */
	uint64_t read_ns; /* until when all events have been read */
	uint64_t slice_ns; /* when reading makes way for the rest */
	unsigned int done_looks; /* at which all was done, up to now */
	bool is_over; /* nothing more comes: what is there is read to its end */
};

/* Where packets come faster than they are read, the ring is never empty. */
static int event_take(void *context, void *data, size_t size)
{
	struct overhearing *overhearing = context;
	const struct tpk_event *event = data;

	path_event(&overhearing->path, data, size);
	if (overhearing->is_over)
		return 0;
	overhearing->read_ns = event->time_ns;
	if (is_ended() || event->time_ns > overhearing->until_ns)
		return -EINTR;
	return monotonic_now_ns() > overhearing->slice_ns ? -EAGAIN : 0;
}

/* What is in the ring still is not old. */
static void events_read(struct overhearing *overhearing, uint64_t now)
{
	overhearing->slice_ns = now + LOOK_NS;
	if (!hooks_consume(overhearing->hooks))
		overhearing->read_ns = now;
}

/* All packets that are asked for have come, and are over. */
static void done_look(struct overhearing *overhearing, uint64_t now)
{
	bool is_done = overhearing->packets && !overhearing->path.traces &&
		       overhearing->read_ns >= now &&
		       overhearing->counts.packets >= overhearing->packets;

	overhearing->done_looks = is_done ? overhearing->done_looks + 1 : 0;
}

static void counts_look(struct overhearing *overhearing)
{
	uint64_t before = overhearing->counts.lost;

	hooks_counts(overhearing->hooks, &overhearing->counts);
	if (overhearing->counts.lost != before)
		overhearing->path.lost_ns = monotonic_now_ns();
}

static void wait_for_events(const struct overhearing *overhearing, uint64_t now)
{
	struct pollfd ready = { .fd = hooks_fd(overhearing->hooks), .events = POLLIN };
	uint64_t left = overhearing->until_ns - now;

	ends_poll(&ready, 1, left < LOOK_NS ? left : LOOK_NS);
}

static void packets_overhear(struct overhearing *overhearing)
{
	uint64_t now = monotonic_now_ns();

	while (!is_ended() && now < overhearing->until_ns && overhearing->done_looks < DONE_LOOKS) {
		rules_watch(true);
		wait_for_events(overhearing, now);
		now = monotonic_now_ns();
		events_read(overhearing, now);
		hooks_make_room(overhearing->hooks, TPK_SHARED_NS);
		counts_look(overhearing);
		path_settle(&overhearing->path, overhearing->read_ns);
		done_look(overhearing, now);
		if (output_flush()) /* main() tells of it */
			return;
	}
	overhearing->is_over = true;
	hooks_detach(overhearing->hooks);
	hooks_consume(overhearing->hooks);
	counts_look(overhearing);
	path_settle(&overhearing->path, UINT64_MAX);
}

/* Every packet is either complete, or counted as not. */
static int sum_tell(const struct overhearing *overhearing)
{
	uint64_t packets, whole = overhearing->path.whole;
	struct tpk_counts counts;

	hooks_counts(overhearing->hooks, &counts);
	packets = counts.packets;
	if (overhearing->packets && packets > overhearing->packets)
		packets = overhearing->packets;
	complain("%llu packets: %llu complete, %llu not; %llu events lost",
		 (unsigned long long)packets, (unsigned long long)whole,
		 (unsigned long long)(packets - whole), (unsigned long long)counts.lost);
	if (untracked_tell(&counts) != DONE)
		return FAILED;
	return packets == whole ? DONE : FAILED;
}

static int overhearing_go(struct overhearing *overhearing, const struct trace_request *request)
{
	int status;

	ends_catch(); /* what is begun from here on is ended */
	status = outputs_begin(request);
	if (status == DONE) {
		if (request->lasts_ns)
			overhearing->until_ns = monotonic_now_ns() + request->lasts_ns;
		format_all.begin();
		complain("listening");
		packets_overhear(overhearing);
		rules_watch(false);
		status = sum_tell(overhearing);
	}
	if (format_all.end() != DONE)
		status = FAILED;
	return status;
}

static int overhearing_run(const struct trace_request *request, const char *directory, int tags)
{
	struct overhearing overhearing = {
		.path.is_listening = true,
		.packets = request->filter.packets,
		.until_ns = UINT64_MAX,
	};
	struct tpk_filter filter = request->filter;
	int status;

	filter.more = request->capture ? TPK_MORE_MAX : 0;
	overhearing.hooks = hooks_open(directory, &filter, tags, event_take, &overhearing);
	if (!overhearing.hooks)
		return FAILED;
	status = overhearing_go(&overhearing, request);
	hooks_close(overhearing.hooks);
	return status;
}

int overhear(const struct trace_request *request, const char *directory)
{
	const struct targets_plan plan = {
		.directory = directory,
		.cgroup_root = request->cgroup_root,
		.who = request->who,
		.children = request->children,
	};
	struct targets *targets;
	int status;

	if (request->who.who == VSH_NOBODY)
		return overhearing_run(request, directory, -1);
	targets = targets_open(&plan);
	if (!targets)
		return FAILED;
	status = overhearing_run(request, directory, targets_tags(targets));
	targets_close(targets);
	return status;
}
