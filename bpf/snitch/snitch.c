// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh snitch DIR [WORDS]: prints what happens to connections, until a signal comes or WORDS say that it is
 * enough. DIR holds the objects.
 * vsh snitch DIR list [WORDS]: prints those that are open now.
 * vsh snitch DIR run [WORDS] -- COMMAND [ARG...]: see snitchrun.c.
 * vsh snitch DIR top [WORDS]: see snitchtop.c.
 * vsh snitch DIR try: sees whether a connection of its own is told of.
 */
#include <string.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "signals.h"
#include "snitchrun.h"
#include "snitchtop.h"
#include "watching.h"

static const struct snitch_format *format_of(const struct options *options, bool extended,
					     const struct page_wish *page)
{
	if (options->json || page->file || page->is_live)
		return &snitch_json;
	return extended ? &snitch_extended : &snitch_plain;
}

static int netns_take(struct watching *watching, const struct options *options)
{
	uint64_t netns = 0;
	int err = options->netns ? netns_cookie(&netns) : 0;

	if (err)
		return failure("cannot identify this network namespace: %s", strerror(-err));
	watching->request.filter.netns_cookie = netns;
	return DONE;
}

static int words_take(struct watching *watching, const struct options *options, int argc,
		      char **argv)
{
	int status = snitch_parse(argc, argv, watching->is_list, &watching->request);

	watching->format = format_of(options, watching->request.extended, &watching->request.page);
	return status == DONE ? netns_take(watching, options) : status;
}

static int top_words_run(struct watching *watching, const struct options *options,
			 const char *directory, int argc, char **argv)
{
	int status = snitch_parse_top(argc, argv, &watching->request);

	if (status == DONE)
		status = netns_take(watching, options);
	return status == DONE ? top_run(watching, options, directory) : status;
}

static int watch_run(struct watching *watching, const struct options *options,
		     const char *directory, int argc, char **argv)
{
	struct page page = {};
	int status = words_take(watching, options, argc, argv);

	if (status != DONE)
		return status;
	status = page_begin(&page, &watching->request.page, directory);
	if (status == DONE)
		status = watching_begin(watching, options, directory);
	if (status == DONE) {
		ends_catch();
		complain("watching (Ctrl-C ends it)");
		watching->format->begin();
		watching->until_fd = page_go(&page);
		status = watching_follow(watching);
	}
	return page_end(&page, status);
}

static int list_run(struct watching *watching, const struct options *options, const char *directory,
		    int argc, char **argv)
{
	int status;

	watching->is_list = true;
	status = words_take(watching, options, argc, argv);
	watching->format = format_of(options, true, &watching->request.page);
	if (status == DONE)
		status = watching_begin(watching, options, directory);
	if (status != DONE)
		return status;
	watching->format->begin();
	return watching_tell(watching, SNT_OPEN);
}

/* Where COMMAND begins, after "--"; 0: nowhere. */
static int command_at(int argc, char **argv)
{
	for (int i = 0; i < argc - 1; i++)
		if (!strcmp(argv[i], "--"))
			return i + 1;
	return 0;
}

static int run_run(struct watching *watching, const struct options *options, const char *directory,
		   int argc, char **argv)
{
	int command = command_at(argc, argv), status;

	if (!command)
		return misuse("run takes \"--\" and a command after its words");
	status = words_take(watching, options, command - 1, argv);
	if (status == DONE)
		status = snitch_follow_run(&watching->request);
	return status == DONE ? run_command_watched(watching, options, directory, argv + command)
			      : status;
}

static int try_run(struct watching *watching, const struct options *options, const char *directory)
{
	int status = snitch_parse(0, NULL, false, &watching->request);

	watching->request.filter.pid = getpid();
	watching->format = &snitch_try;
	if (status == DONE)
		status = watching_begin(watching, options, directory);
	if (status == DONE)
		status = try_connect();
	if (status != DONE)
		return status;
	ring_buffer__consume(watching->running.events);
	return try_judge();
}

int snitch_command(const struct options *options, int argc, char **argv)
{
	struct watching watching = {
		.until_fd = -1,
		.request.cgroup_root = options->cgroup_root,
	};
	int status;

	if (!argc)
		return misuse("snitch takes the folder of the objects, and words");
	if (argc == 2 && !strcmp(argv[1], "try")) {
		status = try_run(&watching, options, argv[0]);
	} else if (argc > 1 && !strcmp(argv[1], "list")) {
		status = list_run(&watching, options, argv[0], argc - 2, argv + 2);
	} else if (argc > 1 && !strcmp(argv[1], "top")) {
		status = top_words_run(&watching, options, argv[0], argc - 2, argv + 2);
	} else if (argc > 1 && !strcmp(argv[1], "run")) {
		status = run_run(&watching, options, argv[0], argc - 2, argv + 2);
	} else {
		status = watch_run(&watching, options, argv[0], argc - 1, argv + 1);
	}
	watching_end(&watching);
	return status;
}
