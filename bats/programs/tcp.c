// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tcp.c - one end of a TCP or MPTCP connection, told step by step what to do.
 *
 *   tcp [-f] [-m] [-x] [-d DEV] [-t MS] ADDRESS PORT STEP...
 *
 * -f: "connect" waits for data to send with the SYN (Fast Open). -m: MPTCP.
 * -x: with an IPv6 destination option in each packet. -d: bound to the device.
 * -t: how long "connect", "recv" and "eof" wait (default 5000 ms).
 * Each step prints one line when it is done; one that fails prints the name of
 * the error, and the steps after it are done all the same. Steps:
 *   listen       bind ADDRESS PORT and listen
 *   accept       take one connection, which the following steps are about
 *   connect      "connect ok", "connect ETIMEDOUT", ...
 *   connects N   N connections at once; "connects OK of N" after -t
 *   keep N       the same, and leaves them open
 *   send N       N bytes, which are the low bytes of their own offsets
 *   recv N       until N bytes have come: "recv N", fewer if none came any more
 *   eof          receive until the other side has closed: "eof BYTES"
 *   shut         no more to send
 *   close        close the connection
 *   reset        close it with a reset
 *   wait         for SIGUSR1
 *   drain        until all that was sent is acknowledged
 *   info         "info retrans N unacked N" as this end's kernel counts them
 *   enter FILE   go on in another network namespace; the sockets stay in theirs
 *   fork         a child goes on, the parent waits for it
 *   thread NAME  a thread of that name goes on
 */
#include "traffic.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct sockaddr_storage address;
static socklen_t address_len;
static bool fast_open, multipath, extended;
static const char *device;
static long limit_ms = 5000;
static int listening = -1, connection = -1;
static uint8_t send_offset, recv_offset;

static int socket_open(int flags)
{
	int one = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | flags, multipath ? IPPROTO_MPTCP : 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)))
		die("SO_BINDTODEVICE");
	/* PadN, 4 bytes of padding */
	if (extended && setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, "\0\0\1\4\0\0\0\0", 8))
		die("IPV6_DSTOPTS");
	return fd;
}

/* strerrorname_np() is not everywhere. */
static const char *result_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {
		{ 0, "ok" },
		{ ETIMEDOUT, "ETIMEDOUT" },
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ ECONNRESET, "ECONNRESET" },
		{ EPIPE, "EPIPE" },
		{ EPERM, "EPERM" },
		{ ENOBUFS, "ENOBUFS" },
		{ EHOSTUNREACH, "EHOSTUNREACH" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].err == err)
			return names[i].name;
	return strerror(err);
}

static void step_listen(void)
{
	listening = socket_open(0);
	if (bind(listening, (void *)&address, address_len) || listen(listening, 4096))
		die("listen");
	say("listen ok");
}

static void step_accept(void)
{
	connection = accept(listening, NULL, NULL);
	send_offset = recv_offset = 0;
	say("accept %s", result_name(connection < 0 ? errno : 0));
}

/* The error of a connection attempt that poll() says is over, or ETIMEDOUT. */
static int connect_result(int fd, long ms)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, ms) != 1)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

static void step_connect(void)
{
	int on = 1, err = 0;

	connection = socket_open(SOCK_NONBLOCK);
	if (fast_open)
		setsockopt(connection, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	send_offset = recv_offset = 0;
	if (connect(connection, (void *)&address, address_len)) {
		err = errno;
		if (err == EINPROGRESS)
			err = connect_result(connection, limit_ms);
	}
	say("connect %s", result_name(err));
}

static void step_connects(long n, bool keep)
{
	struct rlimit files = { n + 64, n + 64 };
	uint64_t end = now_ns() + limit_ms * 1000000;
	int *fds = calloc(n, sizeof(*fds));
	long i, ok = 0;

	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < n; i++) {
		fds[i] = socket_open(SOCK_NONBLOCK);
		connect(fds[i], (void *)&address, address_len);
	}
	for (i = 0; i < n; i++) {
		uint64_t now = now_ns();

		ok += !connect_result(fds[i], now < end ? (end - now) / 1000000 : 0);
	}
	say("connects %ld of %ld", ok, n);
	for (i = 0; i < n && !keep; i++)
		close(fds[i]);
	free(fds);
}

static void step_send(long n)
{
	static uint8_t block[1 << 16];
	long done = 0;

	while (done < n) {
		struct pollfd p = { connection, POLLOUT, 0 };
		long part = n - done < (long)sizeof(block) ? n - done : (long)sizeof(block);
		long i, sent;

		for (i = 0; i < part; i++)
			block[i] = send_offset + i;
		sent = send(connection, block, part, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			poll(&p, 1, -1);
			continue;
		}
		if (sent < 0) {
			say("send %s", result_name(errno));
			return;
		}
		send_offset += sent;
		done += sent;
	}
	say("send %ld", done);
}

