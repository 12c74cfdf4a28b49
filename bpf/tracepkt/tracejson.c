// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as JSON, a line for each hop, drop and result. */
#include <string.h>
#include "json.h"
#include "site.h"
#include "trace.h"

static const char *const hook_names[TPK_HOOKS] = {
	[TPK_QUEUE] = "net_dev_queue",	[TPK_XMIT] = "net_dev_start_xmit",
	[TPK_NETIF_RX] = "netif_rx",	[TPK_RECEIVE] = "netif_receive_skb",
	[TPK_GRO] = "napi_gro_receive", [TPK_READ] = "skb_copy_datagram_iovec",
	[TPK_DROPPED] = "kfree_skb",	[TPK_CONSUMED] = "consume_skb",
	[TPK_INSIDE] = "skb_iif",	[TPK_TAKEN] = "tcp_probe",
};

const char *hook_name(uint32_t hook)
{
	return hook < TPK_HOOKS && hook_names[hook] ? hook_names[hook] : "-";
}

static void name_or_null(struct json *json, const char *name, const char *text)
{
	if (text)
		json_string(json, name, text);
	else
		json_null(json, name);
}

static void place_tell(struct json *json, const struct spot *place)
{
	json_object_begin(json, "netns");
	json_number(json, "inode", place->netns_inode);
	json_number(json, "cookie", place->netns_cookie);
	name_or_null(json, "name", netns_name(place->netns_cookie));
	json_object_end(json);
	json_number(json, "ifindex", place->ifindex);
	json_chars(json, "dev", place->dev, sizeof(place->dev));
}

static void rule_tell(struct json *json, uint32_t rule)
{
	char loss[16];

	json_number(json, "rule", rule);
	if (rule_loss(rule, loss, sizeof(loss)))
		json_number_text(json, "loss", loss);
}

/* pingkiller, a rule, or the kernel. */
static void why_tell(struct json *json, const struct killer *killer, uint32_t rule, uint32_t reason,
		     uint64_t location)
{
	if (killer) {
		json_string(json, "pingkiller", killer->words);
		return;
	}
	if (rule) {
		rule_tell(json, rule);
		return;
	}
	json_string(json, "reason", drop_reason_name(reason));
	name_or_null(json, "function", function_name(location));
}

static void hop_begin(struct json *json, const char *event, const struct hop *hop)
{
	const struct packet *packet = hop->packet;

	json_object_begin(json, NULL);
	json_string(json, "event", event);
	json_number(json, "seq", packet->sequence);
	json_string(json, "type", packet_type(packet));
	json_number(json, "packet", hop->event->packet);
	json_number(json, "branch", hop->event->branch);
	json_number(json, "time_ns", hop->event->time_ns);
	json_number(json, "since_first_ns", hop->since_first_ns);
	json_number(json, "since_last_ns", hop->since_last_ns);
	place_tell(json, &hop->place);
	json_string(json, "hook", hook_name(hop->event->hook));
	json_number(json, "pid", hop->event->pid);
	json_chars(json, "comm", hop->event->comm, sizeof(hop->event->comm));
	json_string(json, "from", packet->source);
	json_string(json, "to", packet->destination);
	if (hop->before) {
		json_object_begin(json, "was");
		json_string(json, "from", hop->before->source);
		json_string(json, "to", hop->before->destination);
		json_object_end(json);
	}
	if (packet->tunnel)
		json_string(json, "tunnel", packet->tunnel);
	if (packet->is_fragment) {
		json_object_begin(json, "fragment");
		json_number(json, "begin", packet->fragment_begin);
		json_number(json, "end", packet->fragment_end);
		json_object_end(json);
	}
	json_number(json, "length", hop->event->length);
	json_number(json, "segments", hop->event->segments);
}

static void hop_end(struct json *json)
{
	json_object_end(json);
	json_line_end(json);
}

static void hop(const struct hop *hop)
{
	struct json json = { .out = stdout };

	hop_begin(&json, "hop", hop);
	json_string(&json, "direction", hop->place.out ? "out" : "in");
	hop_end(&json);
}

static void drop(const struct hop *hop)
{
	struct json json = { .out = stdout };

	hop_begin(&json, "drop", hop);
	why_tell(&json, hop->killer, hop->event->rule, hop->event->reason, hop->event->location);
	hop_end(&json);
}

static void loss_tell(struct json *json, const struct trace *trace)
{
	const struct ending *ending = &trace->ending;

	json_string(json, "lost", trace->is_reply ? "reply" : "request");
	if (ending->time_ns) {
		json_object_begin(json, "at");
		place_tell(json, &ending->place);
		json_object_end(json);
	}
	if (ending->is_drop)
		why_tell(json, *ending->killer.words ? &ending->killer : NULL, ending->rule,
			 ending->reason, ending->location);
}

/* Of a packet that was listened to. */
static void fate_tell(struct json *json, const struct trace *trace)
{
	static const char *const names[] = {
		[FATE_DROPPED] = "dropped",   [FATE_READ] = "read",	[FATE_TAKEN] = "received",
		[FATE_CONSUMED] = "consumed", [FATE_UNSEEN] = "unseen",
	};

	json_bool(json, "complete", trace->is_whole);
	json_string(json, "ended", names[trace_fate(trace)]);
}

static void answer_tell(struct json *json, enum answer answer)
{
	static const char *const names[] = {
		[ANSWER_REPLY] = "reply",
		[ANSWER_SYN_ACK] = "SYN,ACK",
		[ANSWER_RESET] = "RST",
		[ANSWER_DATAGRAM] = "datagram",
		[ANSWER_UNREACHABLE] = "port unreachable",
	};

	json_bool(json, "answered", answer);
	if (answer)
		json_string(json, "answer", names[answer]);
}

static void result(const struct trace *trace, int send_error)
{
	struct json json = { .out = stdout };

	json_object_begin(&json, NULL);
	json_string(&json, "event", "result");
	json_number(&json, "seq", trace->sequence);
	if (trace->is_listened)
		fate_tell(&json, trace);
	else
		answer_tell(&json, trace->answer);
	json_number(&json, "devices", trace->devices);
	json_number(&json, "namespaces", trace->namespaces);
	json_number(&json, "duration_ns", trace->last_ns - trace->first_ns);
	if (send_error)
		json_string(&json, "send_error", strerror(-send_error));
	if (trace->is_listened ? trace->ending.is_drop : !trace->answer)
		loss_tell(&json, trace);
	if (trace->error) {
		json_string(&json, "error", trace->error);
		json_string(&json, "error_from", trace->error_from);
	}
	json_object_end(&json);
	json_line_end(&json);
}

const struct format format_json = { NULL, hop, drop, result, NULL };
