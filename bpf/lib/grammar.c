// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include "grammar.h"
#include "vsh.h"

#define TEXT_MAX 1024

/* --- the table in messages ---------------------------------------------------------- */

struct message {
	char bytes[TEXT_MAX];
	size_t length;
};

/* What does not fit is left out. */
static void text_add(struct message *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void text_add(struct message *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text->bytes + text->length, TEXT_MAX - text->length, format, args);
	va_end(args);
	text->length += length;
	if (text->length >= TEXT_MAX)
		text->length = TEXT_MAX - 1;
}

/* Before item i of count. */
static const char *separator(size_t i, size_t count, const char *last)
{
	if (!i)
		return "";
	return i + 1 < count ? ", " : last;
}

static const char *row_accepts(struct message *text, const struct grammar_row *row)
{
	size_t count = 0;

	if (row->accepts)
		return row->accepts;
	while (row->choices && row->choices[count])
		count++;
	for (size_t i = 0; i < count; i++)
		text_add(text, "%s%s", separator(i, count, " or "), row->choices[i]);
	return count ? text->bytes : "no value";
}

/* As in "DEV|all": in capitals a kind of value, in small letters what is typed as it is. */
static const char *row_value(struct message *text, const struct grammar_row *row)
{
	const char *between = "";

	if (row->value) {
		text_add(text, "%s", row->value);
		between = "|";
	}
	for (size_t i = 0; row->choices && row->choices[i]; i++) {
		text_add(text, "%s%s", between, row->choices[i]);
		between = "|";
	}
	return text->bytes;
}

static bool row_is_known(const struct grammar *grammar, const struct grammar_row *row)
{
	return !(row->flags & grammar->hidden) && (grammar->dashed || !(row->flags & ROW_DASHED));
}

/* Does a message name the row that is one of the groups? */
static bool row_is_listed(const struct grammar *grammar, const struct grammar_row *row,
			  uint64_t groups)
{
	return row_is_known(grammar, row) && (row->group & groups) &&
	       !(row->flags & (ROW_ALIAS | ROW_REFUSED | grammar->barred));
}

static size_t rows_listed(const struct grammar *grammar, uint64_t groups)
{
	size_t count = 0;

	for (size_t i = 0; i < grammar->count; i++)
		count += row_is_listed(grammar, &grammar->rows[i], groups);
	return count;
}

/* The names of the listed rows, with their values if asked for. */
static const char *rows_list(struct message *text, const struct grammar *grammar, uint64_t groups,
			     const char *last, bool values)
{
	size_t i = 0, count = rows_listed(grammar, groups);

	for (const struct grammar_row *row = grammar->rows; i < count; row++) {
		struct message value = {};

		if (!row_is_listed(grammar, row, groups))
			continue;
		text_add(text, "%s%s%s", separator(i++, count, last), grammar->dashed ? "-" : "",
			 row->name);
		if (values && row->max)
			text_add(text, " %s", row_value(&value, row));
	}
	return text->bytes;
}

int grammar_unknown(const struct grammar *grammar, const char *word)
{
	struct message list = {};

	return misuse("what is %s? (%s%s)", quoted(word), grammar->about,
		      rows_list(&list, grammar, UINT64_MAX, ", ", false));
}

static int again_refuse(const struct cursor *cursor, const struct grammar_row *row)
{
	struct message list = {};

	if (rows_listed(cursor->grammar, row->group) < 2)
		return misuse("duplicate \"%s\"", cursor->said);
	return misuse("\"%s\": only one of %s is allowed", cursor->said,
		      rows_list(&list, cursor->grammar, row->group, " and ", false));
}

/* --- the words ---------------------------------------------------------------------- */

/* Without the dash, or two, that it needs where words have them; "" if it has none. */
static const char *word_bare(const struct grammar *grammar, const char *word)
{
	if (!grammar->dashed)
		return word;
	if (*word != '-')
		return "";
	return word[1] == '-' ? word + 2 : word + 1;
}

