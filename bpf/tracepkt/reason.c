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

/* The last of the kernel's symbols that is not above the address, or NULL. To be freed. */
static char *function_find(uint64_t address)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], name[128], best_name[sizeof(name)] = "";
	uint64_t start, best = 0;

	while (file && fgets(line, sizeof(line), file)) {
		start = strtoull(line, NULL, 16);
		if (start > address || start <= best || sscanf(line, "%*x %*c %127s", name) != 1)
			continue;
		best = start;
		strcpy(best_name, name);
	}
	if (file)
		fclose(file);
	return best ? strdup(best_name) : NULL;
}

/* One that packets are dropped at. */
struct place {
	struct place *next;
	uint64_t address;
	char *name;
};

/* The kernel has more than 100,000 symbols, and few places to drop at: each is looked up once. */
const char *function_name(uint64_t address)
{
	static struct place *places;
	struct place *place = places;

	while (place && place->address != address)
		place = place->next;
	if (place)
		return place->name;
	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	*place = (struct place){
		.next = places,
		.address = address,
		.name = function_find(address),
	};
	places = place;
	return place->name;
}
