/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of words that need all that the grammar can say: optional numbers, open lists, "not", groups.
 * They are those of netem and of a packet's selectors. For a program that reads words by it
 * (bats/programs/words.c) and for a fuzz target (grammar.c).
 */
#ifndef VSH_IMPAIRMENTS_H
#define VSH_IMPAIRMENTS_H

#include <arpa/inet.h>
#include <string.h>
#include "lib/values.h"
#include "lib/vsh.h"
#include "lib/words.h"

#define SELECTORS_MAX 8
#define FLAG_NAMES 6

enum impairment_group {
	GROUP_DELAY = 1 << 0,
	GROUP_LOSS = 1 << 1,
	GROUP_LIMIT = 1 << 2,
	GROUP_ECN = 1 << 3,
	GROUP_PROTOCOL = 1 << 4,
	GROUP_DST = 1 << 5,
	GROUP_DPORT = 1 << 6,
	GROUP_FLAGS = 1 << 7,
};

struct port_range {
	uint64_t first, last;
	bool negated;
};

struct destination {
	struct prefix prefix;
	bool negated;
};

struct impairment {
	uint64_t delay_ns[2], correlation; /* time, jitter; millionths of a percent */
	unsigned int delay_count;
	bool gemodel;
	uint64_t loss[4]; /* millionths of a percent */
	unsigned int loss_count;
	uint64_t limit, ecn;
	bool has_limit, has_ecn;
	const char *protocol;
	struct destination dst[SELECTORS_MAX];
	struct port_range dport[SELECTORS_MAX];
	unsigned int dst_count, dport_count;
	unsigned int flags; /* bits of flag_choices */
	bool flags_negated;
};

/* delay TIME [JITTER [CORRELATION]] */
static int delay_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;
	int status = time_value(cursor, &impairment->delay_ns[0]);

	impairment->delay_count = 1;
	if (status != DONE || !word_is_number(cursor))
		return status;
	status = time_value(cursor, &impairment->delay_ns[1]);
	impairment->delay_count++;
	if (status != DONE || !word_is_number(cursor))
		return status;
	impairment->delay_count++;
	return percent_value(cursor, &impairment->correlation);
}

/* loss PERCENT [CORRELATION] | loss gemodel P [R [1-H [1-K]]] */
static int loss_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;
	unsigned int max = 2;
	int status = DONE;

	if (!strcmp(*cursor->next, "gemodel")) {
		word_next(cursor);
		impairment->gemodel = true;
		max = 4;
		if (!word_is_number(cursor))
			return misuse("\"loss gemodel\" needs a percentage");
	}
	do
		status = percent_value(cursor, &impairment->loss[impairment->loss_count++]);
	while (status == DONE && impairment->loss_count < max && word_is_number(cursor));
	return status;
}

static int limit_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;

	impairment->has_limit = true;
	return number_value(cursor, "a number of packets", 1, 100000, &impairment->limit);
}

/* ecn [PERCENT] */
static int ecn_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;

	impairment->has_ecn = true;
	impairment->ecn = PERCENT_MAX;
	return word_is_number(cursor) ? percent_value(cursor, &impairment->ecn) : DONE;
}

static int protocol_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;

	impairment->protocol = cursor->row->name;
	return DONE;
}

static int dst_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;
	struct destination *dst = &impairment->dst[impairment->dst_count];
	const char *word = word_next(cursor);

	if (impairment->dst_count++ == SELECTORS_MAX)
		return misuse("at most %d prefixes", SELECTORS_MAX);
	dst->negated = cursor->negated;
	if (prefix_parse(word, &dst->prefix))
		return misuse("dst %s: a prefix, as in 192.0.2.0/24", quoted(word));
	return DONE;
}

static int range_parse(const char *word, struct port_range *range)
{
	const char *dash = strchr(word, '-');
	char first[8] = "";

	if (dash && (size_t)(dash - word) >= sizeof(first))
		return -1;
	memcpy(first, word, dash ? (size_t)(dash - word) : strnlen(word, sizeof(first) - 1));
	if (number_parse(dash ? first : word, 65535, &range->first) ||
	    number_parse(dash ? dash + 1 : word, 65535, &range->last))
		return -1;
	return range->first <= range->last ? 0 : -1;
}

/* dport RANGE... */
static int dport_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;

	do {
		const char *word = word_next(cursor);
		struct port_range *range = &impairment->dport[impairment->dport_count];

		if (impairment->dport_count++ == SELECTORS_MAX)
			return misuse("at most %d ranges", SELECTORS_MAX);
		range->negated = cursor->negated;
		if (range_parse(word, range))
			return misuse("dport %s: a port or a range, as in 80-90", quoted(word));
	} while (word_is_number(cursor));
	return DONE;
}

static const char *const flag_choices[FLAG_NAMES + 1] = { "syn", "ack", "fin", "rst", "psh", "urg" };

