// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * traffic.c - many packets, or many sockets. Its name is what rules go by, so it
 * is started through links of several names.
 *
 *   traffic [-m MARK] [-n SOCKETS] udp ADDRESS PORT COUNT   COUNT datagrams, then "sent NS"
 *   traffic [-m MARK] tcp ADDRESS PORT COUNT                COUNT small writes, the same
 *   traffic [-p PROCESSES] [-n SOCKETS] hold                opens sockets, "ready", waits
 *   traffic sink PORT                                       UDP: bound and never read;
 *                                                           TCP: accepts and reads; "ready", waits
 *
 * -n: as many UDP sockets, used in turn. -p: as many processes, each with its own. NS: nanoseconds for all calls together.
 * Senders stay on the last CPU and sinks on the first, where there are two.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAYLOAD_BYTES 64

static int mark;
static long sockets = 1;
static long processes = 1;

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

/* Room for many: three more for standard input, output and error, a few to spare. */
static int *sockets_make(int type, const struct sockaddr_in *to)
{
	struct rlimit limit = { sockets + 16, sockets + 16 };
	int *fds = calloc(sockets, sizeof(*fds));

	if (!fds || setrlimit(RLIMIT_NOFILE, &limit))
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

/* Says through the pipe that it is ready, and ends with its parent. */
static void child_hold(int pipe_end)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sockets_make(SOCK_DGRAM, NULL);
	if (write(pipe_end, "", 1) != 1)
		err(1, "pipe");
	pause();
	exit(0);
}

static int traffic_hold(void)
{
	int *fds = sockets_make(SOCK_DGRAM, NULL);
	int ends[2];
	char byte;

	if (pipe(ends))
		err(1, "pipe");
	for (long i = 1; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "%ld processes", processes);
		if (!pid)
			child_hold(ends[1]);
		if (read(ends[0], &byte, 1) != 1)
			err(1, "pipe");
	}
	ready_say();
	pause();
	free(fds);
	return 0;
}

static int traffic_send(int type, char **words)
{
	struct sockaddr_in to = address_of(words[0], words[1]);
	long count = atol(words[2]);
	char payload[PAYLOAD_BYTES] = { 0 };
	long long start;
	int *fds;

	cpu_choose(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	fds = sockets_make(type, &to);
	start = now_ns();
	for (long i = 0; i < count; i++)
		if (send(fds[i % sockets], payload, sizeof(payload), 0) < 0)
			err(1, "send");
	printf("sent %lld\n", now_ns() - start);
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

	while ((letter = getopt(argc, argv, "+m:n:p:")) != -1) {
		if (letter == 'm')
			mark = atoi(optarg);
		else if (letter == 'n')
			sockets = atol(optarg);
		else if (letter == 'p')
			processes = atol(optarg);
		else
			return 2;
	}
	argc -= optind;
	argv += optind;
	what = argc ? argv[0] : "";
	if (sockets < 1)
		errx(2, "at least one socket");
	if (!strcmp(what, "udp") && argc == 4)
		return traffic_send(SOCK_DGRAM, argv + 1);
	if (!strcmp(what, "tcp") && argc == 4)
		return traffic_send(SOCK_STREAM, argv + 1);
	if (!strcmp(what, "sink") && argc == 2)
		return traffic_sink(argv[1]);
	if (strcmp(what, "hold") || argc != 1)
		errx(2,
		     "usage: traffic [-m MARK] [-n SOCKETS] [-p PROCESSES] udp|tcp ADDRESS PORT COUNT | hold | sink PORT");
	return traffic_hold();
}
