// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "page.h"
#include "utf8.h"

static const char unknown[] = "\xef\xbf\xbd", ellipsis[] = "\xe2\x80\xa6";

void text_clean(char *out, size_t size, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t used = 0, room = size - sizeof(ellipsis);

	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i), wanted = n ?: sizeof(unknown) - 1;

		if (used + wanted > room) {
			memcpy(out + used, ellipsis, sizeof(ellipsis) - 1);
			used += sizeof(ellipsis) - 1;
			break;
		}
		memcpy(out + used, n ? bytes + i : unknown, wanted);
		used += wanted;
		i += n ?: 1;
	}
	out[used] = '\0';
}
