// SPDX-License-Identifier: GPL-2.0-or-later
/* What pingkiller is told to do, and what it has counted, for people. */
#include <string.h>
#include <bpf/bpf.h>
#include "ping.h"
#include "words.h"

#define PREFIXES_SHOWN 16

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
