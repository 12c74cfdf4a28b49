// SPDX-License-Identifier: GPL-2.0-or-later
/* The files of tor-geoipdb: a line for each range of addresses, as in "16777216,16777471,AU" (IPv4 as a number), or
 * "2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP"; "??" is nowhere.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "page.h"
#include "vsh.h"

#define FOLDER "/usr/share/tor/"

struct range {
	uint8_t first[16], last[16];
	char country[2];
};

static struct {
	struct range *ranges;
	size_t count, room;
} table;

static bool address_parse(const char *text, uint8_t address[16])
{
	uint32_t number;
	char *end;

	if (strchr(text, ':'))
		return inet_pton(AF_INET6, text, address) == 1;
	number = htonl(strtoul(text, &end, 10));
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, &number, sizeof(number));
	return *text && !*end;
}

static bool range_parse(char *line, struct range *range)
{
	char *first = strsep(&line, ","), *last = strsep(&line, ",");

	if (!last || !line || !isupper(line[0]) || !isupper(line[1]))
		return false;
	memcpy(range->country, line, sizeof(range->country));
	return address_parse(first, range->first) && address_parse(last, range->last);
}

static bool range_add(const struct range *range)
{
	if (table.count == table.room) {
		size_t room = table.room ? 2 * table.room : 1 << 16;
		struct range *more = reallocarray(table.ranges, room, sizeof(*more));

		if (!more)
			return false;
		table.ranges = more;
		table.room = room;
	}
	table.ranges[table.count++] = *range;
	return true;
}

static void file_read(FILE *file)
{
	struct range range;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (range_parse(line, &range) && !range_add(&range))
			break;
	if (file)
		fclose(file);
}

static int range_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct range *)0)->first));
}

/* False: there are no ranges. */
static bool table_end(void)
{
	if (table.count)
		qsort(table.ranges, table.count, sizeof(*table.ranges), range_compare);
	return table.count;
}

/* A database of MaxMind's begins with a number of a node, whose first byte is 0. */
bool geotext_is(int fd)
{
	char first;

	return pread(fd, &first, 1, 0) == 1 && (first == '#' || isdigit(first));
}

bool geotext_begin(const char *name, int fd, struct geo_about *about)
{
	file_read(fdopen(fd, "r"));
	if (!table_end()) {
		complain("--geo %s: it has no line as in 16777216,16777471,AU", quoted(name));
		return false;
	}
	about->what = "countries";
	about->licence = "licence: see its supplier";
	text_clean(about->name, sizeof(about->name), name, strlen(name));
	return true;
}

bool geotext_begin_installed(struct geo_about *about)
{
	file_read(fopen(FOLDER "geoip", "re"));
	file_read(fopen(FOLDER "geoip6", "re"));
	*about = (struct geo_about){
		.what = "countries",
		.name = "the IPFire Location database (tor-geoipdb)",
		.licence = "CC BY-SA 4.0",
	};
	return table_end();
}

void geotext_find(const uint8_t address[16], struct place *place)
{
	size_t low = 0, high = table.count;
	const struct range *range;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(table.ranges[middle].first, address, 16) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	range = low ? &table.ranges[low - 1] : NULL;
	if (range && memcmp(range->last, address, 16) >= 0)
		memcpy(place->country, range->country, sizeof(range->country));
}
