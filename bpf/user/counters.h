/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_COUNTERS_H
#define VSH_COUNTERS_H

#include "vsh.h"

/* One direction of a rule, summed over all CPUs. 0 or -errno. */
int counters_read(uint32_t id, enum vsh_direction direction, struct vsh_stats *sum);

/* The 95 % Wilson score interval of a share: E. B. Wilson, "Probable Inference, the
 * Law of Succession, and Statistical Inference" (1927). 0..1; seen is not 0.
 */
void wilson_interval(uint64_t dropped, uint64_t seen, double *low, double *high);

#endif
