// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of tracepkt.sh, which are those of ping(8) where ping has them. */
#include <string.h>
#include <arpa/inet.h>
#include "grammar.h"
#include "trace.h"
#include "values.h"
#include "vsh.h"
#include "who.h"
#include "words.h"

/* One set for both grammars: a line of words has both. */
enum {
	WORD_COUNT = 1 << 0,
	WORD_INTERVAL = 1 << 1,
	WORD_WAIT = 1 << 2,
	WORD_SIZE = 1 << 3,
	WORD_WHOLE = 1 << 4,
	WORD_FAMILY = 1 << 5,
	WORD_FORMAT = 1 << 6,
	WORD_CAPTURE = 1 << 7,
	WORD_DRAWING = 1 << 8,
	WORD_LISTEN = 1 << 9,
	WORD_FIRST = 1 << 10,
	WORD_FOR = 1 << 11,
	WORD_KNOCK = 1 << 12,

	WORD_PROBE = WORD_COUNT | WORD_INTERVAL | WORD_WAIT | WORD_SIZE | WORD_WHOLE | WORD_FAMILY |
		     WORD_KNOCK,

	FILTER_ICMP = 1 << 16,
	FILTER_TCP = 1 << 17,
	FILTER_UDP = 1 << 18,
	FILTER_ADDRESS = 1 << 19,
	FILTER_PORT = 1 << 20,
	FILTER_WHO = 1 << 21,
	FILTER_CHILDREN = 1 << 22,
};

static int count_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return number_value(cursor, "a number", 1, TRACE_COUNT_MAX, &request->probe.count);
}

static int interval_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return seconds_value(cursor, &request->interval_ns);
}

static int wait_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return seconds_value(cursor, &request->wait_ns);
}

static int size_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	uint64_t size;
	int status = number_value(cursor, "bytes", TPK_TOKEN_LEN, PROBE_SIZE_MAX, &size);

	if (status == DONE)
		request->probe.size = size;
	return status;
}

static const char *const whole_choices[] = { "do", "dont", NULL };

static int whole_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->probe.fragments = index == 0 ? FRAGMENTS_NEVER : FRAGMENTS_ANYWHERE;
	return status;
}

static int ip4_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->probe.family = AF_INET;
	return DONE;
}

static int ip6_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->probe.family = AF_INET6;
	return DONE;
}

static int knock_parse(struct cursor *cursor, void *context, enum probe_kind kind)
{
	struct trace_request *request = context;
	uint64_t port;
	int status = number_value(cursor, "a port", 1, UINT16_MAX, &port);

	if (status != DONE)
		return status;
	request->probe.kind = kind;
	request->probe.port = port;
	return DONE;
}

static int knock_tcp_parse(struct cursor *cursor, void *context)
{
	return knock_parse(cursor, context, PROBE_TCP);
}

static int knock_udp_parse(struct cursor *cursor, void *context)
{
	return knock_parse(cursor, context, PROBE_UDP);
}

static int tree_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->format = &format_tree;
	return DONE;
}

static int dot_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->format = &format_dot;
	return DONE;
}

static int drawing_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	request->drawing = word_next(cursor);
	return DONE;
}

static int capture_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	request->capture = word_next(cursor);
	return DONE;
}

static int listen_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->listen = true;
	request->filter.kind = TPK_LISTEN;
	return DONE;
}

static int first_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	uint64_t packets;
	int status = number_value(cursor, "a number", 1, UINT32_MAX, &packets);

	if (status == DONE)
		request->filter.packets = packets;
	return status;
}

static int for_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return seconds_value(cursor, &request->lasts_ns);
}

/* --- what --listen takes --------------------------------------------------------------------- */

static int icmp_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->filter.protocols |= TPK_ICMP;
	return DONE;
}

static int tcp_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->filter.protocols |= TPK_TCP;
	return DONE;
}

static int udp_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->filter.protocols |= TPK_UDP;
	return DONE;
}

