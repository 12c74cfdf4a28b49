/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rules drop, for those who trace packets: see struct vsh_dropped. */
#ifndef VSH_DROPS_H
#define VSH_DROPS_H

#include <stdbool.h>

/* Rules leave their verdicts for tracers that watch them. Again and again while they do. */
void rules_watch(bool is_on);

#endif
