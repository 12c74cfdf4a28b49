// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh scan: finds the processes and sockets that were there before a rule, by
 * reading the pinned iterators. Prints "processes N sockets N", what was new.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vsh.h"
#include "scan.h"

int iterator_read(const char *pin, iterator_seen *seen, void *context, size_t size)
{
	char path[128], buffer[4096];
	size_t kept = 0;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), VSH_PINS_DIR "/%s", pin);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
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
	close(fd);
	return length < 0 ? -errno : 0;
}

static void one_more(const void *entry, void *context)
{
	(void)entry;
	++*(uint64_t *)context;
}

/* A child may be visited before its parent: until a round finds nothing new. */
static int tasks_scan(uint64_t *found)
{
	uint64_t round;
	int err;

	do {
		round = 0;
		err = iterator_read("link_vsh_iter_task", one_more, &round, sizeof(uint32_t));
		*found += round;
	} while (!err && round);
	return err;
}

/* Where subflows of MPTCP have to be looked for: the network namespaces of the processes
 * that have the sockets open.
 */
#define NAMESPACES_MAX 64

struct namespaces {
	int fd[NAMESPACES_MAX];
	ino_t inode[NAMESPACES_MAX];
	unsigned int count;
};

static int namespace_open(const char *process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void namespace_add(struct namespaces *namespaces, uint32_t pid)
{
	char process[16];
	struct stat status;
	int fd;

	snprintf(process, sizeof(process), "%u", pid);
	fd = namespace_open(process);
	if (fd < 0) /* it has ended meanwhile */
		return;
	if (fstat(fd, &status))
		goto known;
	for (unsigned int i = 0; i < namespaces->count; i++)
		if (namespaces->inode[i] == status.st_ino)
			goto known;
	if (namespaces->count == NAMESPACES_MAX)
		goto known;
	namespaces->inode[namespaces->count] = status.st_ino;
	namespaces->fd[namespaces->count++] = fd;
	return;
known:
	close(fd);
}

struct files {
	uint64_t sockets;
	struct namespaces namespaces;
};

static void file_found(const void *entry, void *context)
{
	const struct vsh_found *found = entry;
	struct files *files = context;

	files->sockets++;
	if (found->mptcp)
		namespace_add(&files->namespaces, found->pid);
}

static int subflows_scan(const struct namespaces *namespaces)
{
	int err = 0, home;

	if (!namespaces->count)
		return 0;
	home = namespace_open("self");
	if (home < 0)
		return -errno;
	for (unsigned int i = 0; i < namespaces->count && !err; i++)
		err = setns(namespaces->fd[i], CLONE_NEWNET)
			      ? -errno
			      : iterator_read("link_vsh_iter_tcp", NULL, NULL, 1);
	if (setns(home, CLONE_NEWNET) && !err)
		err = -errno;
	close(home);
	return err;
}

static int files_scan(uint64_t *sockets)
{
	struct files files = {};
	int err;

	err = iterator_read("link_vsh_iter_file", file_found, &files, sizeof(struct vsh_found));
	if (!err)
		err = subflows_scan(&files.namespaces);
	for (unsigned int i = 0; i < files.namespaces.count; i++)
		close(files.namespaces.fd[i]);
	*sockets += files.sockets;
	return err;
}

int scan(uint64_t *processes, uint64_t *sockets)
{
	int err = tasks_scan(processes);

	return err ? err : files_scan(sockets);
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
	return DONE;
}
