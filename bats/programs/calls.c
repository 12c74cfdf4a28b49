// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * calls.c - calls on sockets, and what they return.
 *
 *   calls [-m] [-n N] [-t MS] [-w] HOW ADDRESS PORT
 *
 * -n: so many times (default 1), each with a socket of its own. -m: MPTCP. -t: how long an
 * attempt may take (default 5000 ms). -w: when the socket is there, waits for SIGUSR1. Prints a line for each: the error's number, or 0. HOW:
 *   connect     of TCP, which waits
 *   nonblock    of TCP, which does not wait: what the call returns, and what came of it
 *   uring       of TCP, by a ring of io_uring, which waits
 *   udp         of UDP
 *   bind        TCP to ADDRESS
 *   send        a datagram to ADDRESS, the socket not connected; all by one socket
 *   connected   the same, by a socket that is connected to ADDRESS
 */
#include "traffic.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct sockaddr_storage address;
static socklen_t address_len;
static bool multipath, waits;
static long limit_ms = 5000;

static int open_socket(int type, int flags)
{
	int protocol = multipath && type == SOCK_STREAM ? IPPROTO_MPTCP : 0, one = 1;
	int fd = socket(address.ss_family, type | flags, protocol);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (waits) {
		say("ready");
		continue_wait();
	}
	return fd;
}

static int connect_try(int fd)
{
	return connect(fd, (void *)&address, address_len) ? errno : 0;
}

/* What has become of an attempt that goes on. */
static int outcome(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t length = sizeof(int);
	int err = 0;

	if (poll(&p, 1, limit_ms) != 1)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length);
	return err;
}

static void nonblock_try(void)
{
	int fd = open_socket(SOCK_STREAM, SOCK_NONBLOCK), err = connect_try(fd);

	say("%d %d", err, err == EINPROGRESS ? outcome(fd) : err);
	close(fd);
}

/* One entry in each queue; without liburing. */
static int uring_try(int fd)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params), result;
	struct io_uring_sqe *entry;
	char *queue;

	if (ring < 0)
		die("io_uring");
	queue = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
		     IORING_OFF_SQ_RING);
	entry = mmap(NULL, params.sq_entries * sizeof(*entry), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || entry == MAP_FAILED ||
	    !(params.features & IORING_FEAT_SINGLE_MMAP))
		die("mmap");
	*entry = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT,
		.fd = fd,
		.addr = (uintptr_t)&address,
		.off = address_len,
	};
	((uint32_t *)(queue + params.sq_off.array))[0] = 0;
	__atomic_add_fetch((uint32_t *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
	result = ((struct io_uring_cqe *)(queue + params.cq_off.cqes))->res;
	close(ring);
	return -result;
}

static int bind_try(int fd)
{
	return bind(fd, (void *)&address, address_len) ? errno : 0;
}

static int send_try(int fd, bool connected)
{
	const struct sockaddr *to = connected ? NULL : (void *)&address;

	return sendto(fd, "x", 1, 0, to, connected ? 0 : address_len) < 0 ? errno : 0;
}

static void sends_try(long n, bool connected)
{
	int fd = open_socket(SOCK_DGRAM, 0);

	if (connected && connect_try(fd))
		die("connect");
	while (n--)
		say("%d", send_try(fd, connected));
	close(fd);
}

static void socket_try(int type, int (*try)(int fd))
{
	struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	int fd = open_socket(type, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	say("%d", try(fd));
	close(fd);
}

static void try(const char *how)
{
	if (!strcmp(how, "connect"))
		socket_try(SOCK_STREAM, connect_try);
	else if (!strcmp(how, "nonblock"))
		nonblock_try();
	else if (!strcmp(how, "uring"))
		socket_try(SOCK_STREAM, uring_try);
	else if (!strcmp(how, "udp"))
		socket_try(SOCK_DGRAM, connect_try);
	else if (!strcmp(how, "bind"))
		socket_try(SOCK_STREAM, bind_try);
	else
		die("'%s'", how);
}

int main(int argc, char **argv)
{
	const char *how;
	long n = 1;
	int c;

	lifetime_limit();
	continue_prepare();
	while ((c = getopt(argc, argv, "mn:t:w")) != -1) {
		if (c == 'm')
			multipath = true;
		else if (c == 'w')
			waits = true;
		else if (c == 'n')
			n = number_parse(optarg, 1, 1000000);
		else if (c == 't')
			limit_ms = number_parse(optarg, 1, 100000);
		else
			return 2;
	}
	if (argc - optind != 3)
		return 2;
	how = argv[optind];
	address_len =
		address_parse(&address, argv[optind + 1], number_parse(argv[optind + 2], 0, 65535));
	if (!strcmp(how, "send") || !strcmp(how, "connected")) {
		sends_try(n, !strcmp(how, "connected"));
		return 0;
	}
	while (n--)
		try(how);
	return 0;
}
