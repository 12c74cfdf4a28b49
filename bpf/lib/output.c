// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "output.h"
#include "signals.h"

#define LINKS_MAX 40 /* as the kernel has it (MAXSYMLINKS) */
#define MODE 0666 /* of pictures */

/* --- the folder -------------------------------------------------------------------------- */

/* A way to a folder that is walked name by name. */
struct walk {
	int fd; /* where it has come to */
	char rest[2 * PATH_MAX]; /* still to go */
	int links; /* followed until now */
};

static void walk_to(struct walk *walk, int fd)
{
	if (walk->fd >= 0)
		close(walk->fd);
	walk->fd = fd;
}

/* Nobody but root can remove what root has made there. */
static bool folder_is_safe(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_uid &&
	       (!(st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_mode & S_ISVTX));
}

/* Puts where the link leads before the rest. 0 or -errno. */
static int link_follow(struct walk *walk, int link, uid_t owner)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t length;

	if (owner || !folder_is_safe(walk->fd) || ++walk->links > LINKS_MAX)
		return -ELOOP;
	length = readlinkat(link, "", target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (strlen(walk->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	strcpy(rest, walk->rest);
	snprintf(walk->rest, sizeof(walk->rest), "%s/%s", target, rest);
	if (*target == '/')
		walk_to(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return 0;
}

/* Opens that name in the folder where the walk has come to. 0 or -errno. */
static int name_enter(struct walk *walk, const char *name)
{
	int fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISLNK(st.st_mode))
		err = link_follow(walk, fd, st.st_uid);
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	else {
		walk_to(walk, fd);
		return 0;
	}
	close(fd);
	return err;
}

/* Takes the next name from the way. False: there is none. */
static bool name_take(char *rest, char name[PATH_MAX])
{
	size_t slashes = strspn(rest, "/"), length = strcspn(rest + slashes, "/");

	if (!length)
		return false;
	snprintf(name, PATH_MAX, "%.*s", (int)length, rest + slashes);
	memmove(rest, rest + slashes + length, strlen(rest + slashes + length) + 1);
	return true;
}

/* The folder of a path: a descriptor, or -errno. */
static int folder_open(const char *path, size_t length)
{
	struct walk walk = { .fd = -1 };
	char name[PATH_MAX];
	int err = 0;

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(walk.rest, sizeof(walk.rest), "%.*s", (int)length, path);
	walk.fd = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (!err && walk.fd >= 0 && name_take(walk.rest, name))
		err = name_enter(&walk, name);
	if (!err && walk.fd < 0)
		err = -errno;
	if (err)
		walk_to(&walk, -1);
	return err ? err : walk.fd;
}

/* --- what is written ----------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0)
			return -errno;
		bytes += written;
		length -= written;
	}
	return 0;
}

/* Waits for more; true: a signal has come instead. */
static bool is_ended_before(int from)
{
	struct pollfd wanted = { .fd = from, .events = POLLIN };

	ends_poll(&wanted, 1, UINT64_MAX);
	return is_ended();
}

/* Up to the end of the pipe. 0 or -errno. */
static int pipe_copy(int from, int to)
{
	char buffer[1 << 16];
	bool is_empty = true;
	ssize_t length;
	int err = 0;

	while (!err && !is_ended_before(from) && (length = read(from, buffer, sizeof(buffer)))) {
		if (length < 0)
			err = errno == EINTR ? 0 : -errno;
		else
			err = write_all(to, buffer, length);
		is_empty = false;
	}
	if (!err && is_ended())
		err = -EINTR;
	return err ?: is_empty ? -ECHILD : 0;
}

static int command_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ECHILD;
}

/* What the command prints goes through us: not all commands tell that they could not write. */
static int command_print(char *const command[], int to)
{
	int ends[2], err, status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execvp(command[0], command);
		_exit(127);
	}
	close(ends[1]);
	err = pid < 0 ? -errno : pipe_copy(ends[0], to);
	close(ends[0]);
	status = pid < 0 ? 0 : command_wait(pid);
	return err ?: status;
}

/* --- the file ------------------------------------------------------------------------------ */

/* Is this file still the one of that name? */
static int name_check(int folder, const char *name, int fd)
{
	struct stat ours, there;

	if (fstat(fd, &ours) || fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return ours.st_ino == there.st_ino && ours.st_dev == there.st_dev ? 0 : -ESTALE;
}

/* The file has a name of its own until it is whole: who may rename files there can give that name to
 * something else, but not have it written to.
 */
static int file_open(struct output *output)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(output->new, sizeof(output->new), ".new.%016llx", (unsigned long long)number);
	output->fd = openat(output->folder, output->new,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return output->fd < 0 ? -errno : 0;
}

/* A file, or a link, which is replaced itself. */
static int name_replaceable(int folder, const char *name)
{
	struct stat st;

	if (!*name)
		return -EISDIR;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	return S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) ? 0 : -EEXIST;
}

/* Nobody else of this process makes files meanwhile. */
static mode_t mode_masked(mode_t mode)
{
	mode_t mask = umask(0);

	umask(mask);
	return mode & ~mask;
}

int output_begin(struct output *output, const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	int err;

	*output = (struct output){
		.name = slash ? slash + 1 : path,
		.fd = -1,
		.mode = mode_masked(mode),
	};
	output->folder = folder_open(path, output->name - path);
	if (output->folder < 0)
		return output->folder;
	err = name_replaceable(output->folder, output->name);
	if (!err)
		err = file_open(output);
	if (err)
		close(output->folder);
	return err;
}

int output_end(struct output *output, int err)
{
	if (!err && fchmod(output->fd, output->mode))
		err = -errno;
	if (!err && renameat(output->folder, output->new, output->folder, output->name))
		err = -errno;
	if (err)
		unlinkat(output->folder, output->new, 0);
	else
		err = name_check(output->folder, output->name, output->fd);
	close(output->fd);
	close(output->folder);
	return err;
}

int output_make(const char *path, char *const command[])
{
	struct output output;
	int err = output_begin(&output, path, MODE);

	return err ?: output_end(&output, command_print(command, output.fd));
}

const char *output_error(int err)
{
	switch (err) {
	case -ELOOP:
		return "on the way there is a symbolic link that is not root's";
	case -ESTALE:
		return "somebody else has put something else in its place";
	case -EEXIST:
	case -EISDIR:
		return "it is not a regular file";
	default:
		return strerror(-err);
	}
}
