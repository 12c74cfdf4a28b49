// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh scan: finds the processes and sockets that were there before a rule, by
 * reading the pinned iterators. Prints "processes N sockets N", what was new.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "missed.h"
#include "programs.h"
#include "scan.h"
#include "state.h"
#include "tables.h"

int entries_read(int fd, iterator_seen *seen, void *context, size_t size)
{
	char buffer[32768]; /* as the kernel's own */
	size_t kept = 0;
	ssize_t length;

	while ((length = read(fd, buffer + kept, sizeof(buffer) - kept)) > 0 ||
	       (length < 0 && errno == EAGAIN)) {
		if (length < 0)
			continue;
		size_t left = kept + length, at = 0;

		for (; left - at >= size; at += size)
			seen(buffer + at, context);
		kept = left - at;
		memmove(buffer, buffer + at, kept);
	}
	return length < 0 ? -errno : 0;
}

int iterator_read(const char *pin, iterator_seen *seen, void *context, size_t size)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), VSH_PINS_DIR "/%s", pin);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && setup_is_there(&vershitify_tool) ? -EOPNOTSUPP : -errno;
	err = entries_read(fd, seen, context, size);
	close(fd);
	return err;
}

static void one_more(const void *entry, void *context)
{
	(void)entry;
	++*(uint64_t *)context;
}

/* For iterators that one can do without: nothing is found. */
static int optional_read(const char *pin, iterator_seen *seen, void *context, size_t size)
{
	int err = iterator_read(pin, seen, context, size);

	return err == -EOPNOTSUPP ? 0 : err;
}

/* A child may be visited before its parent: until a round finds nothing new. What the last one
 * has found no room for counts.
 */
static int tasks_scan(const struct state *state, uint64_t *found)
{
	uint64_t round;
	int err;

	do {
		round = 0;
		err = misses_of_scans_forget(state, VSH_PROCESS_RUNNING);
		if (!err)
			err = optional_read("link_vsh_iter_task", one_more, &round,
					    sizeof(uint32_t));
		*found += round;
	} while (!err && round);
	return err;
}

/* The network namespaces in which subflows of MPTCP have to be looked for. */
struct namespaces {
	int *fds;
	unsigned int count;
	int err;
};

static int namespace_of_process(const char *process)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A socket stays in the namespace that it was made in, its process need not. -errno also
 * where one process may not look into another, or a thread has files of its own.
 */
static int namespace_of_socket(uint32_t pid, uint32_t number)
{
	int process = syscall(SYS_pidfd_open, pid, 0);
	int fd = -1, copy = -1;

	if (process >= 0)
		copy = syscall(SYS_pidfd_getfd, process, number, 0);
	if (copy >= 0)
		fd = ioctl(copy, SIOCGSKNS);
	if (fd < 0)
		fd = -errno;
	fd_close(copy);
	fd_close(process);
	return fd;
}

static int namespace_open(const struct vsh_found *found)
{
	int fd = namespace_of_socket(found->pid, found->fd);
	char process[16];

	if (fd >= 0 || fd == -EMFILE || fd == -ENFILE)
		return fd;
	snprintf(process, sizeof(process), "%u", found->pid);
	return namespace_of_process(process);
}

static bool is_same_file(int fd, int other)
{
	struct stat status, others;

	return !fstat(fd, &status) && !fstat(other, &others) && status.st_ino == others.st_ino &&
	       status.st_dev == others.st_dev;
}

static bool namespace_is_known(const struct namespaces *namespaces, int fd)
{
	for (unsigned int i = 0; i < namespaces->count; i++)
		if (is_same_file(fd, namespaces->fds[i]))
			return true;
	return false;
}

/* 0 or -errno; fd is kept or closed. */
static int namespace_add(struct namespaces *namespaces, int fd)
{
	int *fds;

	if (namespace_is_known(namespaces, fd)) {
		close(fd);
		return 0;
	}
	fds = realloc(namespaces->fds, (namespaces->count + 1) * sizeof(*fds));
	if (!fds) {
		close(fd);
		return -ENOMEM;
	}
	namespaces->fds = fds;
	fds[namespaces->count++] = fd;
	return 0;
}

struct files {
	const struct state *state;
	uint64_t tagged;
	uint64_t sum; /* of the descriptors of one table */
	bool rings;
	struct namespaces namespaces;
};

static void file_found(const void *entry, void *context)
{
	const struct vsh_found *found = entry;
	struct files *files = context;
	int fd;

	files->sum += found->sum;
	files->tagged += found->tagged;
	files->rings |= found->ring;
	if (!found->subflows || files->namespaces.err)
		return;
	fd = namespace_open(found);
	if (fd == -ENOENT || fd == -ESRCH) /* it has ended meanwhile */
		return;
	files->namespaces.err = fd < 0 ? fd : namespace_add(&files->namespaces, fd);
}

