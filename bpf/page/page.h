/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snitch-page, from inside: reads what snitch.sh -j prints, finds places, and makes the page of it. A program of its
 * own, without privileges: all that it reads was chosen by others.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "position.h"

/* --- remotes.c: who is on the other side, by its address, port and process ------------------------ */

#define TEXT_LEN \
	256 /* of a name, with a NUL: the longest of DNS has 253 bytes; more is cut, and shows that */
#define MOMENT_LEN 40
#define REMOTES_MAX 20000
#define CONNECTIONS_MAX 262144 /* as many as snitch.sh follows */

struct place {
	const char *local; /* this machine or network, in words; NULL: elsewhere */
	char country[3]; /* ISO 3166-1; "" if it is not known */
	char city[TEXT_LEN]; /* or "" */
	bool has_position;
	struct position position;
};

struct remote_key {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint16_t port; /* of the other side if we have connected, otherwise of this one */
	bool is_passive; /* the other side has connected */
	char protocol[16];
	char process[TEXT_LEN]; /* its name; "": not known */
};

struct remote {
	struct remote_key key;
	uint32_t index; /* from 0, in the order of coming */
	char name[TEXT_LEN]; /* that was looked up for it, or "" */
	char unit[TEXT_LEN];
	char error[TEXT_LEN]; /* the last one */
	uint32_t pid; /* the first; 0: not known */
	bool has_pids; /* more than that one */
	bool is_own; /* also the address of this side */
	uint64_t connections, open, failed;
	uint64_t sent, received; /* bytes */
	struct place place;
	uint64_t change; /* when it last changed: changes are numbered */
	struct remote *older, *newer; /* by that number */
};

/* What is told of a connection. */
struct sighting {
	struct remote_key key;
	uint64_t number; /* 0: it has none */
	const char *name, *unit, *error; /* clean; "": none */
	uint32_t pid;
	bool is_own, is_over;
	uint64_t sent, received; /* since its beginning */
};

struct remotes {
	struct remote *newest; /* the last that has changed */
	uint64_t changes;
	uint32_t count;
	uint32_t connections; /* that are followed */
	uint64_t left_out; /* sightings for which there was no room */
	uint64_t lost_events, lost_connections; /* by snitch.sh, as it has said */
	uint64_t unread; /* lines that say nothing */
	char from[MOMENT_LEN], to[MOMENT_LEN]; /* the first and the last time, or "" */
	void *by_key, *by_number; /* trees of tsearch(3) */
};

void remotes_take(struct remotes *remotes, const struct sighting *sighting);

/* The oldest of those that have changed after that change; NULL: none has. */
const struct remote *remotes_after(const struct remotes *remotes, uint64_t change);

/* --- recording.c: lines of JSON ------------------------------------------------------------------- */

#define LINE_LEN 65536 /* a longer line says nothing */

struct recording {
	struct remotes *remotes;
	char line[LINE_LEN];
	size_t length;
	bool is_too_long; /* the present line */
	uint16_t own_port; /* on 127.0.0.1: what is told of the page itself would be told of again; 0: none */
};

/* Reads what there is, and waits for it unless the descriptor does not block. Bytes, 0 at the end, or -errno. */
ssize_t recording_read(struct recording *recording, int fd);

/* The last line can lack its newline. */
void recording_end(struct recording *recording);

/* --- geo.c: where is an address? -------------------------------------------------------------------- */

struct geo_about {
	const char *what; /* countries, or places */
	char name[TEXT_LEN];
	const char *licence;
};

/* fd: a database of MaxMind's format, or a text as tor-geoipdb has it; -1: what is installed, if there is something, or
 * nothing if the name is "none". False: a message has said why not.
 */
bool geo_begin(const char *name, int fd);

/* NULL: there is no database. */
const struct geo_about *geo_about(void);

void geo_find(const uint8_t address[16], bool is_own, struct place *place);

/* geotext.c: texts of tor-geoipdb's form: countries. */
bool geotext_is(int fd);
bool geotext_begin(const char *name, int fd, struct geo_about *about);
bool geotext_begin_installed(struct geo_about *about); /* false, without a message: there is none */
void geotext_find(const uint8_t address[16], struct place *place);

/* geommdb.c: by libmaxminddb. */
bool geommdb_begin(const char *name, int fd, struct geo_about *about);
void geommdb_find(const uint8_t address[16], struct place *place);

/* --- home.c: where is this machine? By its time zone. False: not known. ------------------------------ */

bool home_find(struct position *home);

/* --- text.c ---------------------------------------------------------------------------------------- */

/* UTF-8 or not: what is not becomes U+FFFD; what is too long ends with an ellipsis. */
void text_clean(char *out, size_t size, const char *bytes, size_t length);

/* --- confine.c ------------------------------------------------------------------------------------- */

/* Becomes nobody, without capabilities and without a way to any. False: a message has said why not. */
bool privileges_drop(void);

/* From here on: what is open already, memory and time, and nothing else of the system. The same. */
bool calls_restrict(void);

/* --- paper.c: the page ------------------------------------------------------------------------------ */

struct paper {
	const struct remotes *remotes;
	const struct position *home; /* NULL: not known */
	bool is_live; /* what happens comes later, by itself */
};

void paper_print(FILE *out, const struct paper *paper);

/* The remotes that have changed after that change, up to `most` of them, as one line of JSON; returns the last of their changes. */
uint64_t paper_changes_print(FILE *out, const struct paper *paper, uint64_t change,
			     unsigned int most);

/* For a header of HTTP: the page's policy. */
const char *paper_policy(const struct paper *paper);

/* --- serve.c: over HTTP, on loopback -------------------------------------------------------------------- */

struct serving {
	struct paper *paper;
	struct recording *recording; /* which standard input goes to */
	uint16_t port; /* 0: any */
	bool stays; /* also after the end of standard input, until a signal */
};

/* 0, or a message and 1. */
int serve(struct serving *serving);

#endif
