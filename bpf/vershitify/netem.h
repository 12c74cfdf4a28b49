/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tc is told about the queues of an ifb. Each time and rate has its unit: a bare time means
 * microseconds to tc before 6.9, nanoseconds since.
 */
#ifndef VSH_NETEM_H
#define VSH_NETEM_H

#include <stdbool.h>
#include <stdio.h>
#include "hold.h"

/* Are packets held or altered at all? */
bool hold_is_asked(const struct vsh_hold *hold);

/* "delay 100ms 10ms distribution normal corrupt 1%": what is asked of netem but for the limit, each word and its values
 * after a character.
 */
void hold_words(FILE *out, char before, const struct vsh_hold *hold);

/* The words after "netem", as in "limit 1000 delay 100ms". before: what this netem has been told so far, or
 * NULL for a new one. A netem keeps what it is not told; so what was before and is not now is said, too.
 */
void hold_args(FILE *out, const struct vsh_hold *hold, const struct vsh_hold *before);

/* false: no words make the netem forget what it was told (a table); a new one has to take its place. */
bool hold_is_changeable(const struct vsh_hold *hold, const struct vsh_hold *before);

/* The words after "tbf", as in "rate 1250000bps burst 6564 limit 6564"; where there is no rate, those of
 * one that holds nothing up. Its own limit counts only until netem is below it.
 */
void hold_shaper_args(FILE *out, const struct vsh_hold *hold);

/* The limit that a hold without one gets, in packets: half as much again as are on their way at the rate, or
 * at 10 Gbit/s, for the delay and four times the jitter; 1,000 at least, as netem's own, and 100,000 at most.
 */
__u32 hold_limit(const struct vsh_hold *hold);

#endif
