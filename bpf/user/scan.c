// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh scan: finds the processes and sockets that were there before a rule, by
 * reading the pinned iterators. Prints "processes N sockets N", what was new.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

int scan(uint64_t *processes, uint64_t *sockets)
{
	int err = tasks_scan(processes);

	return err ? err : iterator_read("link_vsh_iter_file", one_more, sockets, sizeof(uint32_t));
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
