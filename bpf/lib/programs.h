/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is loaded into the kernel: each tool has a table (tools.h). Whatever names a program (loading,
 * doctor, show, monitor, the manual page) reads it.
 */
#ifndef VSH_PROGRAMS_H
#define VSH_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool;

/* What loading does with a program that the kernel has accepted. */
enum place {
	BY_LINK, /* attached here, and its link pinned */
	BY_RUN, /* attached by the command that uses it, and gone with it */
	BY_HAND, /* loaded by the command that uses it, which attaches it to a cgroup or calls it */
	BY_PIN, /* pinned, for tc, `bpftool cgroup attach` or `bpftool net attach` */
};

struct program {
	const char *object; /* file in the folder of the objects */
	const char *name;
	enum place place;
	bool needed; /* without it no rule works */
	const char *purpose; /* what it does, as in "cannot load NAME, which PURPOSE" */
	const char *lost; /* what its user has to do without, as in "without NAME, LOST" */
	const char *replaced; /* what does the same work instead, or NULL */
};

/* Those of one tool, in the order of loading. */
struct program_table {
	const struct program *rows;
	size_t count;
};

/* Those of one tool, and all of all tools; NULL after the last. */
const struct program *program_of(const struct tool *tool, size_t index);
const struct program *program_at(size_t index);
size_t programs_count(void);

/* NULL: there is no such program. */
const struct program *program_find(const char *name);

/* Where it, or its link, is pinned below a folder. */
void pin_path(char path[128], const char *directory, const struct program *program);

/* Is it loaded in the set-up of its tool? */
bool program_is_pinned(const struct program *program);

/* Is it one that its tool's set-up attaches, and cannot do without, and that somebody has taken away? */
bool program_is_taken(const struct program *program);

/* Has the loaded program of this number that name? */
bool program_has_name(uint32_t id, const char *name);

/* Has the kernel refused it, where its tool is set up, and nothing does the same instead? */
bool program_is_lost(const struct program *program);

/* Is that tool set up? Its pins get their place by one rename, when all of them are made. */
bool setup_is_there(const struct tool *tool);

#endif
