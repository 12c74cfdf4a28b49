// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of snitch.sh. */
#include <string.h>
#include <sys/syscall.h>
#include "connection.h"
#include "position.h"
#include "values.h"
#include "vsh.h"
#include "who.h"
#include "words.h"

#define INTERVAL_MIN_NS 10000000 /* each look reads all connections */

enum {
	WORD_EXTENDED = 1 << 0,
	WORD_INTERVAL = 1 << 1,
	WORD_FOR = 1 << 2,
	WORD_FIRST = 1 << 3,
	WORD_COMMAND = 1 << 4,
	WORD_PID = 1 << 5,
	WORD_TO = 1 << 6,
	WORD_PORT = 1 << 7,
	WORD_FAILED = 1 << 8,
	WORD_PROTOCOL = 1 << 9,
	WORD_DIRECTION = 1 << 10,
	WORD_IDLE = 1 << 11,
	WORD_TRACKED = 1 << 12,
	WORD_CHILDREN = 1 << 13,
	WORD_BY = 1 << 14,
	WORD_SORT = 1 << 15,
	WORD_PAGE = 1 << 20, /* in one of two ways */
	WORD_GEO = 1 << 21,
	WORD_HOME = 1 << 22,
	WORDS_PAGE = WORD_PAGE | WORD_GEO | WORD_HOME,
};

static int extended_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	(void)cursor;
	request->extended = true;
	return DONE;
}

static int interval_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	int status = seconds_value(cursor, &request->interval_ns);

	if (status == DONE && request->interval_ns < INTERVAL_MIN_NS)
		return misuse("%s: a time from %d ms", cursor->said, INTERVAL_MIN_NS / 1000000);
	return status;
}

static int for_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	return seconds_value(cursor, &request->for_ns);
}

static int first_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	return number_value(cursor, "a number of lines", 1, UINT32_MAX, &request->lines);
}

static int command_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	const char *name = word_next(cursor);

	if (!*name || strchr(name, '/'))
		return misuse("%s %s: a process name, without \"/\"", cursor->said, quoted(name));
	if (strlen(name) > SNT_COMM_LEN - 1)
		complain("note: the kernel keeps 15 bytes of a name; %s is matched as %s",
			 quoted(name), quoted_bytes(name, SNT_COMM_LEN - 1));
	strncpy(request->filter.comm, name, SNT_COMM_LEN - 1);
	request->filter.has_comm = 1;
	return DONE;
}

static int pid_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	uint64_t pid;
	int status = number_value(cursor, "a process id", 1, INT32_MAX, &pid);

	if (status == DONE)
		request->filter.pid = pid;
	return status;
}

static int exe_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	return who_exe(cursor, &request->who);
}

static int cgroup_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	return who_cgroup(cursor, &request->who, request->cgroup_root);
}

static int children_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	(void)cursor;
	request->children = true;
	return DONE;
}

/* The programs know IPv4 addresses as ::ffff:a.b.c.d. */
static int to_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	struct snt_filter *filter = &request->filter;
	const char *word = word_next(cursor);
	struct prefix prefix;

	if (prefix_parse(word, &prefix))
		return misuse("%s %s: an address or a prefix, as in 192.0.2.0/24", cursor->said,
			      quoted(word));
	if (prefix.is_ipv6) {
		memcpy(filter->prefix, prefix.address, 16);
		filter->prefix_bits = prefix.bits;
		return DONE;
	}
	memset(filter->prefix + 10, 0xff, 2);
	memcpy(filter->prefix + 12, prefix.address, 4);
	filter->prefix_bits = 96 + prefix.bits;
	return DONE;
}

static int port_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	uint64_t port;
	int status = number_value(cursor, "a port", 1, UINT16_MAX, &port);

	if (status == DONE)
		request->filter.port = port;
	return status;
}

static int failed_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	(void)cursor;
	request->filter.only_failed = 1;
	return DONE;
}

static int tcp_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	(void)cursor;
	request->filter.protocol = IPPROTO_TCP;
	return DONE;
}

static int udp_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	(void)cursor;
	request->filter.protocol = IPPROTO_UDP;
	return DONE;
}

static const char *const direction_choices[] = { "egress", "ingress", NULL };

static int direction_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->filter.direction = index ? SNT_INGRESS : SNT_EGRESS;
	return status;
}

static const char *const by_choices[] = { "process", "remote", "connection", NULL };

