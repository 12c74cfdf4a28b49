/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that come before another one. A packet takes the first rule, by number, that matches it. */
#ifndef VSH_OLDER_H
#define VSH_OLDER_H

#include "state.h"

/* Can it take packets that match rule id as well? */
bool older_comes_first(const struct state *state, uint32_t older, uint32_t id);

/* What a rule has seen, in both directions, and calls. 0 or -errno. */
int older_packets(uint32_t id, uint64_t *packets);

/* A rule that exists, from 0. DONE, or a status after a message. */
int rule_number(const struct state *state, const char *word, uint32_t *id);

#endif
