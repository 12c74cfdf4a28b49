// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh run ID COMMAND [ARG...]: starts COMMAND as exec does, passes signals on to it, and ends
 * with its status, or 128 and the signal that ended it. For the script of a run, which writes
 * the name of each signal that it gets as a line to PASS_FD.
 *
 * All three stay in the process group of the run, as without us: the terminal is COMMAND's to
 * read and write, and its signals stop, continue and end all of them. But what came to the whole
 * group must not be passed on, since COMMAND has it already. This process tells: it is in the
 * group, and nobody names it alone. It keeps these signals blocked; one that the script has
 * and that is not pending here was for the script alone. (The kernel signals a group from its
 * youngest member on, see attach_pid() and __kill_pgrp_info(): this one before the script.)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "standing.h"
#include "words.h"

#define PASS_FD 7
#define LOOK_MS 500

static const struct {
	const char *name;
	int number;
} passed[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM },
};

#define PASSED_COUNT (sizeof(passed) / sizeof(passed[0]))

/* The signals that a process ignores, by their bits. */
static uint64_t ignored_by(pid_t pid)
{
	unsigned long long bits = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigIgn: %llx", &bits) == 1)
			break;
	if (file)
		fclose(file);
	return bits;
}

/* A shell starts what it does not wait for with these ignored: COMMAND gets them as the script
 * has got them from its caller.
 */
static void interrupts_restore(void)
{
	uint64_t ignored = ignored_by(getppid());

	if (!(ignored >> (SIGINT - 1) & 1))
		signal(SIGINT, SIG_DFL);
	if (!(ignored >> (SIGQUIT - 1) & 1))
		signal(SIGQUIT, SIG_DFL);
}

/* Takes a signal that is pending. false: there is none. */
static bool pending_take(int number)
{
	static const struct timespec now;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	return sigtimedwait(&set, NULL, &now) == number;
}

static void signal_pass(const char *name, pid_t command)
{
	for (size_t i = 0; i < PASSED_COUNT; i++)
		if (!strcmp(name, passed[i].name) && !pending_take(passed[i].number))
			kill(command, passed[i].number);
}

/* Lines are written and read whole (PIPE_BUF). */
static void signals_pass(pid_t command)
{
	char text[512], *rest = text;
	ssize_t length = read(PASS_FD, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	for (char *name; (name = strsep(&rest, "\n"));)
		signal_pass(name, command);
}

/* A run goes on without its rule, but not in silence. */
static void rule_watch(const struct options *options, uint32_t id, struct news *news)
{
	struct sight sights[VSH_RULES_MAX] = {};
	struct state state;
	const struct sight *sight = &sights[id];

	if (state_read(&state) || !state.present || !rule_exists(&state.rules[id]))
		return;
	sights_look(options, &state, 1ULL << id, sights);
	if (news_take(news, sight))
		complain("rule %u: %s%s%s", id + 1, standing_name(sight->standing),
			 sight->why[0] ? ": " : "", sight->why);
}

/* Until COMMAND has ended: its status as waitpid() has it. */
static int command_wait(const struct options *options, uint32_t id, pid_t command, int ends)
{
	struct news news = {};
	struct pollfd polls[] = {
		{ .fd = ends, .events = POLLIN },
		{ .fd = PASS_FD, .events = POLLIN },
	};
	struct signalfd_siginfo info;
	int status;

	for (;;) {
		int ready = poll(polls, 2, LOOK_MS);

		if (ready < 0 && errno != EINTR)
			return W_EXITCODE(FAILED, 0);
		if (!ready)
			rule_watch(options, id, &news);
		if (polls[1].revents & POLLIN)
			signals_pass(command);
		if ((polls[0].revents & POLLIN) && read(ends, &info, sizeof(info)) < 0)
			return W_EXITCODE(FAILED, 0);
		if (waitpid(command, &status, WNOHANG) == command)
			return status;
	}
}

/* Blocks what is to be waited for or to be told apart, and keeps the mask from before. */
static int signals_begin(sigset_t *before)
{
	sigset_t blocked, ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	blocked = ends;
	for (size_t i = 0; i < PASSED_COUNT; i++)
		sigaddset(&blocked, passed[i].number);
	sigprocmask(SIG_BLOCK, &blocked, before);
	interrupts_restore();
	return signalfd(-1, &ends, SFD_CLOEXEC);
}

int run_command(const struct options *options, int argc, char **argv)
{
	uint64_t number;
	sigset_t before;
	int status, ends;
	pid_t command;

	if (argc < 2 || number_parse(argv[0], VSH_RULES_MAX, &number) || !number)
		return misuse("run takes a rule's number and a command");
	if (fcntl(PASS_FD, F_SETFD, FD_CLOEXEC))
		return misuse("run takes the names of signals from descriptor %d", PASS_FD);
	ends = signals_begin(&before);
	command = ends < 0 ? -1 : fork();
	if (command < 0) {
		complain("cannot start the command: %s", strerror(errno));
		return NOT_SET_UP;
	}
	if (!command) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(exec_command(options, argc, argv));
	}
	/* If the script is killed, nobody writes to PASS_FD any more, and COMMAND goes on alone. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	status = command_wait(options, number - 1, command, ends);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
