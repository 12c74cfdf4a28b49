// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs of tracepkt.o, for as long as this process runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "running.h"
#include "trace.h"
#include "vershitify.h"
#include "vsh.h"

#define ROOM_NS 200000000 /* to look for room takes time, too */

struct hooks {
	struct running running;
	struct tpk_counts *counts; /* the programs' own, or MAP_FAILED */
	uint64_t room_ns; /* when room was made last */
	uint64_t failures; /* for want of room, by then */
	uint64_t alive; /* packets that have made room, and were not over */
};

/* fd: negative if there is none. */
static int map_join(struct bpf_object *object, const char *name, int fd)
{
	return fd < 0 ? 0 : bpf_map__reuse_fd(bpf_object__find_map_by_name(object, name), fd);
}

/* Without a set-up of vershitify's there are no rules whose verdicts could be found. */
static int maps_join(struct bpf_object *object, void *context)
{
	const int *tags = context;
	int fd = pin_open_map(VSH_MAPS_DIR, "vsh_dropped", sizeof(struct vsh_dropped));
	int err = map_join(object, "vsh_dropped", fd);

	fd_close(fd);
	return err ?: map_join(object, "vsh_socks", *tags);
}

static int counts_map(struct hooks *hooks)
{
	int fd = running_variables(&hooks->running, sizeof(*hooks->counts));

	if (fd >= 0)
		hooks->counts = mmap(NULL, sizeof(*hooks->counts), PROT_READ | PROT_WRITE,
				     MAP_SHARED, fd, 0);
	if (hooks->counts == MAP_FAILED)
		return failure("cannot read the programs' counts: %s", strerror(errno));
	return DONE;
}

struct hooks *hooks_open(const char *directory, const struct tpk_filter *filter, int tags,
			 int (*take)(void *context, void *event, size_t size), void *context)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));
	const struct running_plan plan = {
		.directory = directory,
		.file = "tracepkt.o",
		.hint = "tracepkt.sh",
		.settings = filter,
		.settings_size = sizeof(*filter),
		.join = maps_join,
		.join_context = &tags,
		.events = "tpk_events",
		.take = take,
		.context = context,
	};

	if (!hooks)
		return NULL;
	hooks->counts = MAP_FAILED;
	if (running_begin(&hooks->running, &plan) == DONE && counts_map(hooks) == DONE)
		return hooks;
	hooks_close(hooks);
	return NULL;
}

void hooks_detach(struct hooks *hooks)
{
	running_detach(&hooks->running);
}

void hooks_close(struct hooks *hooks)
{
	running_end(&hooks->running);
	if (hooks->counts != MAP_FAILED)
		munmap(hooks->counts, sizeof(*hooks->counts));
	free(hooks);
}

int hooks_fd(const struct hooks *hooks)
{
	return ring_buffer__epoll_fd(hooks->running.events);
}

int hooks_consume(struct hooks *hooks)
{
	int err = ring_buffer__consume(hooks->running.events);

	return err < 0 ? err : 0;
}

void hooks_counts(const struct hooks *hooks, struct tpk_counts *counts)
{
	*counts = *(volatile struct tpk_counts *)hooks->counts;
	counts->untracked += hooks->alive;
}

static bool is_room_scarce(struct hooks *hooks)
{
	struct tpk_counts counts;
	uint64_t failures = hooks->failures;

	hooks_counts(hooks, &counts);
	hooks->failures = counts.lost + counts.untracked;
	return counts.tracked > TPK_TRACKED_MAX / 2 || hooks->failures != failures;
}

static uint64_t map_sweep(struct hooks *hooks, const char *name, uint64_t now_ns, uint64_t age_ns)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(hooks->running.object, name);
	struct tracks_swept swept = {};

	tracks_sweep(bpf_map__fd(map), bpf_map__value_size(map), now_ns, age_ns, &swept);
	hooks->alive += swept.alive;
	return swept.count;
}

void hooks_make_room(struct hooks *hooks, uint64_t age_ns)
{
	uint64_t now = monotonic_now_ns(), data;

	if (now < hooks->room_ns + ROOM_NS || !is_room_scarce(hooks))
		return;
	hooks->room_ns = now;
	map_sweep(hooks, "tpk_buffers", now, age_ns);
	data = map_sweep(hooks, "tpk_data", now, age_ns);
	__atomic_fetch_sub(&hooks->counts->tracked, data, __ATOMIC_RELAXED);
}
