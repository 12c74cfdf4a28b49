// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that can be trusted on a terminal, whatever bytes a name has. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "utf8.h"
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
