// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs of tracepkt.o, for as long as this process runs. */
#include <stdlib.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "running.h"
#include "trace.h"
#include "vershitify.h"
#include "vsh.h"

struct hooks {
	struct running running;
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

	if (hooks && running_begin(&hooks->running, &plan) == DONE)
		return hooks;
	if (hooks)
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

int hooks_counts(const struct hooks *hooks, struct tpk_counts *counts)
{
	return running_counts(&hooks->running, counts, sizeof(*counts));
}
