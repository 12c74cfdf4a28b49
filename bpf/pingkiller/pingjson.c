// SPDX-License-Identifier: GPL-2.0-or-later
/* What pingkiller is told to do, and what it has counted, for programs. */
#include <bpf/bpf.h>
#include "ping.h"
#include "words.h"

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
		ping_prefix_format(&key, text);
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
	json_number(json, "seconds", ping_rate_seconds(rate));
	json_number(json, "burst", rate->burst);
	json_object_end(json);
}

void ping_netns_print_json(struct json *json, const struct ping_device *device)
{
	json_number(json, "netns_cookie", device->label.netns_cookie);
	if (device->netns[0])
		json_string(json, "netns", device->netns);
	else
		json_null(json, "netns");
}

static void device_print_json(struct json *json, const struct ping_device *device)
{
	const struct pk_label *label = &device->label;

	json_chars(json, "dev", label->dev, sizeof(label->dev));
	json_number(json, "ifindex", label->ifindex);
	ping_netns_print_json(json, device);
	json_string(json, "hook", ping_hook_name(device));
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
	uint64_t samples = ping_samples_count(times);
	char average[PING_AVERAGE_LEN];

	json_object_begin(json, name);
	json_number(json, "samples", samples);
	json_number(json, "sum_ns", times->sum_ns);
	if (samples)
		json_number_text(json, "average_ns", ping_average_format(times, average));
	else
		json_null(json, "average_ns");
	json_array_begin(json, "histogram");
	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		slot_print_json(json, slot, times->slots[slot]);
	json_array_end(json);
	json_object_end(json);
}

void ping_stats_print_json(struct json *json, const struct pk_stats *stats)
{
	struct pk_count total[PK_VERDICTS], all = {};

	ping_totals_sum(stats, total);
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
		count_print_json(json, ping_class_names[class].json, &stats->passed[class]);
	times_print_json(json, "passed_time", &stats->times[PK_PASS]);
	times_print_json(json, "dropped_time", &stats->times[PK_DROP]);
}
