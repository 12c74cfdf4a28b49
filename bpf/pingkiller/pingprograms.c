// SPDX-License-Identifier: GPL-2.0-or-later
#include "programs.h"
#include "tools.h"

static const struct program rows[] = {
	{ "pingkiller.o", "pk_xdp", BY_PIN, false, "drops pings in XDP",
	  "hook native and hook generic are refused", "pk_tc" },
	{ "pingkiller.o", "pk_tc", BY_PIN, false, "drops pings in tc", "hook tc is refused",
	  "pk_xdp" },
};

const struct program_table pingkiller_programs = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
