// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json.c - two lines by the helper's writer of JSON (bpf/lib/json.c): one has each kind of value, first,
 * last and between others, and lists in lists; the other is the words of the command line.
 */
#include "lib/json.c"
#include "lib/utf8.c"

static void lists_print(struct json *json)
{
	json_array_begin(json, "lists");
	json_array_begin(json, NULL);
	json_array_end(json);
	json_object_begin(json, NULL);
	json_object_end(json);
	json_array_begin(json, NULL);
	json_null(json, NULL);
	json_array_begin(json, NULL);
	json_number(json, NULL, 1);
	json_number(json, NULL, 2);
	json_array_end(json);
	json_bool(json, NULL, true);
	json_array_end(json);
	json_array_end(json);
}

static void values_print(struct json *json)
{
	static const char full[4] = "full", part[4] = "in";

	json_object_begin(json, NULL);
	json_object_begin(json, "empty");
	json_object_end(json);
	json_number(json, "least", 0);
	json_number(json, "most", UINT64_MAX);
	lists_print(json);
	json_decimals(json, "average", 2.0 / 3, 2);
	json_number_text(json, "percent", "99.999999");
	json_chars(json, "full", full, sizeof(full));
	json_chars(json, "part", part, sizeof(part));
	json_object_begin(json, "in \"quotes\"");
	json_bool(json, "no", false);
	json_null(json, "nothing");
	json_object_end(json);
	json_object_end(json);
	json_line_end(json);
}

int main(int argc, char **argv)
{
	struct json json = { .out = stdout };

	values_print(&json);
	json_array_begin(&json, NULL);
	for (int i = 1; i < argc; i++)
		json_string(&json, NULL, argv[i]);
	json_array_end(&json);
	json_line_end(&json);
	return 0;
}
