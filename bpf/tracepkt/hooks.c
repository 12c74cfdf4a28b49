// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs of tracepkt.o, for as long as this process runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "programs.h"
#include "trace.h"
#include "vershitify.h"
#include "vsh.h"

struct hooks {
	struct bpf_object *object;
	struct ring_buffer *events;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* The map that holds the programs' variables: OBJECT.rodata, OBJECT.bss. */
static struct bpf_map *section_of(struct bpf_object *object, const char *suffix)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		const char *end = strrchr(bpf_map__name(map), '.');

		if (end && !strcmp(end, suffix))
			return map;
	}
	return NULL;
}

/* Without a set-up of vershitify's there are no rules whose verdicts could be found. */
static int verdicts_join(struct bpf_object *object)
{
	int fd = pin_open(VSH_MAPS_DIR, "vsh_dropped");
	int err = 0;

	if (fd >= 0)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "vsh_dropped"), fd);
	fd_close(fd);
	return err;
}

static bool is_needed(const struct bpf_program *program)
{
	const struct program *known = program_find(bpf_program__name(program));

	return !known || known->needed;
}

/* Does the kernel refuse this program, alone? */
static bool is_refused(const char *path, const char *name)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int err;

	if (!object)
		return true;
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	}
	err = bpf_object__load(object);
	bpf_object__close(object);
	return err;
}

static void refused_leave_out(struct bpf_object *object, const char *path)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		const char *name = bpf_program__name(program);

		if (is_needed(program) || !is_refused(path, name))
			continue;
		bpf_program__set_autoload(program, false);
		complain("note: without %s, %s", name, program_find(name)->lost);
	}
}

static int object_open(struct hooks *hooks, const char *path, const struct tpk_filter *filter)
{
	struct bpf_map *map;
	int err;

	hooks->object = bpf_object__open_file(path, NULL);
	if (!hooks->object)
		return -errno;
	map = section_of(hooks->object, ".rodata");
	err = map ? bpf_map__set_initial_value(map, filter, sizeof(*filter)) : -EINVAL;
	return err ?: verdicts_join(hooks->object);
}

/* libbpf loads all or nothing: once more without those that are refused and not needed. */
static int object_load(struct hooks *hooks, const char *path, const struct tpk_filter *filter)
{
	int err = object_open(hooks, path, filter);

	if (err || !bpf_object__load(hooks->object))
		return err;
	bpf_object__close(hooks->object);
	err = object_open(hooks, path, filter);
	if (err)
		return err;
	refused_leave_out(hooks->object, path);
	return bpf_object__load(hooks->object);
}

static int hooks_attach(struct hooks *hooks)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, hooks->object) {
		if (!bpf_program__autoload(program) || bpf_program__attach(program))
			continue;
		if (is_needed(program))
			return failure("cannot attach %s: %s (try: tracepkt.sh doctor)",
				       bpf_program__name(program), strerror(errno));
		complain("note: without %s, %s", bpf_program__name(program),
			 program_find(bpf_program__name(program))->lost);
	}
	return DONE;
}

static int hooks_begin(struct hooks *hooks, const char *path, const struct tpk_filter *filter,
		       int (*take)(void *, void *, size_t), void *context)
{
	int err = object_load(hooks, path, filter);

	if (err)
		return failure("cannot load %s: %s (try: tracepkt.sh doctor)", quoted(path),
			       strerror(-err));
	hooks->events = ring_buffer__new(
		bpf_object__find_map_fd_by_name(hooks->object, "tpk_events"), take, context, NULL);
	if (!hooks->events)
		return failure("cannot read what the programs tell: %s", strerror(errno));
	return hooks_attach(hooks);
}

struct hooks *hooks_open(const char *directory, const struct tpk_filter *filter,
			 int (*take)(void *context, void *event, size_t size), void *context)
{
	struct hooks *hooks = calloc(1, sizeof(*hooks));
	char path[4096];

	if (!hooks)
		return NULL;
	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/tracepkt.o", directory);
	if (hooks_begin(hooks, path, filter, take, context) == DONE)
		return hooks;
	hooks_close(hooks);
	return NULL;
}

void hooks_close(struct hooks *hooks)
{
	ring_buffer__free(hooks->events);
	bpf_object__close(hooks->object);
	free(hooks);
}

int hooks_fd(const struct hooks *hooks)
{
	return ring_buffer__epoll_fd(hooks->events);
}

void hooks_consume(struct hooks *hooks)
{
	ring_buffer__consume(hooks->events);
}

int hooks_counts(const struct hooks *hooks, struct tpk_counts *counts)
{
	const struct bpf_map *map = section_of(hooks->object, ".bss");
	uint32_t zero = 0;

	if (!map || bpf_map__value_size(map) != sizeof(*counts))
		return -EINVAL;
	return bpf_map_lookup_elem(bpf_map__fd(map), &zero, counts);
}
