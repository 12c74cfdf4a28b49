/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that several words take. Each reads one argument: DONE, or a message that says
 * what is accepted, and FAILED or MISUSED.
 */
#ifndef VSH_VALUES_H
#define VSH_VALUES_H

#include "grammar.h"

/* The index of a device of this namespace; its name has less than IFNAMSIZ bytes then. */
int device_find(const char *name, uint32_t *ifindex);

/* Millionths of a percent, 0..PERCENT_MAX. */
int percent_value(struct cursor *cursor, uint64_t *millionths);

/* Nanoseconds, more than 0, at most 10 years. */
int time_value(struct cursor *cursor, uint64_t *ns);

/* The same, where a bare number is seconds. */
int seconds_value(struct cursor *cursor, uint64_t *ns);

/* what: as in "a number of packets". */
int number_value(struct cursor *cursor, const char *what, uint64_t min, uint64_t max,
		 uint64_t *number);

#endif
