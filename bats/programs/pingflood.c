// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pingflood.c - sends ICMP messages through a packet socket, as fast as it can: from as many sources as it
 * is told, in turn, and whatever their type. Packets and bytes are told, so that counters can be compared.
 *
 *   pingflood [-6] [-s SOURCES] [-t TYPE] [-c CODE] [-u] [-v TAGS] [-m] DEV MAC COUNT
 *
 * Sources are 10.0.0.0, 10.0.0.1, ... or 2001:db8:f::, 2001:db8:f::1, ...; the destination is 192.0.2.2 or
 * 2001:db8::2. TYPE is echo request by default; -u sends UDP instead; -v puts so many VLAN tags into the
 * frame. It stays on one processor, so that a packet is through before the next one is sent and no queue of
 * the way runs over. Prints "sent N BYTES"; with -m "sent N BYTES M": something was sent in M different
 * milliseconds.
 */
#include "traffic.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sched.h>
#include <stddef.h>

#define PAYLOAD 56
#define TAGS_MAX 4

struct icmp_message {
	uint8_t type, code;
	uint16_t check, id, sequence;
	uint8_t payload[PAYLOAD];
};

struct frame {
	struct ethhdr link;
	union {
		struct {
			struct iphdr ip;
			struct icmp_message icmp;
		} __attribute__((packed)) v4;
		struct {
			struct ip6_hdr ip;
			struct icmp_message icmp;
		} __attribute__((packed)) v6;
	};
} __attribute__((packed));

static uint32_t words_sum(const void *bytes, size_t length)
{
	const uint16_t *words = bytes;
	uint32_t sum = 0;

	for (; length > 1; length -= 2)
		sum += *words++;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void v4_fill(struct frame *f, uint32_t source, uint8_t protocol)
{
	f->link.h_proto = htons(ETH_P_IP);
	f->v4.ip.version = 4;
	f->v4.ip.ihl = 5;
	f->v4.ip.ttl = 64;
	f->v4.ip.protocol = protocol;
	f->v4.ip.tot_len = htons(sizeof(f->v4));
	f->v4.ip.saddr = htonl(0x0a000000 + source);
	inet_pton(AF_INET, "192.0.2.2", &f->v4.ip.daddr);
	f->v4.ip.check = 0;
	f->v4.ip.check = sum_fold(words_sum(&f->v4.ip, sizeof(f->v4.ip)));
	f->v4.icmp.check = 0;
	f->v4.icmp.check = sum_fold(words_sum(&f->v4.icmp, sizeof(f->v4.icmp)));
}

static void v6_fill(struct frame *f, uint32_t source, uint8_t protocol)
{
	uint32_t low = htonl(source);

	f->link.h_proto = htons(ETH_P_IPV6);
	f->v6.ip.ip6_vfc = 0x60;
	f->v6.ip.ip6_nxt = protocol;
	f->v6.ip.ip6_hlim = 64;
	f->v6.ip.ip6_plen = htons(sizeof(f->v6.icmp));
	inet_pton(AF_INET6, "2001:db8:f::", &f->v6.ip.ip6_src);
	memcpy(&f->v6.ip.ip6_src.s6_addr[12], &low, sizeof(low));
	inet_pton(AF_INET6, "2001:db8::2", &f->v6.ip.ip6_dst);
	f->v6.icmp.check = 0;
	f->v6.icmp.check = sum_fold(words_sum(&f->v6.ip.ip6_src, 32) + f->v6.ip.ip6_plen +
				    htons(protocol) + words_sum(&f->v6.icmp, sizeof(f->v6.icmp)));
}

/* The tags stand before the type of what is in the frame. Returns how many bytes were sent, or -1. */
static ssize_t frame_send(int fd, struct frame *frame, size_t length, size_t tags,
			  struct sockaddr_ll *to)
{
	static const uint8_t tag[TAGS_MAX][4] = {
		{ 0x81, 0, 0, 5 }, { 0x81, 0, 0, 5 }, { 0x81, 0, 0, 5 }, { 0x81, 0, 0, 5 }
	};
	size_t addresses = offsetof(struct ethhdr, h_proto);
	struct iovec parts[] = {
		{ frame, addresses },
		{ (void *)tag, tags * sizeof(tag[0]) },
		{ (uint8_t *)frame + addresses, length - addresses },
	};
	struct msghdr message = {
		.msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = parts, .msg_iovlen = 3
	};

	return sendmsg(fd, &message, 0);
}

/* Are we in another millisecond than when this was called last? */
static bool millisecond_is_new(void)
{
	static long long last = -1;
	struct timespec now;
	long long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
	if (ms == last)
		return false;
	last = ms;
	return true;
}

static void processor_keep(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("processor");
}

int main(int argc, char **argv)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	struct frame frame = {};
	uint8_t *m = to.sll_addr, *type;
	bool is_v6 = false, is_udp = false, is_timed = false;
	long count, sources = 1, kind = -1, code = 0, tags = 0, sent = 0, milliseconds = 0;
	size_t length;
	int c, fd;

	lifetime_limit();
	while ((c = getopt(argc, argv, "6s:t:c:uv:m")) != -1) {
		switch (c) {
		case '6':
			is_v6 = true;
			break;
		case 's':
			sources = number_parse(optarg, 1, 1 << 24);
			break;
		case 't':
			kind = number_parse(optarg, 0, 255);
			break;
		case 'c':
			code = number_parse(optarg, 0, 255);
			break;
		case 'u':
			is_udp = true;
			break;
		case 'v':
			tags = number_parse(optarg, 0, TAGS_MAX);
			break;
		case 'm':
			is_timed = true;
			break;
		default:
			return 2;
		}
	}
	argv += optind;
	if (argc - optind != 3) {
		fprintf(stderr,
			"usage: pingflood [-6] [-s SOURCES] [-t TYPE] [-c CODE] [-u] [-v TAGS] [-m] DEV MAC COUNT\n");
		return 2;
	}
	to.sll_ifindex = if_nametoindex(argv[0]);
	if (sscanf(argv[1], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2], &m[3], &m[4],
		   &m[5]) != 6)
		die("'%s' is no MAC address", argv[1]);
	count = number_parse(argv[2], 1, INT_MAX);
	memcpy(frame.link.h_dest, to.sll_addr, ETH_ALEN);
	frame.link.h_source[0] = 2;
	type = is_v6 ? &frame.v6.icmp.type : &frame.v4.icmp.type;
	type[0] = kind >= 0 ? kind : is_v6 ? 128 : 8;
	type[1] = code;
	length = sizeof(frame.link) + (is_v6 ? sizeof(frame.v6) : sizeof(frame.v4));
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0)
		die("socket");
	processor_keep();
	for (long i = 0; i < count; i++) {
		if (is_v6)
			v6_fill(&frame, i % sources, is_udp ? IPPROTO_UDP : IPPROTO_ICMPV6);
		else
			v4_fill(&frame, i % sources, is_udp ? IPPROTO_UDP : IPPROTO_ICMP);
		sent += frame_send(fd, &frame, length, tags, &to) > 0;
		if (is_timed)
			milliseconds += millisecond_is_new();
	}
	if (is_timed)
		say("sent %ld %zu %ld", sent, sent * (length + tags * 4), milliseconds);
	else
		say("sent %ld %zu", sent, sent * (length + tags * 4));
	return 0;
}
