// SPDX-License-Identifier: GPL-2.0-or-later
/* The clocks that BPF programs read. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "vsh.h"

/* What the time namespace adds to a clock of the kernel's, whose time the programs read:
 * "boottime SECONDS NANOSECONDS" in /proc/self/timens_offsets (time_namespaces(7)).
 * 0 where there is none of these namespaces.
 */
static int64_t offset_ns(const char *clock)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re");
	long long seconds, ns, offset = 0;
	char line[128], name[16];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%15s %lld %lld", name, &seconds, &ns) == 3 &&
		    !strcmp(name, clock))
			offset = seconds * 1000000000 + ns;
	fclose(file);
	return offset;
}

struct clock {
	clockid_t id;
	const char *name;
	bool is_known;
	int64_t offset;
};

static uint64_t clock_now_ns(struct clock *clock)
{
	struct timespec now;

	if (!clock->is_known)
		clock->offset = offset_ns(clock->name);
	clock->is_known = true;
	clock_gettime(clock->id, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec - clock->offset;
}

uint64_t boot_now_ns(void)
{
	static struct clock clock = { .id = CLOCK_BOOTTIME, .name = "boottime" };

	return clock_now_ns(&clock);
}

uint64_t monotonic_now_ns(void)
{
	static struct clock clock = { .id = CLOCK_MONOTONIC, .name = "monotonic" };

	return clock_now_ns(&clock);
}

const char *time_text(char text[TIME_TEXT_LEN])
{
	time_t seconds = time(NULL);
	struct tm parts;

	strftime(text, TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&seconds, &parts));
	return text;
}
