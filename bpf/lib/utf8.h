/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_UTF8_H
#define VSH_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the UTF-8 sequence at p, 0 if it is none (RFC 3629). left: bytes from p on, not 0. */
size_t utf8_length(const unsigned char *p, size_t left);

/* Is all of it UTF-8? */
bool utf8_is_valid(const char *bytes, size_t length);

/* Control characters in one or two bytes: C0, DEL, and C1 in UTF-8. */
bool utf8_is_control(const unsigned char *p, size_t length);

#endif
