// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "page.h"

static struct geo_about about;
static enum {
	NOWHERE,
	BY_TEXT,
	BY_MMDB
} source;

/* What is not to be found in a database of the world (RFC 6890), IPv4 as ::ffff:a.b.c.d. */
static const struct range {
	const char *name;
	uint8_t bits;
	uint8_t address[16];
} ranges[] = {
#define IPV4(a, b, c, d)                                             \
	{                                                            \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d \
	}
	{ "this machine", 96 + 8, IPV4(127, 0, 0, 0) },
	{ "this machine", 96 + 8, IPV4(0, 0, 0, 0) },
	{ "this machine", 128, { [15] = 1 } },
	{ "this machine", 128, {} },
	{ "local network", 96 + 8, IPV4(10, 0, 0, 0) },
	{ "local network", 96 + 12, IPV4(172, 16, 0, 0) },
	{ "local network", 96 + 16, IPV4(192, 168, 0, 0) },
	{ "local network", 96 + 16, IPV4(169, 254, 0, 0) },
	{ "local network", 10, { 0xfe, 0x80 } },
	{ "local network", 7, { 0xfc } },
	{ "provider's network", 96 + 10, IPV4(100, 64, 0, 0) },
	{ "documentation", 96 + 24, IPV4(192, 0, 2, 0) },
	{ "documentation", 96 + 24, IPV4(198, 51, 100, 0) },
	{ "documentation", 96 + 24, IPV4(203, 0, 113, 0) },
	{ "documentation", 32, { 0x20, 0x01, 0x0d, 0xb8 } },
	{ "multicast", 96 + 4, IPV4(224, 0, 0, 0) },
	{ "multicast", 8, { 0xff } },
	{ "broadcast", 128, IPV4(255, 255, 255, 255) },
#undef IPV4
};

static bool is_in(const struct range *range, const uint8_t address[16])
{
	unsigned int whole = range->bits / 8, rest = range->bits % 8;

	if (memcmp(range->address, address, whole))
		return false;
	return !rest || !((range->address[whole] ^ address[whole]) >> (8 - rest));
}

static const char *local_name(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (is_in(&ranges[i], address))
			return ranges[i].name;
	return NULL;
}

bool geo_begin(const char *name, int fd)
{
	if (fd < 0) {
		if (strcmp(name, "none") && geotext_begin_installed(&about))
			source = BY_TEXT;
		return true;
	}
	source = geotext_is(fd) ? BY_TEXT : BY_MMDB;
	return source == BY_TEXT ? geotext_begin(name, fd, &about)
				 : geommdb_begin(name, fd, &about);
}

const struct geo_about *geo_about(void)
{
	return source == NOWHERE ? NULL : &about;
}

void geo_find(const uint8_t address[16], bool is_own, struct place *place)
{
	place->local = is_own ? "this machine" : local_name(address);
	if (place->local)
		return;
	if (source == BY_TEXT)
		geotext_find(address, place);
	else if (source == BY_MMDB)
		geommdb_find(address, place);
}