/* flags FLAG... */
static int flags_parse(struct cursor *cursor, void *context)
{
	struct impairment *impairment = context;
	size_t index;

	impairment->flags_negated = cursor->negated;
	do {
		if (word_choice(cursor, &index) != DONE)
			return MISUSED;
		impairment->flags |= 1u << index;
	} while (word_is_value(cursor));
	return DONE;
}

static const struct grammar_row impairment_rows[] = {
	{ "delay", GROUP_DELAY, 1, 3, 0, delay_parse, "TIME [JITTER [CORRELATION]]",
	  "a time, a jitter and its correlation", NULL },
	{ "latency", GROUP_DELAY, 1, 3, ROW_ALIAS, delay_parse, "TIME [JITTER [CORRELATION]]",
	  "a time, a jitter and its correlation", NULL },
	{ "loss", GROUP_LOSS, 1, 5, 0, loss_parse, "LOSS",
	  "a percentage and its correlation, or gemodel and 1 to 4 percentages", NULL },
	{ "limit", GROUP_LIMIT, 1, 1, ROW_NEW, limit_parse, "N", "a number of packets", NULL },
	{ "ecn", GROUP_ECN, 0, 1, 0, ecn_parse, "PERCENT", "a percentage", NULL },
	{ "tcp", GROUP_PROTOCOL, 0, 0, 0, protocol_parse, NULL, NULL, NULL },
	{ "udp", GROUP_PROTOCOL, 0, 0, 0, protocol_parse, NULL, NULL, NULL },
	{ "dst", GROUP_DST, 1, 1, ROW_LIST | ROW_NOT, dst_parse, "PREFIX", "a prefix", NULL },
	{ "dport", GROUP_DPORT, 1, ROW_MANY, ROW_LIST | ROW_NOT, dport_parse, "RANGE",
	  "ports and ranges", NULL },
	{ "flags", GROUP_FLAGS, 1, ROW_MANY, ROW_NOT, flags_parse, NULL, NULL, flag_choices },
};

static const struct grammar_need impairment_needs[] = {
	{ GROUP_DELAY | GROUP_LOSS, "impaired how?" },
	{},
};

static const struct grammar impairment_grammar = {
	.rows = impairment_rows,
	.count = sizeof(impairment_rows) / sizeof(impairment_rows[0]),
	.about = "",
	.needs = impairment_needs,
};

/* --- what was understood, in words that say it again ---------------------------------- */

static void percents_print(FILE *out, const uint64_t *millionths, unsigned int count)
{
	char text[16];

	for (unsigned int i = 0; i < count; i++) {
		percent_format(millionths[i], text, sizeof(text));
		fprintf(out, " %s%%", text);
	}
}

static void delay_print(FILE *out, const struct impairment *impairment)
{
	if (!impairment->delay_count)
		return;
	fputs(" delay", out);
	for (unsigned int i = 0; i < impairment->delay_count && i < 2; i++)
		fprintf(out, " %lluus", (unsigned long long)impairment->delay_ns[i] / 1000);
	if (impairment->delay_count == 3)
		percents_print(out, &impairment->correlation, 1);
}

static void selectors_print(FILE *out, const struct impairment *impairment)
{
	char address[INET6_ADDRSTRLEN];

	for (unsigned int i = 0; i < impairment->dst_count; i++) {
		const struct prefix *prefix = &impairment->dst[i].prefix;

		inet_ntop(prefix->is_ipv6 ? AF_INET6 : AF_INET, prefix->address, address,
			  sizeof(address));
		fprintf(out, "%s dst %s/%u", impairment->dst[i].negated ? " not" : "", address,
			prefix->bits);
	}
	for (unsigned int i = 0; i < impairment->dport_count; i++)
		fprintf(out, "%s dport %llu-%llu", impairment->dport[i].negated ? " not" : "",
			(unsigned long long)impairment->dport[i].first,
			(unsigned long long)impairment->dport[i].last);
	if (impairment->flags)
		fprintf(out, "%s flags", impairment->flags_negated ? " not" : "");
	for (int i = 0; i < FLAG_NAMES; i++)
		if (impairment->flags >> i & 1)
			fprintf(out, " %s", flag_choices[i]);
}

static void impairment_print(FILE *out, const struct impairment *impairment)
{
	delay_print(out, impairment);
	if (impairment->loss_count)
		fprintf(out, " loss%s", impairment->gemodel ? " gemodel" : "");
	percents_print(out, impairment->loss, impairment->loss_count);
	if (impairment->has_limit)
		fprintf(out, " limit %llu", (unsigned long long)impairment->limit);
	if (impairment->has_ecn)
		fputs(" ecn", out);
	percents_print(out, &impairment->ecn, impairment->has_ecn);
	if (impairment->protocol)
		fprintf(out, " %s", impairment->protocol);
	selectors_print(out, impairment);
}

static int impairment_read(const struct grammar *grammar, int argc, char **argv,
			   struct impairment *impairment)
{
	struct cursor cursor;
	int status;

	*impairment = (struct impairment){};
	cursor_begin(&cursor, grammar, argc, argv);
	status = grammar_read(&cursor, impairment);
	return status == DONE ? grammar_needs_check(grammar, cursor.given) : status;
}

#endif
