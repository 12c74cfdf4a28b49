// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "signals.h"

#define NS_PER_S 1000000000

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, END_SIGNAL };

#define ENDING_COUNT (sizeof(ending) / sizeof(ending[0]))

static volatile sig_atomic_t ended;

static void end_mark(int signal)
{
	(void)signal;
	ended = 1;
}

bool is_ignored(int number)
{
	struct sigaction before;

	return !sigaction(number, NULL, &before) && before.sa_handler == SIG_IGN;
}

void ends_catch(void)
{
	struct sigaction action = { .sa_handler = end_mark };

	for (size_t i = 0; i < ENDING_COUNT; i++)
		if (ending[i] == END_SIGNAL || !is_ignored(ending[i]))
			sigaction(ending[i], &action, NULL);
}

void ends_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, END_SIGNAL);
	if (parent && getppid() != parent)
		ended = 1;
}

bool is_ended(void)
{
	return ended;
}

void ends_forget(void)
{
	ended = 0;
}

/* Blocked, none of them comes between the look at the mark and the waiting, which would sleep over it. */
int ends_poll(struct pollfd *descriptors, nfds_t count, uint64_t timeout_ns)
{
	struct timespec timeout = {
		.tv_sec = timeout_ns / NS_PER_S,
		.tv_nsec = timeout_ns % NS_PER_S,
	};
	sigset_t blocked, before;
	int ready = -1, error = EINTR;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ENDING_COUNT; i++)
		sigaddset(&blocked, ending[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	if (!is_ended()) {
		ready = ppoll(descriptors, count, timeout_ns == UINT64_MAX ? NULL : &timeout,
			      &before);
		error = errno;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return ready;
}
