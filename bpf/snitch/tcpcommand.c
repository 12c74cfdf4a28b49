// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh tcp DIR [WORDS]: prints what TCP does, until a signal comes or WORDS say that it is enough. DIR holds the
 * objects.
 */
#include <string.h>
#include "connection.h"
#include "reaction.h"
#include "signals.h"

#define LOOK_NS 1000000000ULL /* between two looks at what was lost */

struct telling {
	struct snitch_request request;
	const struct tcp_format *format;
	uint64_t lines; /* printed so far */
};

static int event_take(void *context, void *data, size_t size)
{
	struct telling *telling = context;

	if (size < sizeof(struct snt_tcp_event) || telling->lines == telling->request.lines)
		return 0;
	telling->format->event(data);
	telling->lines++;
	return 0;
}

static int lost_tell(struct telling *telling, struct tcp_watch *watch)
{
	uint64_t lost = 0, unfollowed = 0;
	int status = tcp_watch_lost(watch, &lost, &unfollowed);

	if (lost || unfollowed)
		telling->format->lost(lost, unfollowed);
	return status;
}

/* DONE, or FAILED if something was lost. */
static int follow(struct telling *telling, struct tcp_watch *watch)
{
	uint64_t begin_ns = monotonic_now_ns(), now = begin_ns, for_ns = telling->request.for_ns;
	int status = DONE;

	while (!is_ended() && telling->lines < telling->request.lines && now - begin_ns < for_ns &&
	       !output_flush()) {
		uint64_t left_ns = for_ns - (now - begin_ns);

		tcp_watch_until(watch, now + (left_ns < LOOK_NS ? left_ns : LOOK_NS));
		now = monotonic_now_ns();
		tcp_watch_drops(watch);
		if (lost_tell(telling, watch) != DONE)
			status = FAILED;
	}
	/* What was told since the last look. */
	tcp_watch_until(watch, 0);
	return lost_tell(telling, watch) == DONE ? status : FAILED;
}

static int words_take(struct telling *telling, const struct options *options, int argc, char **argv)
{
	uint64_t netns = 0;
	int err, status = snitch_parse_tcp(argc, argv, &telling->request);

	if (status != DONE)
		return status;
	err = options->netns ? netns_cookie(&netns) : 0;
	if (err)
		return failure("cannot identify this network namespace: %s", strerror(-err));
	telling->request.filter.netns_cookie = netns;
	telling->format = options->json ? &tcp_json : &tcp_text;
	return DONE;
}

int tcp_command(const struct options *options, int argc, char **argv)
{
	struct telling telling = {};
	struct tcp_watch watch = {};
	int status;

	if (!argc)
		return misuse("tcp takes the folder of the objects, and words");
	status = words_take(&telling, options, argc - 1, argv + 1);
	if (status != DONE)
		return status;
	status = tcp_watch_begin(&watch, argv[0], &telling.request.filter, 0, event_take, &telling);
	if (status == DONE) {
		ends_catch();
		units_begin(options->cgroup_root);
		complain("watching (Ctrl-C ends it)");
		status = follow(&telling, &watch);
	}
	tcp_watch_end(&watch);
	return status;
}
