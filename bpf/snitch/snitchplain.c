// SPDX-License-Identifier: GPL-2.0-or-later
/* The original's lines: what a process has done, or what has gone out or come in. */
#include "connection.h"

static unsigned int begin(void)
{
	return 0;
}

static const char *error_text(const struct snt_event *event)
{
	if (event->error)
		return errno_name(event->error);
	return event->is_reset ? "reset" : "";
}

/* Before it: that there is something. */
static const char *space_before(const char *text)
{
	return *text ? " " : "";
}

static unsigned int call_print(const struct snt_event *event, const char *call, const char *result)
{
	char remote[ENDPOINT_LEN];

	printf("syscall_%s %s %u%s%s\n", call,
	       endpoint_text(remote, event->remote, event->remote_port), event->process.pid,
	       space_before(result), result);
	return 1;
}

static unsigned int network_print(const struct snt_event *event, const char *way, const char *what,
				  const char *more)
{
	char remote[ENDPOINT_LEN];

	printf("%s_%s %s :%u%s%s\n", way, what,
	       endpoint_text(remote, event->remote, event->remote_port), event->local_port,
	       space_before(more), more);
	return 1;
}

static unsigned int bytes_print(const struct snt_event *event, const char *way, uint64_t bytes)
{
	char text[24];

	if (!bytes)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	return network_print(event, way, "traffic", text);
}

static unsigned int traffic_print(const struct snt_event *event)
{
	return bytes_print(event, "egress", event->sent_new) +
	       bytes_print(event, "ingress", event->received_new);
}

static unsigned int event_print(const struct snt_event *event)
{
	const char *way = event->side == SNT_REMOTE ? "ingress" : "egress";

	switch (event->kind) {
	case SNT_CONNECTED:
		return call_print(event, "connect", "") +
		       network_print(event, "egress", "connect", "");
	case SNT_FAILED:
		return call_print(event, "connect", event->error ? error_text(event) : "given-up");
	case SNT_INCOMING:
		return network_print(event, "ingress", "connect", "");
	case SNT_ACCEPTED:
		return call_print(event, "accept", "");
	case SNT_TRAFFIC:
	case SNT_OPEN:
		return traffic_print(event);
	case SNT_ENDED:
		return traffic_print(event) +
		       network_print(event, way, "disconnect", error_text(event));
	}
	return 0;
}

static unsigned int lost_print(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed;
	return 0; /* these lines are data; the command itself says it */
}

const struct snitch_format snitch_plain = { begin, event_print, lost_print };
