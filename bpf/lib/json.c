// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "json.h"
#include "utf8.h"

static void string_print(FILE *out, const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;

	fputc('"', out);
	for (size_t i = 0; i < length;) {
		size_t n = utf8_length(p + i, length - i);

		if (!n) {
			fputs("\\ufffd", out);
			i++;
			continue;
		}
		if (utf8_is_control(p + i, n))
			fprintf(out, "\\u%04x", n == 1 ? p[i] : p[i + 1]);
		else if (p[i] == '"' || p[i] == '\\')
			fprintf(out, "\\%c", p[i]);
		else
			fwrite(p + i, 1, n, out);
		i += n;
	}
	fputc('"', out);
}

/* What stands before a value. */
static FILE *value_begin(struct json *json, const char *name)
{
	if (json->follows)
		fputc(',', json->out);
	if (name) {
		string_print(json->out, name, strlen(name));
		fputc(':', json->out);
	}
	json->follows = true;
	return json->out;
}

static void list_begin(struct json *json, const char *name, char bracket)
{
	fputc(bracket, value_begin(json, name));
	json->follows = false;
}

static void list_end(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->follows = true;
}

void json_object_begin(struct json *json, const char *name)
{
	list_begin(json, name, '{');
}

void json_object_end(struct json *json)
{
	list_end(json, '}');
}

void json_array_begin(struct json *json, const char *name)
{
	list_begin(json, name, '[');
}

void json_array_end(struct json *json)
{
	list_end(json, ']');
}

void json_string(struct json *json, const char *name, const char *text)
{
	string_print(value_begin(json, name), text, strlen(text));
}

void json_chars(struct json *json, const char *name, const char *chars, size_t size)
{
	size_t length = strnlen(chars, size);
	char name_hex[64];

	string_print(value_begin(json, name), chars, length);
	if (!name || utf8_is_valid(chars, length))
		return;
	snprintf(name_hex, sizeof(name_hex), "%s_hex", name);
	json_hex(json, name_hex, chars, size);
}

void json_hex(struct json *json, const char *name, const char *chars, size_t size)
{
	FILE *out = value_begin(json, name);

	fputc('"', out);
	for (size_t i = 0; i < size && chars[i]; i++)
		fprintf(out, "%02x", (unsigned char)chars[i]);
	fputc('"', out);
}

void json_number(struct json *json, const char *name, uint64_t number)
{
	fprintf(value_begin(json, name), "%llu", (unsigned long long)number);
}

void json_decimals(struct json *json, const char *name, double number, int decimals)
{
	fprintf(value_begin(json, name), "%.*f", decimals, number);
}

void json_number_text(struct json *json, const char *name, const char *text)
{
	fputs(text, value_begin(json, name));
}

void json_bool(struct json *json, const char *name, bool value)
{
	fputs(value ? "true" : "false", value_begin(json, name));
}

void json_null(struct json *json, const char *name)
{
	fputs("null", value_begin(json, name));
}

void json_line_end(struct json *json)
{
	fputc('\n', json->out);
	json->follows = false;
}
