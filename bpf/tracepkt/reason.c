// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own names of reasons and functions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "kernelbtf.h"
#include "trace.h"
#include "vsh.h"

#define PREFIX "SKB_DROP_REASON_"
#define PREFIX_OLD "SKB_"

/* Reasons above 0xffff are those of subsystems, which have enums of their own. */
const char *drop_reason_name(uint32_t reason)
{
	static char number[32];
	const char *name = kernel_enum_name("skb_drop_reason", reason);

	if (!name || !strcmp(name, PREFIX "MAX") || !strcmp(name, PREFIX "SUBSYS_MASK")) {
		snprintf(number, sizeof(number), "reason %" PRIu32, reason);
		return number;
	}
	if (!strncmp(name, PREFIX, strlen(PREFIX)))
		return name + strlen(PREFIX);
	if (!strncmp(name, PREFIX_OLD, strlen(PREFIX_OLD)))
		return name + strlen(PREFIX_OLD);
	return name;
}

const char *function_name(uint64_t address)
{
	static char found[128];
	FILE *file = fopen("/proc/kallsyms", "re");
	uint64_t best = 0;
	char line[512];

	if (!file)
		return NULL;
	while (fgets(line, sizeof(line), file)) {
		uint64_t start;
		char name[128];

		if (sscanf(line, "%" SCNx64 " %*c %127s", &start, name) != 2 || start > address ||
		    start <= best)
			continue;
		best = start;
		strcpy(found, name);
	}
	fclose(file);
	return best ? found : NULL;
}
