// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grammar.c - fuzzes what reads words by a table (bpf/lib/grammar.c), with one that needs all of it
 * (impairments.h). The input is the words, separated by "|"; a first word "-" means words with dashes.
 *
 * Whatever the words are: a refusal is one line of printable text; what is accepted is printed in words that
 * are accepted, too, and are printed as the same ones again.
 */
#include <errno.h>
#include "fuzz.h"

#define if_nametoindex fake_nametoindex
#include "lib/grammar.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "lib/values.c"
#include "impairments.h"

static int words_parse(const struct grammar *grammar, struct words *words,
		       struct impairment *impairment)
{
	struct text messages;
	int status;

	messages_begin(&messages);
	status = impairment_read(grammar, words->count, words->word, impairment);
	CHECK(messages_end(&messages) == (status != DONE));
	CHECK(status == DONE || status == MISUSED);
	return status;
}

/* A selector was said "not" as often as the word stands there, but for lists of one "not". */
static void negations_check(const struct impairment *impairment, const struct words *words)
{
	unsigned int said = 0, understood = impairment->flags_negated;

	for (int i = 0; i < words->count; i++)
		said += !strcmp(words->word[i] + strspn(words->word[i], "-"), "not");
	for (unsigned int i = 0; i < impairment->dst_count; i++)
		understood += impairment->dst[i].negated;
	for (unsigned int i = 0; i < impairment->dport_count; i++)
		understood += impairment->dport[i].negated;
	CHECK(said <= understood);
	CHECK(!said == !understood);
}

static void impairment_check(const struct impairment *impairment)
{
	CHECK(impairment->delay_count || impairment->loss_count);
	CHECK(impairment->delay_count <= 3);
	CHECK(impairment->loss_count <= (impairment->gemodel ? 4 : 2));
	CHECK(impairment->dst_count <= SELECTORS_MAX && impairment->dport_count <= SELECTORS_MAX);
	for (unsigned int i = 0; i < impairment->dport_count; i++)
		CHECK(impairment->dport[i].first <= impairment->dport[i].last);
}

/* A delay of less than a microsecond is printed as 0, which is no time. */
static bool is_shown(const struct impairment *impairment)
{
	return (impairment->delay_count < 1 || impairment->delay_ns[0] >= 1000) &&
	       (impairment->delay_count < 2 || impairment->delay_ns[1] >= 1000);
}

static void print_check(const struct impairment *impairment)
{
	struct impairment again;
	struct words words;
	struct text first, second;

	text_begin(&first);
	impairment_print(first.out, impairment);
	text_end(&first);
	CHECK(is_printable(first.bytes));
	if (is_shown(impairment)) {
		char *copy = strdup(first.bytes + 1);

		CHECK(copy);
		words_unquote(&words, copy);
		CHECK(words_parse(&impairment_grammar, &words, &again) == DONE);
		text_begin(&second);
		impairment_print(second.out, &again);
		text_end(&second);
		CHECK(!strcmp(first.bytes, second.bytes));
		free(second.bytes);
		free(copy);
	}
	free(first.bytes);
}

void input_check(char *text)
{
	struct grammar grammar = impairment_grammar;
	struct impairment impairment;
	struct words words;

	grammar.dashed = !strncmp(text, "-|", 2);
	words_split(&words, grammar.dashed ? text + 2 : text);
	if (words_parse(&grammar, &words, &impairment) != DONE)
		return;
	impairment_check(&impairment);
	negations_check(&impairment, &words);
	print_check(&impairment);
}