static int by_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->by = index;
	return status;
}

static const char *const sort_choices[] = { "rate", "bytes",  "sent", "received",
					    "open", "failed", NULL };

static int sort_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->sort = index;
	return status;
}

static int idle_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	uint64_t idle_ns;
	int status = seconds_value(cursor, &idle_ns);

	if (status == DONE)
		request->filter.idle_ns = idle_ns;
	return status;
}

static int html_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	request->page.file = word_next(cursor);
	return DONE;
}

static int live_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	request->page.is_live = true;
	if (!word_is_number(cursor))
		return DONE;
	return number_value(cursor, "a port", 1, UINT16_MAX, &request->page.port);
}

static int geo_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;

	request->page.geo = word_next(cursor);
	return DONE;
}

static int home_parse(struct cursor *cursor, void *context)
{
	struct snitch_request *request = context;
	struct position home;

	request->page.home = word_next(cursor);
	if (position_parse(request->page.home, &home))
		return misuse("%s %s: latitude and longitude in degrees, as in 52.5,13.4",
			      cursor->said, quoted(request->page.home));
	return DONE;
}

static const struct grammar_row rows[] = {
	{ "x", WORD_EXTENDED, 0, 0, 0, extended_parse, NULL, NULL, NULL },
	{ "i", WORD_INTERVAL, 1, 1, 0, interval_parse, "TIME", "seconds, or a time as in 200ms",
	  NULL },
	{ "for", WORD_FOR, 1, 1, 0, for_parse, "TIME", "seconds, or a time as in 5m", NULL },
	{ "first", WORD_FIRST, 1, 1, 0, first_parse, "N", "a number", NULL },
	{ "command", WORD_COMMAND, 1, 1, 0, command_parse, "NAME", "a process name", NULL },
	{ "pid", WORD_PID, 1, 1, 0, pid_parse, "N", "a process id", NULL },
	{ "exe", WORD_TRACKED, 1, 1, 0, exe_parse, "PATH", "the path of an executable", NULL },
	{ "cgroup", WORD_TRACKED, 1, 1, 0, cgroup_parse, "PATH", "the path of a cgroup", NULL },
	{ "children", WORD_CHILDREN, 0, 0, 0, children_parse, NULL, NULL, NULL },
	{ "to", WORD_TO, 1, 1, 0, to_parse, "PREFIX", "a prefix", NULL },
	{ "port", WORD_PORT, 1, 1, 0, port_parse, "PORT", "a port", NULL },
	{ "direction", WORD_DIRECTION, 1, 1, 0, direction_parse, NULL, NULL, direction_choices },
	{ "tcp", WORD_PROTOCOL, 0, 0, 0, tcp_parse, NULL, NULL, NULL },
	{ "udp", WORD_PROTOCOL, 0, 0, 0, udp_parse, NULL, NULL, NULL },
	{ "failed", WORD_FAILED, 0, 0, 0, failed_parse, NULL, NULL, NULL },
	{ "by", WORD_BY, 1, 1, 0, by_parse, NULL, NULL, by_choices },
	{ "sort", WORD_SORT, 1, 1, 0, sort_parse, NULL, NULL, sort_choices },
	{ "idle", WORD_IDLE, 1, 1, 0, idle_parse, "TIME", "seconds, or a time as in 5m", NULL },
	{ "html", WORD_PAGE, 1, 1, 0, html_parse, "FILE", "a file", NULL },
	{ "live", WORD_PAGE, 0, 1, 0, live_parse, "[PORT]", "a port", NULL },
	{ "geo", WORD_GEO, 1, 1, 0, geo_parse, "FILE", "a file, or none", NULL },
	{ "home", WORD_HOME, 1, 1, 0, home_parse, "LAT,LON", "latitude and longitude", NULL },
};

const struct grammar snitch_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "",
	.dashed = true,
};

/* The programs know a process by its name or number. For the rest there is the tracker: then one of them is
 * its, and the other one, if it was said, holds as well.
 */
static int whom_settle(struct snitch_request *request, uint64_t given)
{
	struct snt_filter *filter = &request->filter;

	request->filter.owned = request->children || request->who.who != VSH_NOBODY;
	if (!request->children || request->who.who != VSH_NOBODY)
		return DONE;
	if (given & WORD_PID) {
		request->who = (struct vsh_label){ .who = VSH_PID, .pid = filter->pid };
		filter->pid = 0;
	} else if (given & WORD_COMMAND) {
		request->who.who = VSH_COMMAND;
		memcpy(request->who.comm.comm, filter->comm, SNT_COMM_LEN);
		filter->has_comm = 0;
	} else {
		return misuse("\"--children\" of whom? (--command, --exe, --pid or --cgroup)");
	}
	return DONE;
}

