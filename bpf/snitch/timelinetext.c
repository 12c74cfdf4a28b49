// SPDX-License-Identifier: GPL-2.0-or-later
/* The time line for people: a paragraph for each connection. */
#include <string.h>
#include "connection.h"
#include "timeline.h"
#include "vsh.h"

typedef unsigned long long number;

static double seconds(const struct timeline *timeline, uint64_t time_ns)
{
	return (int64_t)(time_ns - timeline->begun_ns) / 1e9;
}

static void head_print(FILE *out, const struct line *line)
{
	const struct snt_tcp_event *face = line_face(line);
	char text[ENDPOINT_LEN];

	print_word(out, face->process.comm, strnlen(face->process.comm, SNT_COMM_LEN));
	fprintf(out, " %u, %s", face->process.pid,
		endpoint_text(text, face->local, face->local_port));
	if (face->remote_port)
		fprintf(out, " to %s", endpoint_text(text, face->remote, face->remote_port));
	fputs(":\n", out);
}

static void chain_print(FILE *out, const struct timeline *timeline, const struct line *line,
			const struct moment *drop)
{
	struct chain chain;

	chain_find(line, drop, &chain);
	for (size_t i = 0; i < chain.count; i++)
		fprintf(out, " -> retransmit %.3f s (%s)%s",
			seconds(timeline, chain.again[i]->event.time_ns),
			tcp_cause_name(chain.again[i]->event.cause),
			chain.is_dropped[i] ? ", dropped" : "");
	if (chain.good_ns && drop->event.bytes)
		fprintf(out, " -> %s %.3f s",
			drop->event.way == SNT_TCP_IN ? "received" : "acknowledged",
			seconds(timeline, chain.good_ns));
	else if (!chain.count)
		fputs(" -> none", out);
}

static void drop_print(FILE *out, const struct timeline *timeline, const struct line *line,
		       const struct moment *drop)
{
	const struct snt_tcp_event *event = &drop->event;

	fprintf(out, "drop rule %u, %s, %u bytes", event->rule, tcp_way_name(event->way),
		event->bytes);
	chain_print(out, timeline, line, drop);
}

static bool is_own_row(const struct moment *moment)
{
	const struct snt_tcp_event *event = &moment->event;

	return event->kind != SNT_TCP_GOOD && !moment->is_answer &&
	       !(event->kind == SNT_TCP_DROPPED && event->is_again);
}

static void moment_print(FILE *out, const struct timeline *timeline, const struct line *line,
			 const struct moment *moment)
{
	const struct snt_tcp_event *event = &moment->event;
	const char *reason;

	fprintf(out, "  %9.3f s  ", seconds(timeline, event->time_ns));
	switch (event->kind) {
	case SNT_TCP_STATE:
		fprintf(out, "%s -> %s%s%s", tcp_state_name(event->before),
			tcp_state_name(event->after), event->error ? ", " : "",
			event->error ? errno_name(event->error) : "");
		break;
	case SNT_TCP_AGAIN:
		fprintf(out, "retransmit (%s), %u bytes", tcp_cause_name(event->cause),
			event->bytes);
		break;
	case SNT_TCP_RESET_OUT:
		reason = tcp_reason_name(event->reason);
		fprintf(out, "reset sent%s%s", reason ? ": " : "", reason ?: "");
		break;
	case SNT_TCP_RESET_IN:
		fputs("reset received", out);
		break;
	case SNT_TCP_DROPPED:
		drop_print(out, timeline, line, moment);
		break;
	}
	putc('\n', out);
}

static void outcome_print(FILE *out, const struct timeline *timeline, const struct line *line)
{
	struct outcome outcome;

	outcome_find(timeline, line, &outcome);
	fprintf(out,
		"  in all: %llu drops (%llu bytes; %llu unanswered), retransmissions: %llu RTO, %llu fast, %llu TLP, %llu other; ",
		(number)outcome.drops, (number)outcome.dropped_bytes, (number)outcome.unanswered,
		(number)outcome.again[SNT_TCP_RTO], (number)outcome.again[SNT_TCP_FAST],
		(number)outcome.again[SNT_TCP_TLP], (number)outcome.again[SNT_TCP_OTHER]);
	fprintf(out, "resets: %llu sent, %llu received; %s; longest stall %.3f s\n",
		(number)outcome.resets_out, (number)outcome.resets_in,
		!outcome.is_closed ? "open"
		: outcome.error	   ? errno_name(outcome.error)
				   : "closed",
		outcome.stall_ns / 1e9);
}

void timeline_print(FILE *out, const struct timeline *timeline)
{
	if (!timeline->count)
		fputs("time line: no TCP connection\n", out);
	for (size_t i = 0; i < timeline->count; i++) {
		const struct line *line = &timeline->lines[i];

		head_print(out, line);
		for (size_t j = 0; j < line->count; j++)
			if (is_own_row(&line->moments[j]))
				moment_print(out, timeline, line, &line->moments[j]);
		outcome_print(out, timeline, line);
	}
	if (timeline->left_out)
		fprintf(out, "time line: %llu more are left out\n", (number)timeline->left_out);
}
