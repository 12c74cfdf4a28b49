/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_SCAN_H
#define VSH_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Called for each entry, of a fixed size, that an iterator writes. */
typedef void iterator_seen(const void *entry, void *context);

/* Reads an iterator to its end. 0 or -errno. */
int entries_read(int fd, iterator_seen *seen, void *context, size_t size);

/* 0 or -errno; -ENOENT: not set up; -EOPNOTSUPP: set up without this iterator, which the
 * kernel has refused.
 */
int iterator_read(const char *pin, iterator_seen *seen, void *context, size_t size);

/* Tags what is there; adds what was new to the counts. 0 or -errno. */
int scan(uint64_t *processes, uint64_t *sockets);

#endif
