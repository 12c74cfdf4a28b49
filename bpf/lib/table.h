/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table on a terminal, each time over the one before. */
#ifndef VSH_TABLE_H
#define VSH_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table {
	FILE *out; /* to print the table to */
	char *text;
	size_t length;
	int rows; /* of the one that was drawn last */
};

/* 0, or -ENOMEM. */
int table_begin(struct table *table);

/* The rows that there is room for. */
int table_rows(void);

/* Draws what was printed since table_begin, as much of it as the terminal has room for. */
int table_draw(struct table *table);

#endif
