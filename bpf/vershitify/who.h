/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words that name processes, for the grammars of all who follow these. */
#ifndef VSH_WHO_H
#define VSH_WHO_H

#include "grammar.h"
#include "vershitify.h"

/* Parsers of a row with one argument each, which set label->who and what belongs to it. DONE, or a
 * message and FAILED or MISUSED.
 */
int who_command(struct cursor *cursor, struct vsh_label *label);
int who_exe(struct cursor *cursor, struct vsh_label *label);
int who_pid(struct cursor *cursor, struct vsh_label *label);
int who_cgroup(struct cursor *cursor, struct vsh_label *label, const char *cgroup_root);

#endif
