/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links with names. A file of them has a line for each: its name, and the words of a rule that it stands
 * for. Lines that begin with "#" are comments.
 */
#ifndef VSH_PRESETS_H
#define VSH_PRESETS_H

#define PRESET_LINE_MAX 512 /* bytes of a line, with a NUL */
#define PRESETS_OWN "/etc/vershitify/presets" /* the administrator's, which come first */

/* The words of a preset. DONE, or a message and MISUSED. */
int preset_find(const char *name, char words[PRESET_LINE_MAX]);

#endif
