// SPDX-License-Identifier: GPL-2.0-or-later
/* The town that the time zone has its name from, by the time zone database's own table. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "page.h"

#define ZONES "/usr/share/zoneinfo/"

/* As in Europe/Berlin. */
static bool zone_name(char zone[PATH_MAX])
{
	const char *set = getenv("TZ"), *part;
	char target[PATH_MAX];
	ssize_t length;

	if (set) {
		snprintf(zone, PATH_MAX, "%s", set + (*set == ':'));
		return true;
	}
	length = readlink("/etc/localtime", target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	part = strstr(target, "/zoneinfo/");
	snprintf(zone, PATH_MAX, "%s", part ? part + strlen("/zoneinfo/") : "");
	return part;
}

/* ISO 6709, as in +DDMM or -DDDMMSS: degrees have `digits`. */
static double degrees_parse(const char *text, size_t length, size_t digits)
{
	double parts[3] = {};
	size_t from = 1;

	for (int i = 0; i < 3 && from < length; i++) {
		size_t to = from + (i ? 2 : digits);

		for (; from < to && from < length && isdigit(text[from]); from++)
			parts[i] = 10 * parts[i] + text[from] - '0';
	}
	return (*text == '-' ? -1 : 1) * (parts[0] + parts[1] / 60 + parts[2] / 3600);
}

/* A line "CC<tab>+LAT+LON<tab>ZONE[<tab>comment]". */
static bool line_take(char *line, const char *zone, struct position *home)
{
	char *where, *name;
	size_t length;

	strsep(&line, "\t");
	where = strsep(&line, "\t");
	name = strsep(&line, "\t\n");
	if (!name || strcmp(name, zone))
		return false;
	length = 1 + strcspn(where + 1, "+-");
	home->latitude = degrees_parse(where, length, 2);
	home->longitude = degrees_parse(where + length, strlen(where + length), 3);
	return true;
}

bool home_find(struct position *home)
{
	char zone[PATH_MAX], line[256];
	bool is_found = false;
	FILE *table;

	if (!zone_name(zone))
		return false;
	table = fopen(ZONES "zone.tab", "re");
	while (table && !is_found && fgets(line, sizeof(line), table))
		is_found = *line != '#' && line_take(line, zone, home);
	if (table)
		fclose(table);
	return is_found;
}
