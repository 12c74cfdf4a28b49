// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include "timeline.h"

#define MOMENTS_MAX 262144 /* 38 MB */
#define TCP_CLOSE 7

/* --- keeping --------------------------------------------------------------------------------------- */

static bool grow(void **array, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? *room * 2 : 8;
	void *larger;

	if (count < *room)
		return true;
	larger = realloc(*array, wanted * size);
	if (!larger)
		return false;
	*array = larger;
	*room = wanted;
	return true;
}

static struct line *line_find(struct timeline *timeline, uint64_t number)
{
	for (size_t i = timeline->count; i--;)
		if (timeline->lines[i].number == number)
			return &timeline->lines[i];
	if (!grow((void **)&timeline->lines, &timeline->room, timeline->count,
		  sizeof(*timeline->lines)))
		return NULL;
	timeline->lines[timeline->count] = (struct line){ .number = number };
	return &timeline->lines[timeline->count++];
}

void timeline_add(struct timeline *timeline, const struct snt_tcp_event *event)
{
	struct line *line = timeline->moments < MOMENTS_MAX ? line_find(timeline, event->number)
							    : NULL;

	if (!line ||
	    !grow((void **)&line->moments, &line->room, line->count, sizeof(*line->moments))) {
		timeline->left_out++;
		return;
	}
	line->moments[line->count++] = (struct moment){ .event = *event };
	timeline->moments++;
}

void timeline_free(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->count; i++)
		free(timeline->lines[i].moments);
	free(timeline->lines);
	*timeline = (struct timeline){};
}

/* --- what belongs together ---------------------------------------------------------------------------- */

static bool is_before(uint32_t one, uint32_t other)
{
	return (int32_t)(one - other) < 0;
}

static bool is_overlapping(const struct snt_tcp_event *one, const struct snt_tcp_event *other)
{
	return is_before(one->sequence, other->sequence + other->bytes) &&
	       is_before(other->sequence, one->sequence + one->bytes);
}

static bool is_sent(const struct snt_tcp_event *event)
{
	return event->kind == SNT_TCP_AGAIN ||
	       (event->kind == SNT_TCP_DROPPED && event->way == SNT_TCP_OUT);
}

/* Sequence numbers are divided into areas of 2^(shift + 1), where 2^shift is at least twice the longest segment; and in
 * a second division into such areas that begin in the middle of those. What can overlap a segment begins less than the
 * longest one before it, and no later than it ends: all of this is in one area, of one of the two.
 */
#define AREAS 256 /* in a table: areas that are further apart share a place */
#define AREA_SHIFT_MAX 23 /* so that the areas of all sequence numbers are a multiple of AREAS */

struct surroundings {
	uint32_t near[2][AREAS]; /* the next that was sent there */
	uint32_t good[SNT_TCP_WAYS];
};

static unsigned int area_shift(const struct line *line)
{
	uint32_t longest = 1;
	unsigned int shift = 1;

	for (size_t i = 0; i < line->count; i++) {
		const struct snt_tcp_event *event = &line->moments[i].event;

		if (is_sent(event) && event->bytes > longest)
			longest = event->bytes;
	}
	while (shift < AREA_SHIFT_MAX && 1U << shift < 2 * (uint64_t)longest)
		shift++;
	return shift;
}

static uint32_t *area_near(struct surroundings *around, const struct line *line, uint32_t sequence,
			   unsigned int division)
{
	uint32_t halves = (sequence >> line->area_shift) + division;

	return &around->near[division][halves / 2 % AREAS];
}

/* The one where the area begins before all that can overlap. */
static unsigned int division_of(const struct line *line, uint32_t sequence)
{
	return (sequence - (1U << line->area_shift) / 2) >> line->area_shift & 1;
}

/* What comes after it is known already. */
static void moment_place(const struct line *line, uint32_t place, struct surroundings *around)
{
	struct moment *moment = &line->moments[place];
	const struct snt_tcp_event *event = &moment->event;

	if (event->kind == SNT_TCP_GOOD)
		around->good[event->way % SNT_TCP_WAYS] = place;
	if (event->kind == SNT_TCP_DROPPED)
		moment->good = around->good[event->way % SNT_TCP_WAYS];
	for (unsigned int division = 0; is_sent(event) && division < 2; division++) {
		uint32_t *near = area_near(around, line, event->sequence, division);

		moment->near[division] = *near;
		*near = place;
	}
}

