/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share: the entry, the system that words meet, and what must be true of all that
 * is printed.
 */
#ifndef VSH_FUZZ_H
#define VSH_FUZZ_H

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "lib/vsh.h"

#define NOW_NS 1000000000000000ULL
#define FAKE_COOKIE 4711
#define WORDS_MAX 64
#define MESSAGE_MAX 700 /* bytes of a line; of words that are quoted in it, only the beginning is */

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(real_stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

static FILE *real_stderr;

/* What a target does with its input, as text. It may change that. */
void input_check(char *text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	real_stderr = stderr;
	memcpy(text, data, size);
	text[size] = '\0';
	input_check(text);
	free(text);
	return 0;
}

/* --- the system, faked: always the same, and never touched ------------------------------------ */

/* "lo", "d0" to "d39", and "o" with whatever else the kernel takes for a name */
static inline unsigned int fake_nametoindex(const char *name)
{
	unsigned int number = 0;
	char end;

	if (!strcmp(name, "lo"))
		return 1;
	if (*name != 'o')
		return sscanf(name, "d%2u%c", &number, &end) == 1 && number < 40 ? number + 2 : 0;
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, "/: \t\n\v\f\r"))
		return 0;
	for (; *name; name++)
		number = number * 31 + (unsigned char)*name;
	return number | 0x1000;
}

int netns_cookie(uint64_t *cookie)
{
	*cookie = FAKE_COOKIE;
	return 0;
}

static uint64_t fake_now_ns = NOW_NS;

uint64_t boot_now_ns(void)
{
	return fake_now_ns;
}

/* --- what is printed ------------------------------------------------------------------------------ */

struct text {
	FILE *out;
	char *bytes;
	size_t size;
};

static inline void text_begin(struct text *text)
{
	text->out = open_memstream(&text->bytes, &text->size);
	CHECK(text->out);
}

/* The caller frees the bytes. */
static inline void text_end(struct text *text)
{
	fclose(text->out);
	CHECK(strlen(text->bytes) == text->size);
}

/* UTF-8 without a control character: safe on a terminal. Decoded from the table in RFC 3629 by
 * value, not by the byte ranges that print.c goes by.
 */
static inline bool is_printable(const char *text)
{
	static const uint32_t least[] = { 0x20, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		uint32_t code = more ? *p & (0x3f >> more) : *p;

		if ((*p >= 0x80 && *p < 0xc0) || *p >= 0xf8)
			return false;
		p++;
		for (int i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*p & 0x3f);
		}
		if (code < least[more] || (code >= 0x7f && code < 0xa0) || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return false;
	}
	return true;
}

/* Lines of printable text, each with its end, which is cut off; returns how many. */
static inline int lines_check(char *text, void (*visit)(const char *line))
{
	int lines = 0;

	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		CHECK(end);
		*end = '\0';
		CHECK(is_printable(line));
		if (visit)
			visit(line);
		lines++;
	}
	return lines;
}

static inline void messages_begin(struct text *messages)
{
	text_begin(messages);
	stderr = messages->out;
}

static inline void message_check(const char *line)
{
	size_t length = strlen(speaker);

	CHECK(!strncmp(line, speaker, length) && !strncmp(line + length, ": ", 2));
	CHECK(strlen(line) < MESSAGE_MAX);
}

/* Returns how many there were. */
static inline int messages_end(struct text *messages)
{
	int lines;

	stderr = real_stderr;
	text_end(messages);
	lines = lines_check(messages->bytes, message_check);
	free(messages->bytes);
	return lines;
}

/* Just enough of RFC 8259 to tell JSON from what is none. Returns the end of the value, or NULL. */
static inline const char *json_value(const char *p);

static inline const char *json_string_end(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") >= 4)
			p += 4;
		else if (!*p || !strchr("\"\\/bfnrt", *p))
			return NULL;
	}
	return p + 1;
}

static inline const char *json_list(const char *p, bool named)
{
	char end = named ? '}' : ']';

	if (p[1] == end)
		return p + 2;
	do {
		p++;
		if (named) {
			p = json_string_end(p);
			if (!p || *p++ != ':')
				return NULL;
		}
		p = json_value(p);
	} while (p && *p == ',');
	return p && *p == end ? p + 1 : NULL;
}

static inline const char *json_value(const char *p)
{
	size_t digits;

	if (*p == '{' || *p == '[')
		return json_list(p, *p == '{');
	if (*p == '"')
		return json_string_end(p);
	if (!strncmp(p, "true", 4))
		return p + 4;
	if (!strncmp(p, "null", 4))
		return p + 4;
	if (!strncmp(p, "false", 5))
		return p + 5;
	digits = strspn(p, "0123456789");
	if (!digits || (digits > 1 && *p == '0'))
		return NULL;
	p += digits;
	if (*p != '.')
		return p;
	digits = strspn(p + 1, "0123456789");
	return digits ? p + 1 + digits : NULL;
}

static inline void json_check(const char *text)
{
	const char *end;

	CHECK(is_printable(text));
	end = json_value(text);
	CHECK(end && !*end);
}

/* --- words --------------------------------------------------------------------------------------- */

struct words {
	int count;
	char *word[4 * WORDS_MAX]; /* more is printed than was said */
};

/* Those of an input, separated by "|". */
static inline void words_split(struct words *words, char *text)
{
	words->count = 0;
	do {
		char *separator = strchr(text, '|');

		words->word[words->count++] = text;
		text = separator;
		if (separator)
			*text++ = '\0';
	} while (text && words->count < WORDS_MAX);
}

/* A backslash in $'...' and what follows it. Returns the last byte of it. */
static inline char *unescape(char *text, char *out)
{
	if (text[1] < '0' || text[1] > '7') {
		*out = text[1];
		return text + 1;
	}
	CHECK(text[2] && text[3]);
	*out = (text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0');
	return text + 3;
}

/* What a shell makes of the words that are printed: blanks separate, single quotes hold together. */
static inline void words_unquote(struct words *words, char *text)
{
	char *out = text;
	bool quoted_now = false, escapes = false;

	words->count = 0;
	words->word[words->count++] = out;
	for (; *text; text++) {
		if (escapes && *text == '\\') {
			text = unescape(text, out++);
		} else if (!quoted_now && *text == '$' && text[1] == '\'') {
			escapes = true;
		} else if (*text == '\'') {
			quoted_now = !quoted_now;
			escapes = escapes && quoted_now;
		} else if (!quoted_now && *text == '\\') {
			*out++ = *++text;
		} else if (!quoted_now && *text == ' ') {
			*out++ = '\0';
			CHECK(words->count < 4 * WORDS_MAX);
			words->word[words->count++] = out;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
	CHECK(!quoted_now);
}

#endif
