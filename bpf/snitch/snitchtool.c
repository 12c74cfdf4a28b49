// SPDX-License-Identifier: GPL-2.0-or-later
/* snitch as the house knows it. */
#include "connection.h"
#include "tools.h"

static const struct command commands[] = {
	{ "snitch", snitch_command },
	{ NULL, NULL },
};

static const char *const words[] = { "list", "doctor", "help", NULL };

static const char *const options[] = { "-n", "-j", "-v", "--dry-run", "-V", NULL };

static const struct program programs[] = {
	{ "snitch.o", "snt_state", BY_RUN, true, "sees connections begin and end",
	  "no connection is seen", NULL },
	{ "snitch.o", "snt_nested", BY_RUN, false,
	  "sees the same while the other one is interrupted",
	  "beginnings and ends of a few connections in ten thousand can be missed on a busy machine",
	  NULL },
	{ "snitch.o", "snt_look", BY_HAND, true, "reads the bytes of open connections",
	  "traffic is not seen before a connection ends", NULL },
	{ "snitch.o", "snt_exit", BY_RUN, false,
	  "sees who accepts, and why a connect fails at once",
	  "accepted connections are told to be their listener's, and connects that fail at once are not seen",
	  NULL },
	{ "snitch.o", "snt_connect4", BY_HAND, false, "sees IPv4 connects before they can fail",
	  "IPv4 connects that fail at once are not seen", NULL },
	{ "snitch.o", "snt_connect6", BY_HAND, false, "sees IPv6 connects before they can fail",
	  "IPv6 connects that fail at once are not seen", NULL },
	{ "snitch.o", "snt_files", BY_HAND, false, "finds connections that are open already",
	  "connections that were open before are not seen", NULL },
};

const struct tool snitch_tool = {
	.name = "snitch",
	.speaker = "snitch.sh",
	.programs = { programs, sizeof(programs) / sizeof(programs[0]) },
	.commands = commands,
	.vocabulary = { &snitch_grammar, words, options },
};
