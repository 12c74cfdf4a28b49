// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh trace DIR [-c N] [-i TIME] [-W TIME] [-s SIZE] [-M do] [-4|-6] [--tcp PORT|--udp PORT] TARGET: sends
 * probes and prints where they come by. vsh trace DIR --listen FILTER ...: prints where others' packets come by
 * (overhear.c). DIR holds the objects.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "signals.h"
#include "trace.h"
#include "vsh.h"
#include "words.h"

#define NS_PER_S 1000000000ULL

struct tracing {
	struct trace_request request;
	struct probe probe;
	struct hooks *hooks;
	struct path path;
	uint64_t sent, answered;
};

static struct trace *trace_of(const struct tracing *tracing, uint16_t sequence)
{
	struct trace *trace = tracing->path.traces;

	while (trace && trace->sequence != sequence)
		trace = trace->next;
	return trace;
}

/* The last that the hooks tell of an answer is this process's own reading of it. */
static void news_take(struct tracing *tracing)
{
	struct probe_news news;

	while (probe_receive(&tracing->probe, &news)) {
		struct trace *trace = trace_of(tracing, news.sequence);

		if (!trace)
			continue;
		if (!news.answer) {
			trace->error = news.error;
			strcpy(trace->error_from, news.from);
			continue;
		}
		trace->answer = news.answer;
		tracing->answered++;
		hooks_consume(tracing->hooks);
		path_result(&tracing->path, trace, 0);
	}
}

static void wait_until(struct tracing *tracing, uint64_t until_ns)
{
	struct pollfd ready[] = {
		{ .fd = tracing->probe.socket, .events = POLLIN },
		{ .fd = hooks_fd(tracing->hooks), .events = POLLIN },
	};
	uint64_t now = monotonic_now_ns();

	if (now < until_ns)
		ends_poll(ready, 2, until_ns - now);
	hooks_consume(tracing->hooks);
	hooks_make_room(tracing->hooks, tracing->request.wait_ns + TPK_SHARED_NS);
	news_take(tracing);
}

/* Of pingkiller, which drops nothing but ICMP. until_ns: 0: no longer. */
static void killers_tell(const struct tracing *tracing, uint64_t until_ns)
{
	if (tracing->probe.options.kind == PROBE_ECHO)
		killers_watch(tracing->probe.id, until_ns);
}

static int probe_send_next(struct tracing *tracing, uint16_t sequence)
{
	struct trace *trace = path_trace(&tracing->path, sequence);
	int err;

	if (!trace)
		return failure("out of memory");
	killers_tell(tracing, monotonic_now_ns() + tracing->request.wait_ns);
	trace->sent_ns = monotonic_now_ns();
	err = probe_send(&tracing->probe, sequence);
	hooks_consume(tracing->hooks);
	if (err)
		path_result(&tracing->path, trace, err);
	tracing->sent++;
	return DONE;
}

static void late_give_up(struct tracing *tracing, uint64_t now)
{
	struct trace *trace, *next;

	for (trace = tracing->path.traces; trace; trace = next) {
		next = trace->next;
		if (now >= trace->sent_ns + tracing->request.wait_ns)
			path_result(&tracing->path, trace, 0);
	}
}

/* What was sent before from the same port has to be over. */
static bool can_send(const struct tracing *tracing)
{
	unsigned int ports = tracing->probe.own_ports;
	uint64_t next = tracing->sent + 1;

	return next <= tracing->request.probe.count &&
	       (!ports || next <= ports || !trace_of(tracing, next - ports));
}

static int probes_trace(struct tracing *tracing)
{
	uint64_t next_ns = monotonic_now_ns();

	while (!is_ended() &&
	       (tracing->sent < tracing->request.probe.count || tracing->path.traces)) {
		uint64_t until = monotonic_now_ns() + tracing->request.wait_ns;

		if (can_send(tracing) && monotonic_now_ns() >= next_ns) {
			if (probe_send_next(tracing, tracing->sent + 1) != DONE)
				return FAILED;
			next_ns += tracing->request.interval_ns;
		}
		if (can_send(tracing) && next_ns < until)
			until = next_ns;
		for (struct trace *trace = tracing->path.traces; trace; trace = trace->next)
			if (trace->sent_ns + tracing->request.wait_ns < until)
				until = trace->sent_ns + tracing->request.wait_ns;
		rules_watch(true);
		wait_until(tracing, until);
		late_give_up(tracing, monotonic_now_ns());
		if (output_flush()) /* main() tells of it */
			return DONE;
	}
	late_give_up(tracing, UINT64_MAX);
	return tracing->answered && tracing->answered == tracing->sent ? DONE : FAILED;
}