static int subflows_scan(const struct namespaces *namespaces)
{
	int err = 0, home;

	if (!namespaces->count)
		return 0;
	home = namespace_of_process("self");
	if (home < 0)
		return home;
	for (unsigned int i = 0; i < namespaces->count && !err; i++)
		err = setns(namespaces->fds[i], CLONE_NEWNET)
			      ? -errno
			      : optional_read("link_vsh_iter_tcp", NULL, NULL, 1);
	if (setns(home, CLONE_NEWNET) && !err)
		err = -errno;
	close(home);
	return err;
}

/* What was missed is counted anew. */
static int files_restart(void *context)
{
	const struct files *files = context;

	return misses_of_scans_forget(files->state, VSH_SOCKET_OPEN);
}

/* What only a ring has open is known when all that processes have open is tagged: then once more. */
static int files_read(struct files *files)
{
	struct walk walk = {
		.pin = "link_vsh_iter_file",
		.size = sizeof(struct vsh_found),
		.seen = file_found,
		.context = files,
		.sum = &files->sum,
		.restart = files_restart,
	};
	int err = tables_walk(&walk);

	if (!err && files->rings)
		err = files_restart(files) ?: tables_walk(&walk);
	return err == -EOPNOTSUPP ? 0 : err;
}

static int files_scan(const struct state *state, uint64_t *sockets)
{
	struct files files = { .state = state };
	int err = files_read(&files);

	if (!err)
		err = files.namespaces.err;
	if (!err)
		err = subflows_scan(&files.namespaces);
	for (unsigned int i = 0; i < files.namespaces.count; i++)
		close(files.namespaces.fds[i]);
	free(files.namespaces.fds);
	*sockets += files.tagged;
	return err;
}

/* Of a rule whose path another cgroup has by now. 0 or -errno. */
static int cgroup_move(uint32_t id, uint64_t new)
{
	struct vsh_label label;
	int err, cgroups = map_open("vsh_cgroups"), labels = map_open("vsh_labels");
	uint64_t mask = 0;

	err = cgroups < 0 ? cgroups : labels < 0 ? labels : 0;
	if (!err) {
		bpf_map_lookup_elem(cgroups, &new, &mask);
		mask |= 1ULL << id;
		err = bpf_map_update_elem(cgroups, &new, &mask, BPF_ANY);
	}
	/* As it is now: the classifier reads labels, too. */
	if (!err)
		err = bpf_map_lookup_elem(labels, &id, &label);
	if (!err) {
		/* Other rules for that path move in this round, too. */
		bpf_map_delete_elem(cgroups, &label.cgroup_id);
		label.cgroup_id = new;
		err = bpf_map_update_elem(labels, &id, &label, BPF_ANY);
	}
	fd_close(cgroups);
	fd_close(labels);
	return err;
}

/* Where the kernel does not tell of new cgroups. 0 or -errno. */
static int cgroups_scan(const struct state *state)
{
	struct statfs fs;
	struct stat st;
	int err = 0;

	for (uint32_t id = 0; id < VSH_RULES_MAX && !err; id++) {
		const struct vsh_label *label = &state->labels[id];

		if (!rule_exists(&state->rules[id]) || label->who != VSH_CGROUP || !*label->path ||
		    statfs(label->path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
		    stat(label->path, &st) || st.st_ino == label->cgroup_id)
			continue;
		err = cgroup_move(id, st.st_ino);
	}
	return err;
}

int scan(uint64_t *processes, uint64_t *sockets)
{
	struct state state;
	int err = state_read(&state) ? -EIO : 0;

	if (!err)
		err = cgroups_scan(&state);
	if (!err)
		err = tasks_scan(&state, processes);
	if (!err)
		err = files_scan(&state, sockets);
	return err;
}

/* A rule by pid is for a process that runs already: no rule at all where none is found. */
static int pids_check(void)
{
	struct state state;

	if (program_is_pinned(program_find("vsh_iter_task")))
		return DONE;
	if (state_read(&state))
		return FAILED;
	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (rule_exists(&state.rules[id]) && state.labels[id].who == VSH_PID)
			return failure(
				"pid %u: this kernel refuses vsh_iter_task, which finds processes that run already",
				state.labels[id].pid);
	return DONE;
}

int scan_command(const struct options *options, int argc, char **argv)
{
	uint64_t processes = 0, sockets = 0;
	int err;

	(void)options;
	(void)argv;
	if (argc)
		return misuse("scan takes no words");
	err = scan(&processes, &sockets);
	if (err)
		return failure("cannot look for running processes and open sockets: %s",
			       strerror(-err));
	printf("processes %llu sockets %llu\n", (unsigned long long)processes,
	       (unsigned long long)sockets);
	return pids_check();
}