/* Receives up to n bytes; checks that they are the ones that were sent. */
static void bytes_receive(const char *step, long n)
{
	static uint8_t block[1 << 16];
	struct pollfd p = { connection, POLLIN, 0 };
	long done = 0, got = 0, i;

	while (done < n && poll(&p, 1, limit_ms) == 1) {
		got = recv(connection, block,
			   n - done < (long)sizeof(block) ? (size_t)(n - done) : sizeof(block), 0);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			break;
		for (i = 0; i < got; i++)
			if (block[i] != (uint8_t)(recv_offset + i))
				die("byte %ld is wrong", done + i);
		recv_offset += got;
		done += got;
	}
	if (got < 0)
		say("%s %s", step, result_name(errno));
	else
		say("%s %ld", step, done);
}

static void step_close(bool reset)
{
	struct linger now = { 1, 0 };

	if (reset)
		setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(connection);
	connection = -1;
	say(reset ? "reset" : "close");
}

static void step_drain(void)
{
	int left;

	while (!ioctl(connection, SIOCOUTQ, &left) && left)
		sleep_us(1000);
	say("drain");
}

static void step_info(void)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	say("info retrans %u unacked %u", info.tcpi_total_retrans, info.tcpi_unacked);
}

static void step_enter(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("enter");
	close(fd);
	say("enter");
}

static void steps_do(char **step);

struct later {
	const char *name;
	char **steps;
};

static void *thread_main(void *arg)
{
	struct later *later = arg;

	prctl(PR_SET_NAME, later->name);
	steps_do(later->steps);
	return NULL;
}

static void steps_do(char **step)
{
	for (; *step; step++) {
		if (!strcmp(*step, "listen")) {
			step_listen();
		} else if (!strcmp(*step, "accept")) {
			step_accept();
		} else if (!strcmp(*step, "connect")) {
			step_connect();
		} else if (!strcmp(*step, "connects") && step[1]) {
			step_connects(number_parse(*++step, 1, 100000), false);
		} else if (!strcmp(*step, "keep") && step[1]) {
			step_connects(number_parse(*++step, 1, 100000), true);
		} else if (!strcmp(*step, "send") && step[1]) {
			step_send(number_parse(*++step, 1, LONG_MAX));
		} else if (!strcmp(*step, "recv") && step[1]) {
			bytes_receive("recv", number_parse(*++step, 1, LONG_MAX));
		} else if (!strcmp(*step, "eof")) {
			bytes_receive("eof", LONG_MAX);
		} else if (!strcmp(*step, "shut")) {
			shutdown(connection, SHUT_WR);
			say("shut");
		} else if (!strcmp(*step, "close")) {
			step_close(false);
		} else if (!strcmp(*step, "reset")) {
			step_close(true);
		} else if (!strcmp(*step, "wait")) {
			continue_wait();
			say("wait");
		} else if (!strcmp(*step, "drain")) {
			step_drain();
		} else if (!strcmp(*step, "info")) {
			step_info();
		} else if (!strcmp(*step, "enter") && step[1]) {
			step_enter(*++step);
		} else if (!strcmp(*step, "fork")) {
			say("fork");
			fork_here();
		} else if (!strcmp(*step, "thread") && step[1]) {
			struct later later = { step[1], step + 2 };
			pthread_t thread;

			if (pthread_create(&thread, NULL, thread_main, &later) ||
			    pthread_join(thread, NULL))
				die("thread");
			return;
		} else {
			errno = EINVAL;
			die("step '%s'", *step);
		}
	}
}

int main(int argc, char **argv)
{
	int c;

	lifetime_limit();
	continue_prepare();
	while ((c = getopt(argc, argv, "+d:fmt:x")) != -1) {
		switch (c) {
		case 'd':
			device = optarg;
			break;
		case 'f':
			fast_open = true;
			break;
		case 'm':
			multipath = true;
			break;
		case 't':
			limit_ms = number_parse(optarg, 0, 100000);
			break;
		case 'x':
			extended = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind < 3) {
		fprintf(stderr,
			"usage: tcp [-f] [-m] [-x] [-d DEV] [-t MS] ADDRESS PORT STEP...\n");
		return 2;
	}
	address_len =
		address_parse(&address, argv[optind], number_parse(argv[optind + 1], 1, 65535));
	steps_do(argv + optind + 2);
	return 0;
}
