// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * withpid.c - executes a program in a child that has the wanted process id,
 * which must be free, and ends as the child ends.
 *
 *   withpid PID PROGRAM [ARG...]
 */
#include "traffic.h"

#include <linux/sched.h>
#include <sys/syscall.h>

int main(int argc, char **argv)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid_size = 1 };
	pid_t wanted, pid;
	int status;

	lifetime_limit();
	if (argc < 3) {
		fprintf(stderr, "usage: withpid PID PROGRAM [ARG...]\n");
		return 2;
	}
	wanted = number_parse(argv[1], 2, INT_MAX);
	args.set_tid = (uintptr_t)&wanted;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("pid %d", wanted);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(argv[2], argv + 2);
		die("%s", argv[2]);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
