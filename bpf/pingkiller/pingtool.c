// SPDX-License-Identifier: GPL-2.0-or-later
/* pingkiller as the house knows it. */
#include "ping.h"
#include "tools.h"

static const struct command commands[] = {
	{ "ping", ping_command },
	{ NULL, NULL },
};

static const char *const words[] = {
	"dev", "show", "stats", "plot", "stop", "doctor", "help", NULL
};

static const char *const options[] = { "-n", "-j", "-v", "--dry-run", "-V", NULL };

static const struct program programs[] = {
	{ "pingkiller.o", "pk_xdp", BY_PIN, false, "drops pings in XDP",
	  "hook native and hook generic are refused", "pk_tc" },
	{ "pingkiller.o", "pk_tc", BY_PIN, false, "drops pings in tc", "hook tc is refused",
	  "pk_xdp" },
};

const struct tool pingkiller_tool = {
	.name = "pingkiller",
	.speaker = "pingkiller.sh",
	.programs = { programs, sizeof(programs) / sizeof(programs[0]) },
	.commands = commands,
	.vocabulary = { &ping_grammar, words, options },
};
