// SPDX-License-Identifier: GPL-2.0-or-later
/* A SYN to a port of TCP. It is a packet of ours, not a connection of the kernel's: no program at the other
 * side hears of it, and what comes back is reset by our kernel, which knows of no connection.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include "probe.h"
#include "trace.h"
#include "vsh.h"

#define FLAG_SYN 0x02
#define FLAG_RST 0x04
#define FLAG_ACK 0x10
#define OPTION_MSS 2
#define MSS4 1460
#define MSS6 1440

struct syn {
	uint16_t source, destination;
	uint32_t sequence, acknowledged;
	uint8_t words; /* length of the header, in the upper half */
	uint8_t flags;
	uint16_t window, checksum, urgent;
	uint8_t option, option_length;
	uint16_t mss;
};

#define SYN_HEADER offsetof(struct syn, option)

_Static_assert(sizeof(struct syn) == 24 && SYN_HEADER == 20, "as on the wire");

/* Nothing but what comes from that port to ours: others' would fill the socket's buffer. */
static int others_filter(const struct probe *probe)
{
	uint16_t last = probe->own_port + probe->own_ports - 1;
	struct sock_filter code[] = {
		probe_is_ip4(probe) ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
				    : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct syn, source)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, probe->options.port, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct syn, destination)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, probe->own_port, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(probe->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int knock_open(struct probe *probe)
{
	if (probe_raw_open(probe, IPPROTO_TCP) != DONE || ports_hold(probe, SOCK_STREAM) != DONE)
		return FAILED;
	if (others_filter(probe) || port_errors_keep(probe, probe->socket))
		return failure("cannot filter what the socket gets: %s", strerror(errno));
	return DONE;
}

/* Addresses, length and protocol, which the checksum covers as well. */
static uint32_t pseudo_add(const struct probe *probe, const struct sockaddr_storage *own,
			   size_t length)
{
	const struct sockaddr_in *from4 = (const void *)own, *to4 = (const void *)&probe->address;
	const struct sockaddr_in6 *from6 = (const void *)own, *to6 = (const void *)&probe->address;
	uint16_t rest[] = { htons(length), htons(IPPROTO_TCP) };
	uint32_t sum = checksum_add(0, rest, sizeof(rest));

	if (probe_is_ip4(probe)) {
		sum = checksum_add(sum, &from4->sin_addr, sizeof(from4->sin_addr));
		return checksum_add(sum, &to4->sin_addr, sizeof(to4->sin_addr));
	}
	sum = checksum_add(sum, &from6->sin6_addr, sizeof(from6->sin6_addr));
	return checksum_add(sum, &to6->sin6_addr, sizeof(to6->sin6_addr));
}

/* The kernel chooses the address that it is sent from when it knows the way. */
static int knock_send(struct probe *probe, uint16_t sequence)
{
	struct syn syn = {
		.source = htons(probe->own_port + port_index(probe, sequence)),
		.destination = htons(probe->options.port),
		.sequence = htonl(probe->first + sequence - 1),
		.words = sizeof(syn) / 4 << 4,
		.flags = FLAG_SYN,
		.window = htons(UINT16_MAX),
		.option = OPTION_MSS,
		.option_length = sizeof(syn) - SYN_HEADER,
		.mss = htons(probe_is_ip4(probe) ? MSS4 : MSS6),
	};
	struct sockaddr_storage own = {};
	socklen_t length = sizeof(own);

	port_error_forget(probe->socket);
	if (connect(probe->socket, (const struct sockaddr *)&probe->address,
		    probe->address_length) ||
	    getsockname(probe->socket, (struct sockaddr *)&own, &length))
		return -errno;
	syn.checksum =
		checksum_end(checksum_add(pseudo_add(probe, &own, sizeof(syn)), &syn, sizeof(syn)));
	return send(probe->socket, &syn, sizeof(syn), 0) < 0 ? -errno : 0;
}

/* Of the probe that has this number; 0: of none. */
static uint16_t sequence_of(const struct probe *probe, uint32_t number)
{
	return number - probe->first < probe->options.count ? number - probe->first + 1 : 0;
}

/* What answers a SYN acknowledges it, and the byte that it stands for. */
static enum answer answer_read(const struct probe *probe, const struct syn *tcp, uint16_t *sequence)
{
	*sequence = sequence_of(probe, ntohl(tcp->acknowledged) - 1);
	if (!*sequence)
		return ANSWER_NONE;
	switch (tcp->flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) {
	case FLAG_SYN | FLAG_ACK:
		return ANSWER_SYN_ACK;
	case FLAG_RST | FLAG_ACK:
		return ANSWER_RESET;
	default:
		return ANSWER_NONE;
	}
}

static bool answer_receive(const struct probe *probe, struct probe_news *news)
{
	uint8_t bytes[60 + sizeof(struct syn)];
	ssize_t length;

	while ((length = recv(probe->socket, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0) {
		size_t header = probe_is_ip4(probe) && length ? (bytes[0] & 15) * 4 : 0;

		if (header + SYN_HEADER > (size_t)length)
			continue;
		news->answer =
			answer_read(probe, (const struct syn *)(bytes + header), &news->sequence);
		if (news->answer)
			return true;
	}
	return false;
}

/* It quotes at least 8 bytes of the header, and so the number. */
static bool error_receive(const struct probe *probe, struct probe_news *news)
{
	struct port_error error;
	struct syn quoted;

	while (port_error_take(probe->socket, &error)) {
		memcpy(&quoted, error.quoted, sizeof(quoted));
		news->error = probe_error_text(probe, error.type, error.code);
		news->sequence = error.length < 8 ? 0 : sequence_of(probe, ntohl(quoted.sequence));
		strcpy(news->from, error.from);
		if (news->error && news->sequence)
			return true;
	}
	return false;
}

static bool knock_receive(const struct probe *probe, struct probe_news *news)
{
	*news = (struct probe_news){ 0 };
	if (error_receive(probe, news))
		return true;
	port_error_forget(probe->socket); /* or it would be received in the place of an answer */
	*news = (struct probe_news){ 0 };
	return answer_receive(probe, news);
}

static void knock_know(const struct probe *probe, struct packet *packet)
{
	uint16_t sequence;
	struct syn tcp;

	if (packet->protocol != IPPROTO_TCP || packet->transport_bytes < SYN_HEADER)
		return;
	memcpy(&tcp, packet->transport, SYN_HEADER);
	if ((tcp.flags & (FLAG_SYN | FLAG_RST | FLAG_ACK)) == FLAG_SYN) {
		sequence = sequence_of(probe, ntohl(tcp.sequence));
		packet->is_request = sequence;
	} else {
		packet->is_reply = answer_read(probe, &tcp, &sequence);
	}
	packet->sequence = sequence;
}

const struct probe_way probe_tcp = { knock_open, knock_send, knock_receive, knock_know };
