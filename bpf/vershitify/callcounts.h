/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many calls rules have seen, and how many of them have failed. */
#ifndef VSH_CALLCOUNTS_H
#define VSH_CALLCOUNTS_H

#include "json.h"
#include "state.h"

/* Of a rule, summed over all CPUs; all 0 where no rule has been for calls yet. 0 or -errno. */
int call_counts_read(uint32_t id, struct vsh_call_counts *sum);

/* How many calls of all kinds were seen. 0 or -errno. */
int calls_seen(uint32_t id, uint64_t *seen);

/* A line for each call that the rule is for: "connect seen 10 calls, failed 3". 0 or -errno. */
int call_counts_print(const char *prefix, uint32_t id, const struct vsh_label *label);

/* The same as a member "calls". 0 or -errno. */
int call_counts_print_json(struct json *json, uint32_t id, const struct vsh_label *label);

/* For the end of a run: "connect: 3 of 10 calls failed: 30%; asked for ECONNREFUSED 25%". */
void calls_summary_print(uint32_t id, const struct vsh_label *label);

#endif
