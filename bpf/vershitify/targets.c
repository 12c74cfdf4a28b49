// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose packets: vershitify's tracker, loaded once more for this process alone, with one rule. Its maps
 * are not pinned, all is attached by links of this process's, and goes with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "scan.h"
#include "state.h"
#include "targets.h"
#include "vsh.h"

#define RULE_BIT 1ULL /* that of rule 1 */

struct targets {
	struct bpf_object *object;
	int cgroup; /* the root, or -1 */
};

/* Those that are attached here. What they do beyond tags is for rules. */
static const char *const programs[] = {
	"vsh_exec",	   "vsh_fork",	    "vsh_exit",	     "vsh_cgroup_new",
	"vsh_sock_create", "vsh_iter_task", "vsh_iter_file",
};

static bool is_used(const struct bpf_program *program)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(bpf_program__name(program), programs[i]))
			return true;
	return false;
}

static int object_load(struct targets *targets, const char *directory)
{
	struct bpf_program *program;
	struct bpf_map *map;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tracker.o", directory);
	targets->object = bpf_object__open_file(path, NULL);
	if (!targets->object)
		return -errno;
	bpf_object__for_each_program(program, targets->object) {
		bpf_program__set_autoload(program, is_used(program));
	}
	bpf_object__for_each_map(map, targets->object) {
		int err = bpf_map__set_pin_path(map, NULL);

		if (err)
			return err;
	}
	return bpf_object__load(targets->object);
}

static int entry_set(const struct targets *targets, const char *map, const void *key,
		     const void *value)
{
	int fd = bpf_object__find_map_fd_by_name(targets->object, map);

	return fd < 0 ? fd : bpf_map_update_elem(fd, key, value, BPF_ANY);
}

static int cgroup_set(const struct targets *targets, const struct vsh_label *label)
{
	struct vsh_cgroup_path path = {};
	uint64_t mask = RULE_BIT;
	int err = entry_set(targets, "vsh_cgroups", &label->cgroup_id, &mask);

	if (err || !label->cgroup_at)
		return err;
	strcpy(path.path, label->path + label->cgroup_at);
	return entry_set(targets, "vsh_followed", &path, &mask);
}

static int who_set(const struct targets *targets, const struct vsh_label *label)
{
	uint64_t mask = RULE_BIT;

	switch (label->who) {
	case VSH_COMMAND:
		return entry_set(targets, "vsh_comms", &label->comm, &mask);
	case VSH_EXE:
		return entry_set(targets, "vsh_exes", &label->exe, &mask);
	case VSH_PID:
		return entry_set(targets, "vsh_pids", &label->pid, &mask);
	case VSH_CGROUP:
		return cgroup_set(targets, label);
	case VSH_RUN:
		return 0;
	default:
		return -EINVAL;
	}
}

/* What `vershitify.sh add` would write, of a rule that does nothing. */
static int rule_set(const struct targets *targets, const struct targets_plan *plan)
{
	struct vsh_config config = {
		.children = plan->children ? RULE_BIT : 0,
		.cgroups = plan->who.who == VSH_CGROUP ? RULE_BIT : 0,
		.epoch = 1,
	};
	struct vsh_rule rule = { .generation = 1 };
	uint32_t zero = 0;
	int err = entry_set(targets, "vsh_rules", &zero, &rule);

	if (!err)
		err = entry_set(targets, "vsh_labels", &zero, &plan->who);
	if (!err)
		err = entry_set(targets, "vsh_config", &zero, &config);
	return err ?: who_set(targets, &plan->who);
}

static bool is_iterator(const struct bpf_program *program)
{
	return bpf_program__expected_attach_type(program) == BPF_TRACE_ITER;
}

static int programs_attach(const struct targets *targets)
{
	struct bpf_program *program;
	struct bpf_link *link;

	bpf_object__for_each_program(program, targets->object) {
		if (!bpf_program__autoload(program) || is_iterator(program))
			continue;
		if (bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SOCK)
			link = bpf_program__attach_cgroup(program, targets->cgroup);
		else
			link = bpf_program__attach(program);
		if (!link)
			return -errno;
	}
	return 0;
}

static void one_more(const void *entry, void *context)
{
	(void)entry;
	++*(uint64_t *)context;
}

static int iterator_run(const struct targets *targets, const char *name, size_t size,
			uint64_t *found)
{
	struct bpf_program *program = bpf_object__find_program_by_name(targets->object, name);
	struct bpf_link *link = program ? bpf_program__attach_iter(program, NULL) : NULL;
	int err, fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	err = fd < 0 ? fd : entries_read(fd, one_more, found, size);
	fd_close(fd);
	bpf_link__destroy(link);
	return err;
}

static int sockets_find(const struct targets *targets)
{
	uint64_t sockets = 0;

	return iterator_run(targets, "vsh_iter_file", sizeof(struct vsh_found), &sockets);
}

/* A child may be visited before its parent: until a round finds nothing new. */
static int running_find(const struct targets *targets)
{
	uint64_t found;
	int err;

	do {
		found = 0;
		err = iterator_run(targets, "vsh_iter_task", sizeof(uint32_t), &found);
	} while (!err && found);
	return err ?: sockets_find(targets);
}

static int targets_begin(struct targets *targets, const struct targets_plan *plan)
{
	int err;

	if (plan->cgroup_root)
		targets->cgroup = open(plan->cgroup_root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (targets->cgroup < 0)
		return failure(
			"cgroup v2 is not mounted: sockets of processes cannot be told apart");
	err = object_load(targets, plan->directory);
	if (!err)
		err = rule_set(targets, plan);
	if (!err)
		err = programs_attach(targets);
	if (!err)
		err = running_find(targets);
	if (err)
		return failure("cannot follow processes: %s (try: vershitify.sh doctor)",
			       strerror(-err));
	return DONE;
}

struct targets *targets_open(const struct targets_plan *plan)
{
	struct targets *targets = calloc(1, sizeof(*targets));

	if (!targets)
		return NULL;
	targets->cgroup = -1;
	if (targets_begin(targets, plan) == DONE)
		return targets;
	targets_close(targets);
	return NULL;
}

void targets_close(struct targets *targets)
{
	if (!targets)
		return;
	bpf_object__close(targets->object);
	fd_close(targets->cgroup);
	free(targets);
}

int targets_tags(const struct targets *targets)
{
	return bpf_object__find_map_fd_by_name(targets->object, "vsh_socks");
}

int targets_add(const struct targets *targets, pid_t pid)
{
	struct vsh_task task = { .mask = RULE_BIT, .own = RULE_BIT, .epoch = 1 };
	uint32_t tgid = pid;
	int err = entry_set(targets, "vsh_tasks", &tgid, &task);

	if (!err)
		err = sockets_find(targets);
	if (err)
		return failure("cannot follow process %u: %s", tgid, strerror(-err));
	return DONE;
}
