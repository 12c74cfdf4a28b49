// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "drops.h"
#include "kernelbtf.h"
#include "maps.h"
#include "programs.h"
#include "reaction.h"
#include "signals.h"
#include "vershitify.h"

/* Those that can be missed, and that nothing tells instead. */
static const char *const missing[] = { "snt_tcp_again", "snt_tcp_rst_out", "snt_tcp_rst_in" };

static const char *const dropping[TCP_DROP_PROGRAMS] = { "snt_tcp_stolen", "snt_tcp_shot",
							 "snt_tcp_arrival" };

static int tasks_join(struct bpf_object *object)
{
	int fd = pin_open_map(VSH_MAPS_DIR, "vsh_tasks", sizeof(struct vsh_task));
	int err = fd < 0 ? fd
			 : bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "snt_tasks"), fd);

	fd_close(fd);
	return err;
}

static int settings_set(struct bpf_object *object, void *context)
{
	const struct snt_tcp_settings *settings = context;
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.tcp");
	int err = map ? bpf_map__set_initial_value(map, settings, sizeof(*settings)) : -EINVAL;

	return err || !settings->mask ? err : tasks_join(object);
}

static void older_find(struct tcp_watch *watch)
{
	int err = running_iterate(&watch->running, "snt_tcp_files");

	if (err && err != -ENOENT)
		complain("note: connections that were open before are not all seen: %s",
			 strerror(-err));
}

/* The number of a map that is pinned there, and its descriptor; 0: there is none, or another version's. */
static uint32_t dropped_open(int *fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	*fd = pin_open_map(VSH_MAPS_DIR, "vsh_dropped", sizeof(struct vsh_dropped));
	return *fd < 0 || bpf_obj_get_info_by_fd(*fd, &info, &length) ? 0 : info.id;
}

static void drops_detach(struct tcp_watch *watch)
{
	for (int i = 0; i < TCP_DROP_PROGRAMS; i++) {
		bpf_link__destroy(watch->drops[i]);
		watch->drops[i] = NULL;
	}
}

/* The programs look there from here on, and of its serial numbers they have taken none. */
static int dropped_choose(struct tcp_watch *watch, int map)
{
	const struct bpf_object *object = watch->running.object;
	int maps = bpf_object__find_map_fd_by_name(object, "snt_dropped");
	int taken = bpf_object__find_map_fd_by_name(object, "snt_taken");
	uint32_t zero = 0;
	int err = bpf_map_update_elem(maps, &zero, &map, BPF_ANY);

	return err ?: cpus_clear(taken, 0, sizeof(uint32_t));
}

static void drops_attach(struct tcp_watch *watch, int map)
{
	int err;

	drops_detach(watch);
	err = dropped_choose(watch, map);
	if (err) {
		complain("note: without what rules drop: %s", strerror(-err));
		return;
	}
	for (int i = 0; i < TCP_DROP_PROGRAMS; i++) {
		const struct bpf_program *program = running_program(&watch->running, dropping[i]);

		watch->drops[i] = program ? bpf_program__attach(program) : NULL;
		if (program && !watch->drops[i])
			complain("note: without %s, %s", dropping[i],
				 program_find(dropping[i])->lost);
	}
}

void tcp_watch_drops(struct tcp_watch *watch)
{
	int map;
	uint32_t id = dropped_open(&map);

	if (!id)
		drops_detach(watch);
	else if (id != watch->dropped)
		drops_attach(watch, map);
	watch->dropped = id;
	if (id)
		rules_watch(true);
	fd_close(map);
}

int tcp_watch_begin(struct tcp_watch *watch, const char *directory, const struct snt_filter *filter,
		    uint64_t mask, ring_buffer_sample_fn take, void *context)
{
	const struct running_plan plan = {
		.directory = directory,
		.file = "tcp.o",
		.hint = "snitch.sh",
		.settings = filter,
		.settings_size = sizeof(*filter),
		.join = settings_set,
		.join_context = &watch->settings,
		.events = "snt_tcp_events",
		.take = take,
		.context = context,
	};
	int status;

	*watch = (struct tcp_watch){
		.settings = {
			.mask = mask,
			.reset_has_reason = kernel_tracepoint_arguments("tcp_send_reset") > 2,
			.again_has_error = kernel_tracepoint_arguments("tcp_retransmit_skb") > 2,
		},
	};
	status = running_begin(&watch->running, &plan);
	if (status != DONE)
		return status;
	older_find(watch);
	tcp_watch_drops(watch);
	return DONE;
}

void tcp_watch_end(struct tcp_watch *watch)
{
	if (watch->dropped)
		rules_watch(false);
	drops_detach(watch);
	running_end(&watch->running);
}

void tcp_watch_until(struct tcp_watch *watch, uint64_t until_ns)
{
	struct pollfd ready = {
		.fd = ring_buffer__epoll_fd(watch->running.events),
		.events = POLLIN,
	};
	uint64_t now = monotonic_now_ns();

	if (now < until_ns)
		ends_poll(&ready, 1, until_ns - now);
	ring_buffer__consume(watch->running.events);
}

int tcp_watch_lost(struct tcp_watch *watch, uint64_t *lost, uint64_t *unfollowed)
{
	struct snt_tcp_counts counts;
	int err = running_counts(&watch->running, &counts, sizeof(counts));

	if (err)
		return failure("cannot tell whether events were lost: %s", strerror(-err));
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		counts.lost += running_missed(&watch->running, missing[i]);
	*lost = counts.lost - watch->lost;
	*unfollowed = counts.unfollowed - watch->unfollowed;
	watch->lost = counts.lost;
	watch->unfollowed = counts.unfollowed;
	if (!*lost && !*unfollowed)
		return DONE;
	return failure(
		"%llu events were lost, %llu connections could not be followed: there was no room",
		(unsigned long long)*lost, (unsigned long long)*unfollowed);
}
