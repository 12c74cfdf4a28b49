// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of tools, and what they have in common under the name of the first. */
#include <string.h>
#include "tools.h"

extern const struct tool vershitify_tool, pingkiller_tool, tracepkt_tool, snitch_tool;

const struct tool *const tools[] = {
	&vershitify_tool, &pingkiller_tool, &tracepkt_tool, &snitch_tool, NULL,
};

const char lock_file[] = "/run/vershitify.lock";

const struct tool *tool_find(const char *name)
{
	for (const struct tool *const *tool = tools; *tool; tool++)
		if (!strcmp((*tool)->name, name))
			return *tool;
	return NULL;
}

const struct tool *tool_of(const struct program *program)
{
	for (const struct tool *const *tool = tools; *tool; tool++) {
		const struct program_table *table = &(*tool)->programs;

		if (program >= table->rows && program < table->rows + table->count)
			return *tool;
	}
	return NULL;
}
