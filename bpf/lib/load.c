// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh load DIR TOOL             what that tool sets up: programs, attached and pinned
 * vsh load DIR PROGRAM          one more program, pinned beside them, for tc or bpftool to attach
 * vsh load DIR PROGRAM FOLDER   one program, pinned in FOLDER with its maps
 * vsh try DIR PROGRAM           loads one program and lets go of it: prints why not, status 1
 *
 * DIR holds the objects. Loading again changes nothing. An optional program that the kernel refuses
 * costs its feature alone, and a note.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "load.h"
#include "loadlog.h"
#include "programs.h"
#include "tools.h"
#include "vsh.h"

/* One object on its way into the kernel. */
struct loading {
	const char *directory; /* of the objects */
	const struct tool *tool;
	const char *file;
	const char *only; /* the program that was asked for, or NULL: all of the object */
	const char *pins; /* where programs and links are pinned, or NULL: nowhere */
	bool maps_here; /* maps are pinned there, too */
	struct bpf_object *object;
};

static char **refusals; /* why the kernel does not take a program; NULL: it does */

static char **refusal_of(const struct program *program)
{
	size_t index = 0;

	while (program_at(index) != program)
		index++;
	return &refusals[index];
}

static bool is_wanted(const struct loading *loading, const struct program *program)
{
	if (strcmp(program->object, loading->file) || *refusal_of(program))
		return false;
	return !loading->only || !strcmp(program->name, loading->only);
}

static bool wants_any(const struct loading *loading)
{
	const struct program *program;

	for (size_t i = 0; (program = program_at(i)); i++)
		if (is_wanted(loading, program))
			return true;
	return false;
}

/* DONE: the rest can do without it. */
static int refusal_take(struct loading *loading, const struct program *program, const char *what,
			const char *reason)
{
	char remedy[64] = "";

	if (program->needed && loading->pins)
		snprintf(remedy, sizeof(remedy), " (try: %s doctor)", loading->tool->speaker);
	if (loading->only || program->needed)
		return failure("cannot %s %s, which %s: %s%s", what, program->name,
			       program->purpose, reason, remedy);
	*refusal_of(program) = strdup(reason);
	return *refusal_of(program) ? DONE : failure("out of memory");
}

/* The kernel takes programs for the BPF LSM, and never calls them, if it was not booted with
 * that. NULL: it calls them, or does not say.
 */
static const char *lsm_refusal(const struct bpf_program *program)
{
	char list[256] = ",";
	FILE *file;

	if (bpf_program__type(program) != BPF_PROG_TYPE_LSM)
		return NULL;
	file = fopen("/sys/kernel/security/lsm", "re");
	if (!file)
		return NULL;
	if (!fgets(list + 1, sizeof(list) - 2, file))
		list[1] = '\0';
	fclose(file);
	list[strcspn(list, "\n")] = '\0';
	strcat(list, ",");
	return strstr(list, ",bpf,") ? NULL : "bpf is not in /sys/kernel/security/lsm";
}

/* The program that was asked for, or NULL: all of them. */
static const struct bpf_program *only_program(const struct loading *loading)
{
	return loading->only ? bpf_object__find_program_by_name(loading->object, loading->only)
			     : NULL;
}

static void maps_place(const struct loading *loading)
{
	const struct setup *setup = loading->tool->setup;
	struct bpf_map *map;
	char path[256];

	bpf_object__for_each_map(map, loading->object) {
		if (!loading->pins)
			bpf_map__set_pin_path(map, NULL);
		if (!loading->maps_here || bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", loading->pins, bpf_map__name(map));
		bpf_map__set_pin_path(map, path);
	}
	if (loading->pins && setup && setup->join)
		setup->join(loading->object, only_program(loading));
}

/* DONE, or FAILED after a message: without it nothing can be loaded. */
static int program_choose(struct loading *loading, struct bpf_program *program)
{
	const struct program *known = program_find(bpf_program__name(program));
	const char *reason = NULL;
	int status = DONE;

	if (known && is_wanted(loading, known))
		reason = lsm_refusal(program);
	if (reason)
		status = refusal_take(loading, known, "load", reason);
	bpf_program__set_autoload(program, known && is_wanted(loading, known));
	if (log_verifier)
		bpf_program__set_log_buf(program, log_verifier, LOG_BYTES);
	return status;
}

static int object_open(struct loading *loading)
{
	const struct setup *setup = loading->tool->setup;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = setup ? setup->maps : NULL);
	struct bpf_program *program;
	char path[4096];

	log_begin();
	snprintf(path, sizeof(path), "%s/%s", loading->directory, loading->file);
	loading->object = bpf_object__open_file(path, &opts);
	if (!loading->object)
		return failure("cannot load %s: %s", loading->file, log_reason(-errno));
	bpf_object__for_each_program(program, loading->object)
		if (program_choose(loading, program) != DONE)
			return FAILED;
	maps_place(loading);
	return DONE;
}

static void object_close(struct loading *loading)
{
	bpf_object__close(loading->object);
	loading->object = NULL;
}

/* DONE: the kernel has taken it, or it can be tried once more, without what it has refused. */
static int object_try(struct loading *loading)
{
	const struct program *program;
	int err;

	if (object_open(loading) != DONE)
		return FAILED;
	if (!wants_any(loading)) {
		object_close(loading);
		return DONE;
	}
	err = bpf_object__load(loading->object);
	if (!err)
		return DONE;
	object_close(loading);
	program = program_find(log_program);
	if (!program || !is_wanted(loading, program))
		return failure("cannot load %s: %s", loading->file, log_reason(err));
	return refusal_take(loading, program, "load", log_reason(err));
}

