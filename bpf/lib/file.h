/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that somebody else may have made. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stdio.h>

#define LINE_BYTES 65536

/* A regular file, with pipes also a pipe, for reading: a descriptor, or -errno; -EISDIR for any other kind. */
int file_open(const char *path, bool pipes);

/* The next line, without its end; false: there is none. Why it cannot be meant goes to *wrong, or NULL: what
 * follows a zero byte would not be read, and nobody told.
 */
bool line_read(char line[LINE_BYTES], FILE *file, const char **wrong);

#endif
