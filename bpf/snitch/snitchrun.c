// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh snitch DIR run [WORDS] -- COMMAND [ARG...]: watches COMMAND and its descendants, from its first instruction to
 * its end, and ends with its status, or 128 and the signal that ended it. What is told goes to standard error: the
 * other output is COMMAND's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "maps.h"
#include "signals.h"
#include "snitchrun.h"
#include "tally.h"

static volatile pid_t command;

/* What the terminal or the kernel sends has come to the whole group, and to COMMAND as well. */
static void signal_pass(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (command && info->si_code != SI_KERNEL)
		kill(command, number);
}

static const int passed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

/* But those that were ignored when we began: they stay so, for COMMAND as well. */
static void signals_handle(const struct sigaction *action)
{
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (!is_ignored(passed[i]))
			sigaction(passed[i], action, NULL);
}

static void signals_pass(void)
{
	const struct sigaction action = { .sa_sigaction = signal_pass,
					  .sa_flags = SA_SIGINFO | SA_RESTART };

	signals_handle(&action);
}

static void signals_block(sigset_t *before)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(&blocked, passed[i]);
	sigprocmask(SIG_BLOCK, &blocked, before);
}

/* Becomes COMMAND when it is told to go on, and nothing if nobody is there to tell. A signal ends it also before that. */
static void command_become(int go, char **argv, const sigset_t *unblocked)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };
	char byte;

	signals_handle(&action);
	sigprocmask(SIG_SETMASK, unblocked, NULL);
	if (read(go, &byte, 1) != 1)
		_exit(NOT_SET_UP);
	_exit(process_become(argv));
}

/* The descriptor by which it is told to go on, or -errno. A signal that comes meanwhile waits until there is somebody to
 * pass it to.
 */
static int command_start(char **argv)
{
	sigset_t unblocked;
	int go[2], err;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	signals_block(&unblocked);
	command = fork();
	err = command < 0 ? -errno : 0;
	if (!command) {
		close(go[1]);
		command_become(go[0], argv, &unblocked);
	}
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	close(go[0]);
	if (err)
		close(go[1]);
	return err ?: go[1];
}

/* false: a signal has ended it already. */
static bool command_go(int go)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	bool is_told = write(go, "", 1) == 1;

	signal(SIGPIPE, before);
	close(go);
	return is_told;
}

static int command_end(void)
{
	int status = 0;

	while (waitpid(command, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- what it has done -------------------------------------------------------------------------- */

static struct tally *tally;
static const struct snitch_format *more; /* that was asked for besides; NULL: the sums alone */

static void begin(void)
{
	if (more)
		more->begin();
}

static unsigned int event_take(const struct snt_event *event, uint64_t lines)
{
	tally_take(tally, event);
	return more ? more->event(event, lines) : 0;
}

static void lost_take(uint64_t events, uint64_t unfollowed)
{
	if (more)
		more->lost(events, unfollowed);
}

static bool is_open(void)
{
	return tally_all(tally)->open;
}

static const struct snitch_format summing = { begin, event_take, lost_take, is_open, NULL };

static void sums_print(const struct tally_sums *sums)
{
	printf("%7llu %6llu %12llu %12llu %6llu  ",
	       (unsigned long long)(sums->open + sums->ended + sums->failed),
	       (unsigned long long)sums->failed, (unsigned long long)sums->sent,
	       (unsigned long long)sums->received, (unsigned long long)sums->retransmits);
}

static void row_print(const struct tally_row *row)
{
	const struct snt_event *last = &row->last;
	char text[ENDPOINT_LEN];

	sums_print(&row->sums);
	if (row->is_others) {
		printf("others\n");
		return;
	}
	print_word(stdout, last->process.comm, strnlen(last->process.comm, SNT_COMM_LEN));
	printf(" %s %s\n", last->protocol == IPPROTO_TCP ? "tcp" : "udp",
	       last->is_passive ? address_text(text, last->remote)
				: endpoint_text(text, last->remote, last->remote_port));
}

static void summary_print(void)
{
	size_t count;
	const struct tally_row **rows = tally_rows(tally, TALLY_BYTES, &count);

	printf("%7s %6s %12s %12s %6s  %s\n", "CONNS", "FAILED", "SENT", "RECEIVED", "RETR",
	       "PROCESS, PROTOCOL AND REMOTE");
	for (size_t i = 0; rows && i < count; i++)
		row_print(rows[i]);
	sums_print(tally_all(tally));
	printf("in all\n");
	free(rows);
}

/* --- the run ----------------------------------------------------------------------------------- */

static int run_begin(struct watching *watching, const struct options *options,
		     const char *directory)
{
	int status;

	tally = tally_open(TALLY_SUMMARY);
	if (!tally)
		return failure("cannot sum: %s", strerror(ENOMEM));
	more = options->json || watching->request.extended ? watching->format : NULL;
	watching->format = &summing;
	status = watching_begin(watching, options, directory);
	return status == DONE ? targets_add(watching->targets, command) : status;
}

/* COMMAND waits meanwhile for go; without a word there it ends. */
static int run_watch(struct watching *watching, const struct options *options,
		     const char *directory, int go)
{
	int status = run_begin(watching, options, directory);

	if (status != DONE) {
		close(go);
		command_end();
		return NOT_SET_UP;
	}
	if (!command_go(go))
		return command_end();
	watching->until_fd = syscall(SYS_pidfd_open, command, 0);
	if (watching->until_fd < 0)
		return failure("cannot wait for the command: %s", strerror(errno));
	watching->format->begin();
	watching_follow(watching);
	status = command_end();
	if (!options->json)
		summary_print();
	tally_close(tally);
	return status;
}

int run_command_watched(struct watching *watching, const struct options *options,
			const char *directory, char **argv)
{
	int go, out;

	signals_pass();
	go = command_start(argv);
	if (go < 0) {
		complain("cannot start the command: %s", strerror(-go));
		return NOT_SET_UP;
	}
	out = dup2(STDERR_FILENO, STDOUT_FILENO);
	if (out < 0)
		complain("cannot print: %s", strerror(errno));
	return run_watch(watching, options, directory, go);
}
