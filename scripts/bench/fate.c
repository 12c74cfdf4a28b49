// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fate.c - what becomes of numbered packets while a command changes a rule.
 *
 *   fate SENDER_NETNS RECEIVER_NETNS ADDRESS COMMAND [ARG...]
 *
 * Sends a datagram every 10 us from one network namespace to ADDRESS in the other,
 * runs COMMAND meanwhile, and goes on for some time after it. Prints
 *
 *   sent N before N switches N first_us N command_us N late N
 *
 * before: packets of the first fate; switches: how often the fate changed (1 is a
 * clean cut); first_us: from the start of COMMAND to the first packet of the other
 * fate; command_us: how long COMMAND took; late: packets sent after its end that
 * still had the old fate.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS 10000
#define EXTRA_PACKETS 2000 /* before the command, and after it */
#define PACKETS_MAX 1000000

extern char **environ;

static bool arrived[PACKETS_MAX];
static long long sent_ns[PACKETS_MAX];
static unsigned int sent;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int socket_in(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", netns);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err(1, "socket");
	return fd;
}

static void arrivals_note(int fd)
{
	unsigned int number;

	while (recv(fd, &number, sizeof(number), 0) == sizeof(number))
		if (number < PACKETS_MAX)
			arrived[number] = true;
}

static void packet_send(int from, int to)
{
	long long next = now_ns() + PAUSE_NS;

	if (sent == PACKETS_MAX)
		errx(1, "the command takes too long");
	sent_ns[sent] = now_ns();
	if (send(from, &sent, sizeof(sent), 0) != sizeof(sent))
		err(1, "send");
	sent++;
	arrivals_note(to);
	while (now_ns() < next)
		;
}

static void report(long long begin_ns, long long end_ns)
{
	unsigned int before = 0, switches = 0, late = 0, i;
	bool old = arrived[0];

	for (i = 1; i < sent; i++)
		switches += arrived[i] != arrived[i - 1];
	while (before < sent && arrived[before] == old)
		before++;
	for (i = before; i < sent; i++)
		late += arrived[i] == old && sent_ns[i] > end_ns;
	printf("sent %u before %u switches %u first_us %lld command_us %lld late %u\n", sent,
	       before, switches, before < sent ? (sent_ns[before] - begin_ns) / 1000 : -1,
	       (end_ns - begin_ns) / 1000, late);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	long long begin_ns, end_ns;
	int from, to, status;
	pid_t pid;

	if (argc < 5 || inet_pton(AF_INET, argv[3], &at.sin_addr) != 1)
		errx(2, "usage: fate SENDER_NETNS RECEIVER_NETNS ADDRESS COMMAND [ARG...]");
	to = socket_in(argv[2]);
	if (bind(to, (void *)&at, sizeof(at)) || getsockname(to, (void *)&at, &length))
		err(1, "%s", argv[3]);
	from = socket_in(argv[1]);
	if (connect(from, (void *)&at, sizeof(at)))
		err(1, "connect");
	while (sent < EXTRA_PACKETS)
		packet_send(from, to);
	begin_ns = now_ns();
	errno = posix_spawnp(&pid, argv[4], NULL, NULL, argv + 4, environ);
	if (errno)
		err(127, "%s", argv[4]);
	while (!waitpid(pid, &status, WNOHANG))
		packet_send(from, to);
	end_ns = now_ns();
	for (int i = 0; i < EXTRA_PACKETS; i++)
		packet_send(from, to);
	usleep(50000);
	arrivals_note(to);
	report(begin_ns, end_ns);
	return status ? 1 : 0;
}
