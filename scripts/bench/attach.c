// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach.c - attaches pinned programs to the tracepoints that they are made for, says "ready", and stays: they
 * go with it.
 *
 *   attach PIN...
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void fail(const char *what)
{
	fprintf(stderr, "attach: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void attach(const char *pin)
{
	union bpf_attr attr = {};
	int fd;

	attr.pathname = (uintptr_t)pin;
	fd = bpf(BPF_OBJ_GET, &attr);
	if (fd < 0)
		fail(pin);
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = fd;
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &attr) < 0)
		fail(pin);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: attach PIN...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		attach(argv[i]);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
