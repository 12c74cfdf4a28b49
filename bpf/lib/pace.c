// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
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

/* In nanoseconds; 0: it has come. */
static int64_t turn_left(const struct pace *pace)
{
	struct timespec now, next = turn_next(pace);
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (next.tv_sec - now.tv_sec) * 1000000000LL + next.tv_nsec - now.tv_nsec;
	return ns > 0 ? ns : 0;
}

/* Until one of them is ready (1), the next turn has come (0), or a signal ends the command (negative, as other
 * errors).
 */
static int turn_poll(const struct pace *pace, struct pollfd *wanted, nfds_t count)
{
	int64_t left;
	int ready = 0;

	while (!is_ended() && (left = turn_left(pace))) {
		ready = ends_poll(wanted, count, left);
		if (ready > 0 || (ready < 0 && errno != EINTR))
			break;
	}
	return is_ended() ? -EINTR : ready;
}

bool pace_wait(struct pace *pace)
{
	if (!--pace->left)
		return false;
	turn_poll(pace, NULL, 0);
	pace->at = turn_next(pace);
	return !is_ended();
}

bool pace_wait_readable(const struct pace *pace, int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return turn_poll(pace, &wanted, 1) > 0;
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
