// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "words.h"

#define DECIMALS 6
#define SCALE 1000000 /* 10^DECIMALS */
#define RATE_MAX 1000000000000ULL /* bytes a second */
#define TIME_MAX_NS (10ULL * 365 * 24 * 3600 * 1000000000)

/* A decimal number scaled by 10^DECIMALS. *end is where it stops. */
static int decimal_parse(const char *word, const char **end, __uint128_t *scaled)
{
	__uint128_t number = 0;
	int digits = 0, decimals = -1;
	const char *p;

	for (p = word; isdigit((unsigned char)*p) || (*p == '.' && decimals < 0); p++) {
		if (*p == '.') {
			decimals = 0;
			continue;
		}
		if (decimals == DECIMALS)
			return -EINVAL;
		if (number > (__uint128_t)UINT64_MAX * SCALE)
			return -ERANGE;
		number = number * 10 + (*p - '0');
		digits++;
		if (decimals >= 0)
			decimals++;
	}
	if (!digits || decimals == 0)
		return -EINVAL;
	for (int i = decimals < 0 ? 0 : decimals; i < DECIMALS; i++)
		number *= 10;
	*end = p;
	*scaled = number;
	return 0;
}

int percent_parse(const char *word, uint64_t *millionths)
{
	const char *end;
	__uint128_t number;
	int err;

	err = decimal_parse(word, &end, &number);
	if (err)
		return err;
	if (strcmp(end, "") && strcmp(end, "%"))
		return -EINVAL;
	if (number > PERCENT_MAX)
		return -ERANGE;
	if (!*end && number > 0 && number < PERCENT_MAX / 100)
		return -EDOM;
	*millionths = number;
	return 0;
}

uint64_t percent_threshold(uint64_t millionths)
{
	return ((millionths << 32) + PERCENT_MAX / 2) / PERCENT_MAX;
}

int length_parse(const char *word, unsigned long long *millionths)
{
	const char *end;
	__uint128_t number;
	int err = decimal_parse(word, &end, &number);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	if (number < SCALE || number > (__uint128_t)SCALE * 1000000)
		return -ERANGE;
	*millionths = number;
	return 0;
}

void percent_format(uint64_t millionths, char *text, size_t size)
{
	int length = snprintf(text, size, "%u.%06u", (unsigned int)(millionths / 1000000),
			      (unsigned int)(millionths % 1000000));

	while (length > 0 && text[length - 1] == '0')
		text[--length] = '\0';
	if (length > 0 && text[length - 1] == '.')
		text[--length] = '\0';
}

int span_parse(const char *word, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "s", 1000000000 },	{ "sec", 1000000000 },
		{ "secs", 1000000000 }, { "ms", 1000000 },
		{ "msec", 1000000 },	{ "msecs", 1000000 },
		{ "us", 1000 },		{ "usec", 1000 },
		{ "usecs", 1000 },	{ "ns", 1 },
		{ "nsec", 1 },		{ "nsecs", 1 },
		{ "m", 60000000000 },	{ "min", 60000000000 },
		{ "h", 3600000000000 }, { "d", 86400000000000 },
	};
	const char *end;
	__uint128_t number;
	int err;

	err = decimal_parse(word, &end, &number);
	if (err)
		return err;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		if (number > TIME_MAX_NS * (__uint128_t)SCALE / units[i].ns)
			return -ERANGE;
		*ns = number * units[i].ns / SCALE;
		return number && !*ns ? -ERANGE : 0;
	}
	return -EINVAL;
}

int time_parse(const char *word, uint64_t *ns)
{
	int err = span_parse(word, ns);

	return !err && !*ns ? -ERANGE : err;
}

void time_format(uint64_t ns, char *text, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	int unit = 0;

	for (; unit < 3 && ns % 1000 == 0; unit++)
		ns /= 1000;
	snprintf(text, size, "%llu%s", (unsigned long long)ns, units[unit]);
}

/* "k", "Mi", or nothing: what one is, and the rest of the unit. */
static uint64_t unit_scale(const char **unit)
{
	static const char prefixes[] = "kmgt";
	const char *prefix = **unit ? strchr(prefixes, tolower((unsigned char)**unit)) : NULL;
	uint64_t step = 1000, scale = 1;

	if (!prefix)
		return 1;
	++*unit;
	if (**unit == 'i') {
		step = 1024;
		++*unit;
	}
	for (const char *p = prefixes; p <= prefix; p++)
		scale *= step;
	return scale;
}

int byterate_parse(const char *word, uint64_t *bytes)
{
	const char *unit;
	__uint128_t number;
	int err = decimal_parse(word, &unit, &number);

	if (err)
		return err;
	if (number > (__uint128_t)RATE_MAX * 8 * SCALE)
		return -ERANGE;
	number *= unit_scale(&unit);
	if (!strcasecmp(unit, "bit"))
		number /= 8;
	else if (strcasecmp(unit, "bps"))
		return -EINVAL;
	number /= SCALE;
	if (number > RATE_MAX)
		return -ERANGE;
	*bytes = number;
	return 0;
}

void byterate_format(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "bit", "kbit", "mbit", "gbit", "tbit" };
	uint64_t bits = bytes * 8;
	int unit = 0;

	for (; unit < 4 && bits && bits % 1000 == 0; unit++)
		bits /= 1000;
	snprintf(text, size, "%llu%s", (unsigned long long)bits, units[unit]);
}

int seconds_parse(const char *word, uint64_t *ns)
{
	char seconds[32];

	if (!*word || strspn(word, "0123456789.") != strlen(word))
		return time_parse(word, ns);
	if (snprintf(seconds, sizeof(seconds), "%ss", word) >= (int)sizeof(seconds))
		return -ERANGE;
	return time_parse(seconds, ns);
}

int number_parse(const char *word, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;

	if (!*word)
		return -EINVAL;
	for (; *word; word++) {
		if (!isdigit((unsigned char)*word))
			return -EINVAL;
		if (n > (UINT64_MAX - (*word - '0')) / 10)
			return -ERANGE;
		n = n * 10 + (*word - '0');
	}
	if (n > max)
		return -ERANGE;
	*number = n;
	return 0;
}

int prefix_parse(const char *word, struct prefix *prefix)
{
	const char *slash = strchr(word, '/');
	uint64_t bits, bits_max = 32;
	char address[64];

	*prefix = (struct prefix){};
	if (snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - word) : 63, word) >=
	    (int)sizeof(address))
		return -EINVAL;
	if (!slash && strlen(word) != strlen(address))
		return -EINVAL;
	if (inet_pton(AF_INET, address, prefix->address) != 1) {
		if (inet_pton(AF_INET6, address, prefix->address) != 1)
			return -EINVAL;
		prefix->is_ipv6 = true;
		bits_max = 128;
	}
	bits = bits_max;
	if (slash && number_parse(slash + 1, bits_max, &bits))
		return -EINVAL;
	for (unsigned int i = bits; i < bits_max; i++)
		prefix->address[i / 8] &= ~(0x80 >> i % 8);
	prefix->bits = bits;
	return 0;
}
