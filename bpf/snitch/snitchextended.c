// SPDX-License-Identifier: GPL-2.0-or-later
/* A table with a line for each connection, when it is over, has failed, or the watching ends. */
#include <stdlib.h>
#include <string.h>
#include "connection.h"
#include "vsh.h"

static void begin(void)
{
	printf("%-27s %7s %-15s %5s %-16s %-7s %-5s %-14s %10s %10s %10s %4s %8s  %s\n", "TIME",
	       "PID", "COMM", "UID", "UNIT", "DIR", "PROTO", "RESULT", "MS", "SENT", "RECEIVED",
	       "RETR", "RTT_MS", "CONNECTION");
}

static const char *result_text(const struct snt_event *event)
{
	if (event->error)
		return errno_name(event->error);
	if (event->kind == SNT_FAILED)
		return "given-up";
	if (event->kind == SNT_OPEN)
		return "open";
	if (event->is_reset)
		return "reset";
	if (event->side == SNT_IDLE)
		return "idle";
	return event->side == SNT_REMOTE ? "closed-by-peer" : "closed";
}

/* Of what was there before the watching it is not known. */
static const char *duration_text(const struct snt_event *event)
{
	static char text[24];

	if (event->is_older)
		return "-";
	snprintf(text, sizeof(text), "%.3f", (event->time_ns - event->begun_ns) / 1e6);
	return text;
}

static void name_print(const char *name, size_t length, int width)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (length)
		print_word(out, name, length);
	else
		fputc('-', out);
	fclose(out);
	printf("%-*s ", width, text);
	free(text);
}

static void ends_print(const struct snt_event *event)
{
	char local[ENDPOINT_LEN], remote[ENDPOINT_LEN];

	endpoint_text(remote, event->remote, event->remote_port);
	if (!event->number)
		printf("-> %s\n", remote);
	else
		printf("%s %s %s\n", endpoint_text(local, event->local, event->local_port),
		       event->is_passive ? "<-" : "->", remote);
}

static unsigned int event_print(const struct snt_event *event, uint64_t lines)
{
	const struct snt_process *process = &event->process;
	const char *unit = unit_name(process->cgroup);
	char moment[MOMENT_LEN];

	(void)lines;
	if (event->kind != SNT_FAILED && event->kind != SNT_ENDED && event->kind != SNT_OPEN)
		return 0;
	printf("%-27s %7u ", moment_text(moment, event->time_ns), process->pid);
	name_print(process->comm, strnlen(process->comm, SNT_COMM_LEN), 15);
	printf("%5u ", process->uid);
	name_print(unit, strlen(unit), 16);
	printf("%-7s %-5s %-14s %10s %10llu %10llu %4u %8.3f  ",
	       event->is_passive ? "ingress" : "egress",
	       event->protocol == IPPROTO_TCP ? "tcp" : "udp", result_text(event),
	       duration_text(event), (unsigned long long)event->sent,
	       (unsigned long long)event->received, event->retransmits, event->rtt_us / 1e3);
	ends_print(event);
	return 1;
}

static void lost_print(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed;
}

const struct snitch_format snitch_extended = { begin, event_print, lost_print, NULL, NULL };
