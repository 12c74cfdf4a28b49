// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "devices.h"
#include "state.h"

/* Descriptor of the map, or -errno. */
static int devices_open(void)
{
	static const char path[] = VSH_MAPS_DIR "/" VSH_DEVICES_MAP;
	int fd = bpf_obj_get(path);

	if (fd >= 0)
		return fd;
	fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP, VSH_DEVICES_MAP, sizeof(__u32), sizeof(__u32),
			    VSH_RULES_MAX * VSH_DEVS_MAX, NULL);
	if (fd >= 0 && bpf_obj_pin(fd, path)) {
		close(fd);
		fd = -errno;
	}
	return fd;
}

int devices_make(void)
{
	int fd = devices_open();

	if (fd < 0)
		return failure("cannot make " VSH_DEVICES_MAP ": %s", strerror(-fd));
	close(fd);
	return DONE;
}

/* The kernel ties a device map to the type of the first program that has it. The classifier,
 * which asks nothing of it, keeps one of its own, as it does when tc loads it.
 */
void devices_join(struct bpf_object *object, const struct bpf_program *only)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, VSH_DEVICES_MAP);
	int fd;

	if (!map || (only && bpf_program__type(only) == BPF_PROG_TYPE_SCHED_CLS))
		return;
	fd = devices_open();
	if (fd < 0)
		return;
	bpf_map__reuse_fd(map, fd);
	close(fd);
}
