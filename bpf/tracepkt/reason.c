// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own names of reasons and functions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>
#include "trace.h"
#include "vsh.h"

#define PREFIX "SKB_DROP_REASON_"
#define PREFIX_OLD "SKB_"

static struct btf *kernel_btf(void)
{
	static struct btf *btf;
	static bool is_asked;

	if (!is_asked)
		btf = btf__load_vmlinux_btf();
	is_asked = true;
	return btf;
}

/* Reasons above 0xffff are those of subsystems, which have enums of their own. */
static const char *enum_name(const struct btf *btf, uint32_t value)
{
	int id = btf ? btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;

	if (!type)
		return NULL;
	for (int i = 0; i < btf_vlen(type); i++)
		if ((uint32_t)btf_enum(type)[i].val == value)
			return btf__name_by_offset(btf, btf_enum(type)[i].name_off);
	return NULL;
}

const char *drop_reason_name(uint32_t reason)
{
	static char number[32];
	const char *name = enum_name(kernel_btf(), reason);

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
