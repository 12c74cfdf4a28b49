// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as a table, a line for each hop as it comes, and a sentence for each echo. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "site.h"
#include "trace.h"
#include "vsh.h"

#define COLUMNS 100 /* less than these */
#define INDENT 8 /* of what has no room on its line */

bool tints_are_on;

void tint_begin(enum tint tint)
{
	static const char *const codes[TINTS] = {
		[TINT_REQUEST] = "\033[36m",
		[TINT_REPLY] = "\033[32m",
		[TINT_DROP] = "\033[31m",
	};

	if (tints_are_on)
		fputs(codes[tint], stdout);
}

void tint_end(void)
{
	if (tints_are_on)
		fputs("\033[0m", stdout);
}

static void begin(void)
{
	printf("%12s %-9s %7s %10s %-3s %7s %3s %7s %7s  %s\n", "NETWORK NS", "NAME", "PID",
	       "INTERFACE", "DIR", "TYPE", "SEQ", "MS", "+MS", "ADDRESSES");
}

/* How many bytes it takes. */
static int row(const struct hop *hop, const char *direction)
{
	const struct packet *packet = hop->packet;
	char netns[16] = "-";

	if (hop->place.netns_inode)
		snprintf(netns, sizeof(netns), "[%10u]", hop->place.netns_inode);
	return printf("%12s %-9s %7u %10s %-3s %7s %3u %7.3f %+7.3f", netns,
		      netns_name(hop->place.netns_cookie) ? netns_shown(&hop->place) : "-",
		      hop->event->pid, device_shown(&hop->place), direction, packet_type(packet),
		      packet->sequence, hop->since_first_ns / 1e6, hop->since_last_ns / 1e6);
}

/* Together on this line, or on the next one. The new column. */
static int piece_print(int column, const char *text, size_t length)
{
	if (column + 1 + length >= COLUMNS)
		column = printf("\n%*s", INDENT - 1, "") - 1;
	return column + printf(" %.*s", (int)length, text);
}

void words_wrap(int column, const char *words)
{
	if (INDENT + strlen(words) < COLUMNS) {
		piece_print(column, words, strlen(words));
		return;
	}
	while (*words) {
		size_t length = strcspn(words, " ");

		column = piece_print(column, words, length);
		words += length + strspn(words + length, " ");
	}
}

