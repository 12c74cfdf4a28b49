// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mapfill.c - fills a pinned hash map whose keys are 32-bit numbers.
 *
 *   mapfill PIN
 *
 * Keys are above all process ids (PID_MAX_LIMIT), values zero; until nothing more fits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <bpf/bpf.h>

#define ABOVE_ALL_PIDS (1U << 22)

int main(int argc, char **argv)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), key = ABOVE_ALL_PIDS;
	void *value;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: mapfill PIN\n");
		return 2;
	}
	fd = bpf_obj_get(argv[1]);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length)) {
		fprintf(stderr, "mapfill: cannot open %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	value = calloc(1, info.value_size);
	while (value && !bpf_map_update_elem(fd, &key, value, BPF_NOEXIST))
		key++;
	return errno == E2BIG ? 0 : 1;
}
