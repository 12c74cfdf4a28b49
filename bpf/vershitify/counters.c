// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include "callcounts.h"
#include "counters.h"
#include "detour.h"
#include "maps.h"
#include "missed.h"

static const char *const reason_names[] = {
	[VSH_PASSED] = "passed",	   [VSH_LOSS] = "loss",
	[VSH_SEEDED_LOSS] = "seeded_loss", [VSH_MODEL_LOSS] = "model_loss",
	[VSH_REFUSED] = "refused",
};

_Static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == VSH_REASONS,
	       "each reason has a name");

const char *const direction_names[] = {
	[VSH_EGRESS] = "egress",
	[VSH_INGRESS] = "ingress",
};

const char *reason_name(enum vsh_reason reason)
{
	return reason_names[reason];
}

static void count_add(struct vsh_count *sum, const struct vsh_count *count)
{
	sum->packets += count->packets;
	sum->segments += count->segments;
	sum->bytes += count->bytes;
}

static void counters_add(void *sums, const void *value)
{
	const struct vsh_stats *stats = value;
	struct counters *sum = sums;

	for (int reason = 0; reason < VSH_REASONS; reason++) {
		const struct vsh_count *count = &stats->verdicts[reason];

		count_add(&sum->seen, count);
		count_add(&sum->reasons[reason], count);
		if (reason >= DROP_REASONS_BEGIN)
			count_add(&sum->dropped, count);
	}
}

int counters_read(uint32_t id, enum vsh_direction direction, struct counters *sum)
{
	int err, fd = map_open("vsh_stats");

	*sum = (struct counters){};
	if (fd < 0)
		return fd;
	err = cpus_sum(fd, VSH_STATS_KEY(id, direction), sizeof(struct vsh_stats), counters_add,
		       sum);
	fd_close(fd);
	return err;
}

void wilson_interval(uint64_t dropped, uint64_t seen, double *low, double *high)
{
	const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
	double n = seen, p = dropped / n;
	double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
	double half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));

	*low = dropped ? fmax(0, centre - half) : 0;
	*high = dropped < seen ? fmin(1, centre + half) : 1;
}

static void count_print_json(struct json *json, const char *name, const struct vsh_count *count)
{
	json_object_begin(json, name);
	json_number(json, "packets", count->packets);
	json_number(json, "segments", count->segments);
	json_number(json, "bytes", count->bytes);
	json_object_end(json);
}

static void reasons_print_json(struct json *json, const struct counters *stats)
{
	json_object_begin(json, "reasons");
	for (int reason = DROP_REASONS_BEGIN; reason < VSH_REASONS; reason++)
		if (stats->reasons[reason].packets)
			count_print_json(json, reason_name(reason), &stats->reasons[reason]);
	json_object_end(json);
}

int counters_print_json(struct json *json, uint32_t id, const struct vsh_rule *rule,
			const struct vsh_label *label)
{
	struct counters stats;
	int err;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		err = counters_read(id, direction, &stats);
		if (err)
			return err;
		json_object_begin(json, direction_names[direction]);
		count_print_json(json, "seen", &stats.seen);
		count_print_json(json, "dropped", &stats.dropped);
		reasons_print_json(json, &stats);
		detour_counts_print_json(json, id, direction, rule);
		json_object_end(json);
	}
	err = call_counts_print_json(json, id, label);
	return err ?: misses_print_json(json, id);
}

/* A line: 80 columns hold numbers of 12 digits. */
static void count_print(const char *prefix, enum vsh_direction direction, const char *what,
			const struct vsh_count *count)
{
	printf("%s%s %s %llu packets %llu segments %llu bytes\n", prefix,
	       direction_names[direction], what, (unsigned long long)count->packets,
	       (unsigned long long)count->segments, (unsigned long long)count->bytes);
}

/* Only where there are several: otherwise it is said already. */
static void reasons_print(const char *prefix, enum vsh_direction direction,
			  const struct counters *stats)
{
	int several = 0;

	for (int reason = DROP_REASONS_BEGIN; reason < VSH_REASONS; reason++)
		several += stats->reasons[reason].packets > 0;
	for (int reason = DROP_REASONS_BEGIN; several > 1 && reason < VSH_REASONS; reason++)
		if (stats->reasons[reason].packets)
			count_print(prefix, direction, reason_name(reason),
				    &stats->reasons[reason]);
}

void direction_print(const char *prefix, enum vsh_direction direction, const struct counters *stats)
{
	count_print(prefix, direction, "seen", &stats->seen);
	count_print(prefix, direction, "dropped", &stats->dropped);
	reasons_print(prefix, direction, stats);
}
