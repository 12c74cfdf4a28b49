// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes, as /proc shows them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vsh.h"

ssize_t text_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		length = -errno;
	else
		text[length] = '\0';
	close(fd);
	return length;
}

/* All 16 bytes are set. -errno if there is no such process. */
int process_comm(uint32_t pid, char comm[COMM_LEN])
{
	char path[64], text[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	length = text_read(path, text, sizeof(text));
	if (length < 0)
		return length;
	if (length && text[length - 1] == '\n')
		length--;
	memset(comm, 0, COMM_LEN);
	memcpy(comm, text, length < COMM_LEN ? length : COMM_LEN - 1);
	return 0;
}

/* The process that a thread belongs to; 0: no such thread. */
uint32_t process_tgid(uint32_t tid)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	if (text_read(path, text, sizeof(text)) <= 0)
		return 0;
	p = strstr(text, "\nTgid:");
	return p ? strtoul(p + strlen("\nTgid:"), NULL, 10) : 0;
}

/* 0: none, or not to be seen. */
uint32_t process_parent(uint32_t pid)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (text_read(path, text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')'); /* comm can hold anything, also parentheses */
	return p && p[1] && p[2] && p[3] ? strtoul(p + 4, NULL, 10) : 0;
}

int process_become(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	complain("cannot run %s: %s", quoted(argv[0]), strerror(err));
	return err == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}
