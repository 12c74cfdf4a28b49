// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that somebody else may have made: opened only if they are of a kind that has an end, and read
 * in lines that have one.
 *
 * vsh line N: prints the next line of standard input, which is the Nth, without blanks before it, and reads nothing of what
 * follows. Status 1: there is none; 2: it cannot be meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "vsh.h"

int file_open(const char *path, bool pipes)
{
	int fd = -1, known = open(path, O_PATH | O_CLOEXEC);
	char name[64];
	struct stat st;
	int err = known < 0 || fstat(known, &st) ? -errno : 0;

	/* To open a device can have an effect. */
	if (!err && !S_ISREG(st.st_mode) && !(pipes && S_ISFIFO(st.st_mode)))
		err = -EISDIR;
	if (!err) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", known);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		err = fd < 0 ? -errno : 0;
	}
	if (known >= 0)
		close(known);
	return err ? err : fd;
}

bool line_read(char line[LINE_BYTES], FILE *file, const char **wrong)
{
	int length = 0, c;

	while ((c = getc(file)) != EOF && c && c != '\n' && length < LINE_BYTES - 1)
		line[length++] = c;
	line[length] = '\0';
	*wrong = NULL;
	if (!c)
		*wrong = "there is a zero byte in it";
	else if (c != EOF && c != '\n')
		*wrong = "it is too long";
	return c != EOF || length;
}

int line_command(const struct options *options, int argc, char **argv)
{
	static char line[LINE_BYTES];
	const char *wrong;

	(void)options;
	if (argc != 1)
		return misuse("line takes the number of the line");
	setvbuf(stdin, NULL, _IONBF, 0);
	if (!line_read(line, stdin, &wrong))
		return ferror(stdin) ? misuse("line %s: %s", argv[0], strerror(errno)) : FAILED;
	if (wrong)
		return misuse("line %s: %s", argv[0], wrong);
	puts(line + strspn(line, " \t"));
	return DONE;
}
