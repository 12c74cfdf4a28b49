// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens as JSON, an object a line. */
#include <string.h>
#include "connection.h"
#include "json.h"
#include "site.h"

static const char *const kind_names[SNT_KINDS] = {
	[SNT_CONNECTED] = "connected", [SNT_FAILED] = "failed",	  [SNT_INCOMING] = "incoming",
	[SNT_ACCEPTED] = "accepted",   [SNT_TRAFFIC] = "traffic", [SNT_ENDED] = "ended",
	[SNT_OPEN] = "open",
};

static void begin(void)
{
}

static void name_or_null(struct json *json, const char *name, const char *text)
{
	if (text && *text)
		json_string(json, name, text);
	else
		json_null(json, name);
}

void json_end(struct json *json, const char *name, const uint8_t address[16], uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	json_object_begin(json, name);
	json_string(json, "address", address_text(text, address));
	json_number(json, "port", port);
	json_object_end(json);
}

/* Who has accepted is not known before accept(2), nor who has listened for long. */
void json_process(struct json *json, const struct snt_process *process)
{
	if (!process->pid) {
		json_null(json, "process");
		return;
	}
	json_object_begin(json, "process");
	json_number(json, "pid", process->pid);
	json_chars(json, "comm", process->comm, sizeof(process->comm));
	json_number(json, "uid", process->uid);
	name_or_null(json, "unit", unit_name(process->cgroup));
	json_object_end(json);
}

void json_netns(struct json *json, uint64_t cookie)
{
	json_object_begin(json, "netns");
	json_number(json, "cookie", cookie);
	name_or_null(json, "name", netns_name(cookie));
	json_object_end(json);
}

static void place_tell(struct json *json, const struct snt_event *event)
{
	json_string(json, "protocol", event->protocol == IPPROTO_TCP ? "tcp" : "udp");
	json_netns(json, event->netns_cookie);
	if (event->number)
		json_end(json, "local", event->local, event->local_port);
	else
		json_null(json, "local");
	json_end(json, "remote", event->remote, event->remote_port);
}

static void counts_tell(struct json *json, const struct snt_event *event)
{
	json_number(json, "sent", event->sent);
	json_number(json, "received", event->received);
	json_number(json, "retransmits", event->retransmits);
	if (event->rtt_us)
		json_number(json, "rtt_us", event->rtt_us);
	else
		json_null(json, "rtt_us");
}

void snitch_json_who(struct json *json, const struct snt_event *event, enum tally_by by)
{
	char text[INET6_ADDRSTRLEN];

	if (by == TALLY_REMOTE) {
		json_string(json, "remote", address_text(text, event->remote));
		return;
	}
	if (by == TALLY_CONNECTION) {
		json_number(json, "connection", event->number);
		json_string(json, "direction", event->is_passive ? "ingress" : "egress");
		place_tell(json, event);
	}
	json_process(json, &event->process);
}

static unsigned int event_print(const struct snt_event *event, uint64_t lines)
{
	static const char *const sides[] = { NULL, "local", "remote", "idle" };
	struct json json = { .out = stdout };
	char moment[MOMENT_LEN];

	(void)lines;
	json_object_begin(&json, NULL);
	json_string(&json, "event", kind_names[event->kind]);
	json_string(&json, "time", moment_text(moment, event->time_ns));
	if (event->number)
		json_number(&json, "connection", event->number);
	else
		json_null(&json, "connection");
	json_string(&json, "direction", event->is_passive ? "ingress" : "egress");
	place_tell(&json, event);
	json_process(&json, &event->process);
	if (event->is_older)
		json_null(&json, "duration_ns");
	else
		json_number(&json, "duration_ns", event->time_ns - event->begun_ns);
	if (event->last_ns)
		json_string(&json, "last_packet", moment_text(moment, event->last_ns));
	else
		json_null(&json, "last_packet");
	counts_tell(&json, event);
	name_or_null(&json, "error", event->error ? errno_name(event->error) : NULL);
	if (event->kind == SNT_ENDED) {
		name_or_null(&json, "ended_by", sides[event->side]);
		json_bool(&json, "reset", event->is_reset);
	}
	json_object_end(&json);
	json_line_end(&json);
	return 1;
}

void json_lost(uint64_t events, uint64_t unfollowed)
{
	struct json json = { .out = stdout };

	json_object_begin(&json, NULL);
	json_string(&json, "event", "lost");
	json_number(&json, "events", events);
	json_number(&json, "connections", unfollowed);
	json_object_end(&json);
	json_line_end(&json);
}

const struct snitch_format snitch_json = { begin, event_print, json_lost, NULL, NULL };
