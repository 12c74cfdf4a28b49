// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * clock.c - how long a command takes, and how long it takes to start one.
 *
 *   clock run COMMAND [ARG...]   runs it, its standard output goes to standard error;
 *                                then prints "took NS status N"
 *   clock since                  prints "began NS": nanoseconds since the "clock run"
 *                                that has started this command, however indirectly
 */
#include <err.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int clock_run(char **words)
{
	posix_spawn_file_actions_t actions;
	char start[32];
	long long begin;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, 2, 1);
	begin = now_ns();
	snprintf(start, sizeof(start), "%lld", begin);
	setenv("BENCH_BEGIN_NS", start, 1);
	if (posix_spawnp(&pid, words[0], &actions, NULL, words, environ))
		err(127, "%s", words[0]);
	waitpid(pid, &status, 0);
	printf("took %lld status %d\n", now_ns() - begin,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

int main(int argc, char **argv)
{
	const char *begin = getenv("BENCH_BEGIN_NS");

	if (argc > 2 && !strcmp(argv[1], "run"))
		return clock_run(argv + 2);
	if (argc != 2 || strcmp(argv[1], "since") || !begin)
		errx(2, "usage: clock run COMMAND [ARG...] | clock since (started by clock run)");
	printf("began %lld\n", now_ns() - atoll(begin));
	return 0;
}
