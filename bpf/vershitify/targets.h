/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose sockets: a tracker for this process alone, with one rule that does nothing but name processes. */
#ifndef VSH_TARGETS_H
#define VSH_TARGETS_H

#include <stdbool.h>
#include <sys/types.h>
#include "vershitify.h"

struct targets;

struct targets_plan {
	const char *directory; /* of the objects */
	const char *cgroup_root; /* where cgroup v2 is mounted, or NULL */
	struct vsh_label who; /* VSH_RUN: who is added */
	bool children; /* with all descendants */
};

/* Tags the sockets of the processes that are named, those that there are and those to come, for as long
 * as this process runs. NULL after a message.
 */
struct targets *targets_open(const struct targets_plan *plan);
void targets_close(struct targets *targets); /* accepts NULL */
int targets_tags(const struct targets *targets); /* the map of tags: sockets of targets have one */

/* Of VSH_RUN: this process, which goes on when it is added, and its descendants. DONE, or a message and FAILED. */
int targets_add(const struct targets *targets, pid_t pid);

#endif
