// SPDX-License-Identifier: GPL-2.0-or-later
/* Every row goes to all formats that were asked for, to standard output and to files. */
#include "trace.h"
#include "vsh.h"

#define FORMATS_MAX 3 /* on standard output, a drawing, a capture */

static const struct format *formats[FORMATS_MAX];
static size_t count;

void format_add(const struct format *format)
{
	formats[count++] = format;
}

static void begin(void)
{
	for (size_t i = 0; i < count; i++)
		if (formats[i]->begin)
			formats[i]->begin();
}

static void hop(const struct hop *hop)
{
	for (size_t i = 0; i < count; i++)
		formats[i]->hop(hop);
}

static void drop(const struct hop *hop)
{
	for (size_t i = 0; i < count; i++)
		formats[i]->drop(hop);
}

static void result(const struct trace *trace, int send_error)
{
	for (size_t i = 0; i < count; i++)
		if (formats[i]->result)
			formats[i]->result(trace, send_error);
}

static int end(void)
{
	int status = DONE;

	for (size_t i = 0; i < count; i++)
		if (formats[i]->end && formats[i]->end() != DONE)
			status = FAILED;
	return status;
}

const struct format format_all = { begin, hop, drop, result, end };
