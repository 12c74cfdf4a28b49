/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic.h - what the test programs share: the numbered datagram, addresses,
 * errors, waiting. Every program here is bounded by lifetime_limit(): a test
 * that goes wrong leaves no process behind.
 *
 * The programs talk to the tests through lines on standard output (one fact a
 * line, flushed at once) and are told to go on with SIGUSR1.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LABEL_BYTES 24
#define MAGIC "vshtest"

/* Payload of every datagram that the receiver counts. Host byte order: sender
 * and receiver are on one machine. sent_ns is CLOCK_MONOTONIC.
 */
struct datagram {
	char magic[8];
	char label[LABEL_BYTES];
	uint32_t number;
	uint32_t bytes; /* of the whole payload, so that a cut one is noticed */
	uint64_t sent_ns;
};

static __attribute__((noreturn, format(printf, 1, 2), unused)) void die(const char *format, ...)
{
	int err = errno;
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(err));
	exit(1);
}

/* One line to the test, at once. */
static __attribute__((format(printf, 1, 2), unused)) void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Emulated machines are some thirty times slower than this one. */
static inline bool is_emulated(void)
{
	return getenv("VSH_VM") != NULL;
}

/* alarm() survives exec and dies with fork, so call it after each fork. */
static inline void lifetime_limit(void)
{
	alarm(is_emulated() ? 600 : 120);
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline long number_parse(const char *word, long least, long most)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(word, &end, 10);
	if (errno || end == word || *end || n < least || n > most)
		die("'%s' is not a number from %ld to %ld", word, least, most);
	return n;
}

/* IPv4 or IPv6, by its looks. Returns the length of the address. */
static inline socklen_t address_parse(struct sockaddr_storage *to, const char *host, long port)
{
	struct sockaddr_in6 *six = (void *)to;
	struct sockaddr_in *four = (void *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(port);
		return sizeof(*six);
	}
	die("'%s' is no address", host);
}

/* SIGUSR1 is blocked from here on, in this process and its children; one that
 * comes before continue_wait() is kept for it.
 */
static inline void continue_prepare(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static inline void continue_wait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
}

static inline void sleep_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* Forks, lets the parent wait and end as the child ends, returns in the child. */
static inline void fork_here(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid) {
		if (waitpid(pid, &status, 0) < 0)
			die("waitpid");
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	/* A child that outlives its parent would outlive the test. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	lifetime_limit();
}

/* The classical daemon: the grandchild goes on as an orphan in a session of its
 * own. Returns in it only; the caller's exit status says that it was made.
 */
static inline void fork_away(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		_exit(0);
	setsid();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		_exit(0);
	lifetime_limit();
}

#endif
