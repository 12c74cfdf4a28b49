// SPDX-License-Identifier: GPL-2.0-or-later
/* ICMP types by name and number, of both families. */
#include <string.h>
#include "ping.h"
#include "words.h"

#define NONE -1

/* The names that nft gives them; NONE: the family has no such type. */
static const struct {
	const char *name;
	int types[PK_FAMILIES];
} type_names[] = {
	{ "echo-request", { 8, 128 } },		  { "echo-reply", { 0, 129 } },
	{ "destination-unreachable", { 3, 1 } },  { "packet-too-big", { NONE, 2 } },
	{ "time-exceeded", { 11, 3 } },		  { "parameter-problem", { 12, 4 } },
	{ "source-quench", { 4, NONE } },	  { "redirect", { 5, NONE } },
	{ "router-advertisement", { 9, NONE } },  { "router-solicitation", { 10, NONE } },
	{ "timestamp-request", { 13, NONE } },	  { "timestamp-reply", { 14, NONE } },
	{ "info-request", { 15, NONE } },	  { "info-reply", { 16, NONE } },
	{ "address-mask-request", { 17, NONE } }, { "address-mask-reply", { 18, NONE } },
	{ "mld-listener-query", { NONE, 130 } },  { "mld-listener-report", { NONE, 131 } },
	{ "mld-listener-done", { NONE, 132 } },	  { "nd-router-solicit", { NONE, 133 } },
	{ "nd-router-advert", { NONE, 134 } },	  { "nd-neighbor-solicit", { NONE, 135 } },
	{ "nd-neighbor-advert", { NONE, 136 } },  { "nd-redirect", { NONE, 137 } },
	{ "router-renumbering", { NONE, 138 } },  { "mld2-listener-report", { NONE, 143 } },
};

#define TYPE_NAMES (sizeof(type_names) / sizeof(type_names[0]))

const char *const ping_family_names[] = {
	[PK_IPV4] = "ipv4",
	[PK_IPV6] = "ipv6",
};

const char *ping_type_name(enum pk_family family, unsigned int type)
{
	for (size_t i = 0; i < TYPE_NAMES; i++)
		if (type_names[i].types[family] == (int)type)
			return type_names[i].name;
	return NULL;
}

bool ping_has_family(const struct pk_label *label, enum pk_family family)
{
	return label->families >> family & 1;
}

static bool is_set(const __u64 *bits, unsigned int bit)
{
	return bits[bit / 64] >> bit % 64 & 1;
}

static void set(__u64 *bits, unsigned int bit)
{
	bits[bit / 64] |= 1ULL << bit % 64;
}

int ping_types_parse(__u64 types[PK_FAMILIES][PK_TYPES / 64], const char *word)
{
	uint64_t number;

	if (!number_parse(word, PK_TYPES - 1, &number)) {
		set(types[PK_IPV4], number);
		set(types[PK_IPV6], number);
		return 0;
	}
	for (size_t i = 0; i < TYPE_NAMES; i++) {
		if (strcmp(word, type_names[i].name))
			continue;
		for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
			if (type_names[i].types[f] != NONE)
				set(types[f], type_names[i].types[f]);
		return 0;
	}
	return -1;
}

int ping_types_command(const struct options *options, int argc, char **argv)
{
	(void)options;
	if (argc)
		return misuse("what is %s? (ping types)", quoted(argv[0]));
	for (size_t i = 0; i < TYPE_NAMES; i++)
		puts(type_names[i].name);
	return DONE;
}

/* Does the configuration have all that the name stands for, in the families it is for? */
static bool has_name(const struct ping_device *device, size_t name)
{
	bool has = false;

	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++) {
		if (type_names[name].types[f] == NONE || !ping_has_family(&device->label, f))
			continue;
		if (!is_set(device->config.types[f], type_names[name].types[f]))
			return false;
		has = true;
	}
	return has;
}

static bool has_number(const struct ping_device *device, unsigned int type)
{
	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
		if (ping_has_family(&device->label, f) && !is_set(device->config.types[f], type))
			return false;
	return true;
}

/* Names first, then numbers for what no name has said. */
void ping_types_walk(const struct ping_device *device,
		     void (*visit)(const char *name, unsigned int number, void *context),
		     void *context)
{
	__u64 told[PK_FAMILIES][PK_TYPES / 64] = {};

	for (size_t i = 0; i < TYPE_NAMES; i++) {
		if (!has_name(device, i))
			continue;
		visit(type_names[i].name, 0, context);
		ping_types_parse(told, type_names[i].name);
	}
	for (unsigned int type = 0; type < PK_TYPES; type++) {
		bool is_told = true;

		for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
			if (ping_has_family(&device->label, f) && !is_set(told[f], type))
				is_told = false;
		if (has_number(device, type) && !is_told)
			visit(NULL, type, context);
	}
}
