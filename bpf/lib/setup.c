// SPDX-License-Identifier: GPL-2.0-or-later
/* What a tool sets up: its folders, and all pins in a folder of another name, which is renamed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "load.h"
#include "tools.h"

/* Everybody may make something in bpffs, where it is mounted so. */
static bool is_roots(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_uid && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* A folder that is root's alone, or -1. */
static int directory_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || is_roots(fd))
		return fd;
	close(fd);
	return -1;
}

static int directory_make(const char *path)
{
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return failure("cannot make %s: %s", path, strerror(errno));
	fd = directory_open(path);
	if (fd < 0)
		return failure("%s is not a folder of root's alone", path);
	close(fd);
	return DONE;
}

static int directories_make(const struct setup *setup, const char *pins)
{
	for (const char *const *folder = setup->folders; *folder; folder++)
		if (directory_make(*folder) != DONE)
			return FAILED;
	return directory_make(pins);
}

static void pins_remove(const char *directory)
{
	int fd = directory_open(directory);
	DIR *pins = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!pins)
		return;
	while ((entry = readdir(pins)))
		unlinkat(dirfd(pins), entry->d_name, 0);
	closedir(pins);
	rmdir(directory);
}

static int objects_load(const char *directory, const struct tool *tool, const char *pins)
{
	int status = DONE;

	for (const char *const *file = tool->setup->objects; status == DONE && *file; file++)
		status = object_load_all(directory, tool, *file, pins);
	return status;
}

int setup_load(const char *directory, const struct tool *tool)
{
	const struct setup *setup = tool->setup;
	char pins[128];
	int status;

	if (setup_is_there(tool))
		return DONE;
	snprintf(pins, sizeof(pins), "%s-new", setup->pins);
	pins_remove(pins); /* of one that was killed */
	status = directories_make(setup, pins);
	if (status == DONE)
		status = setup->begin();
	if (status == DONE)
		status = objects_load(directory, tool, pins);
	if (status == DONE && rename(pins, setup->pins))
		status = failure("cannot make %s: %s", setup->pins, strerror(errno));
	if (status != DONE)
		pins_remove(pins);
	else
		refusals_tell();
	return status;
}
