// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh words [KIND] TOOL: the words of a tool, for its completion and its script.
 *
 *	WORD MIN MAX GROUP FLAGS VALUE ACCEPTS    a line each, with tabs between (grammar.h)
 *	WORD MIN                                  --valued: those that need arguments
 *	WORD                                      --first: those that begin a line of words with dashes
 *	COMMAND                                   --commands
 *	OPTION                                    --options: those that stand before the command
 */
#include <string.h>
#include "connection.h"
#include "ping.h"
#include "rule.h"
#include "trace.h"

struct vocabulary {
	const char *tool;
	const struct grammar *grammar;
	const char *const *commands, *const *options;
};

static const struct vocabulary vocabularies[] = {
	{
		.tool = "vershitify",
		.grammar = &rule_grammar,
		.commands = (const char *const[]){ "run", "add", "change", "del", "flush", "repair",
						   "down", "show", "stats", "monitor", "doctor",
						   "help", NULL },
		.options = (const char *const[]){ "-n", "-j", "-p", "-s", "-v", "--dry-run", "-b",
						  "-color", "-V", NULL },
	},
	{
		.tool = "pingkiller",
		.grammar = &ping_grammar,
		.commands = (const char *const[]){ "dev", "show", "stats", "plot", "stop", "doctor",
						   "help", NULL },
		.options = (const char *const[]){ "-n", "-j", "-v", "--dry-run", "-V", NULL },
	},
	{
		.tool = "tracepkt",
		.grammar = &trace_grammar,
		.commands = (const char *const[]){ "doctor", "help", NULL },
		.options = (const char *const[]){ "-n", "-j", "-v", "--dry-run", "-V", NULL },
	},
	{
		.tool = "snitch",
		.grammar = &snitch_grammar,
		.commands = (const char *const[]){ "doctor", "help", NULL },
		.options = (const char *const[]){ "-n", "-j", "-v", "--dry-run", "-V", NULL },
	},
};

static void table_print(const struct vocabulary *vocabulary)
{
	grammar_print(stdout, vocabulary->grammar);
}

static void valued_print(const struct vocabulary *vocabulary)
{
	grammar_valued_print(stdout, vocabulary->grammar);
}

static void first_print(const struct vocabulary *vocabulary)
{
	grammar_first_print(stdout, vocabulary->grammar);
}

static void list_print(const char *const *list)
{
	for (; *list; list++)
		puts(*list);
}

static void commands_print(const struct vocabulary *vocabulary)
{
	list_print(vocabulary->commands);
}

static void options_print(const struct vocabulary *vocabulary)
{
	list_print(vocabulary->options);
}

static const struct {
	const char *name;
	void (*print)(const struct vocabulary *vocabulary);
} kinds[] = {
	{ "--valued", valued_print },
	{ "--first", first_print },
	{ "--commands", commands_print },
	{ "--options", options_print },
};

static const struct vocabulary *vocabulary_of(const char *tool)
{
	for (size_t i = 0; i < sizeof(vocabularies) / sizeof(vocabularies[0]); i++)
		if (!strcmp(tool, vocabularies[i].tool))
			return &vocabularies[i];
	return NULL;
}

int words_command(const struct options *options, int argc, char **argv)
{
	void (*print)(const struct vocabulary *vocabulary) = table_print;
	const struct vocabulary *vocabulary = NULL;

	(void)options;
	for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[0], kinds[i].name))
			print = kinds[i].print;
	if (argc == 1 + (print != table_print))
		vocabulary = vocabulary_of(argv[argc - 1]);
	if (!vocabulary)
		return misuse(
			"a tool is required (words [--valued|--first|--commands|--options] vershitify|pingkiller|tracepkt|snitch)");
	print(vocabulary);
	return DONE;
}
