/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that fail, in words: from the command line, and back; and how many there were. */
#ifndef VSH_CALLWORDS_H
#define VSH_CALLWORDS_H

#include "rule.h"

#define WORDS_CALL (WORD_CONNECT | WORD_BIND | WORD_SEND)

#define CALL_ACCEPTS "fail, an error such as ECONNREFUSED, and perhaps a percentage"

#define CONNECT_ACCEPTS CALL_ACCEPTS "; or refuse, and perhaps a percentage"

/* What is typed as it is. */
extern const char *const call_choices[], *const connect_choices[];

/* "fail ERRNO [PERCENT]" or "refuse [PERCENT]" of the present word. DONE, or a message and MISUSED. */
int call_parse(struct cursor *cursor, void *request);

/* Are connections refused by packets? */
bool refuses_connections(const struct vsh_label *label);

/* VSH_CALL_HOOKS that the rule of this label needs. */
uint32_t call_hooks(const struct vsh_label *label);

/* After parsing: DONE, or a message and MISUSED where conditions are none of a call. */
int calls_finish(const struct request *request);

/* " connect fail ECONNREFUSED 50%": the words that make it again. Before each word with its value
 * stands a character.
 */
void calls_print(FILE *out, char before, const struct vsh_label *label);

/* "fail": a list with an object for each call; nothing if there is none. */
void calls_print_json(struct json *json, const struct vsh_label *label);

/* As it is said: "connect". */
const char *call_name(enum vsh_call call);

/* "ECONNREFUSED 50%" */
void failure_print(FILE *out, const struct vsh_failure *failure);

#endif