/* DONE, or a message and MISUSED. */
static int page_check(uint64_t given)
{
	if (given & (WORD_GEO | WORD_HOME) && !(given & WORD_PAGE))
		return misuse("--geo and --home are for a page (--html FILE or --live)");
	if (given & WORD_PAGE && given & WORD_EXTENDED)
		return misuse("-x prints a table: it takes no --html or --live");
	return DONE;
}

static int words_read(int argc, char **argv, struct snitch_request *request, uint64_t *given)
{
	struct cursor cursor;
	int status;

	*request = (struct snitch_request){
		.cgroup_root = request->cgroup_root,
		.interval_ns = 1000000000,
		.for_ns = UINT64_MAX,
		.lines = UINT64_MAX,
		.filter.idle_ns = 60000000000,
		.filter.nr_accept = SYS_accept,
		.filter.nr_accept4 = SYS_accept4,
		.filter.nr_connect = SYS_connect,
	};
	cursor_begin(&cursor, &snitch_grammar, argc, argv);
	status = grammar_read(&cursor, request);
	*given = cursor.given;
	return status == DONE ? whom_settle(request, cursor.given) : status;
}

int snitch_parse(int argc, char **argv, bool is_list, struct snitch_request *request)
{
	uint64_t given;
	int status = words_read(argc, argv, request, &given);

	if (status != DONE)
		return status;
	if (given & (WORD_BY | WORD_SORT))
		return misuse("--by and --sort are for top");
	if (is_list && given & (WORD_INTERVAL | WORD_FOR | WORD_FAILED | WORD_IDLE))
		return misuse(
			"list is done at once, with what is open: it takes no -i, --for, --failed or --idle");
	if (is_list && given & WORDS_PAGE)
		return misuse("list prints a table: it takes no --html, --live, --geo or --home");
	return page_check(given);
}

int snitch_parse_top(int argc, char **argv, struct snitch_request *request)
{
	uint64_t given;
	int status = words_read(argc, argv, request, &given);

	if (status == DONE && given & (WORD_EXTENDED | WORD_FAILED | WORDS_PAGE))
		return misuse("top prints sums: it takes no -x, --failed, --html or --live");
	return status;
}

int snitch_follow_run(struct snitch_request *request)
{
	if (request->filter.owned || request->filter.pid || request->filter.has_comm)
		return misuse(
			"run watches its command: it takes no --command, --pid, --exe, --cgroup or --children");
	if (request->page.file || request->page.is_live)
		return misuse("run takes no --html or --live (page makes a map of what -j prints)");
	request->who.who = VSH_RUN;
	request->children = true;
	request->filter.owned = 1;
	return DONE;
}

int snitch_parse_tcp(int argc, char **argv, struct snitch_request *request)
{
	uint64_t given;
	int status = words_read(argc, argv, request, &given);

	if (status == DONE && given & (WORD_EXTENDED | WORD_INTERVAL | WORD_FAILED | WORDS_PAGE))
		return misuse(
			"tcp has a line for each thing that happens: it takes no -x, -i, --failed, --html or --live");
	if (status == DONE && given & (WORD_TRACKED | WORD_CHILDREN | WORD_BY | WORD_SORT))
		return misuse("tcp takes no --exe, --cgroup, --children, --by or --sort");
	if (status == DONE && given & (WORD_PROTOCOL | WORD_DIRECTION | WORD_IDLE))
		return misuse(
			"tcp is about TCP, both ways: it takes no --tcp, --udp, --direction or --idle");
	return status;
}

int page_parse(int argc, char **argv, struct page_wish *wish)
{
	struct snitch_request request = {};
	uint64_t given;
	int status = words_read(argc, argv, &request, &given);

	*wish = request.page;
	if (status != DONE)
		return status;
	if (given & ~(uint64_t)WORDS_PAGE)
		return misuse(
			"page shows all that is recorded: it takes --html, --live, --geo and --home");
	if (!(given & WORD_PAGE))
		return misuse("which page? (--html FILE or --live)");
	return DONE;
}
