// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "signals.h"

static volatile sig_atomic_t ended;

static void end_mark(int signal)
{
	(void)signal;
	ended = 1;
}

/* nohup(1), and a shell for what it starts in the background, have signals ignored on purpose. */
static void unignored_catch(int number, const struct sigaction *action)
{
	struct sigaction before;

	if (!sigaction(number, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(number, action, NULL);
}

void ends_catch(void)
{
	struct sigaction action = { .sa_handler = end_mark };

	unignored_catch(SIGHUP, &action);
	unignored_catch(SIGINT, &action);
	unignored_catch(SIGQUIT, &action);
	unignored_catch(SIGTERM, &action);
	sigaction(END_SIGNAL, &action, NULL);
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
