// SPDX-License-Identifier: GPL-2.0-or-later
/* tracepkt as the house knows it. */
#include "tools.h"
#include "trace.h"

static const struct command commands[] = {
	{ "trace", trace_command },
	{ NULL, NULL },
};

static const char *const words[] = { "doctor", "help", NULL };

static const char *const options[] = { "-n", "-j", "-color", "-v", "--dry-run", "-V", NULL };

static const struct program programs[] = {
	{ "tracepkt.o", "tpk_queue", BY_RUN, true, "sees packets that are handed to a device",
	  "the way out is not seen", NULL },
	{ "tracepkt.o", "tpk_xmit", BY_RUN, false, "sees packets that are handed to a driver",
	  "devices without a queue discipline's hook are not seen on the way out", NULL },
	{ "tracepkt.o", "tpk_netif_rx", BY_RUN, true, "sees what virtual devices receive",
	  "the way in through veth devices is not seen", NULL },
	{ "tracepkt.o", "tpk_receive", BY_RUN, true, "sees what devices receive",
	  "the way in is not seen", NULL },
	{ "tracepkt.o", "tpk_list", BY_RUN, false, "sees what devices receive in batches",
	  "devices that receive in batches are not seen on the way in", NULL },
	{ "tracepkt.o", "tpk_gro", BY_RUN, false, "sees what drivers receive",
	  "real devices are not seen on the way in", NULL },
	{ "tracepkt.o", "tpk_read", BY_RUN, false, "sees what programs read",
	  "when an answer was read is not seen", NULL },
	{ "tracepkt.o", "tpk_tcp", BY_RUN, false, "sees what connections receive",
	  "that TCP has got a packet is not seen before it is read", NULL },
	{ "tracepkt.o", "tpk_drop", BY_RUN, true, "sees what the kernel drops, and why",
	  "losses are not seen", NULL },
	{ "tracepkt.o", "tpk_consume", BY_RUN, true, "sees where packets end",
	  "a packet would be taken for a later one in the same place of memory", NULL },
};

const struct tool tracepkt_tool = {
	.name = "tracepkt",
	.speaker = "tracepkt.sh",
	.programs = { programs, sizeof(programs) / sizeof(programs[0]) },
	.commands = commands,
	.vocabulary = { &trace_grammar, words, options, &filter_grammar },
};
