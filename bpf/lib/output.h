/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files for people, in folders where others than root may have a say. */
#ifndef VSH_OUTPUT_H
#define VSH_OUTPUT_H

#include <sys/types.h>

/* A file that is written whole or not at all. No name that somebody else can swap is followed: a symbolic
 * link on the way to the folder has to be root's, in a folder of root's, the new file is written by its
 * descriptor, and a file or link that has the name by then is replaced, not opened.
 */
struct output {
	int folder, fd;
	mode_t mode;
	const char *name; /* in the folder, in the end, ... */
	char new[32]; /* ... and until then */
};

/* To be written by its descriptor. The mode is as in open(2), without what the umask takes away. path has to
 * last. 0 or -errno, with nothing begun: -ELOOP if there is such a link, -EEXIST if something has the name that
 * is no file.
 */
int output_begin(struct output *output, const char *path, mode_t mode);

/* Gives it its name and its mode; with an err, also of the caller's, it is removed. 0 or -errno:
 * -ESTALE if somebody else has put something else in the place of the new file.
 */
int output_end(struct output *output, int err);

/* What the command prints becomes the file, with the mode 0666 as above; the command is looked for in PATH and has our standard input.
 * As above, and -ECHILD if the command has failed or printed nothing, -EINTR if a signal has come
 * (signals.h).
 */
int output_make(const char *path, char *const command[]);

/* What an error means, for people. */
const char *output_error(int err);

#endif
