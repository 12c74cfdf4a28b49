// SPDX-License-Identifier: GPL-2.0-or-later
/* What pingkiller is told to do, and what it has counted, for people. */
#include <string.h>
#include <bpf/bpf.h>
#include "ping.h"
#include "words.h"

#define PREFIXES_SHOWN 16
#define BAR_LENGTH 18 /* two of them, and what stands before, fit in 80 columns */

typedef unsigned long long number;

/* --- words ----------------------------------------------------------------------------- */

static void type_visit(const char *name, unsigned int type, void *context)
{
	FILE *out = context;

	if (name)
		fprintf(out, " type %s", name);
	else
		fprintf(out, " type %u", type);
}

static size_t prefixes_count(int fd)
{
	struct pk_prefix key, *previous = NULL;
	size_t count = 0;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		count++;
	}
	return count;
}

static void prefixes_print(FILE *out, const char *name, int fd)
{
	struct pk_prefix key, *previous = NULL;
	size_t count = prefixes_count(fd);
	char text[64];

	if (count > PREFIXES_SHOWN) {
		fprintf(out, " %s (%zu prefixes)", name, count);
		return;
	}
	while (!bpf_map_get_next_key(fd, previous, &key)) {
		ping_prefix_format(&key, text);
		fprintf(out, " %s %s", name, text);
		previous = &key;
	}
}

static const char *rate_unit(const struct pk_rate *rate)
{
	return ping_rate_seconds(rate) == 1 ? "s" : ping_rate_seconds(rate) == 60 ? "m" : "h";
}

/* suffix: of the words, "" or "-all". */
static void rate_print(FILE *out, const char *suffix, const struct pk_rate *rate)
{
	if (rate->packets)
		fprintf(out, " rate%s %llu/%s burst%s %llu", suffix, (number)rate->packets,
			rate_unit(rate), suffix, (number)rate->burst);
}

/* What is left of the time, rounded up; the whole of it if nothing is left, since without it the
 * words would drop for ever.
 */
static void time_print(FILE *out, const struct ping_device *device)
{
	static const uint64_t tenth = 100000000;
	uint64_t now = boot_now_ns(), end = device->config.expires_ns;
	char text[24];

	if (!(device->config.conditions & PK_ENDS))
		return;
	time_format(device->label.lasts_ns, text, sizeof(text));
	if (end <= now)
		fprintf(out, " for %s", text);
	else
		fprintf(out, " for %.1fs", (end - now + tenth - 1) / tenth / 10.0);
}

static void conditions_print(FILE *out, const struct ping_device *device)
{
	const struct pk_config *config = &device->config;
	const struct pk_label *label = &device->label;
	char percent[16];

	for (unsigned int code = 0; code < PK_TYPES; code++)
		if ((config->conditions & PK_CODE) && config->codes[code / 64] >> code % 64 & 1)
			fprintf(out, " code %u", code);
	prefixes_print(out, "src", device->src_fd);
	prefixes_print(out, "dst", device->dst_fd);
	rate_print(out, "", &label->source);
	rate_print(out, "-all", &label->all);
	percent_format(label->loss, percent, sizeof(percent));
	fprintf(out, " drop %s%% sample %u", percent, config->sample);
	time_print(out, device);
}

static bool is_of_one_family(const struct pk_label *label)
{
	return label->families != (1 << PK_IPV4 | 1 << PK_IPV6);
}

static void state_print(FILE *out, const struct ping_device *device)
{
	const char *reason = ping_state_reason(device);

	if (reason && strcmp(ping_state_name(device), "expired"))
		fprintf(out, " (%s: %s)", ping_state_name(device), reason);
	else if (reason)
		fputs(" (expired)", out);
}

/* Of another namespace than the caller's, in words that name it, if any can. */
static void device_print(FILE *out, const struct ping_device *device)
{
	const struct pk_label *label = &device->label;

	if (device->netns[0] && !device->netns_own) {
		fputs("-n ", out);
		print_word(out, device->netns, strlen(device->netns));
		fputc(' ', out);
	}
	fputs("dev ", out);
	print_word(out, label->dev, strnlen(label->dev, sizeof(label->dev)));
}

void ping_orders_print(FILE *out, const struct ping_device *device)
{
	const struct pk_label *label = &device->label;

	fprintf(out, "hook %s", ping_hook_name(device));
	if (label->all_icmp)
		fputs(" all-icmp", out);
	else
		ping_types_walk(device, type_visit, out);
	if (is_of_one_family(label))
		fprintf(out, " %s",
			ping_family_names[ping_has_family(label, PK_IPV4) ? PK_IPV4 : PK_IPV6]);
	conditions_print(out, device);
}

void ping_words_print(FILE *out, const struct ping_device *device)
{
	device_print(out, device);
	putc(' ', out);
	ping_orders_print(out, device);
	if (!device->label.owner)
		fputs(" background", out);
	if (!device->netns[0] && !device->netns_own)
		fprintf(out, " (in the network namespace with cookie %llu)",
			(number)device->label.netns_cookie);
	state_print(out, device);
}

