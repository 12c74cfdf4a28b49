// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * words.c - reads words by a table that is not the product's (bats/fuzz/impairments.h) and prints what was
 * understood, in words that say it again. Its status is the helper's: 0, or 2 after a message.
 *
 *	words [--dashed | --change] WORD...
 *	words --table | --valued            the table, as vsh words prints it
 */
#include "../fuzz/impairments.h"
#include "lib/grammar.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "lib/values.c"
#include "lib/words.c"

int main(int argc, char **argv)
{
	struct grammar grammar = impairment_grammar;
	struct impairment impairment;
	const char *option = argc > 1 ? argv[1] : "";
	int status, first = 2;

	speaker = "words";
	if (!strcmp(option, "--table")) {
		grammar_print(stdout, &grammar);
		return DONE;
	}
	if (!strcmp(option, "--valued")) {
		grammar_valued_print(stdout, &grammar);
		return DONE;
	}
	if (!strcmp(option, "--dashed")) {
		grammar.dashed = true;
	} else if (!strcmp(option, "--change")) {
		grammar.barred = ROW_NEW;
		grammar.barred_why = "the limit stays";
	} else {
		first = 1;
	}
	status = impairment_read(&grammar, argc - first, argv + first, &impairment);
	if (status != DONE)
		return status;
	fputs("understood:", stdout);
	impairment_print(stdout, &impairment);
	putchar('\n');
	return DONE;
}
