/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What TCP does about what happens to it, from inside: programs tell, and somebody takes the events. */
#ifndef VSH_REACTION_H
#define VSH_REACTION_H

#include <stdbool.h>
#include <stdint.h>
#include "running.h"
#include "snitch.h"
#include "tcp.h"
#include "vsh.h"

/* tcpcommand.c: vsh tcp */
command_run tcp_command;

/* --- tcpwatch.c: the programs of tcp.o ---------------------------------------------------------- */

#define TCP_DROP_PROGRAMS 3

struct tcp_watch {
	struct running running;
	struct bpf_link *drops[TCP_DROP_PROGRAMS]; /* attached while vershitify is set up */
	uint32_t dropped; /* id of its map; 0: it is not */
	struct snt_tcp_settings settings;
	uint64_t lost, unfollowed; /* as tcp_watch_lost has told */
};

/* mask: of rules, whose targets alone are watched; 0: anybody. take() gets each struct snt_tcp_event. DONE, or a message and FAILED; in any case to be ended. */
int tcp_watch_begin(struct tcp_watch *watch, const char *directory, const struct snt_filter *filter,
		    uint64_t mask, ring_buffer_sample_fn take, void *context);
void tcp_watch_end(struct tcp_watch *watch);

/* Sees what rules drop, if there is a set-up of vershitify's by now. Again and again; at once: in tcp_watch_begin(). */
void tcp_watch_drops(struct tcp_watch *watch);

/* Takes what has come until then, or a signal ends the command. CLOCK_MONOTONIC. */
void tcp_watch_until(struct tcp_watch *watch, uint64_t until_ns);

/* What was lost since the last call. DONE if nothing was, and otherwise a message and FAILED. */
int tcp_watch_lost(struct tcp_watch *watch, uint64_t *lost, uint64_t *unfollowed);

/* --- tcpnames.c: numbers in words ---------------------------------------------------------------- */

const char *tcp_state_name(unsigned int state); /* as in SYN_SENT */
const char *tcp_way_name(unsigned int way); /* egress or ingress */
const char *tcp_cause_name(unsigned int cause); /* of a retransmission, as in RTO */
const char *
tcp_reason_name(uint32_t reason); /* of a reset, as in TCP_ABORT_ON_CLOSE; NULL: not told */

/* --- formats ------------------------------------------------------------------------------------ */

struct tcp_format {
	void (*event)(const struct snt_tcp_event *event);
	void (*lost)(uint64_t events, uint64_t unfollowed);
};

extern const struct tcp_format tcp_text, tcp_json;

#endif
