// SPDX-License-Identifier: GPL-2.0-or-later
/* Databases of MaxMind's format, of MaxMind or of others: what they know differs, and so does how they call it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <maxminddb.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include "page.h"
#include "vsh.h"

static MMDB_s database;

/* By the beginning of the type of database. */
static const struct supplier {
	const char *type, *name, *licence;
} suppliers[] = {
	{ "GeoLite2", "GeoLite2 by MaxMind (https://www.maxmind.com)",
	  "GeoLite2 End User License Agreement" },
	{ "GeoIP2", "GeoIP2 by MaxMind (https://www.maxmind.com)", "by MaxMind's agreement" },
	{ "DBIP", "IP Geolocation by DB-IP (https://db-ip.com)",
	  "CC BY 4.0 if it is the lite one" },
};

static void about_fill(struct geo_about *about, const char *type)
{
	about->what = "countries or towns";
	about->licence = "licence: see its supplier";
	text_clean(about->name, sizeof(about->name), type, strlen(type));
	for (size_t i = 0; i < sizeof(suppliers) / sizeof(suppliers[0]); i++)
		if (!strncasecmp(type, suppliers[i].type, strlen(suppliers[i].type))) {
			strcpy(about->name, suppliers[i].name);
			about->licence = suppliers[i].licence;
		}
}

bool geommdb_begin(const char *name, int fd, struct geo_about *about)
{
	char path[32];
	int err;

	/* What is open already is opened again by its descriptor: folders on the way to it are not asked. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = MMDB_open(path, MMDB_MODE_MMAP, &database);
	if (err) {
		complain("--geo %s: %s (a file in MaxMind's format that everybody can read)",
			 quoted(name), MMDB_strerror(err));
		return false;
	}
	about_fill(about, database.metadata.database_type ?: "");
	return true;
}

static bool value_get(MMDB_entry_s *entry, MMDB_entry_data_s *value, const char *const path[])
{
	return MMDB_aget_value(entry, value, path) == MMDB_SUCCESS && value->has_data;
}

/* By one of two ways: that of MaxMind, and that of flat databases. */
static void text_get(MMDB_entry_s *entry, char *text, size_t size, const char *const nested[],
		     const char *const flat[])
{
	MMDB_entry_data_s value;

	if ((value_get(entry, &value, nested) || value_get(entry, &value, flat)) &&
	    value.type == MMDB_DATA_TYPE_UTF8_STRING)
		text_clean(text, size, value.utf8_string, value.data_size);
}

static bool number_get(MMDB_entry_s *entry, double *number, double max, const char *const nested[],
		       const char *const flat[])
{
	MMDB_entry_data_s value;

	if (!value_get(entry, &value, nested) && !value_get(entry, &value, flat))
		return false;
	if (value.type == MMDB_DATA_TYPE_DOUBLE)
		*number = value.double_value;
	else if (value.type == MMDB_DATA_TYPE_FLOAT)
		*number = value.float_value;
	else
		return false;
	return fabs(*number) <= max;
}

#define WAY(...)                  \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static void entry_read(MMDB_entry_s *entry, struct place *place)
{
	char country[16] = "";

	text_get(entry, country, sizeof(country), WAY("country", "iso_code"), WAY("country_code"));
	if (isupper(country[0]) && isupper(country[1]) && !country[2])
		strcpy(place->country, country);
	text_get(entry, place->city, sizeof(place->city), WAY("city", "names", "en"), WAY("city"));
	place->has_position = number_get(entry, &place->position.latitude, 90,
					 WAY("location", "latitude"), WAY("latitude")) &&
			      number_get(entry, &place->position.longitude, 180,
					 WAY("location", "longitude"), WAY("longitude"));
}

static MMDB_lookup_result_s look_up(const uint8_t address[16], int *err)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (!memcmp(address, mapped, sizeof(mapped))) {
		memcpy(&v4.sin_addr, address + 12, 4);
		return MMDB_lookup_sockaddr(&database, (struct sockaddr *)&v4, err);
	}
	memcpy(&v6.sin6_addr, address, 16);
	return MMDB_lookup_sockaddr(&database, (struct sockaddr *)&v6, err);
}

void geommdb_find(const uint8_t address[16], struct place *place)
{
	int err = MMDB_SUCCESS;
	MMDB_lookup_result_s result = look_up(address, &err);

	if (err == MMDB_SUCCESS && result.found_entry)
		entry_read(&result.entry, place);
}
