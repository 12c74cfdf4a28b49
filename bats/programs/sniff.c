// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sniff.c - counts the packets that arrive at a device, by kind.
 *
 *   sniff DEV [PORT]
 *
 * Only what comes in (not what this side sends); with PORT only TCP and UDP
 * from or to that port, and every fragment that is not the first one. Prints
 * "ready", and for each SIGUSR1 one line "KIND COUNT" a kind, then "tcp_last_us"
 * (when the last of the tcp came, as `date +%s` and $EPOCHREALTIME count, 0 if
 * none did) and "end". Kinds overlap: a SYN-ACK is a tcp, a synack and an ack.
 */
#include "traffic.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/signalfd.h>

enum kind {
	PACKETS,
	TCP,
	SYN,
	SYNACK,
	ACK,
	FIN,
	RST,
	DATA,
	PAYLOAD_BYTES,
	UDP,
	ICMP,
	FRAGMENTS,
	OVERFLOW,
	KINDS,
};

static const char *const names[KINDS] = {
	[PACKETS] = "packets",
	[TCP] = "tcp",
	[SYN] = "syn",
	[SYNACK] = "synack",
	[ACK] = "ack", /* without payload, SYN, FIN or RST: nothing but an answer */
	[FIN] = "fin",
	[RST] = "rst",
	[DATA] = "data",
	[PAYLOAD_BYTES] = "payload_bytes", /* of TCP */
	[UDP] = "udp",
	[ICMP] = "icmp",
	[FRAGMENTS] = "fragments",
	[OVERFLOW] = "overflow",
};

static uint64_t counts[KINDS];
static uint64_t now_us, tcp_last_us; /* of the packet at hand, of the last one of TCP */
static int port;

static int word16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void tcp_count(const uint8_t *head, long bytes)
{
	long payload = bytes - (head[12] >> 4) * 4;
	int flags = head[13];
	bool fin = flags & 1, syn = flags & 2, rst = flags & 4, ack = flags & 16;

	tcp_last_us = now_us;
	counts[TCP]++;
	counts[SYN] += syn && !ack;
	counts[SYNACK] += syn && ack;
	counts[FIN] += fin;
	counts[RST] += rst;
	counts[DATA] += payload > 0;
	counts[PAYLOAD_BYTES] += payload > 0 ? payload : 0;
	counts[ACK] += ack && !syn && !fin && !rst && payload <= 0;
}

/* A transport header, or what follows it in a later fragment. */
static void transport_count(int protocol, const uint8_t *head, long bytes, bool fragment,
			    bool first)
{
	bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;

	if (first && (port || protocol == IPPROTO_TCP) &&
	    bytes < (protocol == IPPROTO_TCP ? 20 : 8))
		return;
	if (first && port && (!ports || (word16(head) != port && word16(head + 2) != port)))
		return;
	counts[PACKETS]++;
	counts[FRAGMENTS] += fragment;
	if (!first)
		return;
	if (protocol == IPPROTO_TCP)
		tcp_count(head, bytes);
	counts[UDP] += protocol == IPPROTO_UDP;
	counts[ICMP] += protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static void four_count(const uint8_t *head, long bytes)
{
	int offset, total, size;

	if (bytes < 20)
		return;
	size = (head[0] & 15) * 4;
	total = word16(head + 2);
	offset = word16(head + 6);
	/* 0: a big packet of several segments says its length nowhere else */
	if (total && total < bytes)
		bytes = total;
	if (bytes >= size)
		transport_count(head[9], head + size, bytes - size, offset & 0x3fff,
				!(offset & 0x1fff));
}

static void six_count(const uint8_t *head, long bytes)
{
	int protocol, payload;
	bool fragment = false, first = true;

	if (bytes < 40)
		return;
	protocol = head[6];
	payload = word16(head + 4);
	if (payload && payload + 40 < bytes)
		bytes = payload + 40;
	head += 40;
	bytes -= 40;
	if (protocol == IPPROTO_FRAGMENT && bytes >= 8) {
		fragment = true;
		first = !(word16(head + 2) & 0xfff8);
		protocol = head[0];
		head += 8;
		bytes -= 8;
	}
	transport_count(protocol, head, bytes, fragment, first);
}

/* When the kernel took the packet over from the sender's device, however late it is read. */
static uint64_t stamp_us(struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	struct timespec t;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SO_TIMESTAMPNS)
		die("a packet without a time stamp");
	memcpy(&t, CMSG_DATA(head), sizeof(t));
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The bytes of the next packet, of which from and now_us tell; -1: there is none. */
static long packet_take(int fd, struct iovec *packet, struct sockaddr_ll *from)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct msghdr message = {
		.msg_name = from,
		.msg_namelen = sizeof(*from),
		.msg_iov = packet,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	long bytes = recvmsg(fd, &message, MSG_DONTWAIT);

	if (bytes >= 0)
		now_us = stamp_us(&message);
	return bytes;
}

static void queue_take(int fd)
{
	static uint8_t packet[1 << 18];
	struct iovec whole = { packet, sizeof(packet) };
	struct sockaddr_ll from;
	long bytes;

	while ((bytes = packet_take(fd, &whole, &from)) >= 0) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		if (from.sll_protocol == htons(ETH_P_IP))
			four_count(packet, bytes);
		else if (from.sll_protocol == htons(ETH_P_IPV6))
			six_count(packet, bytes);
	}
}

static void report_print(int fd)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	int i;

	/* reading them resets them */
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		die("PACKET_STATISTICS");
	counts[OVERFLOW] += stats.tp_drops;
	for (i = 0; i < KINDS; i++)
		say("%s %lu", names[i], counts[i]);
	say("tcp_last_us %lu", tcp_last_us);
	say("end");
}

int main(int argc, char **argv)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = 256 << 20, on = 1, fd;
	struct pollfd wait_for[2];
	sigset_t set;

	lifetime_limit();
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: sniff DEV [PORT]\n");
		return 2;
	}
	if (argc == 3)
		port = number_parse(argv[2], 1, 65535);
	at.sll_ifindex = if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(fd, (void *)&at, sizeof(at)))
		die("%s", argv[1]);

	continue_prepare();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	wait_for[0] = (struct pollfd){ fd, POLLIN, 0 };
	wait_for[1] = (struct pollfd){ signalfd(-1, &set, 0), POLLIN, 0 };
	say("ready");
	for (;;) {
		struct signalfd_siginfo info;

		if (poll(wait_for, 2, -1) < 0)
			die("poll");
		queue_take(fd);
		if (!wait_for[1].revents)
			continue;
		if (read(wait_for[1].fd, &info, sizeof(info)) != sizeof(info))
			die("signalfd");
		do {
			queue_take(fd);
		} while (poll(wait_for, 1, is_emulated() ? 300 : 30) > 0);
		report_print(fd);
	}
}
