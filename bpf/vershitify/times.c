// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "times.h"
#include "values.h"
#include "vsh.h"
#include "words.h"

#define TENTH_NS 100000000ULL

const char *const for_choices[] = { "ever", NULL };
const char *const repeat_choices[] = { "off", NULL };

/* Takes the argument that is next, if it is this one. */
static bool word_take(struct cursor *cursor, const char *word)
{
	if (cursor->next == cursor->end || strcmp(*cursor->next, word))
		return false;
	return word_next(cursor);
}

static int ns_take(struct cursor *cursor, __u64 *ns)
{
	uint64_t value = 0;
	int status = time_value(cursor, &value);

	*ns = value;
	return status;
}

int after_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return ns_take(cursor, &request->label.after_ns);
}

int for_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	request->label.lasts_ns = 0;
	if (word_take(cursor, for_choices[0]))
		return DONE;
	return ns_take(cursor, &request->label.lasts_ns);
}

int repeat_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	struct vsh_schedule *schedule = &request->rule.schedule;
	int status;

	schedule->on_ns = schedule->off_ns = 0;
	if (word_take(cursor, repeat_choices[0]))
		return DONE;
	status = ns_take(cursor, &schedule->on_ns);
	if (status != DONE)
		return status;
	if (!word_is_number(cursor))
		return misuse("%s: how long the rule rules and how long it pauses, as in %s 10s 5s",
			      cursor->said, cursor->said);
	return ns_take(cursor, &schedule->off_ns);
}

/* The end counts from the beginning. */
void times_finish(struct request *request)
{
	struct vsh_schedule *schedule = &request->rule.schedule;
	uint64_t now = boot_now_ns();

	if (request->given & WORD_AFTER)
		schedule->begins_ns = now + request->label.after_ns;
	else if ((request->given & WORD_REPEAT) && schedule_has_begun(schedule, now))
		schedule->begins_ns = schedule->off_ns ? now : 0;
	if (!(request->given & (WORD_AFTER | WORD_FOR)))
		return;
	schedule->expires_ns = 0;
	if (request->label.lasts_ns)
		schedule->expires_ns =
			(schedule_has_begun(schedule, now) ? now : schedule->begins_ns) +
			request->label.lasts_ns;
}

static void time_print(FILE *out, char before, const char *word, uint64_t ns)
{
	char text[24];

	time_format(ns, text, sizeof(text));
	fprintf(out, "%c%s %s", before, word, text);
}

static void rest_print(FILE *out, char before, const char *word, uint64_t ns)
{
	fprintf(out, "%c%s %.1fs", before, word, (ns + TENTH_NS - 1) / TENTH_NS / 10.0);
}

static void asked_print(FILE *out, char before, const struct vsh_label *label)
{
	if (label->after_ns)
		time_print(out, before, "after", label->after_ns);
	time_print(out, before, "for", label->lasts_ns);
}

static void left_print(FILE *out, char before, const struct vsh_schedule *schedule, uint64_t now)
{
	uint64_t from = now;

	if (!schedule_has_begun(schedule, now)) {
		from = schedule->begins_ns;
		rest_print(out, before, "after", from - now);
	}
	if (schedule->expires_ns)
		rest_print(out, before, "for", schedule->expires_ns - from);
}

static void repeat_print(FILE *out, char before, const struct vsh_schedule *schedule)
{
	char text[24];

	if (!schedule->off_ns)
		return;
	time_print(out, before, "repeat", schedule->on_ns);
	time_format(schedule->off_ns, text, sizeof(text));
	fprintf(out, " %s", text);
}

void times_print(FILE *out, char before, const struct vsh_rule *rule, const struct vsh_label *label)
{
	const struct vsh_schedule *schedule = &rule->schedule;
	uint64_t now = boot_now_ns();

	if (!schedule_is_set(schedule))
		return;
	if (schedule_is_over(schedule, now))
		asked_print(out, before, label);
	else
		left_print(out, before, schedule, now);
	repeat_print(out, before, schedule);
}

void times_print_json(struct json *json, const struct vsh_rule *rule, const struct vsh_label *label)
{
	const struct vsh_schedule *schedule = &rule->schedule;
	uint64_t now = boot_now_ns();

	if (!schedule_is_set(schedule))
		return;
	if (label->after_ns) {
		json_number(json, "begins_in_ns",
			    schedule_has_begun(schedule, now) ? 0 : schedule->begins_ns - now);
		json_number(json, "after_ns", label->after_ns);
	}
	if (schedule->expires_ns) {
		json_number(json, "expires_in_ns",
			    schedule_is_over(schedule, now) ? 0 : schedule->expires_ns - now);
		json_number(json, "for_ns", label->lasts_ns);
	}
	if (schedule->off_ns) {
		json_number(json, "on_ns", schedule->on_ns);
		json_number(json, "off_ns", schedule->off_ns);
	}
	json_bool(json, "on", schedule_is_on(schedule, now));
}
