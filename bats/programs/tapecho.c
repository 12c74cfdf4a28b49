// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tapecho.c - a machine at the other end of a TAP device that answers pings (IPv4). What a TAP device is given
 * meets XDP before the kernel has made a packet of it, as in the driver of a real network card.
 *
 *   tapecho DEV
 *
 * Makes DEV, prints "ready", and stays: the device goes with it.
 */
#include "traffic.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#define ETHERNET 14
#define ICMP_AT (ETHERNET + 20)

static void swap(unsigned char *a, unsigned char *b, size_t bytes)
{
	unsigned char held[6];

	memcpy(held, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, held, bytes);
}

static bool is_request(const unsigned char *frame, ssize_t length)
{
	return length > ICMP_AT + 8 && frame[12] == 0x08 && !frame[13] && frame[ETHERNET] == 0x45 &&
	       frame[ETHERNET + 9] == 1 && frame[ICMP_AT] == 8;
}

/* The type goes from 8 to 0, so the checksum rises by 0x0800. */
static void answer_make(unsigned char *frame)
{
	unsigned int sum = (frame[ICMP_AT + 2] << 8 | frame[ICMP_AT + 3]) + 0x0800;

	sum = (sum & 0xffff) + (sum >> 16);
	swap(frame, frame + 6, 6);
	swap(frame + ETHERNET + 12, frame + ETHERNET + 16, 4);
	frame[ICMP_AT] = 0;
	frame[ICMP_AT + 2] = sum >> 8;
	frame[ICMP_AT + 3] = sum;
}

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	unsigned char frame[2048];
	int fd, no_limit = INT_MAX;
	ssize_t length;

	if (argc != 2 || strlen(argv[1]) >= IFNAMSIZ)
		die("usage: tapecho DEV");
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	strcpy(request.ifr_name, argv[1]);
	/* With a limit, or if it may wait for room, it would make a packet first. */
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETSNDBUF, &no_limit))
		die("/dev/net/tun");
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		if (poll(&ready, 1, -1) < 0 || (length = read(fd, frame, sizeof(frame))) <= 0)
			die("read");
		if (!is_request(frame, length))
			continue;
		answer_make(frame);
		if (write(fd, frame, length) != length)
			die("write");
	}
}
