// SPDX-License-Identifier: GPL-2.0-or-later
/* What TCP does as JSON, an object a line. */
#include "connection.h"
#include "json.h"
#include "reaction.h"

static const char *const kind_names[SNT_TCP_KINDS] = {
	[SNT_TCP_STATE] = "state",	    [SNT_TCP_AGAIN] = "retransmission",
	[SNT_TCP_RESET_OUT] = "reset_sent", [SNT_TCP_RESET_IN] = "reset_received",
	[SNT_TCP_DROPPED] = "dropped",	    [SNT_TCP_GOOD] = "made_good",
};

static void text_or_null(struct json *json, const char *name, const char *text)
{
	if (text)
		json_string(json, name, text);
	else
		json_null(json, name);
}

static void what_tell(struct json *json, const struct snt_tcp_event *event)
{
	switch (event->kind) {
	case SNT_TCP_STATE:
		json_string(json, "old", tcp_state_name(event->before));
		json_string(json, "new", tcp_state_name(event->after));
		text_or_null(json, "error", event->error ? errno_name(event->error) : NULL);
		break;
	case SNT_TCP_AGAIN:
		json_string(json, "cause", tcp_cause_name(event->cause));
		json_number(json, "sequence", event->sequence);
		json_number(json, "bytes", event->bytes);
		break;
	case SNT_TCP_RESET_OUT:
		text_or_null(json, "reason", tcp_reason_name(event->reason));
		break;
	case SNT_TCP_DROPPED:
		json_number(json, "rule", event->rule);
		json_string(json, "direction", tcp_way_name(event->way));
		json_bool(json, "again", event->is_again);
		json_number(json, "sequence", event->sequence);
		json_number(json, "bytes", event->bytes);
		break;
	case SNT_TCP_GOOD:
		json_string(json, "direction", tcp_way_name(event->way));
		json_number(json, "lasted_ns", event->lasted_ns);
		break;
	}
}

static void event_print(const struct snt_tcp_event *event)
{
	struct json json = { .out = stdout };
	char moment[MOMENT_LEN];

	json_object_begin(&json, NULL);
	json_string(&json, "event", kind_names[event->kind]);
	json_string(&json, "time", moment_text(moment, event->time_ns));
	json_number(&json, "connection", event->number);
	json_netns(&json, event->netns_cookie);
	json_end(&json, "local", event->local, event->local_port);
	if (event->remote_port)
		json_end(&json, "remote", event->remote, event->remote_port);
	else
		json_null(&json, "remote");
	json_process(&json, &event->process);
	what_tell(&json, event);
	json_object_end(&json);
	json_line_end(&json);
}

const struct tcp_format tcp_json = { event_print, json_lost };
