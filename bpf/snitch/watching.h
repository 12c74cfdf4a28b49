/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watching connections: the programs of snitch.o for as long as this process runs, and what they tell. */
#ifndef VSH_WATCHING_H
#define VSH_WATCHING_H

#include "connection.h"
#include "running.h"
#include "targets.h"

struct watching {
	struct snitch_request request;
	const struct snitch_format *format;
	int until_fd; /* ends it when it can be read; -1: nothing else does */
	uint64_t over_ns; /* since when it can; of CLOCK_MONOTONIC, 0: not yet */
	struct targets *targets; /* whose connections; NULL: everybody's */
	struct running running;
	uint64_t lines; /* of events, printed so far */
	bool is_list; /* a look, and no more */
	uint64_t round; /* of looking at what is open */
	struct snt_counts told; /* of what was lost */
};

/* Request and format are there. DONE, or a message and FAILED; in any case to be ended. */
int watching_begin(struct watching *watching, const struct options *options, const char *directory);
void watching_end(struct watching *watching);

/* Until a signal, the time, the lines or something else ends it. DONE, or FAILED if something was lost. */
int watching_follow(struct watching *watching);

/* SNT_TRAFFIC, SNT_OPEN: what is open, and what is missing. DONE, or a message and FAILED. */
int watching_tell(struct watching *watching, enum snt_kind kind);

#endif
