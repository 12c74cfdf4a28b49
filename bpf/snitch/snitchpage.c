// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh page DIR RECORDING [WORDS]: a page of what snitch.sh -j has printed; DIR holds the page's program, "-" is standard
 * input. And the same while it is printed. The program has no privileges: it gets a pipe, and a file is written here, from
 * what it prints.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "connection.h"
#include "output.h"
#include "signals.h"

#define WORDS_MAX 10

/* The command line of snitch-page. */
struct page_program {
	char path[PATH_MAX], port[24];
	char *words[WORDS_MAX];
};

static void word_add(struct page_program *program, const char *word)
{
	char **end = program->words;

	while (*end)
		end++;
	*end = (char *)word;
}

static void option_add(struct page_program *program, const char *option, const char *value)
{
	if (!value)
		return;
	word_add(program, option);
	word_add(program, value);
}

static void program_fill(struct page_program *program, const struct page_wish *wish,
			 const char *directory, bool stays)
{
	*program = (struct page_program){};
	snprintf(program->path, sizeof(program->path), "%s/snitch-page", directory);
	snprintf(program->port, sizeof(program->port), "%llu", (unsigned long long)wish->port);
	word_add(program, program->path);
	option_add(program, "-g", wish->geo);
	option_add(program, "-h", wish->home);
	if (!wish->is_live)
		return;
	word_add(program, stays ? "-lk" : "-l");
	option_add(program, "-p", program->port);
}

/* DONE, or a message and FAILED; the program is not there, or does not come back. */
static int program_run(const struct page_wish *wish, struct page_program *program)
{
	int err;

	if (wish->is_live) {
		execv(program->path, program->words);
		return failure("cannot run %s: %s", program->path, strerror(errno));
	}
	err = output_make(wish->file, program->words);
	if (err == -ECHILD)
		return failure("cannot make %s", quoted(wish->file));
	if (err)
		return failure("cannot write %s: %s", quoted(wish->file), output_error(err));
	return DONE;
}

/* What ends the watching does not end it: it has to hear all first. A watching that has not begun has no page. */
static void writer_run(const struct page_wish *wish, struct page_program *program, int go)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, END_SIGNAL };
	int err = netns_leave();
	char byte;

	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		signal(ending[i], SIG_IGN);
	if (read(go, &byte, 1) != 1)
		_exit(FAILED);
	if (err)
		failure("cannot return to the network namespace of before: %s", strerror(-err));
	_exit(err ? FAILED : program_run(wish, program));
}

int page_begin(struct page *page, const struct page_wish *wish, const char *directory)
{
	struct page_program program;
	int ends[2], go[2];

	if (!wish->file && !wish->is_live)
		return DONE;
	program_fill(&program, wish, directory, false);
	if (pipe2(ends, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return failure("cannot make a pipe: %s", strerror(errno));
	fflush(stdout);
	page->writer = fork();
	if (page->writer < 0)
		return failure("cannot start a process: %s", strerror(errno));
	if (!page->writer) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[1]);
		close(go[1]);
		writer_run(wish, &program, go[0]);
	}
	close(ends[0]);
	close(go[0]);
	page->go = go[1];
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	signal(SIGPIPE, SIG_IGN);
	return DONE;
}

int page_go(const struct page *page)
{
	if (page->writer <= 0 || write(page->go, "", 1) != 1)
		return -1;
	return syscall(SYS_pidfd_open, page->writer, 0);
}

/* So that the writer sees the end. */
static void output_close(void)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

	output_flush();
	dup2(nothing, STDOUT_FILENO);
	close(nothing);
}

int page_end(struct page *page, int status)
{
	int its;

	if (page->writer <= 0)
		return status;
	output_close();
	close(page->go);
	while (waitpid(page->writer, &its, 0) < 0)
		if (errno != EINTR)
			return FAILED;
	return WIFEXITED(its) && !WEXITSTATUS(its) ? status : FAILED;
}

/* DONE, or a message and FAILED. */
static int recording_open(const char *name)
{
	int fd;

	if (!strcmp(name, "-"))
		return DONE;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failure("cannot read %s: %s", quoted(name), strerror(errno));
	dup2(fd, STDIN_FILENO);
	if (fd != STDIN_FILENO)
		close(fd);
	return DONE;
}

int page_command(const struct options *options, int argc, char **argv)
{
	struct page_program program;
	struct page_wish wish;
	int status;

	(void)options;
	if (argc < 1)
		return misuse("page takes the folder of its program, a recording, and words");
	if (argc < 2)
		return misuse("page of what? (a file that snitch.sh -j has printed, or -)");
	status = page_parse(argc - 2, argv + 2, &wish);
	if (status == DONE)
		status = recording_open(argv[1]);
	if (status != DONE)
		return status;
	program_fill(&program, &wish, argv[0], true);
	ends_catch();
	return program_run(&wish, &program);
}
