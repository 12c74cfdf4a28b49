/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scripts for gnuplot. */
#ifndef VSH_PLOT_H
#define VSH_PLOT_H

#include <stddef.h>
#include <stdio.h>

/* In a string of gnuplot's, which would obey quotes and backslashes: what it might obey becomes "?". */
void plot_word_print(FILE *out, const char *bytes, size_t length);

#endif