static const struct grammar_row *row_find(const struct grammar *grammar, const char *word)
{
	word = word_bare(grammar, word);
	for (size_t i = 0; i < grammar->count; i++)
		if (!strcmp(word, grammar->rows[i].name) &&
		    row_is_known(grammar, &grammar->rows[i]))
			return &grammar->rows[i];
	return NULL;
}

static bool has_not(const struct grammar *grammar)
{
	for (size_t i = 0; i < grammar->count; i++)
		if (grammar->rows[i].flags & ROW_NOT)
			return true;
	return false;
}

static bool is_not(const struct grammar *grammar, const char *word)
{
	return !strcmp(word_bare(grammar, word), "not") && has_not(grammar);
}

static int not_refuse(const struct grammar *grammar, const char *problem)
{
	struct message list = {};
	const char *between = "";

	for (size_t i = 0; i < grammar->count; i++) {
		if (!(grammar->rows[i].flags & ROW_NOT))
			continue;
		text_add(&list, "%s%s%s", between, grammar->dashed ? "-" : "",
			 grammar->rows[i].name);
		between = ", ";
	}
	return misuse("%s (it can stand before %s)", problem, list.bytes);
}

/* Takes a "not", which needs a word that it can stand before. */
static int not_read(struct cursor *cursor)
{
	const struct grammar *grammar = cursor->grammar;
	const struct grammar_row *row;

	cursor->negated = is_not(grammar, *cursor->next);
	if (!cursor->negated)
		return DONE;
	cursor->next++;
	if (cursor->next == cursor->end)
		return not_refuse(grammar, "\"not\" needs a word after it");
	if (is_not(grammar, *cursor->next))
		return not_refuse(grammar, "duplicate \"not\"");
	row = row_find(grammar, *cursor->next);
	if (row && !(row->flags & ROW_NOT))
		return not_refuse(grammar, "\"not\" does not go with every word");
	return DONE;
}

static int row_check(const struct cursor *cursor, const struct grammar_row *row)
{
	struct message accepts = {};

	if (!row)
		return grammar_unknown(cursor->grammar, cursor->said);
	if (row->flags & cursor->grammar->barred)
		return misuse("%s", cursor->grammar->barred_why);
	if (cursor->end - cursor->next < row->min)
		return misuse("\"%s\" needs %s", cursor->said, row_accepts(&accepts, row));
	if ((cursor->given & row->group) && !(row->flags & ROW_LIST))
		return again_refuse(cursor, row);
	return DONE;
}

static bool is_number(const char *word)
{
	word += *word == '-' || *word == '+';
	word += *word == '.';
	return isdigit((unsigned char)*word);
}

/* A number that nobody has taken is no misspelt word. */
static int surplus_check(const struct cursor *cursor)
{
	struct message accepts = {};

	if (cursor->grammar->tail || cursor->next == cursor->end || !is_number(*cursor->next))
		return DONE;
	return misuse("what is %s? (\"%s\" takes %s)", quoted(*cursor->next), cursor->said,
		      row_accepts(&accepts, cursor->row));
}

static int word_read(struct cursor *cursor, void *request)
{
	const struct grammar_row *row;
	int status = not_read(cursor);

	if (status != DONE)
		return status;
	cursor->said = *cursor->next++;
	row = row_find(cursor->grammar, cursor->said);
	status = row_check(cursor, row);
	if (status != DONE)
		return status;
	cursor->row = row;
	cursor->left = row->max;
	status = row->parse(cursor, request);
	if (status == DONE)
		status = surplus_check(cursor);
	cursor->given |= row->group;
	return status;
}

void cursor_begin(struct cursor *cursor, const struct grammar *grammar, int argc, char **argv)
{
	*cursor = (struct cursor){ .grammar = grammar, .next = argv, .end = argv + argc };
}

