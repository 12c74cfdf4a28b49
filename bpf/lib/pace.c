// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include "pace.h"
#include "signals.h"
#include "vsh.h"
#include "words.h"

static int interval_parse(const char *word, uint64_t *ns)
{
	if (!seconds_parse(word, ns))
		return DONE;
	return misuse("interval %s: seconds, or a time as in 500ms", quoted(word));
}

void pace_begin(struct pace *pace, uint64_t interval_ns)
{
	*pace = (struct pace){ .interval_ns = interval_ns, .left = UINT64_MAX };
	clock_gettime(CLOCK_MONOTONIC, &pace->at);
}

int pace_parse(struct pace *pace, int argc, char **argv)
{
	*pace = (struct pace){ .left = argc ? UINT64_MAX : 1 };
	if (argc > 2)
		return misuse("stats takes an interval and a count");
	if (argc > 0 && interval_parse(argv[0], &pace->interval_ns) != DONE)
		return MISUSED;
	if (argc > 1 && (number_parse(argv[1], UINT32_MAX, &pace->left) || !pace->left))
		return misuse("count %s: a number from 1", quoted(argv[1]));
	clock_gettime(CLOCK_MONOTONIC, &pace->at);
	return DONE;
}

static struct timespec turn_next(const struct pace *pace)
{
	uint64_t ns = pace->at.tv_nsec + pace->interval_ns % 1000000000;

	return (struct timespec){
		.tv_sec = pace->at.tv_sec + pace->interval_ns / 1000000000 + ns / 1000000000,
		.tv_nsec = ns % 1000000000,
	};
}

bool pace_wait(struct pace *pace)
{
	if (!--pace->left)
		return false;
	pace->at = turn_next(pace);
	while (!is_ended() &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pace->at, NULL) == EINTR)
		;
	return !is_ended();
}

/* In nanoseconds; 0: it has come. */
static int64_t turn_left(const struct pace *pace)
{
	struct timespec now, next = turn_next(pace);
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (next.tv_sec - now.tv_sec) * 1000000000LL + next.tv_nsec - now.tv_nsec;
	return ns > 0 ? ns : 0;
}

bool pace_wait_readable(const struct pace *pace, int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	int64_t left;
	int ready;

	while (!is_ended() && (left = turn_left(pace))) {
		struct timespec timeout = { left / 1000000000, left % 1000000000 };

		ready = ppoll(&wanted, 1, &timeout, NULL);
		if (ready > 0 && !is_ended())
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
	return false;
}

bool pace_due(struct pace *pace)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (now.tv_sec - pace->at.tv_sec) * 1000000000ULL + now.tv_nsec - pace->at.tv_nsec;
	if (ns < pace->interval_ns)
		return false;
	pace->at = now;
	return true;
}
