// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chains.c - what the time line (bpf/snitch/timeline.c) takes for answers to a drop, on the host.
 *
 *   chains random LINES   connections of events by chance, each drop's chain against the definition, which looks at all
 *                         that came after the drop; status 1 if one is another
 *   chains long           of as many events as are kept, in one connection where nothing ever arrives: "drops N
 *                         unanswered N answers N"
 *
 * The numbers are drawn from a fixed seed: what is right once stays right.
 */
#include <stdio.h>
#include <string.h>
#include "lib/mix.h"
#include "snitch/timeline.c"

#define EVENTS 300 /* of a connection */
#define BEGIN 0xffff0000U /* sequence numbers begin anew within it */
#define SEGMENT 1448
#define BEHIND 64 /* events from a drop to its answer */

static uint32_t draw(uint32_t below)
{
	static uint64_t state = 20261127;

	return (mix64(state += GOLDEN) >> 32) % below;
}

/* --- by chance -------------------------------------------------------------------------------------- */

static struct snt_tcp_event event_draw(uint64_t number, uint64_t time_ns)
{
	static const uint8_t kinds[] = { SNT_TCP_DROPPED, SNT_TCP_AGAIN, SNT_TCP_STATE };
	uint32_t longest = draw(10) ? 2 * SEGMENT : 65535;

	return (struct snt_tcp_event){
		.number = number,
		.time_ns = time_ns,
		.kind = draw(EVENTS) ? kinds[draw(7) % sizeof(kinds)] : SNT_TCP_GOOD,
		.way = draw(6) ? SNT_TCP_OUT : SNT_TCP_IN,
		.is_again = draw(2),
		.sequence = BEGIN + draw(number % 2 ? 1 << 17 : 1 << 24),
		.bytes = draw(longest),
	};
}

/* By the definition alone. */
static void chain_define(const struct line *line, size_t place, struct chain *chain)
{
	const struct snt_tcp_event *drop = &line->moments[place].event;
	bool is_own = drop->is_again, is_dropped = false;

	*chain = (struct chain){};
	while (++place < line->count && !chain->good_ns) {
		const struct snt_tcp_event *event = &line->moments[place].event;
		bool is_same = drop->way == SNT_TCP_OUT && is_overlapping(event, drop);

		if (event->kind == SNT_TCP_GOOD && event->way == drop->way)
			chain->good_ns = event->time_ns;
		if (is_same && event->kind == SNT_TCP_DROPPED && event->way == SNT_TCP_OUT)
			is_dropped = event->is_again;
		if (!is_same || event->kind != SNT_TCP_AGAIN)
			continue;
		if (!is_own && chain->count < CHAIN_MAX) {
			chain->is_dropped[chain->count] = is_dropped;
			chain->again[chain->count++] = &line->moments[place];
		}
		is_own = is_dropped = false;
	}
}

/* How many answers the chains have in all, or -1. */
static long line_compare(const struct line *line)
{
	long answers = 0;

	for (size_t i = 0; i < line->count; i++) {
		struct chain defined, found;

		if (line->moments[i].event.kind != SNT_TCP_DROPPED)
			continue;
		chain_define(line, i, &defined);
		chain_find(line, &line->moments[i], &found);
		if (memcmp(&defined, &found, sizeof(found))) {
			printf("line %llu, event %zu: %zu answers, not %zu\n",
			       (unsigned long long)line->number, i, found.count, defined.count);
			return -1;
		}
		answers += found.count;
	}
	return answers;
}

static int random_compare(uint64_t lines)
{
	struct timeline timeline = {};
	long answers = 0, more = 0;

	for (uint64_t number = 1; number <= lines; number++)
		for (uint64_t time_ns = 1; time_ns <= EVENTS; time_ns++) {
			struct snt_tcp_event event = event_draw(number, time_ns);

			timeline_add(&timeline, &event);
		}
	timeline_finish(&timeline);
	for (size_t i = 0; i < timeline.count && more >= 0; i++) {
		more = line_compare(&timeline.lines[i]);
		answers += more;
	}
	if (more >= 0)
		printf("lines %zu answers %ld\n", timeline.count, answers);
	timeline_free(&timeline);
	return more < 0;
}

/* --- long ------------------------------------------------------------------------------------------- */

static void segment_add(struct timeline *timeline, uint8_t kind, uint32_t n)
{
	const struct snt_tcp_event event = {
		.number = 1,
		.time_ns = timeline->moments + 1,
		.kind = kind,
		.way = SNT_TCP_OUT,
		.sequence = BEGIN + n * SEGMENT,
		.bytes = SEGMENT,
	};

	timeline_add(timeline, &event);
}

static int long_print(void)
{
	struct timeline timeline = {};
	struct outcome outcome;
	size_t answers = 0;

	for (uint32_t n = 0; n < MOMENTS_MAX / 2 + BEHIND; n++) {
		if (n < MOMENTS_MAX / 2)
			segment_add(&timeline, SNT_TCP_DROPPED, n);
		if (n >= BEHIND)
			segment_add(&timeline, SNT_TCP_AGAIN, n - BEHIND);
	}
	timeline_finish(&timeline);
	outcome_find(&timeline, timeline.lines, &outcome);
	for (size_t i = 0; i < timeline.lines->count; i++)
		answers += timeline.lines->moments[i].is_answer;
	printf("drops %llu unanswered %llu answers %zu\n", (unsigned long long)outcome.drops,
	       (unsigned long long)outcome.unanswered, answers);
	timeline_free(&timeline);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "random"))
		return random_compare(strtoul(argv[2], NULL, 10));
	if (argc == 2 && !strcmp(argv[1], "long"))
		return long_print();
	return 2;
}
