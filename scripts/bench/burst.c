// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * burst.c - makes events that `vershitify.sh monitor` tells of, at a given rate.
 *
 *   burst exec RATE COUNT     starts COUNT processes under its own name, one after the other
 *   burst socket RATE COUNT   opens and closes COUNT sockets
 *
 * RATE: how many a second, 0 for as fast as it goes. Prints "made COUNT took NS".
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

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

int main(int argc, char **argv)
{
	void (*make)(char *self) = socket_make;
	long rate, count;
	long long start;

	if (argc == 2 && !strcmp(argv[1], "end"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "exec"))
		make = process_make;
	else if (argc != 4 || strcmp(argv[1], "socket"))
		errx(2, "usage: burst exec|socket RATE COUNT");
	rate = atol(argv[2]);
	count = atol(argv[3]);
	start = now_ns();
	for (long i = 0; i < count; i++) {
		if (rate)
			wait_until(start + i * 1000000000LL / rate);
		make(argv[0]);
	}
	printf("made %ld took %lld\n", count, now_ns() - start);
	return 0;
}
