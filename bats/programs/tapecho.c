// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tapecho.c - a machine at the other end of a TAP device that answers pings and datagrams (IPv4), each COUNT times
 * (default: 1). What a TAP device is given meets XDP before the kernel has made a packet of it, as in the driver of a
 * real network card.
 *
 *   tapecho DEV [COUNT]
 *
 * Makes DEV, prints "ready", and stays: the device goes with it. Prints "answered" when all answers to one have been
 * received.
 */
#include "traffic.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#define ETHERNET 14
#define TRANSPORT_AT (ETHERNET + 20)

static void swap(unsigned char *a, unsigned char *b, size_t bytes)
{
	unsigned char held[6];

	memcpy(held, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, held, bytes);
}

static bool is_ping(const unsigned char *frame)
{
	return frame[ETHERNET + 9] == IPPROTO_ICMP && frame[TRANSPORT_AT] == 8;
}

static bool is_datagram(const unsigned char *frame)
{
	return frame[ETHERNET + 9] == IPPROTO_UDP;
}

static bool is_request(const unsigned char *frame, ssize_t length)
{
	return length > TRANSPORT_AT + 8 && frame[12] == 0x08 && !frame[13] &&
	       frame[ETHERNET] == 0x45 && (is_ping(frame) || is_datagram(frame));
}

/* The type goes from 8 to 0, so the checksum rises by 0x0800. */
static void pong_make(unsigned char *icmp)
{
	unsigned int sum = (icmp[2] << 8 | icmp[3]) + 0x0800;

	sum = (sum & 0xffff) + (sum >> 16);
	icmp[0] = 0;
	icmp[2] = sum >> 8;
	icmp[3] = sum;
}

/* What is swapped leaves checksums as they are. */
static void answer_make(unsigned char *frame)
{
	swap(frame, frame + 6, 6);
	swap(frame + ETHERNET + 12, frame + ETHERNET + 16, 4);
	if (is_datagram(frame))
		swap(frame + TRANSPORT_AT, frame + TRANSPORT_AT + 2, 2);
	else
		pong_make(frame + TRANSPORT_AT);
}

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	unsigned char frame[2048];
	int fd, count, no_limit = INT_MAX;
	ssize_t length;

	if (argc < 2 || argc > 3 || strlen(argv[1]) >= IFNAMSIZ)
		die("usage: tapecho DEV [COUNT]");
	count = argc == 3 ? number_parse(argv[2], 1, 1000) : 1;
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	strcpy(request.ifr_name, argv[1]);
	/* With a limit, or if it may wait for room, it would make a packet first. */
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETSNDBUF, &no_limit))
		die("/dev/net/tun");
	say("ready");
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		if (poll(&ready, 1, -1) < 0 || (length = read(fd, frame, sizeof(frame))) <= 0)
			die("read");
		if (!is_request(frame, length))
			continue;
		answer_make(frame);
		for (int i = 0; i < count; i++)
			if (write(fd, frame, length) != length)
				die("write");
		say("answered");
	}
}
