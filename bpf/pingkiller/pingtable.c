// SPDX-License-Identifier: GPL-2.0-or-later
/* The counters as a table, which fits a screen of 80 columns and however many rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "fit.h"
#include "ping.h"

#define COLUMNS 80
#define PACKETS 10 /* digits of a column, beyond which a number is cut off */
#define BYTES 12
#define BAR_LENGTH 15 /* two of them, and what stands before, fit in 80 columns */
#define ROWS_MAX (PK_FAMILIES * PK_TYPES + PK_CLASSES)

typedef unsigned long long number;

struct row {
	char what[40];
	struct pk_count count[PK_VERDICTS];
};

struct rows {
	struct row list[ROWS_MAX];
	int count;
};

/* --- what there is to tell ------------------------------------------------------------------ */

static uint64_t row_packets(const struct row *row)
{
	return row->count[PK_PASS].packets + row->count[PK_DROP].packets;
}

/* A row that has no packets is none. */
static void row_add(struct rows *rows, const struct row *row)
{
	if (row_packets(row))
		rows->list[rows->count++] = *row;
}

static void type_row_add(struct rows *rows, int key, const struct pk_type *type)
{
	enum pk_family family = key / PK_TYPES;
	const char *name = ping_type_name(family, key % PK_TYPES);
	const char *label = family == PK_IPV4 ? "ICMP" : "ICMPv6";
	struct row row = {};

	memcpy(row.count, type->count, sizeof(row.count));
	if (name)
		snprintf(row.what, sizeof(row.what), "%s %s", label, name);
	else
		snprintf(row.what, sizeof(row.what), "%s type %d", label, key % PK_TYPES);
	row_add(rows, &row);
}

static void rows_collect(struct rows *rows, const struct pk_stats *stats)
{
	rows->count = 0;
	for (int key = 0; key < PK_FAMILIES * PK_TYPES; key++)
		type_row_add(rows, key, &stats->types[key / PK_TYPES][key % PK_TYPES]);
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++) {
		struct row row = { .count[PK_PASS] = stats->passed[class] };

		snprintf(row.what, sizeof(row.what), "%s", ping_class_names[class].text);
		row_add(rows, &row);
	}
}

/* --- what there is room for ------------------------------------------------------------------ */

static int least_find(const struct rows *rows)
{
	int least = 0;

	for (int i = 1; i < rows->count; i++)
		if (row_packets(&rows->list[i]) <= row_packets(&rows->list[least]))
			least = i;
	return least;
}

