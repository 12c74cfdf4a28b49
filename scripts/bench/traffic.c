// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * traffic.c - many packets, or many sockets. Its name is what rules go by, so it
 * is started through links of several names.
 *
 *   traffic [-m MARK] [-n SOCKETS] udp ADDRESS PORT COUNT   COUNT datagrams, then "sent NS"
 *   traffic [-m MARK] tcp ADDRESS PORT COUNT                COUNT small writes, the same
 *   traffic [-m MARK] [-n SOCKETS] flood COUNT {ADDRESS PORT}...
 *                                                           COUNT datagrams to each, then for each
 *                                                           "ADDRESS PORT NS"
 *   traffic [-p PROCESSES] [-s] [-n SOCKETS] hold           opens sockets, "ready", waits
 *   traffic sink PORT                                       UDP: bound and never read;
 *                                                           TCP: accepts and reads; "ready", waits
 *
 * -n: as many UDP sockets, used in turn. -p: as many processes, each with its own, or with -s all with the same. NS: nanoseconds for all calls together.
 * flood: in short turns, so that whatever slows the machine down for a while does so to
 * all; NS is the median turn's, for COUNT of them.
 * Senders stay on the last CPU and sinks on the first, where there are two.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_BYTES 64
#define TURN_PACKETS 500
#define PLACES_MAX 8

static int mark;
static long sockets = 1;
static long processes = 1;
static bool shared;

static void cpu_choose(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		warn("cannot stay on CPU %ld", cpu);
}

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", host);
	return address;
}

static int socket_open(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		err(1, "SO_MARK");
	return fd;
}

static int socket_connect(int type, const struct sockaddr_in *to)
{
	int one = 1, fd = socket_open(type);

	if (connect(fd, (const void *)to, sizeof(*to)))
		err(1, "connect");
	if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "TCP_NODELAY");
	return fd;
}

/* Standard input, output and error are open, too, and there are a few to spare. */
static void descriptors_allow(long count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		err(1, "getrlimit");
	limit.rlim_cur = count + 16;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "%ld sockets", count);
}

static int *sockets_make(int type, const struct sockaddr_in *to)
{
	int *fds = calloc(sockets, sizeof(*fds));

	if (!fds)
		err(1, "%ld sockets", sockets);
	for (long i = 0; i < sockets; i++)
		fds[i] = to ? socket_connect(type, to) : socket_open(type);
	return fds;
}

static void ready_say(void)
{
	puts("ready");
	fflush(stdout);
}

/* Ends with its parent. */
static void child_hold(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!shared)
		/* cppcheck-suppress leakReturnValNotUsed ; they stay open until the process ends */
		sockets_make(SOCK_DGRAM, NULL);
	if (write(ready, "", 1) != 1)
		err(1, "pipe");
	pause();
	exit(0);
}

static void child_start(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe(ends))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "%ld processes", processes);
	if (!pid)
		child_hold(ends[1]);
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		errx(1, "a child has ended");
	close(ends[0]);
}

static int traffic_hold(void)
{
	int *fds = shared ? sockets_make(SOCK_DGRAM, NULL) : NULL;

	for (long i = 1; i < processes; i++)
		child_start();
	if (!shared)
		fds = sockets_make(SOCK_DGRAM, NULL);
	ready_say();
	pause();
	free(fds);
	return 0;
}

/* Returns what it took. */
static long long packets_send(const int *fds, long first, long count)
{
	char payload[PAYLOAD_BYTES] = { 0 };
	long long start = now_ns();

	for (long i = first; i < first + count; i++)
		if (send(fds[i % sockets], payload, sizeof(payload), 0) < 0)
			err(1, "send");
	return now_ns() - start;
}

static int traffic_send(int type, char **words)
{
	struct sockaddr_in to = address_of(words[0], words[1]);

	cpu_choose(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	printf("sent %lld\n", packets_send(sockets_make(type, &to), 0, atol(words[2])));
	return 0;
}

static int compare_ns(const void *a, const void *b)
{
	const long long *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int traffic_flood(long count, int places, char **words)
{
	long turns = count / TURN_PACKETS;
	long long *took[PLACES_MAX];
	int *fds[PLACES_MAX];

	cpu_choose(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	descriptors_allow(sockets * places);
	for (int i = 0; i < places; i++) {
		struct sockaddr_in to = address_of(words[2 * i], words[2 * i + 1]);

		fds[i] = sockets_make(SOCK_DGRAM, &to);
		took[i] = calloc(turns, sizeof(*took[i]));
	}
	for (long turn = 0; turn < turns; turn++)
		for (int i = 0; i < places; i++)
			took[i][turn] = packets_send(fds[i], turn * TURN_PACKETS, TURN_PACKETS);
	for (int i = 0; i < places; i++) {
		qsort(took[i], turns, sizeof(*took[i]), compare_ns);
		printf("%s %s %lld\n", words[2 * i], words[2 * i + 1], took[i][turns / 2] * turns);
	}
	return 0;
}

static void stream_read(int fd)
{
	char buffer[65536];

	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	close(fd);
}

static int traffic_sink(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int one = 1, least = 1, udp, tcp;

	cpu_choose(0);
	udp = socket_open(SOCK_DGRAM);
	tcp = socket_open(SOCK_STREAM);
	/* Full at once, so that every datagram costs its sender the same. */
	if (setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) ||
	    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		err(1, "setsockopt");
	if (bind(udp, (void *)&at, sizeof(at)) || bind(tcp, (void *)&at, sizeof(at)) ||
	    listen(tcp, 16))
		err(1, "port %s", port);
	ready_say();
	for (;;)
		stream_read(accept(tcp, NULL, NULL));
}

int main(int argc, char **argv)
{
	const char *what;
	int letter;

	while ((letter = getopt(argc, argv, "+m:n:p:s")) != -1) {
		if (letter == 'm')
			mark = atoi(optarg);
		else if (letter == 'n')
			sockets = atol(optarg);
		else if (letter == 'p')
			processes = atol(optarg);
		else if (letter == 's')
			shared = true;
		else
			return 2;
	}
	argc -= optind;
	argv += optind;
	what = argc ? argv[0] : "";
	if (sockets < 1 || processes < 1)
		errx(2, "at least one");
	descriptors_allow(sockets);
	if (!strcmp(what, "udp") && argc == 4)
		return traffic_send(SOCK_DGRAM, argv + 1);
	if (!strcmp(what, "tcp") && argc == 4)
		return traffic_send(SOCK_STREAM, argv + 1);
	if (!strcmp(what, "flood") && argc >= 4 && argc % 2 == 0 && argc <= 2 + 2 * PLACES_MAX &&
	    atol(argv[1]) >= TURN_PACKETS)
		return traffic_flood(atol(argv[1]), argc / 2 - 1, argv + 2);
	if (!strcmp(what, "sink") && argc == 2)
		return traffic_sink(argv[1]);
	if (strcmp(what, "hold") || argc != 1)
		errx(2,
		     "usage: traffic [-m MARK] [-n SOCKETS] [-p PROCESSES] [-s] udp|tcp ADDRESS PORT COUNT | flood COUNT {ADDRESS PORT}... | hold | sink PORT");
	return traffic_hold();
}
