// SPDX-License-Identifier: GPL-2.0-or-later
/* The time line as one JSON object. */
#include "connection.h"
#include "json.h"
#include "timeline.h"

static void drops_tell(struct json *json, const struct timeline *timeline, const struct line *line)
{
	json_array_begin(json, "drops");
	for (size_t i = 0; i < line->count; i++) {
		const struct snt_tcp_event *event = &line->moments[i].event;
		struct chain chain;

		if (event->kind != SNT_TCP_DROPPED)
			continue;
		chain_find(line, &line->moments[i], &chain);
		json_object_begin(json, NULL);
		json_number(json, "at_ns", event->time_ns - timeline->begun_ns);
		json_number(json, "rule", event->rule);
		json_string(json, "direction", tcp_way_name(event->way));
		json_bool(json, "again", event->is_again);
		json_number(json, "bytes", event->bytes);
		json_array_begin(json, "retransmissions");
		for (size_t j = 0; j < chain.count; j++) {
			json_object_begin(json, NULL);
			json_number(json, "at_ns",
				    chain.again[j]->event.time_ns - timeline->begun_ns);
			json_string(json, "cause", tcp_cause_name(chain.again[j]->event.cause));
			json_bool(json, "dropped", chain.is_dropped[j]);
			json_object_end(json);
		}
		json_array_end(json);
		if (chain.good_ns && event->bytes)
			json_number(json, "arrived_ns", chain.good_ns - timeline->begun_ns);
		else
			json_null(json, "arrived_ns");
		json_object_end(json);
	}
	json_array_end(json);
}

static void states_tell(struct json *json, const struct timeline *timeline, const struct line *line)
{
	json_array_begin(json, "states");
	for (size_t i = 0; i < line->count; i++) {
		const struct snt_tcp_event *event = &line->moments[i].event;

		if (event->kind != SNT_TCP_STATE)
			continue;
		json_object_begin(json, NULL);
		json_number(json, "at_ns", event->time_ns - timeline->begun_ns);
		json_string(json, "state", tcp_state_name(event->after));
		json_object_end(json);
	}
	json_array_end(json);
}

static void outcome_tell(struct json *json, const struct timeline *timeline,
			 const struct line *line)
{
	struct outcome outcome;

	outcome_find(timeline, line, &outcome);
	json_number(json, "dropped", outcome.drops);
	json_number(json, "dropped_bytes", outcome.dropped_bytes);
	json_number(json, "unanswered", outcome.unanswered);
	json_object_begin(json, "retransmissions");
	for (int cause = 0; cause < SNT_TCP_CAUSES; cause++)
		json_number(json, tcp_cause_name(cause), outcome.again[cause]);
	json_object_end(json);
	json_number(json, "resets_sent", outcome.resets_out);
	json_number(json, "resets_received", outcome.resets_in);
	json_bool(json, "closed", outcome.is_closed);
	if (outcome.error)
		json_string(json, "error", errno_name(outcome.error));
	else
		json_null(json, "error");
	json_number(json, "stall_ns", outcome.stall_ns);
}

void timeline_print_json(FILE *out, const struct timeline *timeline)
{
	struct json json = { .out = out };

	json_object_begin(&json, NULL);
	json_array_begin(&json, "timeline");
	for (size_t i = 0; i < timeline->count; i++) {
		const struct line *line = &timeline->lines[i];
		const struct snt_tcp_event *face = line_face(line);

		json_object_begin(&json, NULL);
		json_process(&json, &face->process);
		json_netns(&json, face->netns_cookie);
		json_end(&json, "local", face->local, face->local_port);
		if (face->remote_port)
			json_end(&json, "remote", face->remote, face->remote_port);
		else
			json_null(&json, "remote");
		states_tell(&json, timeline, line);
		drops_tell(&json, timeline, line);
		outcome_tell(&json, timeline, line);
		json_object_end(&json);
	}
	json_array_end(&json);
	json_number(&json, "left_out", timeline->left_out);
	json_object_end(&json);
	json_line_end(&json);
}
