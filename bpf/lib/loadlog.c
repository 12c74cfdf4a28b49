// SPDX-License-Identifier: GPL-2.0-or-later
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loadlog.h"

static char log_warning[512]; /* libbpf's last word about why */
char log_program[64];
char *log_verifier;

/* That it has failed, and a guess why, which is wrong since memory is accounted (5.11). */
static bool says_less_than_errno(const char *warning)
{
	return strstr(warning, "libbpf: failed to load ") || strstr(warning, "ulimit -l");
}

int log_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[sizeof(log_warning)];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "libbpf: prog '%63[^']'", log_program) == 1)
		return 0;
	if (!says_less_than_errno(text))
		strcpy(log_warning, text + strlen("libbpf: "));
	return 0;
}

void log_begin(void)
{
	log_warning[0] = '\0';
	log_program[0] = '\0';
	if (!log_verifier)
		log_verifier = calloc(1, LOG_BYTES);
	if (log_verifier)
		log_verifier[0] = '\0';
}

/* The line in which the verifier says what it does not like: the last before its sums. */
static const char *log_last_line(void)
{
	const char *last = "";

	if (!log_verifier)
		return last;
	for (char *line = strtok(log_verifier, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, "processed ", strlen("processed ")))
			last = line;
		else
			break;
	return last;
}

const char *log_reason(int err)
{
	static char reason[sizeof(log_warning) + 256];
	const char *line = log_last_line();
	char text[128];

	if (!*line)
		line = log_warning;
	libbpf_strerror(err, text, sizeof(text));
	snprintf(reason, sizeof(reason), "%s%s%.500s", text, *line ? ": " : "", line);
	return reason;
}
