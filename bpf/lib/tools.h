/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of tools. What belongs to one of them stands in its folder. */
#ifndef VSH_TOOLS_H
#define VSH_TOOLS_H

#include <stddef.h>
#include "programs.h"

struct tool {
	const char *speaker; /* its command */
	const struct program_table *programs;
};

extern const struct tool tools[];
extern const size_t tools_count;

extern const struct program_table vershitify_programs, pingkiller_programs, tracepkt_programs,
	snitch_programs;

/* Whose program is it? */
const struct tool *tool_of(const struct program *program);

#endif
