/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes JSON, and knows where a comma belongs. In an object each value has a name, elsewhere
 * the name is NULL.
 */
#ifndef VSH_JSON_H
#define VSH_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool follows; /* a value: what comes next needs a comma before it */
};

void json_object_begin(struct json *json, const char *name);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *name);
void json_array_end(struct json *json);

/* A string, and one of size bytes or up to a NUL, as names stand in maps. Control characters
 * are escaped. Bytes that are not UTF-8 become U+FFFD, as JSON has no other way; if there are
 * any, a member NAME_hex of the object has all bytes in hexadecimal.
 */
void json_string(struct json *json, const char *name, const char *text);
void json_chars(struct json *json, const char *name, const char *chars, size_t size);

void json_hex(struct json *json, const char *name, const char *chars, size_t size);

void json_number(struct json *json, const char *name, uint64_t number);
void json_decimals(struct json *json, const char *name, double number, int decimals);

/* A number that is text already, with a point or without. */
void json_number_text(struct json *json, const char *name, const char *text);

void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* Ends a whole value, of which there can be one a line. */
void json_line_end(struct json *json);

#endif
