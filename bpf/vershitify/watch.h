/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no event tells of a rule: it has to be looked up, once a second. */
#ifndef VSH_WATCH_H
#define VSH_WATCH_H

#include "standing.h"
#include "state.h"

#define WATCH_ALL (-1)

struct watch {
	uint64_t mask; /* rules that are watched */
	int only; /* the rule of a foreground run, or WATCH_ALL */
	uint32_t generation; /* of that rule */
	uint64_t expired; /* rules that were told to be */
	uint64_t passed, dropped; /* as last told */
	struct vsh_misses missed[VSH_RULES_MAX]; /* as last told */
	struct news news[VSH_RULES_MAX]; /* how they stand */
};

/* Tells what has changed. false: what was watched is over. */
bool watch_look(struct watch *watch, const struct options *options);

/* The same of how rules stand: of that of a foreground run it is told at once. false: nothing
 * can come of that any more.
 */
bool watch_standings(struct watch *watch, const struct options *options);

/* Has the last look seen something of a foreground run's rule that is yet to be told, if it stays? */
bool watch_is_unsure(const struct watch *watch);

#endif
