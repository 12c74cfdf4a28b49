/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conditions on packets in words: parsers for the table of a rule's words, and back. */
#ifndef VSH_SELECTOR_H
#define VSH_SELECTOR_H

#include <stdio.h>
#include "grammar.h"
#include "json.h"
#include "select.h"

/* Reads one argument of the present word, which tells the condition, and adds it to what the same
 * word has said before in this command line. DONE, or a message and MISUSED.
 */
int selector_parse(struct cursor *cursor, struct vsh_selector *selector);

extern const char *const selector_any[]; /* choices: takes the condition away */

/* " proto tcp not dst 192.0.2.0/24": the words that make it again, or nothing. Before each word with its
 * value stands a character.
 */
void selector_print(FILE *out, char before, const struct vsh_selector *selector);

/* "match": a list with an object for each condition; nothing if there is none. */
void selector_print_json(struct json *json, const struct vsh_selector *selector);

#endif
