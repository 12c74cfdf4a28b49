// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "callwords.h"
#include "values.h"
#include "words.h"

/* What a network, a peer or a full machine answers. Not those that tell a program to wait or to
 * ask again, such as EINPROGRESS, EINTR and EAGAIN: the kernel has done nothing that it could
 * wait for.
 */
static const struct {
	const char *name;
	uint32_t number;
} errors[] = {
	{ "ECONNREFUSED", ECONNREFUSED },
	{ "ENETUNREACH", ENETUNREACH },
	{ "EHOSTUNREACH", EHOSTUNREACH },
	{ "ETIMEDOUT", ETIMEDOUT },
	{ "ECONNRESET", ECONNRESET },
	{ "ENETDOWN", ENETDOWN },
	{ "EACCES", EACCES },
	{ "EPERM", EPERM },
	{ "EADDRINUSE", EADDRINUSE },
	{ "EADDRNOTAVAIL", EADDRNOTAVAIL },
	{ "ENOBUFS", ENOBUFS },
	{ "ENOMEM", ENOMEM },
	{ "EINVAL", EINVAL },
	{ "EMSGSIZE", EMSGSIZE },
};

#define ERRORS (sizeof(errors) / sizeof(errors[0]))
#define NAMES_LEN 256

static const struct {
	const char *name;
	uint64_t word; /* enum word */
	uint32_t asks; /* conditions that a call can fulfil, as bits by enum vsh_ask */
	const char *conditions; /* the same in words */
} calls[VSH_CALLS] = {
	[VSH_CONNECT] = { "connect", WORD_CONNECT,
			  1 << VSH_ASK_PROTO | 1 << VSH_ASK_DST | 1 << VSH_ASK_DPORT,
			  "proto, dst and dport" },
	[VSH_BIND] = { "bind", WORD_BIND,
		       1 << VSH_ASK_PROTO | 1 << VSH_ASK_SRC | 1 << VSH_ASK_SPORT,
		       "proto, src and sport" },
	[VSH_SEND] = { "send", WORD_SEND,
		       1 << VSH_ASK_PROTO | 1 << VSH_ASK_DST | 1 << VSH_ASK_DPORT,
		       "proto, dst and dport" },
};

const char *const call_choices[] = { "fail", NULL };
const char *const connect_choices[] = { "fail", "refuse", NULL };

const char *call_name(enum vsh_call call)
{
	return calls[call].name;
}

/* --- from words ------------------------------------------------------------------------- */

static enum vsh_call call_of(const struct cursor *cursor)
{
	enum vsh_call call = VSH_CONNECT;

	while (calls[call].word != cursor->row->group)
		call++;
	return call;
}

static const char *errors_list(char names[NAMES_LEN])
{
	size_t length = 0;

	for (size_t i = 0; i < ERRORS; i++)
		length += snprintf(names + length, NAMES_LEN - length, "%s%s", i ? ", " : "",
				   errors[i].name);
	return names;
}

static uint32_t error_find(const char *name)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (!strcasecmp(name, errors[i].name))
			return errors[i].number;
	return 0;
}

static const char *error_name(uint32_t number)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].number == number)
			return errors[i].name;
	return "?";
}

int call_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	enum vsh_call call = call_of(cursor);
	struct vsh_failure failure = {};
	uint64_t share = PERCENT_MAX;
	char names[NAMES_LEN];
	const char *name;
	size_t how;

	if (word_choice(cursor, &how) != DONE)
		return MISUSED;
	failure.refuses = how;
	name = failure.refuses ? "ECONNREFUSED" : word_next(cursor);
	failure.error = name ? error_find(name) : 0;
	if (!failure.error)
		return misuse("%s fail %s: one of %s", calls[call].name, quoted(name ?: ""),
			      errors_list(names));
	if (word_is_number(cursor) && percent_value(cursor, &share) != DONE)
		return MISUSED;
	failure.share = share;
	failure.threshold = percent_threshold(share);
	request->label.failures[call] = failure;
	return DONE;
}

uint32_t call_hooks(const struct vsh_label *label)
{
	uint32_t hooks = 0;

	for (int call = 0; call < VSH_CALLS; call++)
		if (label->failures[call].error && !label->failures[call].refuses)
			hooks |= VSH_CALL_HOOK(call);
	return hooks;
}

bool refuses_connections(const struct vsh_label *label)
{
	return label->failures[VSH_CONNECT].refuses;
}

/* It is the SYN that is refused, where the peer would. */
static int refuse_finish(const struct request *request)
{
	if (!refuses_connections(&request->label))
		return DONE;
	if (!request->egress)
		return misuse("\"connect refuse\" is for direction egress or both");
	if (request->visible == VISIBLE_DENIED)
		return misuse("\"connect refuse\" does not go with \"visible denied\"");
	return DONE;
}

/* A condition that no call fulfils would make a rule that never does anything. */
int calls_finish(const struct request *request)
{
	for (int call = 0; call < VSH_CALLS; call++)
		if (request->label.failures[call].error && !request->label.failures[call].refuses &&
		    (request->label.selector.asked & ~calls[call].asks))
			return misuse("\"%s fail\" goes with the conditions %s: make another rule",
				      calls[call].name, calls[call].conditions);
	return refuse_finish(request);
}

/* --- to words --------------------------------------------------------------------------- */

void failure_print(FILE *out, const struct vsh_failure *failure)
{
	char percent[24];

	fputs(failure->refuses ? "refuse" : error_name(failure->error), out);
	if (failure->share == PERCENT_MAX)
		return;
	percent_format(failure->share, percent, sizeof(percent));
	fprintf(out, " %s%%", percent);
}

void calls_print(FILE *out, char before, const struct vsh_label *label)
{
	for (int call = 0; call < VSH_CALLS; call++) {
		if (!label->failures[call].error)
			continue;
		fprintf(out, "%c%s %s", before, calls[call].name,
			label->failures[call].refuses ? "" : "fail ");
		failure_print(out, &label->failures[call]);
	}
}

void calls_print_json(struct json *json, const struct vsh_label *label)
{
	char percent[24];

	if (!call_hooks(label) && !refuses_connections(label))
		return;
	json_array_begin(json, "fail");
	for (int call = 0; call < VSH_CALLS; call++) {
		const struct vsh_failure *failure = &label->failures[call];

		if (!failure->error)
			continue;
		percent_format(failure->share, percent, sizeof(percent));
		json_object_begin(json, NULL);
		json_string(json, "call", calls[call].name);
		json_string(json, "error", error_name(failure->error));
		json_number_text(json, "percent", percent);
		json_bool(json, "on_the_wire", failure->refuses);
		json_object_end(json);
	}
	json_array_end(json);
}
