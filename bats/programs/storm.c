// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm.c - starts many short-lived processes.
 *
 *   storm COUNT AT_ONCE PROGRAM [ARG...] [-- PROGRAM [ARG...]]...
 *
 * Starts each program COUNT times, in turn, with up to AT_ONCE processes alive
 * at a time; an argument "%d" becomes the number of the round, from 0. Their
 * standard output is thrown away. Prints "started N failed N" (failed: could
 * not be executed, or did not exit with 0) and exits with 1 if any failed.
 *
 * It is also the parent that tests need: "storm 1 1 PROGRAM ARG..." waits for
 * the one child; with AT_ONCE 0 the output of the child is kept.
 */
#include "traffic.h"

#include <fcntl.h>
#include <spawn.h>

#define PROGRAMS 8

extern char **environ;

static long failed;

static void one_wait(void)
{
	int status;

	if (wait(&status) < 0)
		die("wait");
	failed += !WIFEXITED(status) || WEXITSTATUS(status);
}

static bool one_start(char **words, long number, const posix_spawn_file_actions_t *quiet)
{
	char text[24];
	char *copy[32];
	pid_t pid;
	int i;

	snprintf(text, sizeof(text), "%ld", number);
	for (i = 0; i < 31 && words[i]; i++)
		copy[i] = strcmp(words[i], "%d") ? words[i] : text;
	copy[i] = NULL;
	return !posix_spawn(&pid, copy[0], quiet, NULL, copy, environ);
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t quiet;
	long count, at_once, alive = 0, started = 0, i;
	char **programs[PROGRAMS + 1];
	int n = 0, a;
	bool keep;

	lifetime_limit();
	if (argc < 4) {
		fprintf(stderr,
			"usage: storm COUNT AT_ONCE PROGRAM [ARG...] [-- PROGRAM [ARG...]]...\n");
		return 2;
	}
	count = number_parse(argv[1], 1, 1000000);
	at_once = number_parse(argv[2], 0, 1000);
	keep = !at_once;
	if (keep)
		at_once = 1;
	programs[n++] = argv + 3;
	for (a = 3; a < argc; a++) {
		if (strcmp(argv[a], "--"))
			continue;
		argv[a] = NULL;
		if (n == PROGRAMS)
			die("more than %d programs", PROGRAMS);
		programs[n++] = argv + a + 1;
	}
	posix_spawn_file_actions_init(&quiet);
	if (!keep)
		posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);

	for (i = 0; i < count; i++) {
		for (a = 0; a < n; a++) {
			if (alive == at_once) {
				one_wait();
				alive--;
			}
			if (one_start(programs[a], i, &quiet)) {
				started++;
				alive++;
			} else {
				failed++;
			}
		}
	}
	while (alive--)
		one_wait();
	say("started %ld failed %ld", started, failed);
	return failed != 0;
}
