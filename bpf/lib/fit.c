// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "fit.h"

const char *number_fit(uint64_t number, int width, char text[FIT_LEN])
{
	static const char units[] = "kMGTPE";
	uint64_t scale = 1;
	int unit = -1, length;

	if (snprintf(text, FIT_LEN, "%llu", (unsigned long long)number) <= width)
		return text;
	while (number / scale >= 1000) {
		scale *= 1000;
		unit++;
	}
	length = snprintf(text, FIT_LEN, "%llu", (unsigned long long)(number / scale));
	/* There are more digits left than room for them. */
	if (length < width - 2) {
		text[length++] = '.';
		while (length < width - 1)
			text[length++] = '0' + number / (scale /= 10) % 10;
	}
	text[length++] = units[unit];
	text[length] = '\0';
	return text;
}

/* The bytes of what fits into so many columns, one for each character of UTF-8. */
static size_t line_bytes(const char *text, int columns)
{
	size_t length = 0, blank = 0;

	for (; text[length]; length++) {
		if ((text[length] & 0xc0) != 0x80 && !columns--)
			return blank ?: length;
		if (text[length] == ' ')
			blank = length;
	}
	return length;
}

int words_fit(FILE *out, const char *text, int columns)
{
	int lines = 0, indent = 0;

	do {
		size_t length = line_bytes(text, columns - indent);

		fprintf(out, "%*s%.*s\n", indent, "", (int)length, text);
		text += length + (text[length] == ' ');
		indent = 4;
		lines++;
	} while (*text);
	return lines;
}
