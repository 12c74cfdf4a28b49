/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to devices, as the kernel tells it: they are made, deleted, renamed, moved, brought up
 * and down, and what tc has on them is changed. Of BPF links it tells nothing: what hangs on one has
 * to be looked at from time to time as well.
 */
#ifndef VSH_LINKS_H
#define VSH_LINKS_H

#include <stdbool.h>
#include <stdint.h>

/* Listens in the caller's network namespace, also after the caller has left it. A descriptor, which
 * can be read when something has happened (poll(2)) and is the caller's to close, or -errno.
 */
int links_listen(void);

/* Takes all that has been told and does not wait. True: something has happened to the device of that
 * number, or to any if it is 0; or more has happened than could be kept. It can be under way still:
 * a device that goes is told of when it is down, and again when it is gone.
 */
bool links_changed(int fd, uint32_t ifindex);

#endif
