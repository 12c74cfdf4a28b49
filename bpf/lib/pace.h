/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_PACE_H
#define VSH_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* [INTERVAL [COUNT]]: how often to look, and how many times. */
struct pace {
	uint64_t interval_ns;
	uint64_t left;
	struct timespec at; /* the last turn */
};

/* The first turn is now, and there is no last. */
void pace_begin(struct pace *pace, uint64_t interval_ns);

/* No words: once; an interval alone: for ever. DONE or MISUSED; begins at once. */
int pace_parse(struct pace *pace, int argc, char **argv);

/* Waits for the next turn, or for a signal that ends the command (signals.h); false: that was
 * the last one. Turns do not drift.
 */
bool pace_wait(struct pace *pace);

/* Waits until fd can be read, the next turn has come, or a signal ends the command; true: there is
 * something to read, and the turn is still to come (pace_wait()).
 */
bool pace_wait_readable(const struct pace *pace, int fd);

/* Has the next turn come? For loops that wait for something else. */
bool pace_due(struct pace *pace);

#endif
