// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock that BPF programs read, and the processors that their maps have room for. */
#include <time.h>
#include <bpf/libbpf.h>
#include "vsh.h"

uint64_t boot_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int cpus_possible(void)
{
	int cpus = libbpf_num_possible_cpus();

	return cpus < 1 ? 1 : cpus;
}
