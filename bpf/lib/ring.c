// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "ring.h"
#include "tools.h"
#include "vsh.h"

/* The two maps of a kind of events. */
struct opened {
	int rings, readers;
};

/* A map's number is not given to another one. 0: there is no map. */
static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &length) ? 0 : info.id;
}

/* 0 or -errno; in any case to be closed. */
static int maps_open(const struct ring_maps *maps, struct opened *opened)
{
	opened->rings = pin_open(maps->folder, maps->rings);
	opened->readers = pin_open(maps->folder, maps->readers);
	return opened->rings < 0 ? opened->rings : opened->readers < 0 ? opened->readers : 0;
}

static void maps_close(const struct opened *opened)
{
	fd_close(opened->rings);
	fd_close(opened->readers);
}

bool ring_reader_is_alive(const struct ring_reader *reader)
{
	char comm[COMM_LEN];

	return reader->pid && !process_comm(reader->pid, comm);
}

static bool slot_is_free(int readers, uint32_t slot)
{
	struct ring_reader reader;

	return !bpf_map_lookup_elem(readers, &slot, &reader) && !ring_reader_is_alive(&reader);
}

/* Held until it is closed. -1: no command of ours is at work, and none has a set-up, since the file
 * is not there. Who has waited for one that is gone meanwhile tries the next.
 */
static int lock_take(void)
{
	struct stat held, named;
	int lock;

	while ((lock = open(lock_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) >= 0) {
		if (!flock(lock, LOCK_EX) && !fstat(lock, &held) && !lstat(lock_file, &named) &&
		    held.st_dev == named.st_dev && held.st_ino == named.st_ino)
			break;
		close(lock);
	}
	return lock;
}

/* Nobody else looks for a slot meanwhile. */
static int slot_take(struct ring *ring, const struct opened *opened, int buffer)
{
	struct ring_reader own = { .pid = getpid() };
	int err = -EBUSY, lock = lock_take();

	for (uint32_t slot = 0; err == -EBUSY && slot < ring->maps->slots; slot++) {
		if (!slot_is_free(opened->readers, slot))
			continue;
		ring->slot = slot;
		ring->map = map_id(opened->rings);
		err = bpf_map_update_elem(opened->readers, &slot, &own, BPF_ANY);
		err = err ?: bpf_map_update_elem(opened->rings, &slot, &buffer, BPF_ANY);
	}
	fd_close(lock);
	return err;
}

static void slot_leave(const struct ring *ring)
{
	static const struct ring_reader none;
	struct opened opened;

	if (!maps_open(ring->maps, &opened) && map_id(opened.rings) == ring->map) {
		bpf_map_delete_elem(opened.rings, &ring->slot);
		bpf_map_update_elem(opened.readers, &ring->slot, &none, BPF_ANY);
	}
	maps_close(&opened);
}

int ring_open(struct ring *ring, const struct ring_maps *maps, ring_buffer_sample_fn seen,
	      void *context)
{
	int err, buffer = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, RING_BYTES, NULL);
	struct opened opened;

	if (buffer < 0)
		return -errno;
	*ring = (struct ring){ .maps = maps };
	err = maps_open(maps, &opened);
	if (!err) {
		ring->buffer = ring_buffer__new(buffer, seen, context, NULL);
		err = ring->buffer ? slot_take(ring, &opened, buffer) : -errno;
	}
	maps_close(&opened);
	close(buffer);
	if (err)
		ring_buffer__free(ring->buffer);
	return err;
}

bool ring_is_heard(const struct ring *ring)
{
	int fd = pin_open(ring->maps->folder, ring->maps->rings);
	bool is_same = map_id(fd) == ring->map;

	fd_close(fd);
	return is_same;
}

int ring_poll(struct ring *ring, int timeout_ms)
{
	int err = ring_buffer__poll(ring->buffer, timeout_ms);

	if (err < 0 && err != -EINTR)
		return err;
	err = ring_buffer__consume(ring->buffer); /* also what came without a wake-up */
	return err < 0 && err != -EINTR ? err : 0;
}

int ring_poll_beside(struct ring *ring, int other, int timeout_ms)
{
	struct pollfd both[] = {
		{ .fd = ring_buffer__epoll_fd(ring->buffer), .events = POLLIN },
		{ .fd = other, .events = POLLIN },
	};

	if (poll(both, 2, timeout_ms) < 0 && errno != EINTR)
		return -errno;
	return ring_poll(ring, 0);
}

bool ring_reader_read(const struct ring_maps *maps, uint32_t slot, struct ring_reader *reader)
{
	int fd = pin_open(maps->folder, maps->readers);
	bool is_read = fd >= 0 && !bpf_map_lookup_elem(fd, &slot, reader);

	fd_close(fd);
	return is_read && reader->pid;
}

uint64_t ring_lost(struct ring *ring)
{
	struct ring_reader own;
	uint64_t before = ring->lost;

	if (ring_reader_read(ring->maps, ring->slot, &own))
		ring->lost = own.lost;
	return ring->lost - before;
}

void ring_close(struct ring *ring)
{
	slot_leave(ring);
	ring_buffer__free(ring->buffer);
	ring->buffer = NULL;
}
