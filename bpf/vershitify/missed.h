/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has escaped a rule, by reason. */
#ifndef VSH_MISSED_H
#define VSH_MISSED_H

#include "json.h"
#include "state.h"

/* What has happened since the rule was made, and what the last scan has found. 0 or -errno. */
int misses_read(uint32_t id, struct vsh_misses *misses);

/* All of them: a line for each reason, or an object. 0 or -errno. */
int misses_print(uint32_t id, const char *prefix);
int misses_print_json(struct json *json, uint32_t id);

/* What scans have found, from this reason on, before they look again. 0 or -errno. */
int misses_of_scans_forget(const struct state *state, enum vsh_miss from);

/* One word, as it is printed and as it names a member in JSON; NULL: no such reason. */
const char *miss_name(enum vsh_miss miss);

/* The same as a phrase. */
const char *miss_text(enum vsh_miss miss);

/* Connections of the network namespace that were closed with something still to send. No process
 * has them, so that nobody can tell whose they were.
 */
uint64_t closed_count(void);

#endif