int grammar_read(struct cursor *cursor, void *request)
{
	int status = DONE;

	while (status == DONE && cursor->next < cursor->end) {
		if (cursor->grammar->tail && !row_find(cursor->grammar, *cursor->next))
			break;
		status = word_read(cursor, request);
	}
	return status;
}

int grammar_needs_check(const struct grammar *grammar, uint64_t given)
{
	struct message list = {};

	for (const struct grammar_need *need = grammar->needs; need && need->question; need++)
		if (!(given & need->groups))
			return misuse("%s (%s)", need->question,
				      rows_list(&list, grammar, need->groups, " or ",
						need->groups != UINT64_MAX));
	return DONE;
}

/* --- for parsers -------------------------------------------------------------------- */

static bool word_is_there(const struct cursor *cursor)
{
	return cursor->left && cursor->next < cursor->end;
}

const char *word_next(struct cursor *cursor)
{
	if (!word_is_there(cursor))
		return NULL;
	if (cursor->row->max != ROW_MANY)
		cursor->left--;
	return *cursor->next++;
}

bool word_is_number(const struct cursor *cursor)
{
	return word_is_there(cursor) && is_number(*cursor->next);
}

bool word_is_value(const struct cursor *cursor)
{
	return word_is_there(cursor) && !row_find(cursor->grammar, *cursor->next) &&
	       !is_not(cursor->grammar, *cursor->next);
}

int word_choice(struct cursor *cursor, size_t *index)
{
	const struct grammar_row *row = cursor->row;
	const char *word = word_next(cursor);
	struct message accepts = {};

	for (size_t i = 0; row->choices[i]; i++) {
		if (strcmp(word, row->choices[i]))
			continue;
		*index = i;
		return DONE;
	}
	return misuse("%s %s: %s", cursor->said, quoted(word), row_accepts(&accepts, row));
}

/* --- the table as text -------------------------------------------------------------- */

static const char *group_name(const struct grammar *grammar, uint64_t group)
{
	const struct grammar_row *row = grammar->rows;

	while (row->group != group)
		row++;
	return row->name;
}

static const char *flag_names(struct message *text, unsigned int flags)
{
	static const char *const names[] = {
		"list", "not", "alias", "new", "dashed", "first", "run"
	};
	const char *between = "";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags >> i & 1))
			continue;
		text_add(text, "%s%s", between, names[i]);
		between = ",";
	}
	return text->length ? text->bytes : "-";
}

static void grammar_row_print(FILE *out, const struct grammar *grammar,
			      const struct grammar_row *row)
{
	struct message flags = {}, value = {}, accepts = {};
	char max[8] = "many";

	if (row->max != ROW_MANY)
		snprintf(max, sizeof(max), "%u", row->max);
	fprintf(out, "%s%s\t%u\t%s\t%s\t%s\t%s\t%s\n", row->flags & ROW_DASHED ? "-" : "",
		row->name, row->min, max, group_name(grammar, row->group),
		flag_names(&flags, row->flags), row->max ? row_value(&value, row) : "-",
		row_accepts(&accepts, row));
}

void grammar_print(FILE *out, const struct grammar *grammar)
{
	for (size_t i = 0; i < grammar->count; i++)
		if (!(grammar->rows[i].flags & ROW_REFUSED))
			grammar_row_print(out, grammar, &grammar->rows[i]);
}

void grammar_first_print(FILE *out, const struct grammar *grammar)
{
	for (size_t i = 0; i < grammar->count; i++)
		if (grammar->rows[i].flags & ROW_FIRST)
			fprintf(out, "%s\n", grammar->rows[i].name);
}

void grammar_valued_print(FILE *out, const struct grammar *grammar)
{
	for (size_t i = 0; i < grammar->count; i++)
		if (grammar->rows[i].min)
			fprintf(out, "%s %u\n",
				grammar->rows[i].name + strspn(grammar->rows[i].name, "-"),
				grammar->rows[i].min);
}
