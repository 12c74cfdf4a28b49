/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a rule rules (schedule.h), in words: from the command line, and back. */
#ifndef VSH_TIMES_H
#define VSH_TIMES_H

#include "rule.h"

/* What takes a time away from a rule: "for ever", "repeat off". */
extern const char *const for_choices[], *const repeat_choices[];

/* Take a time into the request. DONE, or a message and MISUSED. */
int after_parse(struct cursor *cursor, void *request);
int for_parse(struct cursor *cursor, void *request);
int repeat_parse(struct cursor *cursor, void *request);

/* After parsing: what was asked for counts from now. */
void times_finish(struct request *request);

/* As in "after 2.5s for 60s repeat 10s 5s": what is left of a time, rounded up; of a rule that is
 * over, the times that were asked for. Before each word stands a character.
 */
void times_print(FILE *out, char before, const struct vsh_rule *rule,
		 const struct vsh_label *label);

/* Members of the rule's object, for the times that it has. */
void times_print_json(struct json *json, const struct vsh_rule *rule,
		      const struct vsh_label *label);

#endif
