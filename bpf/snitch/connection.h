/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsh snitch, from inside: the programs tell what happens to connections, a format prints it. */
#ifndef VSH_CONNECTION_H
#define VSH_CONNECTION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "grammar.h"
#include "snitch.h"
#include "vershitify.h"
#include "vsh.h"

extern const struct grammar snitch_grammar;

/* snitch.c: vsh snitch */
command_run snitch_command;

/* --- snitchwords.c: what is asked for --------------------------------------------------------- */

/* What is shown in a browser instead of printed. */
struct page_wish {
	const char *file; /* a report for it, at the end; NULL: none */
	bool is_live; /* served on loopback meanwhile, ... */
	uint64_t port; /* ... there; 0: anywhere */
	const char *geo, *home; /* of places, and of this one; NULL: what is to be found */
};

enum tally_by {
	TALLY_PROCESS,
	TALLY_REMOTE,
	TALLY_CONNECTION,
	TALLY_SUMMARY, /* by name of process, protocol, remote address and, where that is the server's, port */
};

enum tally_sort {
	TALLY_RATE, /* of both ways */
	TALLY_BYTES, /* likewise */
	TALLY_SENT,
	TALLY_RECEIVED,
	TALLY_OPEN,
	TALLY_FAILED,
};

struct snitch_request {
	struct snt_filter filter;
	uint64_t interval_ns; /* between two looks at traffic */
	uint64_t for_ns; /* how long; UINT64_MAX: until a signal comes */
	uint64_t lines; /* how many are printed at most */
	bool extended; /* a line for each connection, when it is over */
	struct page_wish page;
	const char *
		cgroup_root; /* where cgroup v2 is mounted, or NULL; to be set before the words are read */
	struct vsh_label who; /* whom a tracker follows; VSH_NOBODY: no need of one */
	bool children; /* with all descendants */
	enum tally_by by; /* of top */
	enum tally_sort sort;
};

/* is_list: for a table of what is open now. DONE, or a message and MISUSED. */
int snitch_parse(int argc, char **argv, bool is_list, struct snitch_request *request);

/* Of top. DONE, or a message and FAILED or MISUSED. */
int snitch_parse_top(int argc, char **argv, struct snitch_request *request);

/* Of a run: it follows the process that will be added. DONE, or a message and MISUSED. */
int snitch_follow_run(struct snitch_request *request);
int snitch_parse_tcp(int argc, char **argv, struct snitch_request *request); /* for vsh tcp */

/* For a page of what is recorded: DONE, or a message and MISUSED. */
int page_parse(int argc, char **argv, struct page_wish *wish);

/* --- snitchpage.c: what is printed as JSON goes to the page's program --------------------------- */

struct page {
	pid_t writer; /* the process that makes it; 0: there is none */
	int go; /* by which it is told that there will be one */
};

/* Standard output goes there from now on, if a page is wished for. DONE, or a message and FAILED. */
int page_begin(struct page *page, const struct page_wish *wish, const char *directory);

/* Without that, a page that is there is left as it is. A descriptor that can be read when nobody makes the page any more; -1: no page. */
int page_go(const struct page *page);

/* Until the page is made; status is the watching's own. */
int page_end(struct page *page, int status);

/* vsh page: a page of what was recorded */
command_run page_command;

/* --- formats ---------------------------------------------------------------------------------- */

struct snitch_format {
	void (*begin)(void);
	/* Prints so many lines at most, from 1; returns how many. */
	unsigned int (*event)(const struct snt_event *event, uint64_t lines);
	void (*lost)(uint64_t events, uint64_t unfollowed);
	/* Are there connections whose end is waited for? NULL: not asked for. */
	bool (*is_waiting)(void);
	/* After each interval: lines, or tables, that were printed; NULL: nothing to do. */
	unsigned int (*turn)(void);
};

/* Of that event what a row of a table is about, as members of an object. */
struct json;
void snitch_json_who(struct json *json, const struct snt_event *event, enum tally_by by);

extern const struct snitch_format snitch_plain, snitch_extended, snitch_json;

/* snitchjson.c: members of an object. The process is null if it is not known. */
struct json;
void json_end(struct json *json, const char *name, const uint8_t address[16], uint16_t port);
void json_netns(struct json *json, uint64_t cookie);
void json_process(struct json *json, const struct snt_process *process);
void json_lost(uint64_t events, uint64_t unfollowed); /* a line of its own */

/* --- snitchtry.c: one connection of this process's own ----------------------------------------- */

extern const struct snitch_format snitch_try; /* remembers what is told */

/* DONE, or a message and FAILED. */
int try_connect(void);
int try_judge(void); /* has all been told? */

/* --- names.c: numbers in words ---------------------------------------------------------------- */

#define ENDPOINT_LEN (INET6_ADDRSTRLEN + 16)

/* An address alone, IPv4 without its prefix. */
const char *address_text(char text[INET6_ADDRSTRLEN], const uint8_t address[16]);

/* As in 192.0.2.1:80 or [2001:db8::1]:80. */
const char *endpoint_text(char text[ENDPOINT_LEN], const uint8_t address[16], uint16_t port);

/* As in ECONNREFUSED; one without a name is a number. */
const char *errno_name(uint32_t error);

/* Where cgroup v2 is mounted; NULL: nowhere, and units have no names. */
void units_begin(const char *cgroup_root);

/* The service or scope of systemd, or the last part of the path, of a cgroup; "": the first one, or gone. */
const char *unit_name(uint64_t cgroup);

/* Of a moment of CLOCK_BOOTTIME: UTC, as in 2026-01-31T23:59:59.123456Z. */
#define MOMENT_LEN 32
const char *moment_text(char text[MOMENT_LEN], uint64_t boot_ns);

#endif
