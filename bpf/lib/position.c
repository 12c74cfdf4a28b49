// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "position.h"

/* Plain decimals up to the end character; strtod(3) would take more. */
static int degrees_parse(const char *word, char end, double max, const char **rest, double *degrees)
{
	size_t length = strspn(word, "+-.0123456789");
	char *stop;

	*degrees = strtod(word, &stop);
	if (!length || stop != word + length || *stop != end || fabs(*degrees) > max)
		return -EINVAL;
	*rest = stop + 1;
	return 0;
}

int position_parse(const char *word, struct position *position)
{
	const char *rest = word;

	return degrees_parse(rest, ',', 90, &rest, &position->latitude)
		       ?: degrees_parse(rest, '\0', 180, &rest, &position->longitude);
}
