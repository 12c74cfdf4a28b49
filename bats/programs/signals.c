// SPDX-License-Identifier: GPL-2.0-or-later
/* signals: counts the signals that it gets. Prints "ready", for each signal "caught", and when none has come for a
 * second after the first, a line "NAME COUNT" for each; ends with 3. Its handler is slow, so that
 * a second signal of one kind comes while the first is still at work, and is counted, too.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define QUIET_SECONDS 1
#define HANDLER_NS 100000000
#define LIFETIME_SECONDS 300

static const struct {
	const char *name;
	int number;
} kinds[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },
	{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static volatile sig_atomic_t counts[NSIG], all;

static void count(int number)
{
	static const char line[] = "caught\n";
	struct timespec pause = { .tv_nsec = HANDLER_NS };

	if (write(STDOUT_FILENO, line, sizeof(line) - 1) < 0)
		_exit(1);
	counts[number]++;
	all++;
	nanosleep(&pause, NULL);
}

int main(void)
{
	struct sigaction action = { .sa_handler = count };
	struct timespec quiet = { .tv_sec = QUIET_SECONDS };
	int before;

	alarm(LIFETIME_SECONDS);
	for (size_t i = 0; i < KINDS; i++)
		sigaction(kinds[i].number, &action, NULL);
	puts("ready");
	fflush(stdout);
	do {
		before = all;
		nanosleep(&quiet, NULL);
	} while (!all || all != before);
	for (size_t i = 0; i < KINDS; i++)
		if (counts[kinds[i].number])
			printf("%s %d\n", kinds[i].name, (int)counts[kinds[i].number]);
	return 3;
}
