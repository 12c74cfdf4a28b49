// SPDX-License-Identifier: GPL-2.0-or-later
/* What pingkiller is told to do, and what it has counted, for people and for programs. */
#include <arpa/inet.h>
#include <string.h>
#include <bpf/bpf.h>
#include "ping.h"
#include "words.h"

#define PREFIXES_SHOWN 16
#define BAR_LENGTH 18 /* two of them, and what stands before, fit in 80 columns */

typedef unsigned long long number;

static const char *const hook_names[] = {
	[PK_HOOK_NONE] = "none",
	[PK_HOOK_NATIVE] = "native",
	[PK_HOOK_GENERIC] = "generic",
	[PK_HOOK_TC] = "tc",
};

static const char *hook_name(const struct ping_device *device)
{
	return hook_names[device->hook <= PK_HOOK_TC ? device->hook : PK_HOOK_NONE];
}

static const char *const state_names[] = {
	[PING_ACTIVE] = "active", [PING_EXPIRED] = "expired",	[PING_ORPHANED] = "orphaned",
	[PING_MOVED] = "moved",	  [PING_DETACHED] = "detached", [PING_GONE] = "device gone",
};

static const char *const state_reasons[] = {
	[PING_EXPIRED] = "its time is over",
	[PING_ORPHANED] = "the run that it belongs to was killed",
	[PING_MOVED] = "it is in another network namespace, and served there",
	[PING_DETACHED] = "what serves it was taken off by somebody else",
	[PING_GONE] = "it was deleted, or left its network namespace",
};

/* What is over since it was looked at is over. */
static enum ping_state state_now(const struct ping_device *device)
{
	if (device->state == PING_ACTIVE && (device->config.conditions & PK_ENDS) &&
	    boot_now_ns() >= device->config.expires_ns)
		return PING_EXPIRED;
	return device->state;
}

const char *ping_state_name(const struct ping_device *device)
{
	return state_names[state_now(device)];
}

const char *ping_state_reason(const struct ping_device *device)
{
	return state_reasons[state_now(device)];
}

static number seconds_in(uint64_t ns)
{
	return ns / 1000000000;
}

static const char *rate_unit(const struct pk_rate *rate)
{
	return seconds_in(rate->ns) == 1 ? "s" : seconds_in(rate->ns) == 60 ? "m" : "h";
}

static void prefix_format(const struct pk_prefix *prefix, char text[64])
{
	int length;

	inet_ntop(prefix->family == PK_IPV4 ? AF_INET : AF_INET6, prefix->address, text, 48);
	length = strlen(text);
	snprintf(text + length, 64 - length, "/%u", prefix->bits - PK_FAMILY_BITS);
}

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
		prefix_format(&key, text);
		fprintf(out, " %s %s", name, text);
		previous = &key;
	}
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

void ping_words_print(FILE *out, const struct ping_device *device)
{
	const struct pk_label *label = &device->label;
	uint64_t here = 0;

	fputs("dev ", out);
	print_word(out, label->dev, strnlen(label->dev, sizeof(label->dev)));
	fprintf(out, " hook %s", hook_name(device));
	if (label->all_icmp)
		fputs(" all-icmp", out);
	else
		ping_types_walk(device, type_visit, out);
	if (is_of_one_family(label))
		fprintf(out, " %s",
			ping_family_names[ping_has_family(label, PK_IPV4) ? PK_IPV4 : PK_IPV6]);
	conditions_print(out, device);
	if (!label->owner)
		fputs(" background", out);
	if (!netns_cookie(&here) && here != label->netns_cookie)
		fprintf(out, " (in the network namespace with cookie %llu)",
			(number)label->netns_cookie);
	state_print(out, device);
}

static void type_visit_json(const char *name, unsigned int type, void *context)
{
	struct json *json = context;

	if (name)
		json_string(json, NULL, name);
	else
		json_number(json, NULL, type);
}

static void prefixes_print_json(struct json *json, const char *name, int fd)
{
	struct pk_prefix key, *previous = NULL;
	char text[64];

	json_array_begin(json, name);
	while (!bpf_map_get_next_key(fd, previous, &key)) {
		prefix_format(&key, text);
		json_string(json, NULL, text);
		previous = &key;
	}
	json_array_end(json);
}

static void codes_print_json(struct json *json, const struct pk_config *config)
{
	json_array_begin(json, "codes");
	for (unsigned int code = 0; code < PK_TYPES; code++)
		if ((config->conditions & PK_CODE) && config->codes[code / 64] >> code % 64 & 1)
			json_number(json, NULL, code);
	json_array_end(json);
}

static void families_print_json(struct json *json, const struct pk_label *label)
{
	json_array_begin(json, "families");
	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
		if (ping_has_family(label, f))
			json_string(json, NULL, ping_family_names[f]);
	json_array_end(json);
}