static void line_sort(struct line *line)
{
	struct surroundings around = {};

	line->area_shift = area_shift(line);
	for (size_t i = line->count; i--;)
		moment_place(line, i, &around);
}

/* A retransmission is told of when it was sent: after its own drop, which is_again tells from others. */
void chain_find(const struct line *line, const struct moment *drop, struct chain *chain)
{
	unsigned int division = division_of(line, drop->event.sequence);
	uint32_t end = drop->good ?: line->count;
	bool is_own = drop->event.is_again, is_dropped = false;

	*chain = (struct chain){ .good_ns = drop->good ? line->moments[end].event.time_ns : 0 };
	for (uint32_t i = drop->near[division]; i && i < end; i = line->moments[i].near[division]) {
		const struct moment *next = &line->moments[i];

		if (!is_overlapping(&next->event, &drop->event))
			continue;
		if (next->event.kind == SNT_TCP_DROPPED) {
			is_dropped = next->event.is_again;
			continue;
		}
		if (!is_own && chain->count == CHAIN_MAX)
			return;
		if (!is_own) {
			chain->is_dropped[chain->count] = is_dropped;
			chain->again[chain->count++] = next;
		}
		is_own = is_dropped = false;
	}
}

/* Drops of retransmissions stand with what was dropped first. */
void timeline_finish(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->count; i++) {
		struct line *line = &timeline->lines[i];

		line_sort(line);
		for (size_t j = 0; j < line->count; j++) {
			struct moment *moment = &line->moments[j];
			struct chain chain;

			if (moment->event.kind != SNT_TCP_DROPPED || moment->event.is_again)
				continue;
			chain_find(line, moment, &chain);
			for (size_t k = 0; k < chain.count; k++) {
				((struct moment *)chain.again[k])->is_answer = true;
			}
		}
	}
}

/* --- in all ------------------------------------------------------------------------------------------- */

static uint64_t until_of(const struct timeline *timeline, const struct line *line)
{
	const struct snt_tcp_event *last = &line->moments[line->count - 1].event;

	return last->kind == SNT_TCP_STATE && last->after == TCP_CLOSE ? last->time_ns
								       : timeline->ended_ns;
}

static void longest(uint64_t *most, uint64_t ns)
{
	if (ns > *most)
		*most = ns;
}

static void drop_count(const struct timeline *timeline, const struct line *line,
		       const struct moment *drop, struct outcome *outcome)
{
	struct chain chain;

	outcome->drops++;
	outcome->dropped_bytes += drop->event.bytes;
	if (!drop->event.bytes)
		return;
	chain_find(line, drop, &chain);
	if (drop->event.way == SNT_TCP_OUT && !chain.count)
		outcome->unanswered++;
	longest(&outcome->stall_ns,
		(chain.good_ns ?: until_of(timeline, line)) - drop->event.time_ns);
}

void outcome_find(const struct timeline *timeline, const struct line *line, struct outcome *outcome)
{
	*outcome = (struct outcome){};
	for (size_t i = 0; i < line->count; i++) {
		const struct snt_tcp_event *event = &line->moments[i].event;

		switch (event->kind) {
		case SNT_TCP_STATE:
			outcome->is_closed = event->after == TCP_CLOSE;
			outcome->error = event->error;
			break;
		case SNT_TCP_AGAIN:
			outcome->again[event->cause % SNT_TCP_CAUSES]++;
			break;
		case SNT_TCP_RESET_OUT:
			outcome->resets_out++;
			break;
		case SNT_TCP_RESET_IN:
			outcome->resets_in++;
			break;
		case SNT_TCP_DROPPED:
			drop_count(timeline, line, &line->moments[i], outcome);
			break;
		}
	}
}

const struct snt_tcp_event *line_face(const struct line *line)
{
	return &line->moments[line->count - 1].event;
}
