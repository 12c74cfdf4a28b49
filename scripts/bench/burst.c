// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * burst.c - makes events that `vershitify.sh monitor` tells of, at a given rate.
 *
 *   burst exec RATE COUNT [WORKERS]     starts COUNT processes under its own name
 *   burst socket RATE COUNT [WORKERS]   opens and closes COUNT sockets
 *
 * RATE: how many a second, 0 for as fast as it goes. WORKERS: as many processes do it
 * at the same time. Prints "made COUNT took NS".
 */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLEEP_LEAST_NS 200000 /* a shorter sleep is not exact */

extern char **environ;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void process_make(char *self)
{
	char *words[] = { self, "end", NULL };
	pid_t pid;

	errno = posix_spawn(&pid, self, NULL, NULL, words, environ);
	if (errno || waitpid(pid, NULL, 0) < 0)
		err(1, "%s", self);
}

static void socket_make(char *self)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)self;
	if (fd < 0)
		err(1, "socket");
	close(fd);
}

static void wait_until(long long then_ns)
{
	struct timespec then = { then_ns / 1000000000, then_ns % 1000000000 };

	if (then_ns - now_ns() > SLEEP_LEAST_NS)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
	while (now_ns() < then_ns)
		;
}

static void work(void (*make)(char *self), char *self, long rate, long count)
{
	long long start = now_ns();

	for (long i = 0; i < count; i++) {
		if (rate)
			wait_until(start + i * 1000000000LL / rate);
		make(self);
	}
}

int main(int argc, char **argv)
{
	void (*make)(char *self) = socket_make;
	long rate, count, workers;
	long long start;

	if (argc == 2 && !strcmp(argv[1], "end"))
		return 0;
	if (argc != 4 && argc != 5)
		errx(2, "usage: burst exec|socket RATE COUNT [WORKERS]");
	if (!strcmp(argv[1], "exec"))
		make = process_make;
	rate = atol(argv[2]);
	count = atol(argv[3]);
	workers = argc > 4 ? atol(argv[4]) : 1;
	start = now_ns();
	for (long i = 0; i < workers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid) {
			work(make, argv[0], rate / workers, count / workers);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	printf("made %ld took %lld\n", count / workers * workers, now_ns() - start);
	return 0;
}
