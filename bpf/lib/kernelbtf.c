// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <bpf/btf.h>
#include "kernelbtf.h"

static const struct btf *kernel_btf(void)
{
	static struct btf *btf;
	static bool is_asked;

	if (!is_asked)
		btf = btf__load_vmlinux_btf();
	is_asked = true;
	return btf;
}

static const struct btf_type *type_find(const struct btf *btf, const char *name, uint32_t kind)
{
	int id = btf ? btf__find_by_name_kind(btf, name, kind) : -1;

	return id > 0 ? btf__type_by_id(btf, id) : NULL;
}

const char *kernel_enum_name(const char *enumeration, uint32_t value)
{
	const struct btf *btf = kernel_btf();
	const struct btf_type *type = type_find(btf, enumeration, BTF_KIND_ENUM);

	if (!type)
		return NULL;
	for (int i = 0; i < btf_vlen(type); i++)
		if ((uint32_t)btf_enum(type)[i].val == value)
			return btf__name_by_offset(btf, btf_enum(type)[i].name_off);
	return NULL;
}

/* The first of the typedef's parameters is the tracepoint's own. */
unsigned int kernel_tracepoint_arguments(const char *tracepoint)
{
	const struct btf *btf = kernel_btf();
	const struct btf_type *type;
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	type = type_find(btf, name, BTF_KIND_TYPEDEF);
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) && btf_vlen(type) ? btf_vlen(type) - 1 : 0;
}
