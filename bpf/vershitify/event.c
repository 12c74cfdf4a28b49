// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include "event.h"
#include "json.h"
#include "missed.h"
#include "vsh.h"

static void mask_print(uint64_t mask)
{
	const char *separator = "";

	for (int id = 0; id < VSH_RULES_MAX; id++) {
		if (!(mask >> id & 1))
			continue;
		printf("%s%d", separator, id + 1);
		separator = ",";
	}
}

static void word_print(const char comm[VSH_COMM_LEN])
{
	print_word(stdout, comm, strnlen(comm, VSH_COMM_LEN));
}

static void json_rules(struct json *json, uint64_t mask)
{
	json_array_begin(json, "rules");
	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (mask >> id & 1)
			json_number(json, NULL, id + 1);
	json_array_end(json);
}

static void event_begin(struct json *json, const char *event)
{
	json_object_begin(json, NULL);
	json_string(json, "event", event);
}

static void event_end(struct json *json)
{
	json_object_end(json);
	json_line_end(json);
}

static void launched_print(bool is_json, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("process launched: %u ", event->pid);
		word_print(event->parent);
		putchar(' ');
		word_print(event->child);
		putchar('\n');
		return;
	}
	event_begin(&json, "process_launched");
	json_number(&json, "pid", event->pid);
	json_chars(&json, "parent", event->parent, VSH_COMM_LEN);
	json_chars(&json, "child", event->child, VSH_COMM_LEN);
	json_rules(&json, event->mask);
	event_end(&json);
}

static void tagged_print(bool is_json, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("socket tagged: %u ", event->pid);
		word_print(event->child);
		fputs(" rule ", stdout);
		mask_print(event->mask);
		putchar('\n');
		return;
	}
	event_begin(&json, "socket_tagged");
	json_number(&json, "pid", event->pid);
	json_chars(&json, "command", event->child, VSH_COMM_LEN);
	json_rules(&json, event->mask);
	event_end(&json);
}

static void abandoned_print(bool is_json, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		fputs("rule disabled: ", stdout);
		mask_print(event->mask);
		printf(" (its process %u is gone)\n", event->pid);
		return;
	}
	event_begin(&json, "rule_disabled");
	json_number(&json, "owner", event->pid);
	json_rules(&json, event->mask);
	event_end(&json);
}

void event_print(bool is_json, const struct vsh_event *event)
{
	switch (event->kind) {
	case VSH_LAUNCHED:
		launched_print(is_json, event);
		break;
	case VSH_TAGGED:
		tagged_print(is_json, event);
		break;
	case VSH_ABANDONED:
		abandoned_print(is_json, event);
		break;
	}
}

static void number_print(bool is_json, const char *event, const char *text, const char *member,
			 uint64_t number)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("%s: %llu\n", text, (unsigned long long)number);
		return;
	}
	event_begin(&json, event);
	json_number(&json, member, number);
	event_end(&json);
}

void lost_print(bool is_json, uint64_t events)
{
	number_print(is_json, "lost", "lost events", "events", events);
}

void expired_print(bool is_json, uint32_t id)
{
	number_print(is_json, "rule_expired", "rule expired", "id", id + 1);
}

void missed_print(bool is_json, uint32_t id, enum vsh_miss miss, uint64_t times)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("missed: rule %u: %s: %llu\n", id + 1, miss_text(miss),
		       (unsigned long long)times);
		return;
	}
	event_begin(&json, "missed");
	json_number(&json, "id", id + 1);
	json_string(&json, "reason", miss_name(miss));
	json_number(&json, "times", times);
	event_end(&json);
}

void standing_print(bool is_json, uint32_t id, const struct sight *sight)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("rule %u: ", id + 1);
		sight_print(stdout, sight);
		putchar('\n');
		return;
	}
	event_begin(&json, "rule_state");
	json_number(&json, "id", id + 1);
	json_string(&json, "state", standing_name(sight->standing));
	json_string(&json, "why", sight->why);
	event_end(&json);
}

void counts_print(bool is_json, uint64_t passed, uint64_t dropped)
{
	struct json json = { .out = stdout };

	if (!is_json) {
		printf("Passed %llu Dropped %llu\n", (unsigned long long)passed,
		       (unsigned long long)dropped);
		return;
	}
	event_begin(&json, "counts");
	json_number(&json, "passed", passed);
	json_number(&json, "dropped", dropped);
	event_end(&json);
}
