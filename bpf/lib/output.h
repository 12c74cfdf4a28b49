/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files for people, in folders where others than root may have a say. */
#ifndef VSH_OUTPUT_H
#define VSH_OUTPUT_H

/* What the command prints becomes the file `path`, mode 0644, whole or not at all; the command is looked
 * for in PATH and has our standard input. No name that somebody else can swap is followed: a symbolic
 * link on the way to the folder has to be root's, in a folder of root's, the new file is written by its
 * descriptor, and what has the name by then is replaced, not opened. 0 or -errno: -ELOOP if there is such
 * a link, -ESTALE if somebody else has put something else in the place of the new file, -ECHILD if the
 * command has failed or printed nothing, -EINTR if a signal has come (signals.h).
 */
int output_make(const char *path, char *const command[]);

#endif