static void prefix_take(struct tpk_filter *filter, const struct prefix *prefix)
{
	uint8_t mask[16] = {};

	for (unsigned int bit = 0; bit < prefix->bits; bit++)
		mask[bit / 8] |= 0x80 >> bit % 8;
	filter->version = prefix->is_ipv6 ? 6 : 4;
	memcpy(filter->mask, mask, sizeof(filter->mask));
	memcpy(filter->address, prefix->address, sizeof(filter->address));
}

static int host_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	const char *word = word_next(cursor);
	struct prefix prefix;

	if (strchr(word, '/') || prefix_parse(word, &prefix))
		return misuse("host %s: an address, as in 192.0.2.1 or 2001:db8::1", quoted(word));
	prefix_take(&request->filter, &prefix);
	return DONE;
}

static int net_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	const char *word = word_next(cursor);
	struct prefix prefix;

	if (prefix_parse(word, &prefix))
		return misuse("net %s: a prefix, as in 192.0.2.0/24 or 2001:db8::/32",
			      quoted(word));
	prefix_take(&request->filter, &prefix);
	return DONE;
}

static int port_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;
	uint64_t port;
	int status = number_value(cursor, "a number", 1, UINT16_MAX, &port);

	if (status == DONE)
		request->filter.port = htons(port);
	return status;
}

static int command_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return who_command(cursor, &request->who);
}

static int exe_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return who_exe(cursor, &request->who);
}

static int pid_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return who_pid(cursor, &request->who);
}

static int cgroup_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return who_cgroup(cursor, &request->who, request->cgroup_root);
}

static int children_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	(void)cursor;
	request->children = true;
	return DONE;
}

/* --- all of them ----------------------------------------------------------------------------- */

static const struct grammar_row filter_rows[] = {
	{ "icmp", FILTER_ICMP, 0, 0, 0, icmp_parse, NULL, NULL, NULL },
	{ "tcp", FILTER_TCP, 0, 0, 0, tcp_parse, NULL, NULL, NULL },
	{ "udp", FILTER_UDP, 0, 0, 0, udp_parse, NULL, NULL, NULL },
	{ "host", FILTER_ADDRESS, 1, 1, 0, host_parse, "ADDR", "an address", NULL },
	{ "net", FILTER_ADDRESS, 1, 1, 0, net_parse, "PREFIX", "a prefix", NULL },
	{ "port", FILTER_PORT, 1, 1, 0, port_parse, "N", "a number", NULL },
	{ "command", FILTER_WHO, 1, 1, 0, command_parse, "NAME", "a process name", NULL },
	{ "exe", FILTER_WHO, 1, 1, 0, exe_parse, "PATH", "the path of an executable", NULL },
	{ "pid", FILTER_WHO, 1, 1, 0, pid_parse, "N", "a process id", NULL },
	{ "cgroup", FILTER_WHO, 1, 1, 0, cgroup_parse, "PATH", "the path of a cgroup", NULL },
	{ "children", FILTER_CHILDREN, 0, 0, 0, children_parse, NULL, NULL, NULL },
};

const struct grammar filter_grammar = {
	.rows = filter_rows,
	.count = sizeof(filter_rows) / sizeof(filter_rows[0]),
	.about = "--listen: ",
	.tail = true,
};

