/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_SNITCHRUN_H
#define VSH_SNITCHRUN_H

#include "watching.h"

/* Starts COMMAND and watches it; the request is there. Its status, or NOT_SET_UP after a message. */
int run_command_watched(struct watching *watching, const struct options *options,
			const char *directory, char **argv);

#endif
