/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detours of packets that rules hold: what a plan says about them. tc/hold.sh carries it out. */
#ifndef VSH_DETOUR_H
#define VSH_DETOUR_H

#include "vershitify.h"

/* "ifb" and "queue" lines: the devices with the queues where this rule holds packets. before: what they may
 * have been told already, or NULL.
 */
void detours_print(__u32 id, const struct vsh_rule *rule, const struct vsh_label *label,
		   const struct vsh_label *before);

/* "steer" lines: the way there, from the devices that the plan has named before. */
void steers_print(__u32 id, const struct vsh_rule *rule);

/* "ifb COOKIE NAME" lines: those that have to stay. None for a rule that is over. */
void detours_needed_print(__u32 id, const struct vsh_rule *rule);

#endif
