// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "kernelbtf.h"
#include "reaction.h"

#define REASON_PREFIX "SK_RST_REASON_"

/* include/net/tcp_states.h, without its TCP_. */
static const char *const states[] = {
	[1] = "ESTABLISHED", [2] = "SYN_SENT",	[3] = "SYN_RECV", [4] = "FIN_WAIT1",
	[5] = "FIN_WAIT2",   [6] = "TIME_WAIT", [7] = "CLOSE",	  [8] = "CLOSE_WAIT",
	[9] = "LAST_ACK",    [10] = "LISTEN",	[11] = "CLOSING", [12] = "NEW_SYN_RECV",
};

static const char *const causes[SNT_TCP_CAUSES] = {
	[SNT_TCP_OTHER] = "other",
	[SNT_TCP_RTO] = "RTO",
	[SNT_TCP_FAST] = "fast",
	[SNT_TCP_TLP] = "TLP",
};

const char *tcp_state_name(unsigned int state)
{
	bool is_known = state < sizeof(states) / sizeof(states[0]) && states[state];

	return is_known ? states[state] : "UNKNOWN";
}

const char *tcp_cause_name(unsigned int cause)
{
	return cause < SNT_TCP_CAUSES ? causes[cause] : causes[SNT_TCP_OTHER];
}

const char *tcp_way_name(unsigned int way)
{
	return way == SNT_TCP_IN ? "ingress" : "egress";
}

const char *tcp_reason_name(uint32_t reason)
{
	static char number[32];
	const char *name = reason ? kernel_enum_name("sk_rst_reason", reason) : NULL;

	if (!reason)
		return NULL;
	if (!name) {
		snprintf(number, sizeof(number), "reason %u", reason);
		return number;
	}
	return strncmp(name, REASON_PREFIX, strlen(REASON_PREFIX)) ? name
								   : name + strlen(REASON_PREFIX);
}
