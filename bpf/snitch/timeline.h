/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsh timeline, from inside: what was told of each connection, and what of that belongs together. */
#ifndef VSH_TIMELINE_H
#define VSH_TIMELINE_H

#include <stddef.h>
#include <stdio.h>
#include "reaction.h"

/* timelinecommand.c: vsh timeline */
command_run timeline_command;

/* One thing that was told, and what it belongs to. */
struct moment {
	struct snt_tcp_event event;
	bool is_answer; /* a retransmission, or a drop of one, that belongs to a drop before it */
	/* What is found when all is told; places among the moments of the line, 0: there is none. */
	uint32_t good; /* of a drop: where it had arrived */
	uint32_t near[2]; /* of what was sent: the next one of the same area, in each of two divisions */
};

/* A connection, or a listener, by its number. */
struct line {
	uint64_t number;
	struct moment *moments;
	size_t count, room;
	unsigned int area_shift; /* see timeline.c */
};

struct timeline {
	uint64_t begun_ns, ended_ns; /* CLOCK_BOOTTIME */
	struct line *lines; /* in the order in which they began */
	size_t count, room;
	size_t moments; /* of all */
	uint64_t left_out; /* for which there was no room */
};

/* --- timeline.c ---------------------------------------------------------------------------------- */

void timeline_add(struct timeline *timeline, const struct snt_tcp_event *event);

/* When all is told: what belongs to what. */
void timeline_finish(struct timeline *timeline);
void timeline_free(struct timeline *timeline);

/* What followed a drop. Times are CLOCK_BOOTTIME; 0: it did not happen. */
#define CHAIN_MAX 16

struct chain {
	const struct moment *again[CHAIN_MAX]; /* retransmissions, in order */
	bool is_dropped[CHAIN_MAX]; /* and whether a rule has dropped that one, too */
	size_t count;
	uint64_t good_ns; /* when it had arrived */
};

/* After timeline_finish(). */
void chain_find(const struct line *line, const struct moment *drop, struct chain *chain);

/* Of a connection, in all. */
struct outcome {
	uint64_t drops, dropped_bytes;
	uint64_t unanswered; /* drops with data that nothing was sent again for, of those at egress */
	uint64_t again[SNT_TCP_CAUSES]; /* retransmissions */
	uint64_t resets_out, resets_in;
	uint64_t stall_ns; /* the longest time from a drop until all that was dropped had arrived, or the end */
	uint32_t error; /* errno, that it ended with */
	bool is_closed;
};

void outcome_find(const struct timeline *timeline, const struct line *line,
		  struct outcome *outcome);

/* The latest that is known of its addresses and its process. */
const struct snt_tcp_event *line_face(const struct line *line);

/* --- formats ------------------------------------------------------------------------------------- */

void timeline_print(FILE *out, const struct timeline *timeline);
void timeline_print_json(FILE *out, const struct timeline *timeline);
void timeline_plot(FILE *out, const struct timeline *timeline); /* a script for gnuplot; SVG */

/* timelineplot.c: with gnuplot(1), into a file. DONE, or a message and FAILED. */
int timeline_draw(const struct timeline *timeline, const char *path);

#endif