int untracked_tell(const struct tpk_counts *counts)
{
	if (!counts->untracked)
		return DONE;
	return failure("%llu packets were not followed to their end: too many at once",
		       (unsigned long long)counts->untracked);
}

/* Without what was lost a path has holes. */
static int lost_tell(const struct hooks *hooks)
{
	struct tpk_counts counts;

	hooks_counts(hooks, &counts);
	if (counts.lost)
		return failure("%llu events were lost: paths are not complete",
			       (unsigned long long)counts.lost);
	return untracked_tell(&counts);
}

static const struct format *format_choose(const struct options *options,
					  const struct trace_request *request)
{
	if (options->json)
		return &format_json;
	return request->format ?: &format_text;
}

int outputs_begin(const struct trace_request *request)
{
	/* A reader at the other end of a pipe sees each line as it comes. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	format_add(request->format);
	if (request->drawing) {
		format_add(&format_svg);
		if (drawing_begin(request->drawing) != DONE)
			return FAILED;
	}
	if (!request->capture)
		return DONE;
	format_add(&format_capture);
	return capture_begin(request->capture);
}

static int tracing_go(struct tracing *tracing)
{
	int status;

	ends_catch(); /* what is begun from here on is ended */
	status = outputs_begin(&tracing->request);
	if (status == DONE) {
		format_all.begin();
		rules_watch(true);
		status = probes_trace(tracing);
		rules_watch(false);
		killers_tell(tracing, 0);
		if (lost_tell(tracing->hooks) != DONE)
			status = FAILED;
	}
	if (format_all.end() != DONE)
		status = FAILED;
	return status;
}

static int tracing_run(struct tracing *tracing, const char *directory)
{
	struct tpk_filter filter = {};
	int status = probe_open(&tracing->probe, &tracing->request.probe);

	if (status != DONE)
		return status;
	probe_filter(&tracing->probe, &filter);
	filter.more = tracing->request.capture ? TPK_MORE_MAX : 0;
	tracing->hooks = hooks_open(directory, &filter, -1, path_event, &tracing->path);
	if (!tracing->hooks)
		return FAILED;
	tracing->path.probe = &tracing->probe;
	status = tracing_go(tracing);
	hooks_close(tracing->hooks);
	return status;
}

/* To packets that come by in the namespace that was named. */
static int netns_confine(struct tpk_filter *filter)
{
	uint64_t cookie;
	int err = netns_cookie(&cookie);

	if (err)
		return failure("cannot tell which network namespace this is: %s", strerror(-err));
	filter->netns_cookie = cookie;
	return DONE;
}

int trace_command(const struct options *options, int argc, char **argv)
{
	struct tracing tracing = {
		.request = {
			.cgroup_root = options->cgroup_root,
			.probe.size = 56,
			.probe.count = 1,
			.interval_ns = NS_PER_S,
			.wait_ns = 4 * NS_PER_S, /* the kernel gives up a neighbour after 3 */
		},
		.probe.socket = -1,
	};
	int status;

	if (!argc)
		return misuse("trace takes the folder of the objects, options and a target");
	status = trace_parse(argc - 1, argv + 1, &tracing.request);
	if (status == DONE && options->json && tracing.request.format)
		status = misuse("-j: standard output has one format");
	if (status == DONE && options->netns && tracing.request.listen)
		status = netns_confine(&tracing.request.filter);
	if (status == DONE)
		status = rules_check();
	if (status == DONE)
		status = killers_check();
	if (status != DONE)
		return status;
	tints_are_on = options->color;
	tracing.request.format = format_choose(options, &tracing.request);
	if (tracing.request.listen)
		return overhear(&tracing.request, argv[0]);
	status = tracing_run(&tracing, argv[0]);
	probe_close(&tracing.probe);
	return status;
}
