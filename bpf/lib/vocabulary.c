// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh words [KIND] TOOL: the words of a tool, for its completion and its script.
 *
 *	WORD MIN MAX GROUP FLAGS VALUE ACCEPTS    a line each, with tabs between (grammar.h)
 *	WORD MIN                                  --valued: those that need arguments
 *	WORD                                      --first: those that begin a line of words with dashes
 *	as the first                              --more: those of a second table, as of --listen
 *	COMMAND                                   --commands
 *	OPTION                                    --options: those that stand before the command
 */
#include <string.h>
#include "tools.h"

static void table_print(const struct vocabulary *vocabulary)
{
	grammar_print(stdout, vocabulary->grammar);
}

static void more_print(const struct vocabulary *vocabulary)
{
	if (vocabulary->more)
		grammar_print(stdout, vocabulary->more);
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
	{ "--valued", valued_print },	  { "--first", first_print },	  { "--more", more_print },
	{ "--commands", commands_print }, { "--options", options_print },
};

static int misused(void)
{
	char names[128] = "";
	size_t length = 0;

	for (const struct tool *const *tool = tools; *tool && length < sizeof(names); tool++)
		length += snprintf(names + length, sizeof(names) - length, "%s%s",
				   length ? "|" : "", (*tool)->name);
	return misuse(
		"a tool is required (words [--valued|--first|--more|--commands|--options] %s)",
		names);
}

int words_command(const struct options *options, int argc, char **argv)
{
	void (*print)(const struct vocabulary *vocabulary) = table_print;
	const struct tool *tool = NULL;

	(void)options;
	for (size_t i = 0; argc == 2 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[0], kinds[i].name))
			print = kinds[i].print;
	if (argc == 1 + (print != table_print))
		tool = tool_find(argv[argc - 1]);
	if (!tool)
		return misused();
	print(&tool->vocabulary);
	return DONE;
}
