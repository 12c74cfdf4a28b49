// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "plot.h"

void plot_word_print(FILE *out, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		fputc(strchr("\"'\\`", bytes[i]) || bytes[i] < 0x20 || bytes[i] > 0x7e ? '?'
										       : bytes[i],
		      out);
}
