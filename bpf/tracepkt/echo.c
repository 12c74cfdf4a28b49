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
#include <sys/socket.h>
#include "probe.h"
#include "vsh.h"

/* The same bytes in both families. */
struct echo {
	uint8_t type, code;
	uint16_t checksum, id, sequence;
	uint8_t data[PROBE_SIZE_MAX];
};

#define ECHO_HEADER offsetof(struct echo, data)

/* Those that error_read() understands. */
static const uint8_t *error_types(const struct probe *probe)
{
	static const uint8_t types4[] = { ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED,
					  ICMP_TIME_EXCEEDED };
	static const uint8_t types6[] = { ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG,
					  ICMP6_TIME_EXCEEDED };

	return probe_is_ip4(probe) ? types4 : types6;
}

/* Nothing but answers to this probe, and errors: others' would fill the socket's buffer. The packet
 * begins with the IP header in IPv4, and with that of ICMPv6 in IPv6.
 */
static int others_filter(const struct probe *probe)
{
	uint8_t answer = probe_is_ip4(probe) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct sock_filter code[] = {
		probe_is_ip4(probe) ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
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

static int echo_open(struct probe *probe)
{
	int protocol = probe_is_ip4(probe) ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (probe_raw_open(probe, protocol) != DONE)
		return FAILED;
	if (others_filter(probe))
		return failure("cannot filter what the socket gets: %s", strerror(errno));
	return DONE;
}

/* For IPv6 the kernel computes the checksum. */
static int echo_send(struct probe *probe, uint16_t sequence)
{
	struct echo echo = {
		.type = probe_is_ip4(probe) ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.id = probe->id,
		.sequence = htons(sequence),
	};
	size_t length = ECHO_HEADER + probe->options.size;

	memcpy(echo.data, probe->token, sizeof(probe->token));
	if (probe_is_ip4(probe))
		echo.checksum = checksum_end(checksum_add(0, &echo, length));
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

/* An error quotes the packet that it is about: its header and at least 8 bytes after it. */
static bool error_read(const struct probe *probe, const uint8_t *bytes, size_t length,
		       struct probe_news *news)
{
	size_t header = ECHO_HEADER;
	const struct echo *echo;

	if (length < header + 20)
		return false;
	news->error = probe_error_text(probe, bytes[0], bytes[1]);
	header += probe_is_ip4(probe) ? (bytes[header] & 15) * 4 : 40;
	if (!news->error || length < header + ECHO_HEADER)
		return false;
	echo = (const struct echo *)(bytes + header);
	news->sequence = ntohs(echo->sequence);
	return echo->id == probe->id;
}

static bool news_read(const struct probe *probe, const uint8_t *bytes, size_t length,
		      struct probe_news *news)
{
	const struct echo *echo = echo_of(probe, bytes, length,
					  probe_is_ip4(probe) ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);

	if (!echo)
		return error_read(probe, bytes, length, news);
	news->answer = ANSWER_REPLY;
	news->sequence = ntohs(echo->sequence);
	return true;
}

/* A raw socket of IPv4 gets the IP header as well. */
static bool echo_receive(const struct probe *probe, struct probe_news *news)
{
	static uint8_t bytes[ECHO_HEADER + PROBE_SIZE_MAX + 60];
	struct sockaddr_storage from = {};
	socklen_t from_length = sizeof(from);
	ssize_t length;

	while ((length = recvfrom(probe->socket, bytes, sizeof(bytes), MSG_DONTWAIT,
				  (struct sockaddr *)&from, &from_length)) >= 0) {
		ssize_t header = probe_is_ip4(probe) && length ? (bytes[0] & 15) * 4 : 0;

		*news = (struct probe_news){ 0 };
		getnameinfo((const struct sockaddr *)&from, from_length, news->from,
			    sizeof(news->from), NULL, 0, NI_NUMERICHOST);
		if (header <= length && news_read(probe, bytes + header, length - header, news))
			return true;
	}
	return false;
}

const struct probe_way probe_echo = { echo_open, echo_send, echo_receive, NULL };
