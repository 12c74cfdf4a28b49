// SPDX-License-Identifier: GPL-2.0-or-later
#include "utf8.h"

size_t utf8_length(const unsigned char *p, size_t left)
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

bool utf8_is_control(const unsigned char *p, size_t length)
{
	return (length == 1 && (*p < 0x20 || *p == 0x7f)) ||
	       (length == 2 && *p == 0xc2 && p[1] < 0xa0);
}

bool utf8_is_valid(const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0, n; i < length; i += n) {
		n = utf8_length(p + i, length - i);
		if (!n)
			return false;
	}
	return true;
}
