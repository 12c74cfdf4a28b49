// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh snitch DIR top [WORDS]: who sends and receives most, once an interval: redrawn on a terminal, else one table
 * after the other, with an empty line between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "json.h"
#include "signals.h"
#include "snitchtop.h"
#include "table.h"
#include "tally.h"

#define NS_PER_S 1000000000ULL

static struct top {
	const struct snitch_request *request;
	struct tally *tally;
	struct table table;
	bool is_drawn; /* over the one before */
	bool is_json;
	uint64_t turns;
	uint64_t turned_ns;
} top;

static void begin(void)
{
	top.turned_ns = monotonic_now_ns();
}

static unsigned int event_take(const struct snt_event *event, uint64_t lines)
{
	(void)lines;
	tally_take(top.tally, event);
	return 0;
}

static void lost_take(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed; /* the command itself says it */
}

/* --- who ---------------------------------------------------------------------------------------- */

static void connection_print(FILE *out, const struct snt_event *event)
{
	char local[ENDPOINT_LEN], remote[ENDPOINT_LEN];

	fprintf(out, "%s %s %s %s", event->protocol == IPPROTO_TCP ? "tcp" : "udp",
		endpoint_text(local, event->local, event->local_port),
		event->is_passive ? "<-" : "->",
		endpoint_text(remote, event->remote, event->remote_port));
}

static void process_print(FILE *out, const struct snt_process *process)
{
	fprintf(out, "%u ", process->pid);
	print_word(out, process->comm, strnlen(process->comm, SNT_COMM_LEN));
}

static void who_print(FILE *out, const struct snt_event *last)
{
	char text[INET6_ADDRSTRLEN];

	if (top.request->by == TALLY_REMOTE) {
		fputs(address_text(text, last->remote), out);
		return;
	}
	process_print(out, &last->process);
	if (top.request->by == TALLY_CONNECTION) {
		fputc(' ', out);
		connection_print(out, last);
	}
}

/* --- tables ------------------------------------------------------------------------------------- */

static unsigned long long rate(uint64_t bytes, uint64_t ns)
{
	return ns ? (double)bytes * NS_PER_S / ns + 0.5 : 0;
}

static void sums_print(FILE *out, const struct tally_sums *sums, uint64_t ns)
{
	fprintf(out, "%10llu %10llu %12llu %12llu %5llu %5llu %5llu  ", rate(sums->sent_new, ns),
		rate(sums->received_new, ns), (unsigned long long)sums->sent,
		(unsigned long long)sums->received, (unsigned long long)sums->open,
		(unsigned long long)sums->ended, (unsigned long long)sums->failed);
}

static void table_print(FILE *out, const struct tally_row **rows, size_t count, uint64_t ns)
{
	static const char *const names[] = { "PROCESS", "REMOTE", "PROCESS AND CONNECTION" };

	fprintf(out, "%10s %10s %12s %12s %5s %5s %5s  %s\n", "SENT/s", "RECEIVED/s", "SENT",
		"RECEIVED", "OPEN", "ENDED", "FAIL", names[top.request->by]);
	sums_print(out, tally_all(top.tally), ns);
	fputs("in all\n", out);
	for (size_t i = 0; i < count; i++) {
		sums_print(out, &rows[i]->sums, ns);
		who_print(out, &rows[i]->last);
		fputc('\n', out);
	}
}

static void table_show(const struct tally_row **rows, size_t count, uint64_t ns)
{
	if (top.is_drawn && !table_begin(&top.table)) {
		table_print(top.table.out, rows, count, ns);
		table_draw(&top.table);
		return;
	}
	if (top.turns)
		putchar('\n');
	table_print(stdout, rows, count, ns);
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void sums_tell(struct json *json, const struct tally_sums *sums)
{
	json_number(json, "sent", sums->sent);
	json_number(json, "received", sums->received);
	json_number(json, "sent_new", sums->sent_new);
	json_number(json, "received_new", sums->received_new);
	json_number(json, "open", sums->open);
	json_number(json, "ended", sums->ended);
	json_number(json, "failed", sums->failed);
}

static void row_tell(struct json *json, const struct tally_row *row)
{
	json_object_begin(json, NULL);
	snitch_json_who(json, &row->last, top.request->by);
	sums_tell(json, &row->sums);
	json_object_end(json);
}

static void rows_tell(const struct tally_row **rows, size_t count, uint64_t ns)
{
	struct json json = { .out = stdout };
	char moment[MOMENT_LEN];

	json_object_begin(&json, NULL);
	json_string(&json, "time", moment_text(moment, boot_now_ns()));
	json_number(&json, "interval_ns", ns);
	json_object_begin(&json, "all");
	sums_tell(&json, tally_all(top.tally));
	json_object_end(&json);
	json_array_begin(&json, "rows");
	for (size_t i = 0; i < count; i++)
		row_tell(&json, rows[i]);
	json_array_end(&json);
	json_object_end(&json);
	json_line_end(&json);
}

/* --- the command -------------------------------------------------------------------------------- */

static unsigned int turn(void)
{
	uint64_t now = monotonic_now_ns(), ns = now - top.turned_ns;
	size_t count;
	const struct tally_row **rows = tally_rows(top.tally, top.request->sort, &count);

	if (!rows)
		return 0;
	if (top.is_json)
		rows_tell(rows, count, ns);
	else
		table_show(rows, count, ns);
	free(rows);
	tally_turn(top.tally);
	top.turned_ns = now;
	top.turns++;
	return 1;
}

static const struct snitch_format format = { begin, event_take, lost_take, NULL, turn };

/* What is open already counts from the first table on. What came since the last turn is shown as well, unless as many
 * tables were asked for.
 */
static int top_watch(struct watching *watching)
{
	int seen = watching_tell(watching, SNT_OPEN), status = watching_follow(watching);

	status = seen == DONE ? status : seen;
	if (watching->lines < watching->request.lines)
		turn();
	return status;
}

int top_run(struct watching *watching, const struct options *options, const char *directory)
{
	int status;

	top = (struct top){
		.request = &watching->request,
		.tally = tally_open(watching->request.by),
		.is_json = options->json,
		.is_drawn = !options->json && isatty(STDOUT_FILENO),
	};
	if (!top.tally)
		return failure("cannot sum: %s", strerror(ENOMEM));
	watching->format = &format;
	status = watching_begin(watching, options, directory);
	if (status == DONE) {
		ends_catch();
		complain("watching (Ctrl-C ends it)");
		format.begin();
		status = top_watch(watching);
	}
	tally_close(top.tally);
	return status;
}
