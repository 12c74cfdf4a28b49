/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is lost, in words: a share, or a model (model.h); from the command line, and back. */
#ifndef VSH_LOSS_H
#define VSH_LOSS_H

#include "rule.h"

#define LOSS_WORDS_MAX 6 /* of the longest model, with its name */
#define LOSS_ACCEPTS \
	"a percentage, or random, gemodel, state, burst, gi, every, first or list and what it needs"

/* The names of models. */
extern const char *const loss_choices[];

/* Takes a loss into the request. DONE, or a message and MISUSED. */
int loss_parse(struct cursor *cursor, void *request);

/* Words that go with some of the models. */
int offset_parse(struct cursor *cursor, void *request);
int per_parse(struct cursor *cursor, void *request);

/* After parsing: DONE, or a message and MISUSED where these words do not go together. */
int loss_finish(struct request *request);

/* false: the rule loses nothing. */
bool loss_is_asked(const struct vsh_rule *rule);

/* As in "gemodel 1% 10% 100% 0%": the words that ask for it again, with all of their values. */
void loss_print(FILE *out, const struct vsh_rule *rule, const struct vsh_label *label);

/* A member "loss", an object. */
void loss_print_json(struct json *json, const struct vsh_rule *rule, const struct vsh_label *label);

#endif
