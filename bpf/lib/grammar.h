/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of a command: a table with a row for each word, and one loop that reads a
 * command line by it. Messages, `vsh words`, the completions and the scripts' search for
 * "help" take the words from the table.
 */
#ifndef VSH_GRAMMAR_H
#define VSH_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ROW_MANY 255 /* arguments: no upper limit */

enum row_flag {
	ROW_LIST = 1 << 0, /* can be said again, and adds */
	ROW_NOT = 1 << 1, /* "not" can stand before it */
	ROW_ALIAS = 1 << 2, /* another name of the row before: known, and not listed */
	ROW_NEW = 1 << 3, /* of what is made, not of what is changed */
	ROW_DASHED = 1 << 4, /* only known with a dash before it */
	ROW_FIRST = 1 << 5, /* where words have dashes, the first one can be this */
	ROW_RUN = 1 << 6, /* only known where a command follows the words */
	ROW_REFUSED = 1 << 7, /* known elsewhere: its parser says why it is not here. Not listed */
};

struct cursor;

struct grammar_row {
	const char *name;
	/* One bit. Rows with the same bit exclude each other, but for lists. */
	uint64_t group;
	/* Of its arguments, min are taken whatever they look like: a device can be called
	 * "drop". Those after them have to tell themselves from words of the table.
	 */
	unsigned char min, max;
	unsigned int flags; /* enum row_flag */
	/* DONE, or a message and FAILED or MISUSED. Takes its arguments with word_next. */
	int (*parse)(struct cursor *cursor, void *request);
	const char *value; /* what help calls the arguments, as in DEV; NULL: only choices */
	const char *accepts; /* the same in a sentence; NULL: the choices */
	const char *const *choices; /* arguments that are typed as they are, up to NULL */
};

/* Of these groups one has to be said. */
struct grammar_need {
	uint64_t groups;
	const char *question; /* the words that answer it follow in brackets */
};

struct grammar {
	const struct grammar_row *rows;
	size_t count;
	const char *about; /* before the list of words in a message; "" or as in "a rule: " */
	const struct grammar_need *needs; /* up to one without a question; NULL: none */
	unsigned int hidden; /* rows with one of these flags are not known */
	unsigned int barred; /* rows with one of these flags are refused, ... */
	const char *barred_why; /* ... with this message */
	bool dashed; /* words have a dash, or two, before them */
	bool tail; /* the first word that is not of the table ends it, without a message */
};

/* Where a command line is read. */
struct cursor {
	const struct grammar *grammar;
	char **next, **end; /* what is left */
	uint64_t given; /* groups that were said before the present word */
	const struct grammar_row *row; /* the present word: its row, ... */
	const char *said; /* ... as it was typed, ... */
	unsigned int left; /* ... how many arguments it can still take, ... */
	bool negated; /* ... and whether "not" stood before it */
};

void cursor_begin(struct cursor *cursor, const struct grammar *grammar, int argc, char **argv);

/* Reads all words. DONE, or a message and FAILED or MISUSED. */
int grammar_read(struct cursor *cursor, void *request);

/* DONE, or the first question that was not answered, and MISUSED. */
int grammar_needs_check(const struct grammar *grammar, uint64_t given);

/* The message about a word that is not of the table, with those that are; MISUSED. For what is left
 * after a grammar with a tail.
 */
int grammar_unknown(const struct grammar *grammar, const char *word);

/* For parsers: the next argument, or NULL if there is none or the row takes no more. */
const char *word_next(struct cursor *cursor);

/* Can word_next return a number, such as 5, 25%, .5, -1 or 10ms? For optional numbers. */
bool word_is_number(const struct cursor *cursor);

/* Can word_next return something that is no word of the table? For lists of any text. */
bool word_is_value(const struct cursor *cursor);

/* The index of the next argument in the row's choices, or a message and MISUSED. */
int word_choice(struct cursor *cursor, size_t *index);

/* The table: word, min, max ("many"), the first word of its group, flags ("-": none),
 * value and what it accepts, with tabs between.
 */
void grammar_print(FILE *out, const struct grammar *grammar);

/* Those that can come first where words have dashes. */
void grammar_first_print(FILE *out, const struct grammar *grammar);

/* Words that need arguments, without a dash, and how many. */
void grammar_valued_print(FILE *out, const struct grammar *grammar);

#endif
