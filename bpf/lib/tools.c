// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools.h"

const struct tool tools[] = {
	{ "vershitify.sh", &vershitify_programs },
	{ "pingkiller.sh", &pingkiller_programs },
	{ "tracepkt.sh", &tracepkt_programs },
	{ "snitch.sh", &snitch_programs },
};

const size_t tools_count = sizeof(tools) / sizeof(tools[0]);

const struct tool *tool_of(const struct program *program)
{
	for (size_t i = 0; i < tools_count; i++) {
		const struct program_table *table = tools[i].programs;

		if (program >= table->rows && program < table->rows + table->count)
			return &tools[i];
	}
	return NULL;
}
