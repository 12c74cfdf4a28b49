// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stddef.h>
#include "vsh.h"

/* nohup(1), and a shell for what it starts in the background, have signals ignored on purpose. */
static void unignored_catch(int number, const struct sigaction *action)
{
	struct sigaction before;

	if (!sigaction(number, NULL, &before) && before.sa_handler != SIG_IGN)
		sigaction(number, action, NULL);
}

void ends_catch(void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler };

	unignored_catch(SIGHUP, &action);
	unignored_catch(SIGINT, &action);
	unignored_catch(SIGQUIT, &action);
	unignored_catch(SIGTERM, &action);
	sigaction(END_SIGNAL, &action, NULL);
}
