// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh listen [ID]: prints events until a signal comes. Without ID all of them, for
 * `monitor`; with ID those of a foreground run, and its counts once a second.
 *
 * vsh -t listen [ID]: the same, and tags what has become a target's meanwhile: what a new
 * target has inherited at once, what it was passed once a second.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "event.h"
#include "links.h"
#include "maps.h"
#include "pace.h"
#include "programs.h"
#include "ring.h"
#include "scan.h"
#include "signals.h"
#include "watch.h"
#include "words.h"

#define TICK_MS 100

struct listener {
	const struct options *options;
	struct ring ring;
	struct watch watch; /* rules whose events are printed */
	struct pace second;
	int links; /* a foreground run hears of devices; or -1 */
	bool launched; /* a target, since the last scan */
	bool hopeless; /* nothing can come of the rule of a foreground run any more */
};

static int event_seen(void *context, void *data, size_t size)
{
	struct listener *listener = context;
	const struct vsh_event *event = data;

	if (size < sizeof(*event) || !(event->mask & listener->watch.mask))
		return 0;
	if (event->kind == VSH_LAUNCHED)
		listener->launched = true;
	/* A foreground run is told of what it has launched, and of no more. */
	if (event->kind == VSH_LAUNCHED || listener->watch.only == WATCH_ALL)
		event_print(listener->options->json, event);
	return 0;
}

/* false: what was listened to is over. */
static bool second_passed(struct listener *listener)
{
	uint64_t lost;

	if (!ring_is_heard(&listener->ring))
		return false;
	lost = ring_lost(&listener->ring);
	if (lost)
		lost_print(listener->options->json, lost);
	return watch_look(&listener->watch, listener->options);
}

static void targets_tag(struct listener *listener)
{
	uint64_t processes = 0, sockets = 0;

	if (listener->options->tag)
		scan(&processes, &sockets);
	listener->launched = false;
}

/* When the kernel has told of a device; once more if that was news; and now and then for what it
 * does not tell of.
 */
static bool is_look_due(struct listener *listener, bool is_second)
{
	return links_changed(listener->links, 0) || is_second || listener->links < 0 ||
	       watch_is_unsure(&listener->watch);
}

static void events_follow(struct listener *listener)
{
	while (!is_ended() && !listener->hopeless && !output_flush() &&
	       !ring_poll_beside(&listener->ring, listener->links, TICK_MS)) {
		bool is_second = pace_due(&listener->second);

		if (listener->launched || is_second)
			targets_tag(listener);
		if (!ring_is_heard(&listener->ring) || (is_second && !second_passed(listener)))
			break;
		if (is_look_due(listener, is_second))
			listener->hopeless = !watch_standings(&listener->watch, listener->options);
	}
	ring_poll(&listener->ring, 0);
	second_passed(listener);
}

static int events_listen(struct listener *listener)
{
	int err = ring_open(&listener->ring, &vsh_ring_maps, event_seen, listener);

	if (err == -ENOENT) /* taken down in this very moment */
		return DONE;
	if (err == -EBUSY)
		return failure("%d others listen already", VSH_LISTENERS_MAX);
	if (err)
		return failure("cannot listen: %s", strerror(-err));
	pace_begin(&listener->second, 1000000000);
	events_follow(listener);
	ring_close(&listener->ring);
	if (listener->hopeless)
		return failure("rule %d has no device any more: it ends", listener->watch.only + 1);
	return DONE;
}

/* What will not be heard of, since the kernel has refused a program. */
static void lost_tell(void)
{
	const struct program *program;

	for (size_t i = 0; (program = program_of(&vershitify_tool, i)); i++)
		if (program_is_lost(program))
			complain("note: without %s, %s", program->name, program->lost);
}

static bool is_set_up(void)
{
	int fd = map_open("vsh_listeners");

	fd_close(fd);
	return fd >= 0;
}

/* Rules may come and go: listens for as long as it is let. */
static int monitor(struct listener *listener)
{
	while (!is_ended() && !output_flush()) {
		if (is_set_up()) {
			lost_tell();
			if (events_listen(listener) != DONE)
				return FAILED;
		}
		if (!is_ended())
			usleep(TICK_MS * 1000);
	}
	return DONE;
}

static int only_parse(struct watch *watch, const char *word)
{
	uint64_t number;
	struct state state;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number)
		return misuse("rule %s: a number from 1 to %d", quoted(word), VSH_RULES_MAX);
	if (state_read(&state))
		return FAILED;
	watch->only = number - 1;
	watch->mask = 1ULL << watch->only;
	watch->generation = state.rules[watch->only].generation;
	return DONE;
}

int listen_command(const struct options *options, int argc, char **argv)
{
	struct listener listener = {
		.options = options,
		.watch = { .mask = UINT64_MAX, .only = WATCH_ALL },
		.links = -1,
	};
	int status;

	if (argc > 1)
		return misuse("listen takes one rule, or none for all");
	status = argc ? only_parse(&listener.watch, argv[0]) : DONE;
	if (status != DONE)
		return status;
	ends_catch();
	if (!argc)
		return monitor(&listener);
	/* A foreground run that is killed takes its listener with it. */
	ends_with_parent(options->owner);
	listener.links = links_listen();
	status = events_listen(&listener);
	fd_close(listener.links);
	return status;
}
