// SPDX-License-Identifier: GPL-2.0-or-later
/* latesignal NUMBER: waits as a command does until a signal ends it, and gets signal NUMBER in the worst moment: there
 * was none yet as it looked, and it does not wait yet. Prints "ended", or "slept" if it has waited for all its time.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static int ppoll_late(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
		      const sigset_t *mask);

#define ppoll ppoll_late
#include "lib/signals.c"
#undef ppoll

#define TIME_NS 2000000000

static int number;

static int ppoll_late(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
		      const sigset_t *mask)
{
	raise(number);
	return ppoll(descriptors, count, timeout, mask);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	number = atoi(argv[1]);
	ends_catch();
	puts(ends_poll(NULL, 0, TIME_NS) < 0 && errno == EINTR && is_ended() ? "ended" : "slept");
	return 0;
}
