// SPDX-License-Identifier: GPL-2.0-or-later
/* snitch as the house knows it. */
#include "connection.h"
#include "reaction.h"
#include "timeline.h"
#include "tools.h"

static const struct command commands[] = {
	{ "snitch", snitch_command }, { "tcp", tcp_command }, { "timeline", timeline_command },
	{ "page", page_command },     { NULL, NULL },
};

static const char *const words[] = { "list", "top", "run", "tcp", "page", "doctor", "help", NULL };

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
	{ "snitch.o", "snt_sent", BY_HAND, false, "sees datagrams of UDP that are sent",
	  "UDP that is sent is not seen", NULL },
	{ "snitch.o", "snt_received", BY_HAND, false, "sees datagrams of UDP that come in",
	  "UDP that comes in is not seen", NULL },
	{ "snitch.o", "snt_created", BY_HAND, false, "sees who opens a socket of UDP",
	  "UDP that comes in is nobody's, until its process sends", NULL },
	{ "snitch.o", "snt_released", BY_HAND, false, "sees a socket of UDP being closed",
	  "UDP has ended when it was idle for long, and not when its socket is closed", NULL },
	{ "snitch.o", "snt_unqueued", BY_RUN, false,
	  "sees datagrams of UDP for which a socket has no room",
	  "datagrams for which a socket has no room count as received", NULL },
	{ "snitch.o", "snt_refused", BY_RUN, false, "sees what the network answers to UDP",
	  "UDP that is refused is not told from other UDP", NULL },
	{ "snitch.o", "snt_files", BY_HAND, false, "finds connections that are open already",
	  "connections that were open before are not seen", NULL },
	{ "tcp.o", "snt_tcp_state", BY_RUN, true, "sees TCP states change", "tcp sees nothing",
	  NULL },
	{ "tcp.o", "snt_tcp_nested", BY_RUN, false,
	  "sees the same while the other one is interrupted",
	  "changes of state can be missed on a busy machine", NULL },
	{ "tcp.o", "snt_tcp_gone", BY_RUN, true, "forgets a socket when it is freed",
	  "a socket could be told with the process of an earlier one", NULL },
	{ "tcp.o", "snt_tcp_again", BY_RUN, false, "sees segments sent again",
	  "retransmissions are not seen", NULL },
	{ "tcp.o", "snt_tcp_rst_out", BY_RUN, false, "sees resets sent",
	  "resets that are sent are not seen", NULL },
	{ "tcp.o", "snt_tcp_rst_in", BY_RUN, false, "sees resets come",
	  "resets that come are not seen", NULL },
	{ "tcp.o", "snt_tcp_exit", BY_RUN, false, "sees who accepts",
	  "what tcp tells of accepted connections is their listener's", NULL },
	{ "tcp.o", "snt_tcp_stolen", BY_HAND, false, "sees what rules drop",
	  "what rules drop is not seen", NULL },
	{ "tcp.o", "snt_tcp_shot", BY_HAND, false,
	  "sees what rules drop at ingress, or so that the sender is told",
	  "what rules drop there is not seen", NULL },
	{ "tcp.o", "snt_tcp_arrival", BY_HAND, false, "sees when what was dropped arrives",
	  "that is seen at the next change of state or retransmission", NULL },
	{ "tcp.o", "snt_tcp_files", BY_HAND, false, "finds sockets that are open already",
	  "tcp does not see connections that were open before", NULL },
};

const struct tool snitch_tool = {
	.name = "snitch",
	.speaker = "snitch.sh",
	.programs = { programs, sizeof(programs) / sizeof(programs[0]) },
	.commands = commands,
	.vocabulary = { &snitch_grammar, words, options },
};
