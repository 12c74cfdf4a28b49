/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detours of packets that rules hold: what a plan says about them. tc/hold-vershitify.sh carries it out. */
#ifndef VSH_DETOUR_H
#define VSH_DETOUR_H

#include <stdbool.h>
#include "json.h"
#include "site.h"
#include "vershitify.h"

#define FILTER_PREF 3 /* tc/filter.sh */
#define FILTER_HANDLE 0x5653 /* tc/vershitify.sh */

/* The name of an ifb of ours, whichever rule has it? */
bool is_detour(const char *device);

/* Does it need the classifiers on its devices? */
bool rule_has_filters(const struct vsh_rule *rule);

/* "ifb" and "queue" lines: the devices with the queues where this rule holds packets. before: what they may
 * have been told already, or NULL.
 */
void detours_print(__u32 id, const struct vsh_rule *rule, const struct vsh_label *label,
		   const struct vsh_label *before);

/* "steer" lines: the way there, from the devices that the plan has named before. */
void steers_print(__u32 id, const struct vsh_rule *rule);

/* "ifb COOKIE NAME" lines: those that have to stay. None for a rule that is over. */
void detours_needed_print(__u32 id, const struct vsh_rule *rule);

/* What is missing of those that the rule has, as in "vsh1 is down"; nothing is written if nothing is, or if
 * there is a text already. While it is, the packets are lost, or not held.
 */
void detours_fault(const struct site *site, __u32 id, const struct vsh_rule *rule, char *fault,
		   size_t size);

/* Likewise, of the filters on one device. A rule for all devices does not know which these are. */
void ways_fault(const struct site *site, __u32 ifindex, __u32 id, const struct vsh_rule *rule,
		char *fault, size_t size);

/* A line of text, or a member "held", of a direction in which the rule holds packets: how many have gone on
 * (segments), how many are there now, and how many found the queue full (as they come: up to 64 kB each).
 */
void detour_counts_print(const char *prefix, __u32 id, __u32 direction,
			 const struct vsh_rule *rule);
void detour_counts_print_json(struct json *json, __u32 id, __u32 direction,
			      const struct vsh_rule *rule);

#endif
