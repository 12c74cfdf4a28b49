// SPDX-License-Identifier: GPL-2.0-or-later
/* What tracepkt calls a reason for which the kernel drops: reason NUMBER */
#include <stdio.h>
#include <stdlib.h>
#include "lib/kernelbtf.c"
#include "tracepkt/reason.c"

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	puts(drop_reason_name(strtoul(argv[1], NULL, 10)));
	return 0;
}
