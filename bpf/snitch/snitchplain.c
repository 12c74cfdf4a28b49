// SPDX-License-Identifier: GPL-2.0-or-later
/* The original's lines: what a process has done, or what has gone out or come in. */
#include "connection.h"

static void begin(void)
{
}

static const char *error_text(const struct snt_event *event)
{
	if (event->error)
		return errno_name(event->error);
	if (event->side == SNT_IDLE)
		return "idle";
	return event->is_reset ? "reset" : "";
}

/* Before it: that there is something. */
static const char *space_before(const char *text)
{
	return *text ? " " : "";
}

static uint64_t left; /* lines that can still be printed */

static bool line_take(void)
{
	return left && left--;
}

static void call_print(const struct snt_event *event, const char *call, const char *result)
{
	char remote[ENDPOINT_LEN];

	if (!line_take())
		return;
	printf("syscall_%s %s %u%s%s\n", call,
	       endpoint_text(remote, event->remote, event->remote_port), event->process.pid,
	       space_before(result), result);
}

static void network_print(const struct snt_event *event, const char *way, const char *what,
			  const char *more)
{
	char remote[ENDPOINT_LEN];

	if (!line_take())
		return;
	printf("%s_%s %s :%u%s%s\n", way, what,
	       endpoint_text(remote, event->remote, event->remote_port), event->local_port,
	       space_before(more), more);
}

static void bytes_print(const struct snt_event *event, const char *way, uint64_t bytes)
{
	char text[24];

	if (!bytes)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	network_print(event, way, "traffic", text);
}

static void traffic_print(const struct snt_event *event)
{
	bytes_print(event, "egress", event->sent_new);
	bytes_print(event, "ingress", event->received_new);
}

static unsigned int event_print(const struct snt_event *event, uint64_t lines)
{
	const char *way = event->side == SNT_REMOTE ? "ingress" : "egress";
	bool is_udp = event->protocol == IPPROTO_UDP;

	left = lines;
	switch (event->kind) {
	case SNT_CONNECTED:
		call_print(event, is_udp ? "sendto" : "connect", "");
		network_print(event, "egress", "connect", "");
		break;
	case SNT_FAILED:
		call_print(event, "connect", event->error ? error_text(event) : "given-up");
		break;
	case SNT_INCOMING:
		network_print(event, "ingress", "connect", "");
		if (is_udp)
			call_print(event, "recvfrom", "");
		break;
	case SNT_ACCEPTED:
		call_print(event, "accept", "");
		break;
	case SNT_TRAFFIC:
	case SNT_OPEN:
		traffic_print(event);
		break;
	case SNT_ENDED:
		traffic_print(event);
		network_print(event, way, "disconnect", error_text(event));
		break;
	}
	return lines - left;
}

static void lost_print(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed; /* these lines are data; the command itself says it */
}

const struct snitch_format snitch_plain = { begin, event_print, lost_print, NULL, NULL };
