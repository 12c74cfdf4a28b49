// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "vsh.h"

#define PATH_LEN 512

int pin_open(const char *folder, const char *name)
{
	char path[PATH_LEN];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* The kernel copies as many bytes as the map has. */
static bool has_values(int fd, size_t size)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &length) && info.value_size == size;
}

int pin_open_map(const char *folder, const char *name, size_t value_size)
{
	int fd = pin_open(folder, name);

	if (fd < 0 || has_values(fd, value_size))
		return fd;
	close(fd);
	return -EPROTO;
}

int pin_check(const char *folder, const char *name, size_t value_size)
{
	int fd = pin_open_map(folder, name, value_size);
	char path[PATH_LEN];

	fd_close(fd);
	if (fd >= 0 || fd == -ENOENT)
		return DONE;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (fd != -EPROTO)
		return failure("cannot open %s: %s", quoted(path), strerror(-fd));
	return failure("%s is not what this version keeps there: end it with what has made it",
		       quoted(path));
}

int pin_read(const char *folder, const char *name, void *entries, uint32_t count, size_t size)
{
	int fd = pin_open_map(folder, name, size);
	int err = 0;

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < count && !err; i++)
		err = bpf_map_lookup_elem(fd, &i, (char *)entries + i * size);
	close(fd);
	return err;
}

/* The kernel rounds the size of each processor's value up to eight bytes. */
static size_t cpu_step(size_t size)
{
	return (size + 7) / 8 * 8;
}

int cpus_sum(int fd, uint32_t index, size_t size, value_add *add, void *sum)
{
	int cpus = libbpf_num_possible_cpus(), err;
	size_t step = cpu_step(size);
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

int cpus_clear(int fd, uint32_t index, size_t size)
{
	int cpus = libbpf_num_possible_cpus(), err;
	char *values;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, cpu_step(size));
	err = values ? bpf_map_update_elem(fd, &index, values, BPF_ANY) : -ENOMEM;
	free(values);
	return err;
}

void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
