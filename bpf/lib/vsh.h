/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vsh: what shell and bpftool cannot do. Every command is a function that
 * returns the exit status: 0 done, 1 failed, 2 misused; it has then printed why.
 */
#ifndef VSH_H
#define VSH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define COMM_LEN 16 /* of a process's name, with a NUL: TASK_COMM_LEN */

enum status {
	DONE = 0,
	FAILED = 1,
	MISUSED = 2,
	UNMATCHED = 124,
	NOT_SET_UP = 125,
	NOT_EXECUTABLE = 126,
	NOT_FOUND = 127,
};

struct options {
	const char *cgroup_root; /* where cgroup v2 is mounted, or NULL */
	uint32_t owner; /* tgid of the foreground run, or 0 */
	const char *netns; /* a file, entered before the command begins; NULL: the caller's */
	bool json;
	bool statistics;
	bool tag; /* what becomes a target's while the command prints */
	bool color;
};

/* print.c */
extern const char *speaker; /* whose command it is, as messages begin: of a tool, or "vsh" */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
int failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
int output_flush(void); /* 0 or -errno, also of what was printed before; main() tells of it */
const char *quoted(const char *word);
const char *quoted_bytes(const char *bytes, size_t length);
/* As a word that a shell reads back. What a terminal might obey, and what is not UTF-8, is escaped as
 * in $'\033', which bash, zsh, ksh and busybox read.
 */
void print_word(FILE *out, const char *bytes, size_t length);
/* What stands between newlines, as many in a line of 80 columns as it holds; further lines are indented. */
void paragraph_print(FILE *out, const char *pieces);

/* clock.c */
/* The kernel's CLOCK_BOOTTIME and CLOCK_MONOTONIC, in whatever time namespace this is. */
uint64_t boot_now_ns(void);
uint64_t monotonic_now_ns(void);

/* The time of day, with its zone: 2026-01-31T23:59:59+0100. */
#define TIME_TEXT_LEN 64
const char *time_text(char text[TIME_TEXT_LEN]);

/* netns.c */
int netns_enter(const char *path);
int netns_leave(void); /* to where the caller was before netns_enter(); 0 or -errno */
int netns_cookie(uint64_t *cookie);

/* process.c */
ssize_t text_read(const char *path, char *text, size_t size); /* a short file of /proc; -errno */
int process_comm(uint32_t pid, char comm[COMM_LEN]);
uint32_t process_tgid(uint32_t tid);
uint32_t process_parent(uint32_t pid);
int process_become(char **argv); /* if it cannot: a message, and the exit status for it */

/* argv holds the words that follow the command's name. */
typedef int command_run(const struct options *options, int argc, char **argv);

struct command {
	const char *name; /* NULL after the last of a list */
	command_run *run;
};

/* Those of no tool alone. main.c lists what all have, a tool can list others as its own. */
command_run load_command, try_command, programs_command, filters_command, cookie_command,
	words_command, line_command;

#endif