/* libbpf loads all or nothing: once more without each program that is refused. DONE also
 * if nothing is left of it.
 */
static int object_load(struct loading *loading)
{
	int status = DONE;

	while (status == DONE && !loading->object && wants_any(loading))
		status = object_try(loading);
	return status;
}

/* An iterator is attached to be read, a tracepoint to run. */
static struct bpf_link *program_attach(const struct loading *loading, struct bpf_program *program)
{
	const struct setup *setup = loading->tool->setup;

	return setup && setup->attach ? setup->attach(program, loading->object)
				      : bpf_program__attach(program);
}

/* 0 or -errno. */
static int link_make(const struct loading *loading, struct bpf_program *program, const char *path)
{
	struct bpf_link *link = program_attach(loading, program);
	int err = 0;

	if (!link)
		return -errno;
	if (loading->pins) {
		err = bpf_link__pin(link, path);
		bpf_link__disconnect(link);
	}
	bpf_link__destroy(link);
	return err;
}

static int program_place(const struct loading *loading, const struct program *program)
{
	struct bpf_program *loaded =
		bpf_object__find_program_by_name(loading->object, program->name);
	char path[128];

	pin_path(path, loading->pins ?: "", program);
	if (program->place == BY_LINK || program->place == BY_RUN)
		return link_make(loading, loaded, path);
	return loading->pins ? bpf_program__pin(loaded, path) : 0;
}

static int programs_place(struct loading *loading)
{
	const struct program *program;

	for (size_t i = 0; (program = program_at(i)); i++) {
		int err;

		if (!is_wanted(loading, program))
			continue;
		log_begin();
		err = program_place(loading, program);
		if (err && refusal_take(loading, program, "attach", log_reason(err)) != DONE)
			return FAILED;
	}
	return DONE;
}

static int loading_run(struct loading *loading)
{
	int status = object_load(loading);

	if (status == DONE && loading->object)
		status = programs_place(loading);
	object_close(loading);
	return status;
}

static bool is_replaced(const struct program *program)
{
	return program->replaced && !*refusal_of(program_find(program->replaced));
}

/* Nothing is lost while another program does the same. */
void refusals_tell(void)
{
	const struct program *program;

	for (size_t i = 0; (program = program_at(i)); i++)
		if (refusals[i] && !is_replaced(program))
			complain("note: without %s, %s (%s)", program->name, program->lost,
				 refusals[i]);
}

int object_load_all(const char *directory, const struct tool *tool, const char *file,
		    const char *pins)
{
	struct loading loading = {
		.directory = directory,
		.tool = tool,
		.file = file,
		.pins = pins,
	};

	return loading_run(&loading);
}

static int program_load(const char *directory, const struct program *program, const char *pins,
			bool maps_here)
{
	struct loading loading = {
		.directory = directory,
		.tool = tool_of(program),
		.file = program->object,
		.only = program->name,
		.pins = pins,
		.maps_here = maps_here,
	};

	return loading_run(&loading);
}

static bool loading_begin(const struct tool *tool)
{
	speaker = tool->speaker;
	libbpf_set_print(log_keep);
	refusals = calloc(programs_count(), sizeof(*refusals));
	return refusals;
}

static int tool_load(const char *directory, const struct tool *tool)
{
	if (!tool->setup)
		return misuse("%s sets up nothing", tool->name);
	if (!loading_begin(tool))
		return failure("out of memory");
	return setup_load(directory, tool);
}

static int one_load(const char *directory, const struct program *program, const char *folder)
{
	const struct tool *tool = tool_of(program);

	if (program->place == BY_RUN || program->place == BY_HAND)
		return misuse("%s is not pinned", program->name);
	if (!folder && !tool->setup)
		return misuse("%s is not pinned without a folder for it", program->name);
	if (!loading_begin(tool))
		return failure("out of memory");
	if (folder)
		return program_load(directory, program, folder, true);
	if (program_is_pinned(program))
		return DONE;
	return program_load(directory, program, tool->setup->pins, false);
}

static int unknown(const char *name)
{
	return misuse("program %s: one of \"vsh programs\"", quoted(name));
}

int load_command(const struct options *options, int argc, char **argv)
{
	const struct tool *tool = argc == 2 ? tool_find(argv[1]) : NULL;
	const struct program *program = argc > 1 ? program_find(argv[1]) : NULL;

	(void)options;
	if (argc < 2 || argc > 3)
		return misuse(
			"load takes the folder of the objects, a tool or a program, and perhaps a folder for the pins of a program");
	if (tool)
		return tool_load(argv[0], tool);
	if (!program)
		return unknown(argv[1]);
	return one_load(argv[0], program, argc == 3 ? argv[2] : NULL);
}

int try_command(const struct options *options, int argc, char **argv)
{
	const struct program *program = argc == 2 ? program_find(argv[1]) : NULL;

	(void)options;
	if (argc != 2)
		return misuse("try takes the folder of the objects and a program");
	if (!program)
		return unknown(argv[1]);
	if (!loading_begin(tool_of(program)))
		return failure("out of memory");
	return program_load(argv[0], program, NULL, false);
}
