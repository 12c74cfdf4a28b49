// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock that BPF programs read. */
#include <stdio.h>
#include <time.h>
#include "vsh.h"

/* What the time namespace adds to the kernel's clock, whose time the programs read:
 * "boottime SECONDS NANOSECONDS" in /proc/self/timens_offsets (time_namespaces(7)).
 * 0 where there is none of these namespaces.
 */
static int64_t boot_offset_ns(void)
{
	FILE *file = fopen("/proc/self/timens_offsets", "re");
	long long seconds, ns, offset = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "boottime %lld %lld", &seconds, &ns) == 2)
			offset = seconds * 1000000000 + ns;
	fclose(file);
	return offset;
}

uint64_t boot_now_ns(void)
{
	static bool is_known;
	static int64_t offset;
	struct timespec now;

	if (!is_known)
		offset = boot_offset_ns();
	is_known = true;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec - offset;
}

const char *time_text(char text[TIME_TEXT_LEN])
{
	time_t seconds = time(NULL);
	struct tm parts;

	strftime(text, TIME_TEXT_LEN, "%Y-%m-%dT%H:%M:%S%z", localtime_r(&seconds, &parts));
	return text;
}
