// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * packetsend.c - sends numbered IPv4 datagrams through a packet socket, as
 * DHCP clients and traffic generators do: no UDP socket sees them leave.
 *
 *   packetsend [-n LABEL] [-w] DEV MAC FROM TO PORT COUNT
 *
 * -w: prints "ready" when the socket is open, then a batch for each SIGUSR1.
 * Prints "sent N" after each batch.
 */
#include "traffic.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	struct datagram datagram;
} __attribute__((packed));

static uint16_t header_checksum(const void *head, size_t bytes)
{
	const uint16_t *words = head;
	uint32_t sum = 0;

	for (; bytes > 1; bytes -= 2)
		sum += *words++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void packet_fill(struct packet *p, const char *label, const char *from, const char *to,
			long port)
{
	memset(p, 0, sizeof(*p));
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_UDP;
	p->ip.tot_len = htons(sizeof(*p));
	if (inet_pton(AF_INET, from, &p->ip.saddr) != 1 ||
	    inet_pton(AF_INET, to, &p->ip.daddr) != 1)
		die("address");
	p->ip.check = header_checksum(&p->ip, sizeof(p->ip));
	p->udp.source = htons(9);
	p->udp.dest = htons(port);
	p->udp.len = htons(sizeof(p->udp) + sizeof(p->datagram));
	memcpy(p->datagram.magic, MAGIC, sizeof(p->datagram.magic));
	strncpy(p->datagram.label, label, sizeof(p->datagram.label) - 1);
	p->datagram.bytes = sizeof(p->datagram);
}

static void batch_send(int fd, struct packet *p, const struct sockaddr_ll *to, long count)
{
	long i, sent = 0;

	for (i = 0; i < count; i++) {
		p->datagram.sent_ns = now_ns();
		sent += sendto(fd, p, sizeof(*p), 0, (const void *)to, sizeof(*to)) == sizeof(*p);
		p->datagram.number++;
	}
	say("sent %ld", sent);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_halen = ETH_ALEN,
	};
	const char *label = program_invocation_short_name;
	struct packet packet;
	bool wait = false;
	uint8_t *m = to.sll_addr;
	long count;
	int c, fd;

	lifetime_limit();
	continue_prepare();
	while ((c = getopt(argc, argv, "n:w")) != -1) {
		switch (c) {
		case 'n':
			label = optarg;
			break;
		case 'w':
			wait = true;
			break;
		default:
			return 2;
		}
	}
	argv += optind;
	if (argc - optind != 6) {
		fprintf(stderr, "usage: packetsend [-n LABEL] [-w] DEV MAC FROM TO PORT COUNT\n");
		return 2;
	}
	to.sll_ifindex = if_nametoindex(argv[0]);
	if (sscanf(argv[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2], &m[3], &m[4],
		   &m[5]) != 6)
		die("'%s' is no MAC address", argv[1]);
	packet_fill(&packet, label, argv[2], argv[3], number_parse(argv[4], 1, 65535));
	count = number_parse(argv[5], 1, INT_MAX);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	if (!wait) {
		batch_send(fd, &packet, &to, count);
		return 0;
	}
	say("ready");
	for (;;) {
		continue_wait();
		batch_send(fd, &packet, &to, count);
	}
}
