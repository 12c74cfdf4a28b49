/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_SNITCHTOP_H
#define VSH_SNITCHTOP_H

#include "watching.h"

/* The request is there. DONE, or FAILED after a message. */
int top_run(struct watching *watching, const struct options *options, const char *directory);

#endif
