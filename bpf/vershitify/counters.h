/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_COUNTERS_H
#define VSH_COUNTERS_H

#include "json.h"
#include "state.h"

extern const char *const direction_names[VSH_DIRECTIONS];

/* One direction of a rule, summed over all CPUs. */
struct counters {
	struct vsh_count seen; /* what has passed, and what was dropped */
	struct vsh_count dropped;
	struct vsh_count reasons[VSH_REASONS]; /* each by itself */
};

/* 0 or -errno. */
int counters_read(uint32_t id, enum vsh_direction direction, struct counters *sum);

/* Lines of text, each with the prefix before it. */
void direction_print(const char *prefix, enum vsh_direction direction,
		     const struct counters *stats);

/* Both directions, and calls, as members of an object. 0 or -errno. */
int counters_print_json(struct json *json, uint32_t id, const struct vsh_rule *rule,
			const struct vsh_label *label);

/* Reasons to drop a packet are the numbers from here to VSH_REASONS. */
#define DROP_REASONS_BEGIN (VSH_PASSED + 1)

/* One word, as it is printed and as it names a member in JSON. */
const char *reason_name(enum vsh_reason reason);

/* The 95 % Wilson score interval of a share: E. B. Wilson, "Probable Inference, the
 * Law of Succession, and Statistical Inference" (1927). 0..1; seen is not 0.
 */
void wilson_interval(uint64_t dropped, uint64_t seen, double *low, double *high);

#endif
