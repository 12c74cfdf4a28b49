// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as a table, a line for each hop as it comes, and a sentence for each echo. */
#include <string.h>
#include "trace.h"
#include "vsh.h"

static const char *netns_text(const struct spot *place)
{
	static char number[16];

	snprintf(number, sizeof(number), "%u", place->netns_inode);
	return netns_name(place->netns_cookie) ?: number;
}

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
	       netns_name(hop->place.netns_cookie) ?: "-", hop->event->pid,
	       *hop->place.dev ? hop->place.dev : "-", direction, type_text(packet),
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

static void rule_print(uint32_t rule)
{
	char loss[16];

	printf("rule %u", rule);
	if (rule_loss(rule, loss, sizeof(loss)))
		printf(", loss %s%%", loss);
}

static void why_print(uint32_t reason, uint64_t location)
{
	const char *function = function_name(location);

	printf("%s", drop_reason_name(reason));
	if (function)
		printf(" in %s", function);
}

static void drop(const struct hop *hop)
{
	row(hop, "-");
	if (hop->killer) {
		printf("dropped by us: pingkiller on %s of %s: %s", hop->place.dev,
		       netns_text(&hop->place), hop->killer->words);
	} else if (hop->event->rule) {
		printf("dropped by us: ");
		rule_print(hop->event->rule);
	} else {
		printf("dropped: ");
		why_print(hop->event->reason, hop->event->location);
	}
	putchar('\n');
}

static void place_print(const struct spot *place)
{
	if (place->ifindex)
		printf("at %s of namespace %s", place->dev, netns_text(place));
	else
		printf("before any device");
}

static bool is_ours(const struct ending *ending)
{
	return ending->rule || *ending->killer.words;
}

static void lost_print(const struct trace *trace)
{
	const char *what = trace->is_reply ? "answer lost" : "lost";

	if (trace->ending.is_drop) {
		printf("%s ", what);
		place_print(&trace->ending.place);
		printf(is_ours(&trace->ending) ? " by us: " : ": ");
		if (*trace->ending.killer.words)
			printf("pingkiller, %s", trace->ending.killer.words);
		else if (trace->ending.rule)
			rule_print(trace->ending.rule);
		else
			why_print(trace->ending.reason, trace->ending.location);
	} else if (trace->ending.time_ns) {
		printf("%s ", what);
		place_print(&trace->ending.place);
		printf(": taken by the kernel or a filter, without a reason");
	} else if (trace->hops) {
		printf("left through %s of namespace %s, and nothing came back", trace->last.dev,
		       netns_text(&trace->last));
	} else {
		printf("no device has seen it");
	}
	if (trace->error)
		printf(" (%s says: %s)", trace->error_from, trace->error);
}

static void answered_print(const struct trace *trace)
{
	printf("answered after %zu device%s and %zu namespace%s in %.3f ms", trace->devices,
	       trace->devices == 1 ? "" : "s", trace->namespaces, trace->namespaces == 1 ? "" : "s",
	       (trace->last_ns - trace->first_ns) / 1e6);
}

static void result(const struct trace *trace, int send_error)
{
	printf("seq %u: ", trace->sequence);
	if (send_error)
		printf("not sent: %s", strerror(-send_error));
	if (send_error && trace->ending.is_drop)
		printf("; ");
	if (trace->is_answered)
		answered_print(trace);
	else if (!send_error || trace->ending.is_drop)
		lost_print(trace);
	putchar('\n');
}

const struct format format_text = { begin, hop, drop, result };
