// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as a table, a line for each hop as it comes, and a sentence for each echo. */
#include <string.h>
#include "site.h"
#include "trace.h"
#include "vsh.h"

static const char *type_text(const struct packet *packet)
{
	return packet->is_request ? "request" : packet->is_reply ? "reply" : "-";
}

static void begin(void)
{
	printf("%12s %-9s %7s %10s %-3s %7s %3s %7s %7s  %s\n", "NETWORK NS", "NAME", "PID",
	       "INTERFACE", "DIR", "TYPE", "SEQ", "MS", "+MS", "ADDRESSES");
}

static void row(const struct hop *hop, const char *direction)
{
	const struct packet *packet = hop->packet;

	char netns[16] = "-";

	if (hop->place.netns_inode)
		snprintf(netns, sizeof(netns), "[%10u]", hop->place.netns_inode);
	printf("%12s %-9s %7u %10s %-3s %7s %3u %7.3f %+7.3f  ", netns,
	       netns_name(hop->place.netns_cookie) ? netns_shown(&hop->place) : "-",
	       hop->event->pid, device_shown(&hop->place), direction, type_text(packet),
	       packet->sequence, hop->since_first_ns / 1e6, hop->since_last_ns / 1e6);
}

static void hop(const struct hop *hop)
{
	row(hop, hop->place.out ? "out" : "in");
	printf("%s -> %s", hop->packet->source, hop->packet->destination);
	if (hop->before)
		printf(" (was %s -> %s)", hop->before->source, hop->before->destination);
	if (hop->packet->tunnel)
		printf(" (%s)", hop->packet->tunnel);
	if (hop->event->segments > 1)
		printf(" (%u segments)", hop->event->segments);
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

static void drop(const struct hop *hop)
{
	row(hop, "-");
	verdict_print(stdout, hop);
	putchar('\n');
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

static void answered_print(FILE *out, const struct trace *trace)
{
	fprintf(out, "answered after %zu device%s and %zu namespace%s in %.3f ms", trace->devices,
		trace->devices == 1 ? "" : "s", trace->namespaces,
		trace->namespaces == 1 ? "" : "s", (trace->last_ns - trace->first_ns) / 1e6);
}

void result_print(FILE *out, const struct trace *trace, int send_error)
{
	fprintf(out, "seq %u: ", trace->sequence);
	if (send_error)
		fprintf(out, "not sent: %s", strerror(-send_error));
	if (send_error && trace->ending.is_drop)
		fprintf(out, "; ");
	if (trace->is_answered)
		answered_print(out, trace);
	else if (!send_error || trace->ending.is_drop)
		lost_print(out, trace);
}

static void result(const struct trace *trace, int send_error)
{
	result_print(stdout, trace, send_error);
	putchar('\n');
}

const struct format format_text = { begin, hop, drop, result, NULL };
