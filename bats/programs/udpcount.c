// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * udpcount.c - counts the numbered datagrams that arrive, by source label.
 *
 *   udpcount [-b|-e] [-g] PORT
 *
 * Binds the port for IPv4 and IPv6 and prints "ready". For each SIGUSR1 it
 * takes what is still in its queue, then prints one line a label,
 *   LABEL RECEIVED DUPLICATES HASH FIRST LAST FIRST_NS LAST_NS
 * (HASH: of the set of numbers received; FIRST, LAST: the lowest and highest
 * number; ..._NS: when the first and the last one to arrive had been sent, on
 * CLOCK_MONOTONIC), the number of datagrams that found the queue full, of
 * foreign or damaged ones, and "end":
 *   overflow N
 *   damaged N
 *   end
 * All counts are since the start. -e sends each datagram back, -b one byte. -g
 * prints a line when numbers are left out: when the datagrams before and after them had been sent,
 *   gap LABEL NUMBERS BEFORE_NS AFTER_NS
 * and answers SIGUSR1 also while datagrams go on coming.
 */
#include "traffic.h"

#include <linux/sock_diag.h>
#include <sys/signalfd.h>

#define LABELS 64
#define NUMBERS (1 << 20)
#define BATCH 64
#define BYTES 65536
#define TURNS 100

struct source {
	char label[LABEL_BYTES];
	uint64_t received, duplicates, first_ns, last_ns;
	uint32_t first, last, previous;
	uint8_t seen[NUMBERS / 8];
};

static struct source *sources[LABELS];
static uint64_t damaged;
static bool echo, byte, gaps;

static struct source *source_find(const char *label)
{
	int i;

	for (i = 0; i < LABELS && sources[i]; i++)
		if (!strncmp(sources[i]->label, label, LABEL_BYTES))
			return sources[i];
	if (i == LABELS)
		die("more than %d labels", LABELS);
	sources[i] = calloc(1, sizeof(*sources[i]));
	strncpy(sources[i]->label, label, LABEL_BYTES - 1);
	sources[i]->first = UINT32_MAX;
	return sources[i];
}

static void datagram_count(const struct datagram *d, size_t bytes)
{
	struct source *s;

	if (bytes < sizeof(*d) || memcmp(d->magic, MAGIC, sizeof(d->magic)) || d->bytes != bytes ||
	    d->number >= NUMBERS) {
		damaged++;
		return;
	}
	s = source_find(d->label);
	if (s->seen[d->number / 8] & 1 << d->number % 8) {
		s->duplicates++;
		return;
	}
	s->seen[d->number / 8] |= 1 << d->number % 8;
	if (!s->received++)
		s->first_ns = d->sent_ns;
	else if (gaps && d->number > s->previous + 1)
		say("gap %s %u %lu %lu", s->label, d->number - s->previous - 1, s->last_ns,
		    d->sent_ns);
	s->previous = d->number;
	s->last_ns = d->sent_ns;
	if (d->number < s->first)
		s->first = d->number;
	if (d->number > s->last)
		s->last = d->number;
}

/* Takes all that is queued; returns whether there was anything. */
static bool queue_take(int fd)
{
	static char payload[BATCH][BYTES];
	struct sockaddr_storage from[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	bool any = false;
	int i, n;

	for (;;) {
		for (i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ payload[i], BYTES };
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &parts[i],
				.msg_iovlen = 1,
			};
		}
		n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		if (n <= 0)
			return any;
		any = true;
		for (i = 0; i < n; i++) {
			datagram_count((void *)payload[i], messages[i].msg_len);
			if (echo || byte)
				sendto(fd, payload[i], byte ? 1 : messages[i].msg_len, 0,
				       (void *)&from[i], messages[i].msg_hdr.msg_namelen);
		}
	}
}

/* FNV-1a */
static uint64_t set_hash(const uint8_t *bits)
{
	uint64_t hash = 14695981039346656037u;
	size_t i;

	for (i = 0; i < NUMBERS / 8; i++)
		hash = (hash ^ bits[i]) * 1099511628211u;
	return hash;
}

/* Datagrams that the socket had no room for, as the kernel counts them. */
static uint32_t overflow_get(int fd)
{
	uint32_t values[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(values);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, values, &len))
		die("SO_MEMINFO");
	return values[SK_MEMINFO_DROPS];
}

static void report_print(int fd)
{
	int i;

	for (i = 0; i < LABELS && sources[i]; i++) {
		struct source *s = sources[i];

		say("%s %lu %lu %016lx %u %u %lu %lu", s->label, s->received, s->duplicates,
		    set_hash(s->seen), s->first, s->last, s->first_ns, s->last_ns);
	}
	say("overflow %u", overflow_get(fd));
	say("damaged %lu", damaged);
	say("end");
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	int one = 1, zero = 0, bytes = 512 << 20, c, fd, turns;
	struct pollfd wait_for[2];
	sigset_t set;

	lifetime_limit();
	while ((c = getopt(argc, argv, "beg")) != -1) {
		if (c == '?')
			return 2;
		echo |= c == 'e';
		byte |= c == 'b';
		gaps |= c == 'g';
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: udpcount [-b|-e] [-g] PORT\n");
		return 2;
	}
	at.sin6_port = htons(number_parse(argv[optind], 1, 65535));
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		die("setsockopt");
	if (bind(fd, (void *)&at, sizeof(at)))
		die("port %s", argv[optind]);

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
		if (wait_for[0].revents)
			queue_take(fd);
		if (!wait_for[1].revents)
			continue;
		if (read(wait_for[1].fd, &info, sizeof(info)) != sizeof(info))
			die("signalfd");
		/* What the sender has sent is here or in a per-CPU backlog:
		 * quiet for this long means that nothing more will come. Who asks for gaps can
		 * ask while there is no end of it.
		 */
		turns = 0;
		do {
			queue_take(fd);
		} while (poll(wait_for, 1, is_emulated() ? 300 : 30) > 0 &&
			 (!gaps || ++turns < TURNS));
		report_print(fd);
	}
}
