// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include "timeline.h"

#define MOMENTS_MAX 262144 /* 34 MB */
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

static bool is_end(const struct snt_tcp_event *event, const struct snt_tcp_event *drop)
{
	return event->kind == SNT_TCP_GOOD && event->way == drop->way;
}

/* A retransmission is told of when it was sent: after its own drop, which is_again tells from others. */
void chain_find(const struct line *line, const struct moment *drop, struct chain *chain)
{
	const struct moment *end = line->moments + line->count;
	bool is_own = drop->event.is_again, is_dropped = false;

	*chain = (struct chain){};
	for (const struct moment *next = drop + 1; next < end; next++) {
		const struct snt_tcp_event *event = &next->event;

		if (is_end(event, &drop->event)) {
			chain->good_ns = event->time_ns;
			return;
		}
		if (drop->event.way == SNT_TCP_IN || !is_overlapping(event, &drop->event))
			continue;
		if (event->kind == SNT_TCP_DROPPED && event->way == SNT_TCP_OUT)
			is_dropped = event->is_again;
		if (event->kind != SNT_TCP_AGAIN)
			continue;
		if (!is_own && chain->count < CHAIN_MAX) {
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
