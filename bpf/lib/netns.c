// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "vsh.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* since 5.14, asm-generic/socket.h */
#endif

static bool is_own_namespace(int fd)
{
	struct stat status, own;

	return !fstat(fd, &status) && !stat("/proc/self/ns/net", &own) &&
	       status.st_ino == own.st_ino && status.st_dev == own.st_dev;
}

static int left = -1; /* the namespace that was left */

/* Only the network changes: the bpffs of the caller stays in sight. To stay where one is
 * takes no capability.
 */
int netns_enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (!is_own_namespace(fd)) {
		left = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (left < 0 || setns(fd, CLONE_NEWNET))
			err = -errno;
	}
	close(fd);
	return err;
}

int netns_leave(void)
{
	return left >= 0 && setns(left, CLONE_NEWNET) ? -errno : 0;
}

/* The number by which BPF programs know the network namespace of the caller. */
int netns_cookie(uint64_t *cookie)
{
	socklen_t length = sizeof(*cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &length))
		err = -errno;
	close(fd);
	return err;
}

/* vsh -N FILE cookie: that of the namespace. */
int cookie_command(const struct options *options, int argc, char **argv)
{
	uint64_t cookie;
	int err;

	(void)options;
	(void)argv;
	if (argc)
		return misuse("cookie takes no words");
	err = netns_cookie(&cookie);
	if (err)
		return failure("cannot identify this network namespace: %s", strerror(-err));
	printf("%llu\n", (unsigned long long)cookie);
	return DONE;
}
