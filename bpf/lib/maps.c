// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"

int pin_open(const char *folder, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int pin_read(const char *folder, const char *name, void *entries, uint32_t count, size_t size)
{
	int fd = pin_open(folder, name);
	int err = 0;

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < count && !err; i++)
		err = bpf_map_lookup_elem(fd, &i, (char *)entries + i * size);
	close(fd);
	return err;
}

/* The kernel rounds the size of each processor's value up to eight bytes. */
int cpus_sum(int fd, uint32_t index, size_t size, value_add *add, void *sum)
{
	int cpus = libbpf_num_possible_cpus(), err;
	size_t step = (size + 7) / 8 * 8;
	char *values;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, step);
	err = values ? bpf_map_lookup_elem(fd, &index, values) : -ENOMEM;
	for (int i = 0; !err && i < cpus; i++)
		add(sum, values + i * step);
	free(values);
	return err;
}

void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