/* Those with the fewest packets become one row, so that there are no more than so many, two at least. */
static void rows_shorten(struct rows *rows, int room)
{
	struct row rest = {};
	int others = 0;

	if (rows->count <= room)
		return;
	while (rows->count && rows->count + 1 > room) {
		int least = least_find(rows);

		for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
			ping_count_add(&rest.count[verdict], &rows->list[least].count[verdict]);
		memmove(&rows->list[least], &rows->list[least + 1],
			(--rows->count - least) * sizeof(rows->list[0]));
		others++;
	}
	snprintf(rest.what, sizeof(rest.what), "%d others", others);
	rows->list[rows->count++] = rest;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void row_print(FILE *out, const struct row *row)
{
	char packets[PK_VERDICTS][FIT_LEN], bytes[PK_VERDICTS][FIT_LEN];

	for (int verdict = 0; verdict < PK_VERDICTS; verdict++) {
		number_fit(row->count[verdict].packets, PACKETS, packets[verdict]);
		number_fit(row->count[verdict].bytes, BYTES, bytes[verdict]);
	}
	fprintf(out, "  %-30s %*s %*s %*s %*s\n", row->what, PACKETS, packets[PK_PASS], BYTES,
		bytes[PK_PASS], PACKETS, packets[PK_DROP], BYTES, bytes[PK_DROP]);
}

static const char *average_fit(const struct pk_times *times, char text[PING_AVERAGE_LEN])
{
	const char *average = ping_average_format(times, text);

	return strlen(average) > PACKETS ? number_fit(strtoull(average, NULL, 10), PACKETS, text)
					 : average;
}

static void ends_print(FILE *out, const struct pk_stats *stats)
{
	char passed[PING_AVERAGE_LEN], dropped[PING_AVERAGE_LEN];
	struct row all = { .what = "all" };

	ping_totals_sum(stats, all.count);
	row_print(out, &all);
	fprintf(out, "  %-30s %*s %*s %*s\n", "average time (ns)", PACKETS,
		average_fit(&stats->times[PK_PASS], passed), BYTES, "", PACKETS,
		average_fit(&stats->times[PK_DROP], dropped));
}

/* --- the histogram ------------------------------------------------------------------------------ */

static void bar_print(FILE *out, uint64_t value, uint64_t most)
{
	int length = most ? ceil((double)value / most * BAR_LENGTH) : 0;
	char text[FIT_LEN];

	fprintf(out, " %*s %-*.*s", PACKETS, number_fit(value, PACKETS, text), BAR_LENGTH, length,
		"***************");
}

_Static_assert(sizeof("***************") - 1 == BAR_LENGTH, "the longest bar fits");

static uint64_t slots_max(const struct pk_times *times)
{
	uint64_t most = 0;

	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		if (times->slots[slot] > most)
			most = times->slots[slot];
	return most;
}

/* Puts what was slower into the slot. */
static void slots_fold(struct pk_times *times, int slot)
{
	for (int slower = slot + 1; slower < PK_TIME_SLOTS; slower++) {
		times->slots[slot] += times->slots[slower];
		times->slots[slower] = 0;
	}
}

static void slots_print(FILE *out, const struct pk_times times[PK_VERDICTS], int first, int last,
			bool is_open)
{
	uint64_t most[PK_VERDICTS] = { slots_max(&times[PK_PASS]), slots_max(&times[PK_DROP]) };
	char range[64];

	for (int slot = first; slot <= last; slot++) {
		if (is_open && slot == last)
			snprintf(range, sizeof(range), "%llu and more", 1ULL << slot);
		else
			snprintf(range, sizeof(range), "%llu - %llu", 1ULL << slot,
				 (2ULL << slot) - 1);
		fprintf(out, "  %23s", range);
		bar_print(out, times[PK_PASS].slots[slot], most[PK_PASS]);
		bar_print(out, times[PK_DROP].slots[slot], most[PK_DROP]);
		fputc('\n', out);
	}
}

#define HISTOGRAM_HEAD 2 /* rows */

/* Where there is no room for a row, there is none. */
static void histogram_print(FILE *out, const struct pk_stats *stats, uint32_t sample, int room)
{
	struct pk_times times[PK_VERDICTS];
	int first, last, end;

	if (room <= HISTOGRAM_HEAD || !ping_slots_used(stats->times, &first, &last))
		return;
	end = last - first < room - HISTOGRAM_HEAD ? last : first + room - HISTOGRAM_HEAD - 1;
	memcpy(times, stats->times, sizeof(times));
	for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
		slots_fold(&times[verdict], end);
	if (sample == 1)
		fprintf(out, "  processing time, of each packet\n");
	else
		fprintf(out, "  processing time, of one packet in %u\n", sample);
	fprintf(out, "  %23s %*s %-*s %*s\n", "ns", PACKETS, "passed", BAR_LENGTH, "", PACKETS,
		"dropped");
	slots_print(out, times, first, end, end < last || end == PK_TIME_SLOTS - 1);
}

/* --- all of it ------------------------------------------------------------------------------------ */

/* Returns how many lines the words took. */
static int words_print(FILE *out, const struct ping_device *device)
{
	char *text = NULL;
	size_t length;
	FILE *words = open_memstream(&text, &length);
	int lines = 0;

	if (!words)
		return 0;
	ping_words_print(words, device);
	if (!fclose(words))
		lines = words_fit(out, text, COLUMNS);
	free(text);
	return lines;
}

void ping_table_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats,
		      int screen)
{
	static struct rows rows;
	int room = screen - words_print(out, device) - 3; /* the head, and both ends */

	rows_collect(&rows, stats);
	if (screen)
		rows_shorten(&rows, room < 2 ? 2 : room);
	fprintf(out, "  %-30s %*s %*s %*s %*s\n", "", PACKETS, "passed", BYTES, "bytes", PACKETS,
		"dropped", BYTES, "bytes");
	for (int i = 0; i < rows.count; i++)
		row_print(out, &rows.list[i]);
	ends_print(out, stats);
	histogram_print(out, stats, device->config.sample,
			screen ? room - rows.count : PK_TIME_SLOTS + HISTOGRAM_HEAD);
}
