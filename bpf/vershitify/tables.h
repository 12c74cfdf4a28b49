/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files, walked through by tables of descriptors. */
#ifndef VSH_TABLES_H
#define VSH_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "scan.h"

struct walk {
	const char *pin; /* of an iterator over files */
	size_t size; /* of what it writes */
	iterator_seen *seen;
	void *context;
	bool everybody; /* also processes that are under no rule */
	uint64_t *sum; /* what seen() adds up of a table; NULL: it does not */
	/* Before everything is visited once more, after some of it was: 0 or -errno. NULL: nothing to do. */
	int (*restart)(void *context);
};

/* Visits each file at least once, but where many processes have the same files open, as they have
 * after a fork, by the table of one of them. It costs a visit for each descriptor of the tables that
 * differ, and a hundredth of that for each of the others. 0 or -errno, as iterator_read().
 */
int tables_walk(const struct walk *walk);

#endif
