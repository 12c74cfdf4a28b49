// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "table.h"

int table_begin(struct table *table)
{
	table->out = open_memstream(&table->text, &table->length);
	return table->out ? 0 : -ENOMEM;
}

/* Rows that the text takes on a terminal, up to as many as it has. The text is cut there. */
static int rows_fit(char *text, const struct winsize *size)
{
	int rows = 0, column = 0;

	for (char *p = text; *p; p++) {
		if (*p != '\n' && ++column <= size->ws_col)
			continue;
		column = *p != '\n';
		if (++rows == size->ws_row - 1) {
			p[*p == '\n'] = '\0';
			return rows;
		}
	}
	return rows;
}

static struct winsize terminal_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	return size;
}

int table_rows(void)
{
	return terminal_size().ws_row - 1;
}

int table_draw(struct table *table)
{
	struct winsize size = terminal_size();

	if (fclose(table->out)) {
		free(table->text);
		return -ENOMEM;
	}
	if (table->rows)
		printf("\033[%dA\033[J", table->rows);
	table->rows = rows_fit(table->text, &size);
	fputs(table->text, stdout);
	free(table->text);
	return 0;
}
