/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signals that end a command which goes on until then. */
#ifndef VSH_SIGNALS_H
#define VSH_SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define END_SIGNAL SIGUSR1 /* by which its script ends it */

/* nohup(1), and a shell for what it starts in the background, have signals ignored on purpose. */
bool is_ignored(int number);

/* From here on they only set a mark. Those that were ignored when the command began stay so. */
void ends_catch(void);

/* Ends it with its script, even if that is killed. parent: the script's process, or 0: unknown. */
void ends_with_parent(pid_t parent);

bool is_ended(void);

/* That end has been obeyed: what is still to be done ends at the next one. */
void ends_forget(void);

/* ppoll(2), which a signal that ends the command ends as well, also one that has come before: then -1, and errno
 * is EINTR. timeout_ns: UINT64_MAX for ever.
 */
int ends_poll(struct pollfd *descriptors, nfds_t count, uint64_t timeout_ns);

#endif
