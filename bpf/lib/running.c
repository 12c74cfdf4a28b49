// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "programs.h"
#include "running.h"
#include "vsh.h"

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

static bool is_needed(const struct bpf_program *program)
{
	const struct program *known = program_find(bpf_program__name(program));

	return !known || known->needed;
}

static bool is_attached_here(const struct bpf_program *program)
{
	const struct program *known = program_find(bpf_program__name(program));

	return bpf_program__autoload(program) && known && known->place == BY_RUN;
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

static int object_open(struct running *running, const struct running_plan *plan, const char *path)
{
	struct bpf_map *map;
	int err;

	running->object = bpf_object__open_file(path, NULL);
	if (!running->object)
		return -errno;
	map = section_of(running->object, ".rodata");
	err = map ? bpf_map__set_initial_value(map, plan->settings, plan->settings_size) : -EINVAL;
	return err || !plan->join ? err : plan->join(running->object, plan->join_context);
}

/* libbpf loads all or nothing: once more without those that are refused and not needed. */
static int object_load(struct running *running, const struct running_plan *plan, const char *path)
{
	int err = object_open(running, plan, path);

	if (err || !bpf_object__load(running->object))
		return err;
	bpf_object__close(running->object);
	err = object_open(running, plan, path);
	if (err)
		return err;
	refused_leave_out(running->object, path);
	return bpf_object__load(running->object);
}

static int programs_attach(struct running *running, const char *hint)
{
	struct bpf_program *program;
	struct bpf_link *link;

	bpf_object__for_each_program(program, running->object) {
		if (!is_attached_here(program))
			continue;
		link = running->attached < RUNNING_MAX ? bpf_program__attach(program) : NULL;
		if (link) {
			running->links[running->attached++] = link;
			continue;
		}
		if (is_needed(program))
			return failure("cannot attach %s: %s (try: %s doctor)",
				       bpf_program__name(program), strerror(errno), hint);
		complain("note: without %s, %s", bpf_program__name(program),
			 program_find(bpf_program__name(program))->lost);
	}
	return DONE;
}

int running_begin(struct running *running, const struct running_plan *plan)
{
	char path[4096];
	int err;

	*running = (struct running){};
	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%s/%s", plan->directory, plan->file);
	err = object_load(running, plan, path);
	if (err)
		return failure("cannot load %s: %s (try: %s doctor)", quoted(path), strerror(-err),
			       plan->hint);
	running->events =
		ring_buffer__new(bpf_object__find_map_fd_by_name(running->object, plan->events),
				 plan->take, plan->context, NULL);
	if (!running->events)
		return failure("cannot read what the programs tell: %s", strerror(errno));
	return programs_attach(running, plan->hint);
}

void running_detach(struct running *running)
{
	while (running->attached)
		bpf_link__destroy(running->links[--running->attached]);
}

void running_end(struct running *running)
{
	running_detach(running);
	ring_buffer__free(running->events);
	bpf_object__close(running->object);
	*running = (struct running){};
}

struct bpf_program *running_program(const struct running *running, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(running->object, name);

	return program && bpf_program__autoload(program) ? program : NULL;
}

int running_variables(const struct running *running, size_t size)
{
	const struct bpf_map *map = section_of(running->object, ".bss");

	return map && bpf_map__value_size(map) == size ? bpf_map__fd(map) : -EINVAL;
}

int running_counts(const struct running *running, void *counts, size_t size)
{
	int fd = running_variables(running, size);
	uint32_t zero = 0;

	return fd < 0 ? fd : bpf_map_lookup_elem(fd, &zero, counts);
}

uint64_t running_missed(const struct running *running, const char *name)
{
	const struct bpf_program *program = running_program(running, name);
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);

	if (!program || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
		return 0;
	return info.recursion_misses;
}

/* The iterator says "again" when it has looked at so many things that it lets others work. */
static int iterator_read(int fd)
{
	char nothing[64];
	ssize_t length;

	do
		length = read(fd, nothing, sizeof(nothing));
	while (length > 0 || (length < 0 && errno == EAGAIN));
	return length < 0 ? -errno : 0;
}

int running_iterate(const struct running *running, const char *name)
{
	const struct bpf_program *program = running_program(running, name);
	struct bpf_link *link = program ? bpf_program__attach_iter(program, NULL) : NULL;
	int err, fd;

	if (!program)
		return -ENOENT;
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	err = fd < 0 ? -errno : iterator_read(fd);
	fd_close(fd);
	bpf_link__destroy(link);
	return err;
}
