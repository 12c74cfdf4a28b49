// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that can be trusted on a terminal and in JSON, whatever bytes a name has. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "vsh.h"

#define QUOTED_MAX 48 /* bytes of a bad word worth repeating */

const char *speaker = "vershitify.sh";

static void complain_va(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", speaker);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_va(format, args);
	va_end(args);
}

int misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_va(format, args);
	va_end(args);
	return MISUSED;
}

int failure(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain_va(format, args);
	va_end(args);
	return FAILED;
}

int output_flush(void)
{
	static int err;

	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -(errno ?: EIO);
	return err;
}

/* The length of the UTF-8 sequence at p, 0 if it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t length = *p < 0x80   ? 1
			: *p < 0xc2 ? 0
			: *p < 0xe0 ? 2
			: *p < 0xf0 ? 3
			: *p < 0xf5 ? 4
				    : 0;

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return length;
}

/* Control characters in one or two bytes: C0, DEL, and C1 in UTF-8. */
static bool is_control(const unsigned char *p, size_t length)
{
	return (length == 1 && (*p < 0x20 || *p == 0x7f)) ||
	       (length == 2 && *p == 0xc2 && p[1] < 0xa0);
}

static int escape(char *out, size_t size, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i);

		if (used + 5 > size)
			return -1;
		if (!n || is_control(p + i, n) || p[i] == '\\') {
			used += snprintf(out + used, size - used, "\\x%02x", p[i]);
			i++;
			continue;
		}
		memcpy(out + used, p + i, n);
		used += n;
		i += n;
	}
	out[used] = '\0';
	return used;
}

const char *quoted_bytes(const char *bytes, size_t length)
{
	static char ring[4][QUOTED_MAX * 4 + 16];
	static unsigned int next;
	char *text = ring[next++ % 4];
	size_t shown = length < QUOTED_MAX ? length : QUOTED_MAX;

	text[0] = '"';
	escape(text + 1, sizeof(ring[0]) - 8, bytes, shown);
	strcat(text, length > shown ? "...\"" : "\"");
	return text;
}

const char *quoted(const char *word)
{
	return quoted_bytes(word, strlen(word));
}

/* As a word that a shell reads back, where its bytes allow that. */
void print_word(FILE *out, const char *bytes, size_t length)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "_./:@%+-,=";
	char text[4 * 4096];

	if (escape(text, sizeof(text), bytes, length) < 0)
		text[0] = '\0';
	if (length && strspn(text, safe) == strlen(text)) {
		fputs(text, out);
		return;
	}
	fputc('\'', out);
	for (const char *p = text; *p; p++)
		if (*p == '\'')
			fputs("'\\''", out);
		else
			fputc(*p, out);
	fputc('\'', out);
}

/* Bytes that are not UTF-8 become U+FFFD, as JSON has no other way. */
void json_string(FILE *out, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;

	fputc('"', out);
	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i);

		if (!n) {
			fputs("\\ufffd", out);
			i++;
			continue;
		}
		if (is_control(p + i, n))
			fprintf(out, "\\u%04x", n == 1 ? p[i] : p[i + 1]);
		else if (p[i] == '"' || p[i] == '\\')
			fprintf(out, "\\%c", p[i]);
		else
			fwrite(p + i, 1, n, out);
		i += n;
	}
	fputc('"', out);
}
