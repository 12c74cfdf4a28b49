// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hidden.c - has a socket that no descriptor leads to. Prints "ready", and waits.
 *
 *   hidden ring     a UDP socket that is registered with a ring of io_uring, and closed
 *   hidden closed   a TCP connection with itself, closed with more to send than is taken
 */
#include "traffic.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

static void ring_hide(void)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (ring < 0 || fd < 0 ||
	    syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1))
		die("io_uring");
	close(fd);
}

static void closed_hide(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof(at);
	static char bytes[65536];

	if (bind(listener, (void *)&at, length) || listen(listener, 1) ||
	    getsockname(listener, (void *)&at, &length) || connect(fd, (void *)&at, length))
		die("connect");
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	close(fd);
}

int main(int argc, char **argv)
{
	lifetime_limit();
	if (argc == 2 && !strcmp(argv[1], "ring"))
		ring_hide();
	else if (argc == 2 && !strcmp(argv[1], "closed"))
		closed_hide();
	else
		return 2;
	say("ready");
	pause();
	return 0;
}
