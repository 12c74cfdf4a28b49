// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh [-N NETNS_FILE] [-C CGROUP_ROOT] [-O OWNER] [-cjstV] COMMAND ...: the helper of all tools. It has
 * no manual page of its own: -v of each of them shows it at work.
 */
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include "tools.h"
#include "vsh.h"
#include "words.h"

static const struct command common_commands[] = {
	{ "load", load_command },
	{ "try", try_command },
	{ "programs", programs_command },
	{ "filters", filters_command },
	{ "cookie", cookie_command },
	{ "words", words_command },
	{ NULL, NULL },
};

static int options_parse(struct options *options, int argc, char **argv)
{
	uint64_t owner;
	int letter;

	/* "+": options end at the command, whose words are its own. */
	while ((letter = getopt(argc, argv, "+N:C:O:cjstV")) != -1) {
		switch (letter) {
		case 'N':
			options->netns = optarg;
			break;
		case 'C':
			options->cgroup_root = optarg;
			break;
		case 'O':
			if (number_parse(optarg, INT32_MAX, &owner))
				return misuse("owner %s: a process id", quoted(optarg));
			options->owner = owner;
			break;
		case 'j':
			options->json = true;
			break;
		case 'c':
			options->color = true;
			break;
		case 's':
			options->statistics = true;
			break;
		case 't':
			options->tag = true;
			break;
		case 'V':
			puts("vsh " VERSION);
			exit(DONE);
		default:
			return MISUSED;
		}
	}
	return DONE;
}

static const struct command *command_in(const struct command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (!strcmp(commands->name, name))
			return commands;
	return NULL;
}

/* Speaks for its tool from here on. NULL: there is no such command. */
static const struct command *command_find(const char *name)
{
	const struct command *command = command_in(common_commands, name);

	for (const struct tool *const *tool = tools; !command && *tool; tool++) {
		command = command_in((*tool)->commands, name);
		if (command)
			speaker = (*tool)->speaker;
	}
	return command;
}

static void names_add(char names[512], const struct command *commands)
{
	for (; commands->name; commands++)
		snprintf(names + strlen(names), 512 - strlen(names), "%s%s", *names ? "|" : "",
			 commands->name);
}

static int usage(void)
{
	char names[512] = "";

	names_add(names, common_commands);
	for (const struct tool *const *tool = tools; *tool; tool++)
		names_add(names, (*tool)->commands);
	return misuse("usage: vsh [-N NETNS_FILE] [-C CGROUP_ROOT] [-O OWNER] [-cjstV] %s ...",
		      names);
}

static int words_run(const struct options *options, int argc, char **argv)
{
	const struct command *command = argc ? command_find(argv[0]) : NULL;
	int err = 0;

	if (!command)
		return usage();
	if (options->netns)
		err = netns_enter(options->netns);
	if (err)
		return failure("cannot enter network namespace %s: %s", quoted(options->netns),
			       strerror(-err));
	return command->run(options, argc - 1, argv + 1);
}

/* What could not be written was not done. */
int main(int argc, char **argv)
{
	struct options options = {};
	int err, status = options_parse(&options, argc, argv);

	if (status == DONE)
		status = words_run(&options, argc - optind, argv + optind);
	err = output_flush();
	if (err && status == DONE)
		status = failure("cannot write the output: %s", strerror(-err));
	return status;
}
