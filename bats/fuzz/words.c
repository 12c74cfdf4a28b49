// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * words.c - fuzzes the parsers of percentages, times, rates and numbers (bpf/lib/words.c). The input is one
 * word. What is accepted is compared with a second reading of the same word that shares no code with the
 * first one, and has to survive being written and read again.
 */
#include <errno.h>
#include <ctype.h>
#include <math.h>
#include <strings.h>
#include "fuzz.h"
#include "lib/words.h"

#define TEN_YEARS_NS (3650ULL * 24 * 3600 * 1000000000)

/* The length of "D", "D.D" or ".D" at the start of a word, with at most 6 decimals; 0: none. */
static size_t decimal_length(const char *word)
{
	size_t whole = strspn(word, "0123456789"), part;

	if (word[whole] != '.')
		return whole;
	part = strspn(word + whole + 1, "0123456789");
	return part >= 1 && part <= 6 ? whole + 1 + part : 0;
}

/* Of those bytes alone: strtold() would read on, through exponents. */
static long double decimal_value(const char *word, size_t length)
{
	char *text = strndup(word, length);
	long double value = text ? strtold(text, NULL) : 0;

	free(text);
	return value;
}

/* A refusal has a known reason. */
static void refusal_check(int err)
{
	CHECK(err == -EINVAL || err == -ERANGE || err == -EDOM);
}

static void percent_check(const char *word)
{
	uint64_t millionths, again, threshold;
	size_t length = decimal_length(word);
	bool is_percent = length && (!strcmp(word + length, "") || !strcmp(word + length, "%"));
	long double value = is_percent ? decimal_value(word, length) : -1;
	int err = percent_parse(word, &millionths);
	char text[16];

	CHECK((err == -EDOM) == (is_percent && !word[length] && value > 0 && value < 1));
	if (err) {
		refusal_check(err);
		CHECK(err == -EDOM || !is_percent || value > 100);
		return;
	}
	CHECK(is_percent && value <= 100);
	CHECK(fabsl(value * 1000000 - millionths) < 0.01L);
	threshold = percent_threshold(millionths);
	CHECK(fabsl(threshold - ldexpl(millionths / 1e8L, 32)) <= 0.5L);
	CHECK((threshold == 0) == (millionths == 0));
	CHECK((threshold == 1ULL << 32) == (millionths == PERCENT_MAX));
	percent_format(millionths, text, sizeof(text));
	CHECK(strlen(text) < 11);
	strcat(text, "%");
	CHECK(!percent_parse(text, &again) && again == millionths);
}

static long double unit_ns(const char *unit)
{
	static const char *const units[] = {
		"ns nsec nsecs", "us usec usecs", "ms msec msecs", "s sec secs", "m min", "h", "d"
	};
	static const long double ns[] = { 1, 1e3L, 1e6L, 1e9L, 60e9L, 3600e9L, 86400e9L };
	size_t length = strlen(unit);

	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++) {
		const char *at = length ? strstr(units[i], unit) : NULL;

		/* the whole of one name */
		for (; at; at = strstr(at + 1, unit))
			if ((at == units[i] || at[-1] == ' ') && (!at[length] || at[length] == ' '))
				return strchr(unit, ' ') ? 0 : ns[i];
	}
	return 0;
}

static void time_check(const char *word)
{
	uint64_t ns, again;
	size_t length = decimal_length(word);
	long double value = length ? decimal_value(word, length) * unit_ns(word + length) : 0;
	int err = time_parse(word, &ns);
	char text[32];

	if (err) {
		refusal_check(err);
		/* Parts of a nanosecond are cut off. */
		CHECK(value < 1.01L || value > TEN_YEARS_NS);
		return;
	}
	CHECK(ns > 0 && ns <= TEN_YEARS_NS);
	CHECK(value - ns > -0.1L && value - ns < 1.1L);
	snprintf(text, sizeof(text), "%llu.%06llums", (unsigned long long)ns / 1000000,
		 (unsigned long long)ns % 1000000);
	CHECK(!time_parse(text, &again) && again == ns);
}

/* Bytes a second of one of a rate's unit; 0: it is none. */
static long double unit_bytes(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *letter = *unit ? strchr(letters, tolower((unsigned char)*unit)) : NULL;
	long double bytes = 1;

	if (letter) {
		bool binary = unit[1] == 'i';

		bytes = powl(binary ? 1024 : 1000, letter - letters + 1);
		unit += 1 + binary;
	}
	if (!strcasecmp(unit, "bps"))
		return bytes;
	return strcasecmp(unit, "bit") ? 0 : bytes / 8;
}

static void byterate_check(const char *word)
{
	uint64_t bytes, again;
	size_t length = decimal_length(word);
	long double value = length ? decimal_value(word, length) * unit_bytes(word + length) : 0;
	int err = byterate_parse(word, &bytes);
	char text[24];

	if (err) {
		refusal_check(err);
		CHECK(!length || !unit_bytes(word + length) || value > 0.999e12L);
		return;
	}
	CHECK(length && unit_bytes(word + length) && bytes <= 1000000000000);
	/* what is less than a byte is cut off */
	CHECK(value - bytes > -0.1L && value - bytes < 1.1L);
	byterate_format(bytes, text, sizeof(text));
	CHECK(!byterate_parse(text, &again) && again == bytes);
}

static void number_check(const char *word, uint64_t max)
{
	uint64_t number, value = 0;
	size_t digits = strspn(word, "0123456789");
	bool is_number = digits && !word[digits];
	int err = number_parse(word, max, &number);

	if (is_number) {
		errno = 0;
		value = strtoull(word, NULL, 10);
		is_number = !errno && value <= max;
	}
	CHECK(is_number == !err);
	if (err)
		refusal_check(err);
	else
		CHECK(number == value);
}

void input_check(char *word)
{
	percent_check(word);
	time_check(word);
	byterate_check(word);
	number_check(word, UINT64_MAX);
	number_check(word, INT32_MAX);
	number_check(word, 64);
}