/* --- counters -------------------------------------------------------------------------- */

/* In the words of the program that this one comes from. */
void ping_line_print(FILE *out, const struct pk_stats *stats)
{
	struct pk_count total[PK_VERDICTS];
	char average[PK_VERDICTS][PING_AVERAGE_LEN];

	ping_totals_sum(stats, total);
	fprintf(out,
		"total: %llu. passed: %llu. dropped: %llu. passed processing time avg (ns): %s. dropped processing time avg (ns): %s\n",
		(number)(total[PK_PASS].packets + total[PK_DROP].packets),
		(number)total[PK_PASS].packets, (number)total[PK_DROP].packets,
		ping_average_format(&stats->times[PK_PASS], average[PK_PASS]),
		ping_average_format(&stats->times[PK_DROP], average[PK_DROP]));
}

static void sum_print(FILE *out, const char *what, const struct pk_count *count)
{
	fprintf(out, "  %-8s %20llu packets %20llu bytes\n", what, (number)count->packets,
		(number)count->bytes);
}

void ping_sums_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats)
{
	struct pk_count total[PK_VERDICTS], seen = {};

	ping_totals_sum(stats, total);
	ping_count_add(&seen, &total[PK_PASS]);
	ping_count_add(&seen, &total[PK_DROP]);
	device_print(out, device);
	fprintf(out, ", after %.1fs:\n", (boot_now_ns() - device->begun_ns) / 1e9);
	sum_print(out, "seen", &seen);
	sum_print(out, "dropped", &total[PK_DROP]);
	sum_print(out, "passed", &total[PK_PASS]);
}

static void row_print(FILE *out, const char *what, const struct pk_count *passed,
		      const struct pk_count *dropped)
{
	if (!passed->packets && !dropped->packets)
		return;
	fprintf(out, "  %-28s %10llu %13llu %10llu %12llu\n", what, (number)passed->packets,
		(number)passed->bytes, (number)dropped->packets, (number)dropped->bytes);
}

static void type_row_print(FILE *out, int key, const struct pk_type *type)
{
	enum pk_family family = key / PK_TYPES;
	const char *name = ping_type_name(family, key % PK_TYPES);
	const char *label = family == PK_IPV4 ? "ICMP" : "ICMPv6";
	char what[64];

	if (name)
		snprintf(what, sizeof(what), "%s %s", label, name);
	else
		snprintf(what, sizeof(what), "%s type %d", label, key % PK_TYPES);
	row_print(out, what, &type->count[PK_PASS], &type->count[PK_DROP]);
}

static void bar_print(FILE *out, uint64_t value, uint64_t most)
{
	int length = most ? (value * BAR_LENGTH + most - 1) / most : 0;

	fprintf(out, " %10llu %-*.*s", (number)value, BAR_LENGTH, length, "******************");
}

_Static_assert(sizeof("******************") - 1 == BAR_LENGTH, "the longest bar fits");

static uint64_t slots_max(const struct pk_times *times)
{
	uint64_t most = 0;

	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		if (times->slots[slot] > most)
			most = times->slots[slot];
	return most;
}

static void histogram_print(FILE *out, const struct pk_times times[PK_VERDICTS], uint32_t sample)
{
	uint64_t most[PK_VERDICTS] = { slots_max(&times[PK_PASS]), slots_max(&times[PK_DROP]) };
	int first, last;
	char range[64];

	if (!ping_slots_used(times, &first, &last))
		return;
	if (sample == 1)
		fprintf(out, "  processing time, of each packet\n");
	else
		fprintf(out, "  processing time, of one packet in %u\n", sample);
	fprintf(out, "  %17s %10s %-*s %10s\n", "ns", "passed", BAR_LENGTH, "", "dropped");
	for (int slot = first; slot <= last; slot++) {
		snprintf(range, sizeof(range), "%llu - %llu", 1ULL << slot, (2ULL << slot) - 1);
		fprintf(out, "  %17s", range);
		bar_print(out, times[PK_PASS].slots[slot], most[PK_PASS]);
		bar_print(out, times[PK_DROP].slots[slot], most[PK_DROP]);
		fputc('\n', out);
	}
}

void ping_table_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats)
{
	static const struct pk_count none;

	ping_words_print(out, device);
	fputc('\n', out);
	ping_line_print(out, stats);
	fprintf(out, "  %-28s %10s %13s %10s %12s\n", "", "passed", "bytes", "dropped", "bytes");
	for (int key = 0; key < PK_FAMILIES * PK_TYPES; key++)
		type_row_print(out, key, &stats->types[key / PK_TYPES][key % PK_TYPES]);
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++)
		row_print(out, ping_class_names[class].text, &stats->passed[class], &none);
	histogram_print(out, stats->times, device->config.sample);
}
