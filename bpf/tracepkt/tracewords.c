// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of tracepkt.sh, which are those of ping(8) where ping has them. */
#include "grammar.h"
#include "trace.h"
#include "values.h"
#include "vsh.h"

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
};

static int count_parse(struct cursor *cursor, void *context)
{
	struct trace_request *request = context;

	return number_value(cursor, "a number", 1, TRACE_COUNT_MAX, &request->count);
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
		request->probe.whole = index == 0;
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

static const struct grammar_row rows[] = {
	{ "c", WORD_COUNT, 1, 1, 0, count_parse, "N", "a number", NULL },
	{ "i", WORD_INTERVAL, 1, 1, 0, interval_parse, "TIME", "seconds, or a time as in 200ms",
	  NULL },
	{ "W", WORD_WAIT, 1, 1, 0, wait_parse, "TIME", "seconds, or a time as in 200ms", NULL },
	{ "s", WORD_SIZE, 1, 1, 0, size_parse, "BYTES", "a number", NULL },
	{ "M", WORD_WHOLE, 1, 1, 0, whole_parse, NULL, NULL, whole_choices },
	{ "4", WORD_FAMILY, 0, 0, 0, ip4_parse, NULL, NULL, NULL },
	{ "6", WORD_FAMILY, 0, 0, 0, ip6_parse, NULL, NULL, NULL },
	{ "tree", WORD_FORMAT, 0, 0, 0, tree_parse, NULL, NULL, NULL },
	{ "dot", WORD_FORMAT, 0, 0, 0, dot_parse, NULL, NULL, NULL },
	{ "svg", WORD_DRAWING, 1, 1, 0, drawing_parse, "FILE", "a file", NULL },
	{ "w", WORD_CAPTURE, 1, 1, 0, capture_parse, "FILE", "a file", NULL },
};

const struct grammar trace_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "",
	.dashed = true,
	.tail = true,
};

int trace_parse(int argc, char **argv, struct trace_request *request)
{
	struct cursor cursor;
	int status;

	cursor_begin(&cursor, &trace_grammar, argc, argv);
	status = grammar_read(&cursor, request);
	if (status != DONE)
		return status;
	if (cursor.next == cursor.end)
		return misuse("trace what? (a name or an address)");
	if (**cursor.next == '-')
		return grammar_unknown(&trace_grammar, *cursor.next);
	request->probe.target = *cursor.next++;
	if (cursor.next != cursor.end)
		return misuse("what is %s? (the target is the last word)", quoted(*cursor.next));
	return DONE;
}
