/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for tables of a fixed width. */
#ifndef VSH_FIT_H
#define VSH_FIT_H

#include <stdint.h>
#include <stdio.h>

#define FIT_LEN 24

/* The number in at most `width` characters (5 to 20): exact if it fits, else cut off (not rounded)
 * before a unit of 1000: 18446744073709551615 in 10 is 18.446744E. Returns text.
 */
const char *number_fit(uint64_t number, int width, char text[FIT_LEN]);

/* Prints the text in lines of at most `columns` characters, broken between words where it can be, and
 * indented by four after the first. Returns how many lines it took.
 */
int words_fit(FILE *out, const char *text, int columns);

#endif
