/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What load.c and setup.c do for each other. */
#ifndef VSH_LOAD_H
#define VSH_LOAD_H

struct tool;

/* setup.c: all that the tool sets up, unless it is there. DONE, or FAILED after a message. */
int setup_load(const char *directory, const struct tool *tool);

/* load.c: all programs of one object of a tool, attached and pinned in this folder, but for optional ones
 * that the kernel refuses. DONE, or FAILED after a message.
 */
int object_load_all(const char *directory, const struct tool *tool, const char *file,
		    const char *pins);

/* What is lost by refusals since, a note each. */
void refusals_tell(void);

#endif
