// SPDX-License-Identifier: GPL-2.0-or-later
/* What the counters come to: sums, averages, and which slots of a histogram are used. */
#include <string.h>
#include "ping.h"

void ping_totals_sum(const struct pk_stats *stats, struct pk_count total[PK_VERDICTS])
{
	memset(total, 0, PK_VERDICTS * sizeof(*total));
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++)
		ping_count_add(&total[PK_PASS], &stats->passed[class]);
	for (int i = 0; i < PK_FAMILIES * PK_TYPES; i++)
		for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
			ping_count_add(&total[verdict],
				       &stats->types[i / PK_TYPES][i % PK_TYPES].count[verdict]);
}

uint64_t ping_samples_count(const struct pk_times *times)
{
	uint64_t samples = 0;

	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		samples += times->slots[slot];
	return samples;
}

const char *ping_average_format(const struct pk_times *times, char text[PING_AVERAGE_LEN])
{
	uint64_t samples = ping_samples_count(times);

	if (!samples)
		return "-";
	snprintf(text, PING_AVERAGE_LEN, "%.2f", (double)times->sum_ns / samples);
	return text;
}

bool ping_slots_used(const struct pk_times times[PK_VERDICTS], int *first, int *last)
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
