// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh timeline DIR RULE [FILE.svg]: keeps in mind what TCP does of the rule's targets, until a signal ends it, and
 * prints it to standard error then. It prints "ready" to standard output as soon as it sees what happens. DIR holds the objects. -O: ends with that process.
 */
#include <string.h>
#include "connection.h"
#include "signals.h"
#include "timeline.h"
#include "vershitify.h"
#include "words.h"

#define LOOK_NS 500000000ULL

static int event_take(void *context, void *data, size_t size)
{
	if (size >= sizeof(struct snt_tcp_event))
		timeline_add(context, data);
	return 0;
}

/* DONE, or FAILED if something was lost. */
static int record(struct timeline *timeline, struct tcp_watch *watch)
{
	uint64_t lost, unfollowed;

	/* By a signal that came first: nothing has been waited for. */
	if (is_ended())
		return DONE;
	timeline->begun_ns = boot_now_ns();
	puts("ready");
	while (!is_ended() && !output_flush()) {
		tcp_watch_until(watch, monotonic_now_ns() + LOOK_NS);
		tcp_watch_drops(watch);
	}
	tcp_watch_until(watch, 0);
	timeline->ended_ns = boot_now_ns();
	timeline_finish(timeline);
	return tcp_watch_lost(watch, &lost, &unfollowed);
}

static int timeline_record(const struct options *options, const char *directory, uint32_t rule,
			   struct timeline *timeline)
{
	struct snitch_request request = { .cgroup_root = options->cgroup_root };
	struct tcp_watch watch = {};
	int status = snitch_parse_tcp(0, NULL, &request);

	if (status == DONE)
		status = tcp_watch_begin(&watch, directory, &request.filter, 1ULL << (rule - 1),
					 event_take, timeline);
	if (status == DONE) {
		units_begin(options->cgroup_root);
		status = record(timeline, &watch);
	}
	tcp_watch_end(&watch);
	return status;
}

int timeline_command(const struct options *options, int argc, char **argv)
{
	struct timeline timeline = {};
	uint64_t rule;
	int status;

	if (argc < 2 || argc > 3 || number_parse(argv[1], VSH_RULES_MAX, &rule) || !rule)
		return misuse(
			"timeline takes the folder of the objects, a rule's number, and a file");
	ends_catch();
	ends_with_parent(options->owner);
	status = timeline_record(options, argv[0], rule, &timeline);
	if (timeline.ended_ns) {
		if (options->json)
			timeline_print_json(stderr, &timeline);
		else
			timeline_print(stderr, &timeline);
	}
	ends_forget();
	if (timeline.ended_ns && argc == 3 && timeline_draw(&timeline, argv[2]) != DONE)
		status = FAILED;
	timeline_free(&timeline);
	return status;
}
