/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each tool says of itself, in a file of its folder. The list of tools is tools.c; nothing else here
 * knows one.
 */
#ifndef VSH_TOOLS_H
#define VSH_TOOLS_H

#include <stddef.h>
#include "grammar.h"
#include "programs.h"
#include "vsh.h"

struct bpf_link;
struct bpf_object;
struct bpf_program;

/* What its command line can say, for completion and script. Lists end with NULL. */
struct vocabulary {
	const struct grammar *grammar;
	const char *const *commands, *const *options;
	const struct grammar *more; /* of words that one of the grammar's takes; NULL: none does */
};

/* What a tool keeps in the kernel beside what is attached to devices. Lists end with NULL. */
struct setup {
	const char *pins; /* of programs and links: complete as soon as it is there */
	const char *maps; /* of those that objects share by name */
	const char *const *folders; /* that have to be there, each before what is below it */
	const char *const *objects; /* in the order of loading */
	/* Before the first object is loaded. DONE, or FAILED after a message. */
	int (*begin)(void);
	/* Before a program (NULL: all of them) of an object is loaded, to give it maps by hand. */
	void (*join)(struct bpf_object *object, const struct bpf_program *only);
	/* NULL: as libbpf does by its section. */
	struct bpf_link *(*attach)(struct bpf_program *program, struct bpf_object *object);
};

struct tool {
	const char *name;
	const char *speaker; /* its script, as messages begin */
	struct program_table programs;
	const struct command *commands; /* of the helper */
	struct vocabulary vocabulary;
	const struct setup *setup; /* NULL: it has none */
};

extern const struct tool *const tools[]; /* NULL after the last */

/* NULL: there is no such tool. */
const struct tool *tool_find(const char *name);

/* Whose program is it? */
const struct tool *tool_of(const struct program *program);

/* The file that all commands lock, in shell and here: see tc/lock.sh. */
extern const char lock_file[];

#endif