static int piece_format(int column, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int piece_format(int column, const char *format, ...)
{
	char text[2 * PACKET_END_LEN + 32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return piece_print(column, text, strlen(text));
}

static void hop(const struct hop *hop)
{
	int column;

	tint_begin(hop->packet->is_reply ? TINT_REPLY : TINT_REQUEST);
	column = row(hop, hop->place.out ? "out" : "in");
	column = piece_format(column, " %s -> %s", hop->packet->source, hop->packet->destination);
	if (hop->before)
		column = piece_format(column, "(was %s -> %s)", hop->before->source,
				      hop->before->destination);
	if (hop->packet->tunnel)
		column = piece_format(column, "(%s)", hop->packet->tunnel);
	if (hop->packet->is_fragment)
		column = piece_format(column, "(fragment %u-%u)", hop->packet->fragment_begin,
				      hop->packet->fragment_end - 1);
	if (hop->event->segments > 1)
		piece_format(column, "(%u segments)", hop->event->segments);
	tint_end();
	putchar('\n');
}

static void rule_print(FILE *out, uint32_t rule)
{
	char loss[16];

	fprintf(out, "rule %u", rule);
	if (rule_loss(rule, loss, sizeof(loss)))
		fprintf(out, ", loss %s%%", loss);
}

static void why_print(FILE *out, uint32_t reason, uint64_t location)
{
	const char *function = function_name(location);

	fprintf(out, "%s", drop_reason_name(reason));
	if (function)
		fprintf(out, " in %s", function);
}

void verdict_print(FILE *out, const struct hop *hop)
{
	if (hop->killer) {
		fprintf(out, "dropped by us: pingkiller on %s of %s: %s", device_shown(&hop->place),
			netns_shown(&hop->place), hop->killer->words);
	} else if (hop->event->rule) {
		fprintf(out, "dropped by us: ");
		rule_print(out, hop->event->rule);
	} else {
		fprintf(out, "dropped: ");
		why_print(out, hop->event->reason, hop->event->location);
	}
}

char *verdict_text(const struct hop *hop)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	verdict_print(out, hop);
	fclose(out);
	return text;
}

static void drop(const struct hop *hop)
{
	char *verdict = verdict_text(hop);

	tint_begin(TINT_DROP);
	words_wrap(row(hop, "-") + printf(" "), verdict ?: "");
	tint_end();
	putchar('\n');
	free(verdict);
}

static void place_print(FILE *out, const struct spot *place)
{
	if (place->ifindex)
		fprintf(out, "at %s of namespace %s", device_shown(place), netns_shown(place));
	else
		fprintf(out, "before any device");
}

static bool is_ours(const struct ending *ending)
{
	return ending->rule || *ending->killer.words;
}

static void lost_print(FILE *out, const struct trace *trace)
{
	const char *what = trace->is_reply ? "answer lost" : "lost";

	if (trace->ending.is_drop) {
		fprintf(out, "%s ", what);
		place_print(out, &trace->ending.place);
		fprintf(out, is_ours(&trace->ending) ? " by us: " : ": ");
		if (*trace->ending.killer.words)
			fprintf(out, "pingkiller, %s", trace->ending.killer.words);
		else if (trace->ending.rule)
			rule_print(out, trace->ending.rule);
		else
			why_print(out, trace->ending.reason, trace->ending.location);
	} else if (trace->ending.time_ns) {
		fprintf(out, "%s ", what);
		place_print(out, &trace->ending.place);
		fprintf(out, ": taken by the kernel or a filter, without a reason");
	} else if (trace->hops) {
		fprintf(out, "left through %s of namespace %s, and nothing came back",
			device_shown(&trace->last), netns_shown(&trace->last));
	} else {
		fprintf(out, "no device has seen it");
	}
	if (trace->error)
		fprintf(out, " (%s says: %s)", trace->error_from, trace->error);
}

static void span_print(FILE *out, const struct trace *trace)
{
	fprintf(out, "%zu device%s and %zu namespace%s in %.3f ms", trace->devices,
		trace->devices == 1 ? "" : "s", trace->namespaces,
		trace->namespaces == 1 ? "" : "s", (trace->last_ns - trace->first_ns) / 1e6);
}

/* Nobody waits for an answer to what was listened to. */
static bool is_lost(const struct trace *trace)
{
	if (trace->is_listened)
		return trace->ending.is_drop || !trace->hops;
	return !trace->answer;
}

/* Of a packet that was listened to. */
static const char *fate_text(const struct trace *trace)
{
	switch (trace_fate(trace)) {
	case FATE_READ:
		return "read at";
	case FATE_TAKEN:
		return "received by TCP at";
	case FATE_CONSUMED:
		return trace->last.out ? "left through" : "arrived at";
	default:
		return "last seen at";
	}
}

static void fate_print(FILE *out, const struct trace *trace)
{
	fprintf(out, "packet %u: ", trace->sequence);
	if (is_lost(trace)) {
		lost_print(out, trace);
	} else {
		fprintf(out, "%s %s of namespace %s after ", fate_text(trace),
			device_shown(&trace->last), netns_shown(&trace->last));
		span_print(out, trace);
	}
	if (!trace->is_whole)
		fprintf(out, " (not complete: events were lost)");
}

/* A refusal has come back from there as well. */
static const char *answer_text(enum answer answer)
{
	switch (answer) {
	case ANSWER_SYN_ACK:
		return "answered (SYN,ACK)";
	case ANSWER_RESET:
		return "refused (RST)";
	case ANSWER_DATAGRAM:
		return "answered (a datagram)";
	case ANSWER_UNREACHABLE:
		return "refused (ICMP: port unreachable)";
	default:
		return "answered";
	}
}

void result_print(FILE *out, const struct trace *trace, int send_error)
{
	if (trace->is_listened) {
		fate_print(out, trace);
		return;
	}
	fprintf(out, "seq %u: ", trace->sequence);
	if (send_error)
		fprintf(out, "not sent: %s", strerror(-send_error));
	if (send_error && trace->ending.is_drop)
		fprintf(out, "; ");
	if (trace->answer) {
		fprintf(out, "%s after ", answer_text(trace->answer));
		span_print(out, trace);
	} else if (!send_error || trace->ending.is_drop) {
		lost_print(out, trace);
	}
}

static void result(const struct trace *trace, int send_error)
{
	enum tint arrived = trace->is_listened && !trace->is_reply ? TINT_REQUEST : TINT_REPLY;

	tint_begin(is_lost(trace) ? TINT_DROP : arrived);
	result_print(stdout, trace, send_error);
	tint_end();
	putchar('\n');
}

const struct format format_text = { begin, hop, drop, result, NULL };