static void types_print_json(struct json *json, const struct ping_device *device)
{
	json_bool(json, "all_icmp", device->label.all_icmp);
	json_array_begin(json, "types");
	if (!device->label.all_icmp)
		ping_types_walk(device, type_visit_json, json);
	json_array_end(json);
}

static void rate_print_json(struct json *json, const char *name, const struct pk_rate *rate)
{
	if (!rate->packets)
		return;
	json_object_begin(json, name);
	json_number(json, "packets", rate->packets);
	json_number(json, "seconds", seconds_in(rate->ns));
	json_number(json, "burst", rate->burst);
	json_object_end(json);
}

static void device_print_json(struct json *json, const struct ping_device *device)
{
	const struct pk_label *label = &device->label;

	json_chars(json, "dev", label->dev, sizeof(label->dev));
	json_number(json, "ifindex", label->ifindex);
	json_number(json, "netns_cookie", label->netns_cookie);
	json_string(json, "hook", hook_name(device));
}

void ping_words_print_json(struct json *json, const struct ping_device *device)
{
	const struct pk_config *config = &device->config;
	const struct pk_label *label = &device->label;
	uint64_t now = boot_now_ns();
	char percent[16];

	device_print_json(json, device);
	types_print_json(json, device);
	families_print_json(json, label);
	codes_print_json(json, config);
	prefixes_print_json(json, "src", device->src_fd);
	prefixes_print_json(json, "dst", device->dst_fd);
	rate_print_json(json, "rate", &label->source);
	rate_print_json(json, "rate_all", &label->all);
	percent_format(label->loss, percent, sizeof(percent));
	json_number_text(json, "drop_percent", percent);
	json_number(json, "sample", config->sample);
	json_string(json, "state", ping_state_name(device));
	if (ping_state_reason(device))
		json_string(json, "why", ping_state_reason(device));
	if (config->conditions & PK_ENDS) {
		json_number(json, "expires_in_ns",
			    config->expires_ns > now ? config->expires_ns - now : 0);
		json_number(json, "for_ns", label->lasts_ns);
	}
	if (label->owner)
		json_number(json, "owner", label->owner);
}

/* --- counters -------------------------------------------------------------------------- */

static const struct {
	const char *text, *json;
} class_names[PK_CLASSES] = {
	[PK_OTHER_IPV4] = { "IPv4, not ICMP", "ipv4_other" },
	[PK_OTHER_IPV6] = { "IPv6, not ICMP", "ipv6_other" },
	[PK_OTHER] = { "neither (ARP, ...)", "other" },
	[PK_FRAGMENT] = { "later fragments", "fragments" },
	[PK_MALFORMED] = { "malformed or cut off", "malformed" },
	[PK_DEEP] = { "too many headers", "deep" },
};

static void totals_sum(const struct pk_stats *stats, struct pk_count total[PK_VERDICTS])
{
	memset(total, 0, PK_VERDICTS * sizeof(*total));
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++)
		ping_count_add(&total[PK_PASS], &stats->passed[class]);
	for (int i = 0; i < PK_FAMILIES * PK_TYPES; i++)
		for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
			ping_count_add(&total[verdict],
				       &stats->types[i / PK_TYPES][i % PK_TYPES].count[verdict]);
}

static uint64_t samples_count(const struct pk_times *times)
{
	uint64_t samples = 0;

	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		samples += times->slots[slot];
	return samples;
}

static double average_ns(const struct pk_times *times)
{
	uint64_t samples = samples_count(times);

	return samples ? (double)times->sum_ns / samples : 0;
}

