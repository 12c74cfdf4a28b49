// SPDX-License-Identifier: GPL-2.0-or-later
/* What is the same for all kinds of probe. */
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "probe.h"
#include "vsh.h"

static const struct probe_way *way_of(const struct probe *probe)
{
	static const struct probe_way *const ways[] = {
		[PROBE_ECHO] = &probe_echo,
		[PROBE_TCP] = &probe_tcp,
		[PROBE_UDP] = &probe_udp,
	};

	return ways[probe->options.kind];
}

bool probe_is_ip4(const struct probe *probe)
{
	return probe->address.ss_family == AF_INET;
}

static int address_find(struct probe *probe)
{
	struct addrinfo hints = { .ai_family = probe->options.family, .ai_socktype = SOCK_RAW };
	struct addrinfo *found;
	int err = getaddrinfo(probe->options.target, NULL, &hints, &found);

	if (err)
		return failure("target %s: %s", quoted(probe->options.target),
			       err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	memcpy(&probe->address, found->ai_addr, found->ai_addrlen);
	probe->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	return DONE;
}

/* The two families have the same numbers for what is set, but not for the option. */
int probe_fragments_set(const struct probe *probe, int fd)
{
	int discover = probe->options.fragments == FRAGMENTS_NEVER ? IP_PMTUDISC_DO
								   : IP_PMTUDISC_DONT;

	if (probe->options.fragments == FRAGMENTS_KERNEL)
		return 0;
	if (probe_is_ip4(probe))
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof(discover));
}

_Static_assert(IP_PMTUDISC_DO == IPV6_PMTUDISC_DO && IP_PMTUDISC_DONT == IPV6_PMTUDISC_DONT,
	       "the same numbers");

int probe_raw_open(struct probe *probe, int protocol)
{
	probe->socket =
		socket(probe->address.ss_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (probe->socket < 0)
		return failure("cannot open a raw socket: %s", strerror(errno));
	if (probe_fragments_set(probe, probe->socket))
		return failure("cannot say whether to fragment: %s", strerror(errno));
	return DONE;
}

int probe_open(struct probe *probe, const struct probe_options *options)
{
	*probe = (struct probe){ .options = *options, .socket = -1 };
	if (address_find(probe) != DONE)
		return FAILED;
	if (getrandom(&probe->id, sizeof(probe->id), 0) != sizeof(probe->id) ||
	    getrandom(&probe->first, sizeof(probe->first), 0) != sizeof(probe->first) ||
	    getrandom(probe->token, sizeof(probe->token), 0) != sizeof(probe->token))
		return failure("cannot draw a token: %s", strerror(errno));
	return way_of(probe)->open(probe);
}

void probe_close(struct probe *probe)
{
	if (probe->socket >= 0)
		close(probe->socket);
	for (unsigned int i = 0; i < probe->own_ports; i++)
		close(probe->sockets[i]);
}

int probe_send(struct probe *probe, uint16_t sequence)
{
	return way_of(probe)->send(probe, sequence);
}

bool probe_receive(const struct probe *probe, struct probe_news *news)
{
	return way_of(probe)->receive(probe, news);
}

void probe_know(const struct probe *probe, struct packet *packet)
{
	if (way_of(probe)->know)
		way_of(probe)->know(probe, packet);
}

/* --- the programs' filter -------------------------------------------------------------------- */

static void address_tell(const struct probe *probe, struct tpk_filter *filter)
{
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&probe->address;
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&probe->address;

	filter->version = probe_is_ip4(probe) ? 4 : 6;
	if (probe_is_ip4(probe))
		memcpy(filter->address, &ip4->sin_addr, sizeof(ip4->sin_addr));
	else
		memcpy(filter->address, &ip6->sin6_addr, sizeof(ip6->sin6_addr));
}

void probe_filter(const struct probe *probe, struct tpk_filter *filter)
{
	static const uint8_t kinds[] = {
		[PROBE_ECHO] = TPK_ECHO,
		[PROBE_TCP] = TPK_SYN,
		[PROBE_UDP] = TPK_DATAGRAM,
	};

	filter->kind = kinds[probe->options.kind];
	filter->id = probe->id;
	filter->port = htons(probe->options.port);
	filter->own_port = probe->own_port;
	filter->own_ports = probe->own_ports;
	filter->sequence = probe->first;
	filter->count = probe->options.count;
	address_tell(probe, filter);
	memcpy(filter->token, probe->token, sizeof(filter->token));
}

/* --- errors ---------------------------------------------------------------------------------- */

static const char *error4_text(uint8_t type, uint8_t code)
{
	static const char *const unreachable[] = {
		"network unreachable", "host unreachable",     "protocol unreachable",
		"port unreachable",    "fragmentation needed", "source route failed",
	};

	if (type == ICMP_TIME_EXCEEDED)
		return "time to live exceeded";
	if (type != ICMP_DEST_UNREACH)
		return NULL;
	if (code < sizeof(unreachable) / sizeof(unreachable[0]))
		return unreachable[code];
	return code == ICMP_PKT_FILTERED ? "administratively prohibited" : "unreachable";
}

static const char *error6_text(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP6_TIME_EXCEEDED:
		return "hop limit exceeded";
	case ICMP6_PACKET_TOO_BIG:
		return "packet too big";
	case ICMP6_DST_UNREACH:
		return code == ICMP6_DST_UNREACH_NOROUTE ? "no route"
		       : code == ICMP6_DST_UNREACH_ADMIN ? "administratively prohibited"
		       : code == ICMP6_DST_UNREACH_ADDR	 ? "address unreachable"
							 : "unreachable";
	default:
		return NULL;
	}
}

const char *probe_error_text(const struct probe *probe, uint8_t type, uint8_t code)
{
	return probe_is_ip4(probe) ? error4_text(type, code) : error6_text(type, code);
}

/* --- checksums ------------------------------------------------------------------------------- */

uint32_t checksum_add(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

uint16_t checksum_end(uint32_t sum)
{
	return htons(~sum);
}
