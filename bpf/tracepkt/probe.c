// SPDX-License-Identifier: GPL-2.0-or-later
/* Echo requests of our own, with a token that tells them from all others. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "trace.h"
#include "vsh.h"

/* The same bytes in both families. */
struct echo {
	uint8_t type, code;
	uint16_t checksum, id, sequence;
	uint8_t data[PROBE_SIZE_MAX];
};

#define ECHO_HEADER offsetof(struct echo, data)

static bool is_ip4(const struct probe *probe)
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

/* Those that error_read() understands. */
static const uint8_t *error_types(const struct probe *probe)
{
	static const uint8_t types4[] = { ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED,
					  ICMP_TIME_EXCEEDED };
	static const uint8_t types6[] = { ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG,
					  ICMP6_TIME_EXCEEDED };

	return is_ip4(probe) ? types4 : types6;
}

/* No option of the two families has the same number. */
static int fragments_forbid(const struct probe *probe)
{
	int discover = is_ip4(probe) ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;

	return setsockopt(probe->socket, is_ip4(probe) ? IPPROTO_IP : IPPROTO_IPV6,
			  is_ip4(probe) ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discover,
			  sizeof(discover));
}

/* Nothing but answers to this probe, and errors: others' would fill the socket's buffer. The packet
 * begins with the IP header in IPv4, and with that of ICMPv6 in IPv6.
 */
static int others_filter(const struct probe *probe)
{
	uint8_t answer = is_ip4(probe) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct sock_filter code[] = {
		is_ip4(probe) ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
			      : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, offsetof(struct echo, type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, answer, 0, 2),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct echo, id)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(probe->id), 4, 5),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, error_types(probe)[0], 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, error_types(probe)[1], 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, error_types(probe)[2], 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(probe->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int probe_open(struct probe *probe, const struct probe_options *options)
{
	*probe = (struct probe){ .options = *options, .socket = -1 };
	if (address_find(probe) != DONE)
		return FAILED;
	if (getrandom(&probe->id, sizeof(probe->id), 0) != sizeof(probe->id) ||
	    getrandom(probe->token, sizeof(probe->token), 0) != sizeof(probe->token))
		return failure("cannot draw a token: %s", strerror(errno));
	probe->socket = socket(probe->address.ss_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       is_ip4(probe) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (probe->socket < 0)
		return failure("cannot open a raw socket: %s", strerror(errno));
	if (others_filter(probe))
		return failure("cannot filter what the socket gets: %s", strerror(errno));
	if (options->whole && fragments_forbid(probe))
		return failure("cannot forbid fragments: %s", strerror(errno));
	return DONE;
}

void probe_close(struct probe *probe)
{
	if (probe->socket >= 0)
		close(probe->socket);
}

/* RFC 1071. */
static uint16_t checksum_of(const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* For IPv6 the kernel computes the checksum. */
int probe_send(const struct probe *probe, uint16_t sequence)
{
	struct echo echo = {
		.type = is_ip4(probe) ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.id = probe->id,
		.sequence = htons(sequence),
	};
	size_t length = ECHO_HEADER + probe->options.size;

	memcpy(echo.data, probe->token, sizeof(probe->token));
	if (is_ip4(probe))
		echo.checksum = checksum_of(&echo, length);
	if (sendto(probe->socket, &echo, length, 0, (const struct sockaddr *)&probe->address,
		   probe->address_length) < 0)
		return -errno;
	return 0;
}

/* The answer, or NULL. */
static const struct echo *echo_of(const struct probe *probe, const uint8_t *bytes, size_t length,
				  uint8_t type)
{
	const struct echo *echo = (const struct echo *)bytes;

	if (length < ECHO_HEADER + TPK_TOKEN_LEN || echo->type != type || echo->id != probe->id ||
	    memcmp(echo->data, probe->token, TPK_TOKEN_LEN))
		return NULL;
	return echo;
}

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

/* An error quotes the packet that it is about: its header and at least 8 bytes after it. */
static bool error_read(const struct probe *probe, const uint8_t *bytes, size_t length,
		       struct probe_news *news)
{
	size_t header = ECHO_HEADER;
	const struct echo *echo;

	if (length < header + 20)
		return false;
	news->error = is_ip4(probe) ? error4_text(bytes[0], bytes[1])
				    : error6_text(bytes[0], bytes[1]);
	header += is_ip4(probe) ? (bytes[header] & 15) * 4 : 40;
	if (!news->error || length < header + ECHO_HEADER)
		return false;
	echo = (const struct echo *)(bytes + header);
	news->sequence = ntohs(echo->sequence);
	return echo->id == probe->id;
}

static bool news_read(const struct probe *probe, const uint8_t *bytes, size_t length,
		      struct probe_news *news)
{
	const struct echo *echo =
		echo_of(probe, bytes, length, is_ip4(probe) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);

	news->is_answer = echo != NULL;
	if (!echo)
		return error_read(probe, bytes, length, news);
	news->sequence = ntohs(echo->sequence);
	return true;
}

/* A raw socket of IPv4 gets the IP header as well. */
bool probe_receive(const struct probe *probe, struct probe_news *news)
{
	static uint8_t bytes[ECHO_HEADER + PROBE_SIZE_MAX + 60];
	struct sockaddr_storage from = {};
	socklen_t from_length = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(probe->socket, bytes, sizeof(bytes), MSG_DONTWAIT,
				  (struct sockaddr *)&from, &from_length)) >= 0) {
		ssize_t header = is_ip4(probe) && length ? (bytes[0] & 15) * 4 : 0;

		*news = (struct probe_news){ 0 };
		getnameinfo((const struct sockaddr *)&from, from_length, news->from,
			    sizeof(news->from), NULL, 0, NI_NUMERICHOST);
		if (header <= length && news_read(probe, bytes + header, length - header, news))
			return true;
	}
	return false;
}
