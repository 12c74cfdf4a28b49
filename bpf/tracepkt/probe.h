/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tracepkt sends: an echo, a SYN, a datagram; and what comes back about it. */
#ifndef VSH_PROBE_H
#define VSH_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tracepkt.h"

/* --- probe.c: what is sent -------------------------------------------------------------------- */

/* May it be fragmented on the way? */
enum probe_fragments {
	FRAGMENTS_KERNEL, /* as the kernel does it: here, where it knows that it has to, nowhere else */
	FRAGMENTS_NEVER,
	FRAGMENTS_ANYWHERE,
};

enum probe_kind {
	PROBE_ECHO,
	PROBE_TCP,
	PROBE_UDP
};

struct packet;

struct probe_options {
	enum probe_kind kind;
	const char *target; /* a name or an address */
	int family; /* AF_INET, AF_INET6 or AF_UNSPEC: what the name has */
	uint16_t port; /* of the target; PROBE_ECHO: 0 */
	uint64_t count; /* how many there will be, 1..TRACE_COUNT_MAX */
	size_t size; /* bytes that an echo or a datagram carries */
	enum probe_fragments fragments;
};

/* Ports that probes are sent from, in turns: an answer has nothing else that tells which one it is for. */
#define PROBE_PORTS 64

struct probe {
	struct probe_options options;
	struct sockaddr_storage address; /* with the port, if the socket wants it */
	socklen_t address_length;
	int socket; /* readable when there is news */
	uint16_t id; /* network byte order; PROBE_ECHO */
	uint8_t token[TPK_TOKEN_LEN];
	uint32_t first; /* PROBE_TCP: the number of the first SYN; the next ones follow */
	uint16_t own_port; /* the first of those that sockets[] hold */
	unsigned int own_ports; /* PROBE_ECHO: 0 */
	int sockets[PROBE_PORTS];
	uint16_t sequences[PROBE_PORTS]; /* of what was sent from there last */
};

enum answer {
	ANSWER_NONE,
	ANSWER_REPLY,
	ANSWER_SYN_ACK,
	ANSWER_RESET,
	ANSWER_DATAGRAM,
	ANSWER_UNREACHABLE, /* nobody has that port of UDP */
};

/* What came in at the probe's socket. */
struct probe_news {
	enum answer answer; /* ANSWER_NONE: an error that somebody has sent about a probe */
	uint16_t sequence;
	char from[INET6_ADDRSTRLEN];
	const char *error; /* what it says */
};

#define PROBE_SIZE_MAX 65000
#define PROBE_SIZE_MIN TPK_TOKEN_LEN
#define PROBE_SIZE_MIN_UDP (TPK_TOKEN_LEN + 2) /* with its number */

/* DONE, or a message and FAILED. */
int probe_open(struct probe *probe, const struct probe_options *options);
void probe_close(struct probe *probe);

/* What the programs know it by. */
void probe_filter(const struct probe *probe, struct tpk_filter *filter);

/* 0 or -errno. */
int probe_send(struct probe *probe, uint16_t sequence);

/* true: there was something about one of the probes. Does not wait. */
bool probe_receive(const struct probe *probe, struct probe_news *news);

/* How a packet that the programs have told of belongs to it: a request, a reply or neither, and its number. */
void probe_know(const struct probe *probe, struct packet *packet);

/* For the kinds of probe. */
struct probe_way {
	int (*open)(struct probe *probe); /* DONE, or a message and FAILED */
	int (*send)(struct probe *probe, uint16_t sequence); /* 0 or -errno */
	bool (*receive)(const struct probe *probe, struct probe_news *news);
	void (*know)(const struct probe *probe,
		     struct packet *packet); /* NULL: packet_read() does */
};

extern const struct probe_way probe_echo, probe_tcp, probe_udp; /* echo.c, knock.c, datagram.c */

bool probe_is_ip4(const struct probe *probe);
int probe_raw_open(struct probe *probe, int protocol); /* DONE, or a message and FAILED */
int probe_fragments_set(const struct probe *probe, int fd); /* 0, or -1 and errno */
/* What an ICMP error says, or NULL: it is none. */
const char *probe_error_text(const struct probe *probe, uint8_t type, uint8_t code);
/* RFC 1071: the sum of 16-bit words so far, and of these bytes as well; their number is even. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t length);
uint16_t checksum_end(uint32_t sum); /* in network byte order */

/* --- ports.c: those that probes are sent from -------------------------------------------------- */

/* As many as there are probes, up to PROBE_PORTS, one after the other. type: of their sockets. DONE, or a
 * message and FAILED.
 */
int ports_hold(struct probe *probe, int type);

/* Which of them, counted from 0; own_ports: none. Of a probe, of a port. */
unsigned int port_index(const struct probe *probe, uint16_t sequence);
unsigned int port_find(const struct probe *probe, uint16_t port);

/* Errors about what a socket has sent are kept for port_error_take(). 0, or -1 and errno. */
int port_errors_keep(const struct probe *probe, int fd);

/* Without one that is still to be told of, sending would fail for it. */
void port_error_forget(int fd);

struct port_error {
	uint8_t type, code;
	char from[INET6_ADDRSTRLEN];
	uint8_t quoted[64];
	size_t length; /* of what is quoted */
};

/* The next ICMP error. */
bool port_error_take(int fd, struct port_error *error);

#endif
