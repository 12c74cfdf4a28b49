// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh words [--valued] TOOL: the words of a tool, for its completion and its script.
 *
 *	WORD MIN MAX GROUP FLAGS VALUE ACCEPTS    a line each, with tabs between (grammar.h)
 *	WORD MIN                                  --valued: those that need arguments
 */
#include <string.h>
#include "ping.h"
#include "rule.h"

static const struct {
	const char *tool;
	const struct grammar *grammar;
} vocabularies[] = {
	{ "vershitify", &rule_grammar },
	{ "pingkiller", &ping_grammar },
};

static const struct grammar *grammar_of(const char *tool)
{
	for (size_t i = 0; i < sizeof(vocabularies) / sizeof(vocabularies[0]); i++)
		if (!strcmp(tool, vocabularies[i].tool))
			return vocabularies[i].grammar;
	return NULL;
}

int words_command(const struct options *options, int argc, char **argv)
{
	bool valued = argc > 1 && !strcmp(argv[0], "--valued");
	const struct grammar *grammar = argc == 1 + valued ? grammar_of(argv[valued]) : NULL;

	(void)options;
	if (!grammar)
		return misuse("words of which tool? (words [--valued] vershitify|pingkiller)");
	if (valued)
		grammar_valued_print(stdout, grammar);
	else
		grammar_print(stdout, grammar);
	return DONE;
}
