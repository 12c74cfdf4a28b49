/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* Why packets of a target may escape a rule, though nothing has failed that a command could tell of.
 *
 * The numbers are public: they are the index of vsh_misses.times, as `bpftool map dump` prints it. A
 * new reason takes the next number. One that is no longer given keeps its line, with "reserved" for
 * a comment, and its number is not used again.
 */
#ifndef VERSHITIFY_MISSES_H
#define VERSHITIFY_MISSES_H

enum vsh_miss {
	/* as often as it has happened since the rule was made: */
	VSH_PROCESS_FULL = 1, /* a process began, and vsh_tasks was full */
	VSH_PROCESS_MEMORY = 2, /* a process began, and there was no memory for it in vsh_tasks */
	VSH_SOCKET_NEW = 3, /* a socket was made or passed, and there was no memory for its tag */
	VSH_SUBFLOW = 4, /* the same of a subflow of MPTCP, of whatever rule */
	VSH_CONNECTION = 5, /* a TCP connection could not be remembered for after its end */
	VSH_CGROUP_NEW = 6, /* a cgroup was made anew, and could not be followed */
	VSH_CLOSED = 7, /* closed with unsent data before the rule, by whomever */
	/* as the last scan has found it: */
	VSH_PROCESS_RUNNING = 8, /* a process for which vsh_tasks has no room or no memory */
	VSH_SOCKET_OPEN = 9, /* an open socket for whose tag there is no memory */
	VSH_SOCKET_FIXED = 10, /* a socket that is nowhere open but in a ring of io_uring */
	VSH_MISSES, /* not a reason: their end */
};

#define VSH_MISSES_OF_SCANS VSH_PROCESS_RUNNING /* the first of those */
#define VSH_MISSES_ROOM 16 /* a power of two, to bound an index */

#endif
