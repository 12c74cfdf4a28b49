// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh [-N NETNS_FILE] [-C CGROUP_ROOT] [-O OWNER] [-cjstV] COMMAND ...: the helper of
 * vershitify.sh, and of pingkiller.sh (ping). It has no manual page of its own: -v of
 * either shows it at work.
 */
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include "vsh.h"
#include "words.h"

static const struct {
	const char *name;
	int (*run)(const struct options *options, int argc, char **argv);
} commands[] = {
	{ "plan", plan_command },	  { "load", load_command },
	{ "scan", scan_command },	  { "exec", exec_command },
	{ "listen", listen_command },	  { "show", show_command },
	{ "stats", stats_command },	  { "summary", summary_command },
	{ "programs", programs_command }, { "try", try_command },
	{ "filters", filters_command },	  { "cookie", cookie_command },
	{ "ping", ping_command },	  { "fill", fill_command },
	{ "words", words_command },	  { "run", run_command },
	{ "before", before_command },	  { "line", line_command },
	{ "missed", missed_command },	  { "standing", standing_command },
	{ "trace", trace_command },	  { "snitch", snitch_command },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int options_parse(struct options *options, int argc, char **argv)
{
	uint64_t owner;
	int letter, err;

	/* "+": options end at the command, whose words are its own. */
	while ((letter = getopt(argc, argv, "+N:C:O:cjstV")) != -1) {
		switch (letter) {
		case 'N':
			err = netns_enter(optarg);
			if (err)
				return failure("cannot enter network namespace %s: %s",
					       quoted(optarg), strerror(-err));
			options->netns = true;
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
			puts("vsh " VSH_VERSION);
			exit(DONE);
		default:
			return MISUSED;
		}
	}
	return DONE;
}

static int usage(void)
{
	char names[256] = "";

	for (size_t i = 0; i < COMMANDS; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? "|" : "",
			 commands[i].name);
	return misuse("usage: vsh [-N NETNS_FILE] [-C CGROUP_ROOT] [-O OWNER] [-cjstV] %s ...",
		      names);
}

static int command_run(const struct options *options, int argc, char **argv)
{
	for (size_t i = 0; argc && i < COMMANDS; i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(options, argc - 1, argv + 1);
	return usage();
}

/* What could not be written was not done. */
int main(int argc, char **argv)
{
	struct options options = {};
	int err, status = options_parse(&options, argc, argv);

	if (status == DONE)
		status = command_run(&options, argc - optind, argv + optind);
	err = output_flush();
	if (err && status == DONE)
		status = failure("cannot write the output: %s", strerror(-err));
	return status;
}