static const struct grammar_row rows[] = {
	{ "c", WORD_COUNT, 1, 1, 0, count_parse, "N", "a number", NULL },
	{ "i", WORD_INTERVAL, 1, 1, 0, interval_parse, "TIME", "seconds, or a time as in 200ms",
	  NULL },
	{ "W", WORD_WAIT, 1, 1, 0, wait_parse, "TIME", "seconds, or a time as in 200ms", NULL },
	{ "s", WORD_SIZE, 1, 1, 0, size_parse, "BYTES", "a number", NULL },
	{ "M", WORD_WHOLE, 1, 1, 0, whole_parse, NULL, NULL, whole_choices },
	{ "4", WORD_FAMILY, 0, 0, 0, ip4_parse, NULL, NULL, NULL },
	{ "6", WORD_FAMILY, 0, 0, 0, ip6_parse, NULL, NULL, NULL },
	{ "tcp", WORD_KNOCK, 1, 1, 0, knock_tcp_parse, "PORT", "a port", NULL },
	{ "udp", WORD_KNOCK, 1, 1, 0, knock_udp_parse, "PORT", "a port", NULL },
	{ "tree", WORD_FORMAT, 0, 0, 0, tree_parse, NULL, NULL, NULL },
	{ "dot", WORD_FORMAT, 0, 0, 0, dot_parse, NULL, NULL, NULL },
	{ "svg", WORD_DRAWING, 1, 1, 0, drawing_parse, "FILE", "a file", NULL },
	{ "w", WORD_CAPTURE, 1, 1, 0, capture_parse, "FILE", "a file", NULL },
	{ "listen", WORD_LISTEN, 0, 0, 0, listen_parse, NULL, NULL, NULL },
	{ "first", WORD_FIRST, 1, 1, 0, first_parse, "N", "a number", NULL },
	{ "for", WORD_FOR, 1, 1, 0, for_parse, "TIME", "seconds, or a time as in 200ms", NULL },
};

const struct grammar trace_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "",
	.dashed = true,
	.tail = true,
};

/* Options can come before the words of the filter, between and after them. */
static int filter_read(struct cursor *cursor, struct trace_request *request)
{
	const struct grammar *const grammars[] = { &filter_grammar, &trace_grammar };
	char **begin;
	int status = DONE;

	do {
		begin = cursor->next;
		for (size_t i = 0; i < 2 && status == DONE; i++) {
			cursor->grammar = grammars[i];
			status = grammar_read(cursor, request);
		}
	} while (status == DONE && cursor->next != begin);
	if (status != DONE || cursor->next == cursor->end)
		return status;
	return grammar_unknown(**cursor->next == '-' ? &trace_grammar : &filter_grammar,
			       *cursor->next);
}

static int filter_finish(const struct cursor *cursor, struct trace_request *request)
{
	if (cursor->given & WORD_PROBE)
		return misuse("\"--listen\" sends nothing: it takes --first, --for, --tree, --dot, "
			      "--svg and -w");
	if ((cursor->given & FILTER_CHILDREN) && !(cursor->given & FILTER_WHO))
		return misuse("\"children\" of whom? (command, exe, pid or cgroup)");
	request->filter.owned = request->who.who != VSH_NOBODY;
	return DONE;
}

static int size_check(const struct cursor *cursor, const struct trace_request *request)
{
	if (!(cursor->given & WORD_SIZE))
		return DONE;
	if (request->probe.kind == PROBE_TCP)
		return misuse("\"-s\" is for echoes and datagrams: a SYN carries nothing");
	if (request->probe.kind == PROBE_UDP && request->probe.size < PROBE_SIZE_MIN_UDP)
		return misuse("-s %zu: a datagram carries at least %d bytes", request->probe.size,
			      (int)PROBE_SIZE_MIN_UDP);
	return DONE;
}

static int target_read(struct cursor *cursor, struct trace_request *request)
{
	if (cursor->given & (WORD_FIRST | WORD_FOR))
		return misuse("\"--first\" and \"--for\" are for --listen");
	if (cursor->next == cursor->end)
		return misuse("trace what? (a name or an address)");
	if (**cursor->next == '-')
		return grammar_unknown(&trace_grammar, *cursor->next);
	request->probe.target = *cursor->next++;
	if (cursor->next != cursor->end)
		return misuse("what is %s? (the target is the last word)", quoted(*cursor->next));
	return size_check(cursor, request);
}

int trace_parse(int argc, char **argv, struct trace_request *request)
{
	struct cursor cursor;
	int status;

	cursor_begin(&cursor, &trace_grammar, argc, argv);
	status = grammar_read(&cursor, request);
	if (status == DONE && request->listen)
		status = filter_read(&cursor, request);
	else if (status == DONE)
		return target_read(&cursor, request);
	return status == DONE ? filter_finish(&cursor, request) : status;
}
