// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh ping draw FILE COMMAND [WORD]...: FILE becomes what COMMAND prints. */
#include <errno.h>
#include "output.h"
#include "ping.h"
#include "signals.h"

int ping_draw_command(const struct options *options, int argc, char **argv)
{
	int err;

	(void)options;
	if (argc < 2)
		return misuse("draw takes a file and a command");
	ends_catch();
	err = output_make(argv[0], argv + 1);
	if (!err)
		return DONE;
	if (err == -ECHILD)
		return failure("%s has drawn nothing", quoted(argv[1]));
	return failure("cannot write %s: %s", quoted(argv[0]), output_error(err));
}
