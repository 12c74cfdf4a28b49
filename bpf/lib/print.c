// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that can be trusted on a terminal, whatever bytes a name has. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "utf8.h"
#include "vsh.h"

#define QUOTED_MAX 48 /* bytes of a bad word worth repeating */

const char *speaker = "vsh";

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

static int escape(char *out, size_t size, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i);

		if (used + 5 > size)
			return -1;
		if (!n || utf8_is_control(p + i, n) || p[i] == '\\') {
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
	bool is_path = memchr(bytes, '/', length);

	/* Of a path the end tells more; it begins with a whole character. */
	for (; is_path && shown < length && (bytes[length - shown] & 0xc0) == 0x80; shown--)
		;
	strcpy(text, is_path && shown < length ? "\"..." : "\"");
	escape(text + strlen(text), sizeof(ring[0]) - 8, is_path ? bytes + length - shown : bytes,
	       shown);
	strcat(text, !is_path && shown < length ? "...\"" : "\"");
	return text;
}

const char *quoted(const char *word)
{
	return quoted_bytes(word, strlen(word));
}

static bool is_odd(const unsigned char *p, size_t length)
{
	return !length || utf8_is_control(p, length);
}

static bool has_odd(const unsigned char *p, size_t length)
{
	for (size_t i = 0, n; i < length; i += n) {
		n = utf8_length(p + i, length - i);
		if (is_odd(p + i, n))
			return true;
	}
	return false;
}

/* Between quotes; in $'...' (odd) a backslash begins an escape, elsewhere it is a character. */
static void quoted_print(FILE *out, const unsigned char *p, size_t length, bool odd)
{
	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i);

		if (is_odd(p + i, n)) {
			fprintf(out, "\\%03o", p[i++]);
			continue;
		}
		if (p[i] == '\'')
			fputs(odd ? "\\'" : "'\\''", out);
		else if (p[i] == '\\' && odd)
			fputs("\\\\", out);
		else
			fwrite(p + i, 1, n, out);
		i += n;
	}
}

void print_word(FILE *out, const char *bytes, size_t length)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "_./:@%+-,=";
	const unsigned char *p = (const unsigned char *)bytes;
	bool odd = has_odd(p, length);
	size_t plain = 0;

	while (plain < length && bytes[plain] && strchr(safe, bytes[plain]))
		plain++;
	if (length && plain == length) {
		fwrite(bytes, 1, length, out);
		return;
	}
	fputs(odd ? "$'" : "'", out);
	quoted_print(out, p, length, odd);
	fputc('\'', out);
}

#define COLUMNS 80
#define INDENT 8 /* more than what is told of a thing below it */

/* Characters: bytes of UTF-8 that begin one. */
static unsigned int width_of(const char *bytes, size_t length)
{
	unsigned int width = 0;

	for (size_t i = 0; i < length; i++)
		width += (bytes[i] & 0xc0) != 0x80;
	return width;
}

void paragraph_print(FILE *out, const char *pieces)
{
	unsigned int column = 0;

	while (*pieces) {
		size_t length = strcspn(pieces, "\n");
		unsigned int width = width_of(pieces, length);

		if (column && column + 1 + width > COLUMNS) {
			fprintf(out, "\n%*s", INDENT, "");
			column = INDENT;
		} else if (column) {
			fputc(' ', out);
			column++;
		}
		fwrite(pieces, 1, length, out);
		column += width;
		pieces += length;
		pieces += *pieces == '\n';
	}
}
