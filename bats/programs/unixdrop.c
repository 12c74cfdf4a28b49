// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unixdrop.c - has the kernel drop messages of a unix socket that look like UDP over IPv4.
 *
 *   unixdrop COUNT
 */
#include "traffic.h"

#include <netinet/ip.h>
#include <netinet/udp.h>

struct message {
	struct iphdr ip;
	struct udphdr udp;
};

int main(int argc, char **argv)
{
	const struct message message = {
		.ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(message)),
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.saddr = htonl(INADDR_LOOPBACK),
			.daddr = htonl(INADDR_LOOPBACK),
		},
		.udp.len = htons(sizeof(message.udp)),
	};
	int count, ends[2];

	lifetime_limit();
	if (argc != 2) {
		fprintf(stderr, "usage: unixdrop COUNT\n");
		return 2;
	}
	for (count = number_parse(argv[1], 1, 1000); count; count--) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) ||
		    write(ends[0], &message, sizeof(message)) != sizeof(message))
			die("unix socket");
		close(ends[1]); /* and nobody has read it */
		close(ends[0]);
	}
	return 0;
}
