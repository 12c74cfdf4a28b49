/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What netem does to packets, in words: tc-netem(8)'s own, from the command line, and back. */
#ifndef VSH_HOLDWORDS_H
#define VSH_HOLDWORDS_H

#include "rule.h"

/* Beyond those of enum word. */
enum hold_word {
	WORD_DELAY = 1ULL << 40,
	WORD_DISTRIBUTION = 1ULL << 41,
	WORD_REORDER = 1ULL << 42,
	WORD_GAP = 1ULL << 43,
	WORD_DUPLICATE = 1ULL << 44,
	WORD_CORRUPT = 1ULL << 45,
	WORD_RATE = 1ULL << 46,
	WORD_SLOT = 1ULL << 47,
	WORD_LIMIT = 1ULL << 48,
	WORD_EGRESS = 1ULL << 49,
	WORD_INGRESS = 1ULL << 50,
	WORD_PRESET = 1ULL << 51,
	WORD_ECN = 1ULL << 52,
};

/* Those that are an effect without any other. */
#define WORDS_HOLD \
	(WORD_DELAY | WORD_DUPLICATE | WORD_CORRUPT | WORD_RATE | WORD_SLOT | WORD_PRESET)

/* Those that can be said for each direction. */
#define WORDS_SIDED                                                                  \
	(WORD_DELAY | WORD_DISTRIBUTION | WORD_REORDER | WORD_GAP | WORD_DUPLICATE | \
	 WORD_CORRUPT | WORD_RATE | WORD_SLOT | WORD_LIMIT)

#define DELAY_ACCEPTS "a time and, if wanted, a jitter, as in 100ms 10ms"
#define DISTRIBUTION_ACCEPTS \
	"uniform, normal, pareto, paretonormal, or the name of another table of tc's"
#define RATE_ACCEPTS "a rate as in 10mbit and, if wanted, bytes that each packet has besides"
#define SLOT_ACCEPTS \
	"times from and to, as in 10ms 20ms, or distribution, its name, a time and a jitter; and packets N, bytes N"

extern const char *const distribution_choices[], *const slot_choices[];

/* For the table of words: each is taken into the request. DONE, or a message and MISUSED. The first of
 * these words makes all of them anew, also in a change.
 */
int delay_parse(struct cursor *cursor, void *request);
int distribution_parse(struct cursor *cursor, void *request);
int reorder_parse(struct cursor *cursor, void *request);
int gap_parse(struct cursor *cursor, void *request);
int duplicate_parse(struct cursor *cursor, void *request);
int corrupt_parse(struct cursor *cursor, void *request);
int rate_parse(struct cursor *cursor, void *request);
int slot_parse(struct cursor *cursor, void *request);
int limit_parse(struct cursor *cursor, void *request);
int side_parse(struct cursor *cursor, void *request); /* "egress", "ingress" */
int preset_parse(struct cursor *cursor, void *request);
int ecn_refuse(struct cursor *cursor, void *request);

/* All of them, for a table of words. */
#define HOLD_ROWS                                                                                     \
	{ "delay", WORD_DELAY, 1, 3, 0, delay_parse, "TIME", DELAY_ACCEPTS, NULL },                   \
		{ "distribution",	WORD_DISTRIBUTION,   1, 1, 0, distribution_parse, "TABLE",    \
		  DISTRIBUTION_ACCEPTS, distribution_choices },                                       \
		{ "reorder", WORD_REORDER, 1, 2, 0, reorder_parse, "PERCENT", "a percentage", NULL }, \
		{ "gap", WORD_GAP, 1, 1, 0, gap_parse, "N", "a number of packets", NULL },            \
		{ "duplicate", WORD_DUPLICATE, 1,   2, 0, duplicate_parse,                            \
		  "PERCENT",   "a percentage", NULL },                                                \
		{ "corrupt", WORD_CORRUPT, 1, 2, 0, corrupt_parse, "PERCENT", "a percentage", NULL }, \
		{ "rate", WORD_RATE, 1, 4, 0, rate_parse, "RATE", RATE_ACCEPTS, NULL },               \
		{ "slot", WORD_SLOT, 1, 8, 0, slot_parse, "TIME", SLOT_ACCEPTS, slot_choices },       \
		{ "limit", WORD_LIMIT, 1, 1, 0, limit_parse, "N", "a number of packets", NULL },      \
		{ "ecn", WORD_ECN, 0, 0, ROW_REFUSED, ecn_refuse, NULL, NULL, NULL },                 \
		{ "egress", WORD_EGRESS, 0, 0, 0, side_parse, NULL, NULL, NULL },                     \
	{                                                                                             \
		"ingress", WORD_INGRESS, 0, 0, 0, side_parse, NULL, NULL, NULL                        \
	}

/* After parsing, the first before a direction is taken for granted, the other before rule.hooks are made
 * anew. DONE, or a message and MISUSED where the words do not go together.
 */
int hold_directions(struct request *request);
int hold_finish(struct request *request);

/* Does the rule hold packets, in any direction? */
bool holds_packets(const struct vsh_label *label);

/* "delay 100ms limit 1000": the words that ask for it again, each with a character before it; or nothing. both: the
 * rule is for both directions.
 */
void hold_print(FILE *out, char before, const struct vsh_label *label, bool both);

/* A member "hold", an object by direction; nothing if there is none. */
void hold_print_json(struct json *json, const struct vsh_label *label);

#endif
