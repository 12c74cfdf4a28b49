// SPDX-License-Identifier: GPL-2.0-or-later
/* What TCP does as a line for each thing: TIME PID COMM WHAT, LOCAL to REMOTE. */
#include <string.h>
#include "connection.h"
#include "reaction.h"
#include "vsh.h"

static void what_print(const struct snt_tcp_event *event)
{
	const char *reason;

	switch (event->kind) {
	case SNT_TCP_STATE:
		printf("tcp_set_state: %s -> %s", tcp_state_name(event->before),
		       tcp_state_name(event->after));
		if (event->error)
			printf(", %s", errno_name(event->error));
		break;
	case SNT_TCP_AGAIN:
		printf("tcp_retransmit_skb: %s, %u bytes", tcp_cause_name(event->cause),
		       event->bytes);
		break;
	case SNT_TCP_RESET_OUT:
		reason = tcp_reason_name(event->reason);
		printf("tcp_send_reset%s%s", reason ? ": " : "", reason ?: "");
		break;
	case SNT_TCP_RESET_IN:
		printf("tcp_receive_reset");
		break;
	case SNT_TCP_DROPPED:
		printf("dropped: rule %u, %s%s, %u bytes", event->rule, tcp_way_name(event->way),
		       event->is_again ? " again" : "", event->bytes);
		break;
	case SNT_TCP_GOOD:
		printf("%s: what was dropped, after %.3f s",
		       event->way == SNT_TCP_IN ? "received" : "acknowledged",
		       event->lasted_ns / 1e9);
		break;
	}
}

static void event_print(const struct snt_tcp_event *event)
{
	const struct snt_process *process = &event->process;
	char moment[MOMENT_LEN], text[ENDPOINT_LEN];

	printf("%s %u ", moment_text(moment, event->time_ns), process->pid);
	print_word(stdout, process->comm, strnlen(process->comm, sizeof(process->comm)));
	putchar(' ');
	what_print(event);
	printf(", %s", endpoint_text(text, event->local, event->local_port));
	if (event->remote_port)
		printf(" to %s", endpoint_text(text, event->remote, event->remote_port));
	putchar('\n');
}

static void lost_print(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed; /* these lines are data; the command itself says it */
}

const struct tcp_format tcp_text = { event_print, lost_print };
