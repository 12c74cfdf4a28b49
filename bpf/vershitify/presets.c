// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh presets: the links that have a name, a line each: the name, and the words that it stands for. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "json.h"
#include "presets.h"
#include "state.h"

#define PATH_MAX_LEN 512

/* Where ours are, from the folder of the helper: installed, in the tree, and in the tree for a
 * helper with sanitizers.
 */
static const char *const places[] = {
	"../../share/vershitify/presets",
	"../scripts/presets",
	"../../scripts/presets",
};

/* What is done with each line; true: no more of them. */
typedef bool preset_visit(const char *name, const char *words, void *context);

/* Splits off the name; NULL where there is none. Tabs become spaces. */
static const char *line_name(char *line, const char **words)
{
	char *name, *end;

	line[strcspn(line, "\n")] = '\0';
	for (char *tab = line; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	name = line + strspn(line, " ");
	if (!*name || *name == '#')
		return NULL;
	end = name + strcspn(name, " ");
	*words = end + strspn(end, " ");
	*end = '\0';
	return name;
}

/* A line that is too long is cut off, and what is left of it is not one of its own. */
static bool line_read(FILE *file, char line[PRESET_LINE_MAX])
{
	int c;

	if (!fgets(line, PRESET_LINE_MAX, file))
		return false;
	if (!strchr(line, '\n'))
		do
			c = fgetc(file);
		while (c != EOF && c != '\n');
	return true;
}

static bool file_visit(FILE *file, preset_visit *visit, void *context)
{
	char line[PRESET_LINE_MAX];
	const char *name, *words;
	bool enough = false;

	while (!enough && line_read(file, line)) {
		name = line_name(line, &words);
		enough = name && visit(name, words, context);
	}
	return enough;
}

static FILE *ours_open(void)
{
	char folder[PATH_MAX_LEN], path[2 * PATH_MAX_LEN];
	ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	FILE *file = NULL;

	if (length < 0)
		return NULL;
	folder[length] = '\0';
	*(strrchr(folder, '/') ?: folder) = '\0';
	for (size_t i = 0; !file && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
		file = fopen(path, "re");
	}
	return file;
}

/* The administrator's first. true: a visit has said that it is enough. */
static bool presets_visit(preset_visit *visit, void *context)
{
	FILE *files[] = { fopen(PRESETS_OWN, "re"), ours_open() };
	bool enough = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!files[i])
			continue;
		enough = enough || file_visit(files[i], visit, context);
		fclose(files[i]);
	}
	return enough;
}

struct search {
	const char *name;
	char *words;
};

static bool search_visit(const char *name, const char *words, void *context)
{
	struct search *search = context;

	if (strcmp(name, search->name))
		return false;
	strcpy(search->words, words);
	return true;
}

int preset_find(const char *name, char words[PRESET_LINE_MAX])
{
	struct search search = { name, words };

	if (presets_visit(search_visit, &search))
		return DONE;
	return misuse("preset %s: there is none (vershitify.sh presets lists them)", quoted(name));
}

/* --- listing ---------------------------------------------------------------------------- */

/* One that the administrator has made anew is not listed a second time. */
static bool is_hidden(const char *name, const char *words)
{
	char first[PRESET_LINE_MAX];

	return preset_find(name, first) == DONE && strcmp(first, words);
}

static bool preset_print(const char *name, const char *words, void *context)
{
	struct json *json = context;

	if (is_hidden(name, words))
		return false;
	if (!json) {
		printf("%-16s %s\n", name, words);
		return false;
	}
	json_object_begin(json, NULL);
	json_string(json, "name", name);
	json_string(json, "words", words);
	json_object_end(json);
	return false;
}

int presets_command(const struct options *options, int argc, char **argv)
{
	struct json json = { .out = stdout };

	(void)argv;
	if (argc)
		return misuse("presets takes no words");
	if (options->json)
		json_array_begin(&json, NULL);
	presets_visit(preset_print, options->json ? &json : NULL);
	if (options->json) {
		json_array_end(&json);
		json_line_end(&json);
	}
	return DONE;
}
