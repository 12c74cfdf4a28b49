// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * linkless.c - executes a program to which, and to whose descendants, the kernel refuses to make BPF links.
 *
 *   linkless PROGRAM [ARG...]
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Where the low half of the first argument lies. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define COMMAND_OFFSET offsetof(struct seccomp_data, args[0])
#else
#define COMMAND_OFFSET (offsetof(struct seccomp_data, args[0]) + 4)
#endif

static struct sock_filter refusal[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, COMMAND_OFFSET),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_LINK_CREATE, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	struct sock_fprog program = {
		.len = sizeof(refusal) / sizeof(refusal[0]),
		.filter = refusal,
	};

	if (argc < 2) {
		fprintf(stderr, "usage: linkless PROGRAM [ARG...]\n");
		return 2;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("linkless");
		return 1;
	}
	execvp(argv[1], argv + 1);
	fprintf(stderr, "linkless: %s: %s\n", argv[1], strerror(errno));
	return 1;
}
