/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums over connections: by process, by remote address, by connection. */
#ifndef VSH_TALLY_H
#define VSH_TALLY_H

#include "connection.h"

/* Bytes are payload. */
struct tally_sums {
	uint64_t sent, received;
	uint64_t sent_new, received_new; /* since the last turn */
	uint64_t open, ended, failed; /* connections */
	uint64_t retransmits; /* segments, of connections that are over */
};

struct tally_row {
	struct tally_row *next; /* for tally.c */
	uint8_t key[64]; /* likewise */
	struct tally_sums sums;
	struct snt_event last; /* event of it */
	bool is_others; /* all for which there were too many rows */
};

struct tally;

/* NULL: there is no memory. */
struct tally *tally_open(enum tally_by by);
void tally_close(struct tally *tally); /* accepts NULL */

/* Adds what the event has that is new. */
void tally_take(struct tally *tally, const struct snt_event *event);

/* A new turn begins. Rows without open connections go when there are too many; their sums stay in those of all. */
void tally_turn(struct tally *tally);

const struct tally_sums *tally_all(const struct tally *tally);

/* The rows, sorted, the largest first; to be freed. NULL: there are none. */
const struct tally_row **tally_rows(const struct tally *tally, enum tally_sort sort, size_t *count);

#endif
