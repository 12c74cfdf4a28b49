// SPDX-License-Identifier: GPL-2.0-or-later
/* A datagram to a port of UDP, with a token that tells it from all others. What answers it can carry
 * anything: it is known by the port that it comes back to, of which each of the latest probes has its own.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "probe.h"
#include "trace.h"
#include "vsh.h"

struct udp {
	uint16_t source, destination, length, checksum;
};

struct payload {
	uint8_t token[TPK_TOKEN_LEN];
	uint16_t sequence;
};

_Static_assert(sizeof(struct udp) == 8 && sizeof(struct payload) == PROBE_SIZE_MIN_UDP,
	       "as on the wire");

/* Of all the sockets one tells that there is news. */
static int news_gather(struct probe *probe)
{
	probe->socket = epoll_create1(EPOLL_CLOEXEC);
	if (probe->socket < 0)
		return -1;
	for (unsigned int i = 0; i < probe->own_ports; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (epoll_ctl(probe->socket, EPOLL_CTL_ADD, probe->sockets[i], &event) ||
		    port_errors_keep(probe, probe->sockets[i]) ||
		    probe_fragments_set(probe, probe->sockets[i]))
			return -1;
	}
	return 0;
}

static int datagram_open(struct probe *probe)
{
	((struct sockaddr_in *)&probe->address)->sin_port = htons(probe->options.port);
	if (ports_hold(probe, SOCK_DGRAM) != DONE)
		return FAILED;
	if (news_gather(probe))
		return failure("cannot prepare sockets: %s", strerror(errno));
	return DONE;
}

/* What has come for an earlier probe from that port is late, and nobody's before the first. */
static void late_forget(int fd)
{
	struct port_error error;
	char byte;

	while (port_error_take(fd, &error))
		;
	port_error_forget(fd);
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;
}

/* Connected, a socket gets datagrams from there only; what it has got before that can be anybody's. */
static int datagram_send(struct probe *probe, uint16_t sequence)
{
	static uint8_t bytes[PROBE_SIZE_MAX];
	unsigned int index = port_index(probe, sequence);
	int fd = probe->sockets[index];
	struct payload payload = { .sequence = htons(sequence) };

	memcpy(payload.token, probe->token, sizeof(payload.token));
	memcpy(bytes, &payload, sizeof(payload));
	if (connect(fd, (const struct sockaddr *)&probe->address, probe->address_length))
		return -errno;
	late_forget(fd);
	probe->sequences[index] = sequence;
	return send(fd, bytes, probe->options.size, 0) < 0 ? -errno : 0;
}

static bool is_unreachable(const struct probe *probe, uint8_t type, uint8_t code)
{
	if (probe_is_ip4(probe))
		return type == ICMP_DEST_UNREACH && code == ICMP_PORT_UNREACH;
	return type == ICMP6_DST_UNREACH && code == ICMP6_DST_UNREACH_NOPORT;
}

static bool error_receive(const struct probe *probe, int fd, struct probe_news *news)
{
	struct port_error error;

	while (port_error_take(fd, &error)) {
		if (is_unreachable(probe, error.type, error.code))
			news->answer = ANSWER_UNREACHABLE;
		else
			news->error = probe_error_text(probe, error.type, error.code);
		strcpy(news->from, error.from);
		if (news->answer || news->error)
			return true;
	}
	return false;
}

static bool socket_receive(const struct probe *probe, int fd, struct probe_news *news)
{
	char byte;

	*news = (struct probe_news){ 0 };
	if (error_receive(probe, fd, news))
		return true;
	port_error_forget(fd); /* or it would be received in the place of an answer */
	if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0)
		return false;
	news->answer = ANSWER_DATAGRAM;
	return true;
}

/* What comes to a port that nothing was sent from would be news for ever. */
static bool datagram_receive(const struct probe *probe, struct probe_news *news)
{
	for (unsigned int i = 0; i < probe->own_ports; i++) {
		if (!probe->sequences[i]) {
			late_forget(probe->sockets[i]);
			continue;
		}
		if (!socket_receive(probe, probe->sockets[i], news))
			continue;
		news->sequence = probe->sequences[i];
		return true;
	}
	return false;
}

/* --- what the programs tell ------------------------------------------------------------------ */

/* The number in the payload, which survives translation; 0: there is none of ours. */
static uint16_t payload_sequence(const struct probe *probe, const uint8_t *udp, size_t length)
{
	struct payload payload;

	if (length < sizeof(struct udp) + sizeof(payload))
		return 0;
	memcpy(&payload, udp + sizeof(struct udp), sizeof(payload));
	return memcmp(payload.token, probe->token, sizeof(payload.token)) ? 0
									  : ntohs(payload.sequence);
}

/* Or by the port of ours. */
static uint16_t sequence_of(const struct probe *probe, const uint8_t *udp, size_t length,
			    uint16_t own)
{
	uint16_t sequence = payload_sequence(probe, udp, length);
	unsigned int index = port_find(probe, ntohs(own));

	return sequence || index == probe->own_ports ? sequence : probe->sequences[index];
}

static void exchange_know(const struct probe *probe, struct packet *packet)
{
	size_t length = packet->transport_bytes;
	struct udp udp;
	bool is_back;

	if (length < sizeof(udp))
		return;
	memcpy(&udp, packet->transport, sizeof(udp));
	is_back = port_find(probe, ntohs(udp.destination)) < probe->own_ports ||
		  ntohs(udp.source) == probe->options.port;
	packet->sequence = sequence_of(probe, packet->transport, length,
				       is_back ? udp.destination : udp.source);
	packet->is_request = packet->sequence && !is_back;
	packet->is_reply = packet->sequence && is_back;
}

/* From the header of ICMP on to that of UDP in what it quotes. NULL: there is none. */
static const uint8_t *quoted_udp(const struct packet *packet)
{
	const uint8_t *ip = packet->transport + sizeof(struct icmphdr);
	size_t header = sizeof(struct ip6_hdr);

	if (packet->transport_bytes < sizeof(struct icmphdr) + sizeof(struct iphdr))
		return NULL;
	if (packet->family == AF_INET)
		header = (ip[0] & 15) * 4;
	if (packet->transport_bytes < sizeof(struct icmphdr) + header + sizeof(struct udp))
		return NULL;
	return ip + header;
}

static void refusal_know(const struct probe *probe, struct packet *packet)
{
	const uint8_t *quoted = quoted_udp(packet);
	struct udp udp;
	size_t length;

	if (!quoted || !is_unreachable(probe, packet->transport[0], packet->transport[1]))
		return;
	length = packet->transport_bytes - (quoted - packet->transport);
	memcpy(&udp, quoted, sizeof(udp));
	packet->sequence = sequence_of(probe, quoted, length, udp.source);
	packet->is_reply = packet->sequence;
}

static void datagram_know(const struct probe *probe, struct packet *packet)
{
	packet->is_request = packet->is_reply = false;
	if (!packet->transport)
		return;
	if (packet->protocol == IPPROTO_UDP)
		exchange_know(probe, packet);
	else if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		refusal_know(probe, packet);
}

const struct probe_way probe_udp = { datagram_open, datagram_send, datagram_receive,
				     datagram_know };