/* In the words of the program that this one comes from. */
void ping_line_print(FILE *out, const struct pk_stats *stats)
{
	struct pk_count total[PK_VERDICTS];

	totals_sum(stats, total);
	fprintf(out,
		"total: %llu. passed: %llu. dropped: %llu. passed processing time avg (ns): %.2f. dropped processing time avg (ns): %.2f\n",
		(number)(total[PK_PASS].packets + total[PK_DROP].packets),
		(number)total[PK_PASS].packets, (number)total[PK_DROP].packets,
		average_ns(&stats->times[PK_PASS]), average_ns(&stats->times[PK_DROP]));
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

/* The slots from the first to the last that any packet was in. false: there is none. */
static bool slots_used(const struct pk_times times[PK_VERDICTS], int *first, int *last)
{
	*first = PK_TIME_SLOTS;
	*last = -1;
	for (int slot = 0; slot < PK_TIME_SLOTS; slot++) {
		if (!times[PK_PASS].slots[slot] && !times[PK_DROP].slots[slot])
			continue;
		*last = slot;
		if (*first > slot)
			*first = slot;
	}
	return *last >= 0;
}

static void histogram_print(FILE *out, const struct pk_times times[PK_VERDICTS], uint32_t sample)
{
	uint64_t most[PK_VERDICTS] = { slots_max(&times[PK_PASS]), slots_max(&times[PK_DROP]) };
	int first, last;
	char range[64];

	if (!slots_used(times, &first, &last))
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
		row_print(out, class_names[class].text, &stats->passed[class], &none);
	histogram_print(out, stats->times, device->config.sample);
}

static void count_print_json(struct json *json, const char *name, const struct pk_count *count)
{
	json_object_begin(json, name);
	json_number(json, "packets", count->packets);
	json_number(json, "bytes", count->bytes);
	json_object_end(json);
}

static void type_counts_print_json(struct json *json, int key, const struct pk_type *type)
{
	enum pk_family family = key / PK_TYPES;
	const char *name = ping_type_name(family, key % PK_TYPES);

	if (!type->count[PK_PASS].packets && !type->count[PK_DROP].packets)
		return;
	json_object_begin(json, NULL);
	json_string(json, "family", ping_family_names[family]);
	json_number(json, "type", key % PK_TYPES);
	if (name)
		json_string(json, "name", name);
	count_print_json(json, "passed", &type->count[PK_PASS]);
	count_print_json(json, "dropped", &type->count[PK_DROP]);
	json_object_end(json);
}

static void slot_print_json(struct json *json, int slot, uint64_t packets)
{
	if (!packets)
		return;
	json_object_begin(json, NULL);
	json_number(json, "from_ns", 1ULL << slot);
	json_number(json, "to_ns", (2ULL << slot) - 1);
	json_number(json, "packets", packets);
	json_object_end(json);
}

static void times_print_json(struct json *json, const char *name, const struct pk_times *times)
{
	uint64_t samples = samples_count(times);

	json_object_begin(json, name);
	json_number(json, "samples", samples);
	json_number(json, "sum_ns", times->sum_ns);
	if (samples)
		json_decimals(json, "average_ns", average_ns(times), 2);
	json_array_begin(json, "histogram");
	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		slot_print_json(json, slot, times->slots[slot]);
	json_array_end(json);
	json_object_end(json);
}

void ping_stats_print_json(struct json *json, const struct pk_stats *stats)
{
	struct pk_count total[PK_VERDICTS], all = {};

	totals_sum(stats, total);
	ping_count_add(&all, &total[PK_PASS]);
	ping_count_add(&all, &total[PK_DROP]);
	count_print_json(json, "total", &all);
	count_print_json(json, "passed", &total[PK_PASS]);
	count_print_json(json, "dropped", &total[PK_DROP]);
	json_array_begin(json, "types");
	for (int key = 0; key < PK_FAMILIES * PK_TYPES; key++)
		type_counts_print_json(json, key, &stats->types[key / PK_TYPES][key % PK_TYPES]);
	json_array_end(json);
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++)
		count_print_json(json, class_names[class].json, &stats->passed[class]);
	times_print_json(json, "passed_time", &stats->times[PK_PASS]);
	times_print_json(json, "dropped_time", &stats->times[PK_DROP]);
}

/* --- a picture --------------------------------------------------------------------------- */

/* In a string of gnuplot's, which would obey quotes and backslashes. */
static void plot_word_print(FILE *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		fputc(strchr("\"'\\`", bytes[i]) || bytes[i] < 0x20 || bytes[i] > 0x7e ? '?'
										       : bytes[i],
		      out);
}

bool ping_plot_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats,
		     bool svg)
{
	const struct pk_times *times = stats->times;
	int first, last;

	if (!slots_used(times, &first, &last))
		return false;
	fputs("$times << END\n", out);
	for (int slot = first; slot <= last; slot++)
		fprintf(out, "%llu %llu %llu\n", 1ULL << slot, (number)times[PK_PASS].slots[slot],
			(number)times[PK_DROP].slots[slot]);
	fputs("END\n", out);
	if (svg)
		fputs("set terminal svg size 800,500 noenhanced background 'white'\n", out);
	else
		fputs("set terminal png size 800,500 noenhanced\n", out);
	fputs("set title \"pingkiller dev ", out);
	plot_word_print(out, device->label.dev,
			strnlen(device->label.dev, sizeof(device->label.dev)));
	fprintf(out, " hook %s: passed %.2f ns, dropped %.2f ns on average\"\n", hook_name(device),
		average_ns(&times[PK_PASS]), average_ns(&times[PK_DROP]));
	fputs("set style data histograms\n"
	      "set style fill solid 0.7\n"
	      "set xlabel \"processing time from (ns)\"\n"
	      "set ylabel \"packets timed\"\n"
	      "set yrange [0:*]\n"
	      "set key top right\n"
	      "plot $times using 2:xtic(1) title \"passed\", '' using 3 title \"dropped\"\n",
	      out);
	return true;
}
