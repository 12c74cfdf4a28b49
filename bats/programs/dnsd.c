// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dnsd.c - a name server that answers every question with the same address.
 *
 *   dnsd PORT
 *
 * Every name has the A record 192.0.2.53 and no other. Prints "ready".
 */
#include "traffic.h"

/* The answer's name is a pointer to the question's, at offset 12. */
static const uint8_t answer[] = {
	0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 53,
};

/* Turns a query of n bytes into its answer; returns the answer's length or 0. */
static size_t query_answer(uint8_t *m, size_t n, size_t room)
{
	size_t end = 12;

	if (n < 12 || (m[2] & 0x80) || m[4] || m[5] != 1)
		return 0;
	while (end < n && m[end])
		end += m[end] + 1;
	end += 5; /* the empty label, type, class */
	if (end > n || end + sizeof(answer) > room)
		return 0;
	m[2] |= 0x84; /* a response, authoritative */
	m[3] = 0;
	memset(m + 6, 0, 6);
	if (m[end - 3] != 1) /* not an A record: an empty answer */
		return end;
	m[7] = 1;
	memcpy(m + end, answer, sizeof(answer));
	return end + sizeof(answer);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 }, from;
	int zero = 0, fd;

	lifetime_limit();
	if (argc != 2) {
		fprintf(stderr, "usage: dnsd PORT\n");
		return 2;
	}
	at.sin6_port = htons(number_parse(argv[1], 1, 65535));
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ||
	    bind(fd, (void *)&at, sizeof(at)))
		die("port %s", argv[1]);
	say("ready");
	for (;;) {
		uint8_t message[1500];
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, message, sizeof(message), 0, (void *)&from, &len);
		size_t bytes = n > 0 ? query_answer(message, n, sizeof(message)) : 0;

		if (bytes)
			sendto(fd, message, bytes, 0, (void *)&from, len);
	}
}
