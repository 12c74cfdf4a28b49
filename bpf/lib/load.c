// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh load DIR                  the tracker: all of its programs, attached and pinned
 * vsh load DIR PROGRAM          one more program, pinned beside them, for tc or bpftool to attach
 * vsh load DIR PROGRAM FOLDER   one program, pinned in FOLDER with its maps
 * vsh try DIR PROGRAM           loads one program and lets go of it: prints why not, status 1
 *
 * DIR holds the objects. The tracker joins the maps that tc pins. Loading again changes
 * nothing. An optional program that the kernel refuses costs its feature alone, and a note.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "programs.h"
#include "tools.h"
#include "vershitify.h"
#include "vsh.h"

#define PINS_NEW VSH_PINS_DIR "-new" /* renamed when complete */
#define LOG_BYTES \
	(UINT32_MAX >> 8) /* as much as all kernels take; what is not used costs nothing */

/* One object on its way into the kernel. */
struct loading {
	const char *directory; /* of the objects */
	const char *file;
	const char *only; /* the program that was asked for, or NULL: all of the object */
	const char *pins; /* where programs and links are pinned, or NULL: nowhere */
	bool maps_here; /* maps are pinned there, too */
	struct bpf_object *object;
};

static char **refusals; /* why the kernel does not take a program; NULL: it does */

static char log_warning[512]; /* libbpf's last word about why */
static char log_program[64]; /* the program it was about */
static char *log_verifier;

/* That it has failed, and a guess why, which is wrong since memory is accounted (5.11). */
static bool says_less_than_errno(const char *warning)
{
	return strstr(warning, "libbpf: failed to load ") || strstr(warning, "ulimit -l");
}

static int log_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[sizeof(log_warning)];

	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "libbpf: prog '%63[^']'", log_program) == 1)
		return 0;
	if (!says_less_than_errno(text))
		strcpy(log_warning, text + strlen("libbpf: "));
	return 0;
}

static void log_begin(void)
{
	log_warning[0] = '\0';
	log_program[0] = '\0';
	if (!log_verifier)
		log_verifier = calloc(1, LOG_BYTES);
	if (log_verifier)
		log_verifier[0] = '\0';
}

/* The line in which the verifier says what it does not like: the last before its sums. */
static const char *log_last_line(void)
{
	const char *last = "";

	if (!log_verifier)
		return last;
	for (char *line = strtok(log_verifier, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, "processed ", strlen("processed ")))
			last = line;
		else
			break;
	return last;
}

/* Why the kernel has refused what libbpf tried last. */
static const char *log_reason(int err)
{
	static char reason[sizeof(log_warning) + 256];
	const char *line = log_last_line();
	char text[128];

	if (!*line)
		line = log_warning;
	libbpf_strerror(err, text, sizeof(text));
	snprintf(reason, sizeof(reason), "%s%s%.500s", text, *line ? ": " : "", line);
	return reason;
}

/* Everybody may make something in bpffs, where it is mounted so. */
static bool is_roots(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_uid && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* A folder that is root's alone, or -1. */
static int directory_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || is_roots(fd))
		return fd;
	close(fd);
	return -1;
}

static int directory_make(const char *path)
{
	int fd;

	if (mkdir(path, 0700) && errno != EEXIST)
		return failure("cannot make %s: %s", path, strerror(errno));
	fd = directory_open(path);
	if (fd < 0)
		return failure("%s is not a folder of root's alone", path);
	close(fd);
	return DONE;
}

static int directories_make(void)
{
	static const char *const paths[] = { "/sys/fs/bpf/tc", VSH_MAPS_DIR, PINS_NEW };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (directory_make(paths[i]) != DONE)
			return FAILED;
	return DONE;
}

static void pins_remove(const char *directory)
{
	int fd = directory_open(directory);
	DIR *pins = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!pins)
		return;
	while ((entry = readdir(pins)))
		unlinkat(dirfd(pins), entry->d_name, 0);
	closedir(pins);
	rmdir(directory);
}

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
	if (loading->only || program->needed)
		return failure("cannot %s %s, which %s: %s%s", what, program->name,
			       program->purpose, reason,
			       program->needed && loading->pins ? " (try: vershitify.sh doctor)"
								: "");
	*refusal_of(program) = strdup(reason);
	return *refusal_of(program) ? DONE : failure("out of memory");
}

/* The kernel takes programs for the BPF LSM, and never calls them, if it was not booted with
 * that. NULL: it calls them, or does not say.
 */
static const char *lsm_refusal(const struct program *program)
{
	char list[256] = ",";
	FILE *file;

	if (strcmp(program->name, "vsh_receive"))
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

/* Descriptor of the map that our programs of cgroups share, or -errno. */
static int devices_open(void)
{
	static const char path[] = VSH_MAPS_DIR "/" VSH_DEVICES_MAP;
	int fd = bpf_obj_get(path);

	if (fd >= 0)
		return fd;
	fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP, VSH_DEVICES_MAP, sizeof(__u32), sizeof(__u32),
			    VSH_RULES_MAX * VSH_DEVS_MAX, NULL);
	if (fd >= 0 && bpf_obj_pin(fd, path)) {
		close(fd);
		fd = -errno;
	}
	return fd;
}

static void devices_join(struct bpf_map *map)
{
	int fd = devices_open();

	if (fd >= 0) {
		bpf_map__reuse_fd(map, fd);
		close(fd);
	}
}

static int devices_make(void)
{
	int fd = devices_open();

	if (fd < 0)
		return failure("cannot make " VSH_DEVICES_MAP ": %s", strerror(-fd));
	close(fd);
	return DONE;
}

/* The kernel ties a device map to the type of the first program that has it. The classifier,
 * which asks nothing of it, keeps one of its own, as it does when tc loads it.
 */
static bool devices_are_shared(const struct loading *loading)
{
	const struct bpf_program *only =
		loading->only ? bpf_object__find_program_by_name(loading->object, loading->only)
			      : NULL;

	return !only || bpf_program__type(only) != BPF_PROG_TYPE_SCHED_CLS;
}

static void maps_place(const struct loading *loading)
{
	struct bpf_map *map;
	char path[256];

	bpf_object__for_each_map(map, loading->object) {
		if (!loading->pins)
			bpf_map__set_pin_path(map, NULL);
		else if (!strcmp(bpf_map__name(map), VSH_DEVICES_MAP) &&
			 devices_are_shared(loading))
			devices_join(map);
		if (!loading->maps_here || bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", loading->pins, bpf_map__name(map));
		bpf_map__set_pin_path(map, path);
	}
}

static int object_open(struct loading *loading)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = VSH_MAPS_DIR);
	struct bpf_program *program;
	char path[4096];

	log_begin();
	snprintf(path, sizeof(path), "%s/%s", loading->directory, loading->file);
	loading->object = bpf_object__open_file(path, &opts);
	if (!loading->object)
		return failure("cannot load %s: %s", loading->file, log_reason(-errno));
	bpf_object__for_each_program(program, loading->object) {
		const struct program *known = program_find(bpf_program__name(program));

		bpf_program__set_autoload(program, known && is_wanted(loading, known));
		if (log_verifier)
			bpf_program__set_log_buf(program, log_verifier, LOG_BYTES);
	}
	maps_place(loading);
	return DONE;
}

static void object_close(struct loading *loading)
{
	bpf_object__close(loading->object);
	loading->object = NULL;
}

/* libbpf loads all or nothing: once more without each program that is refused. DONE also
 * if nothing is left of it.
 */
static int object_load(struct loading *loading)
{
	while (wants_any(loading)) {
		const struct program *program;
		int err;

		if (object_open(loading) != DONE)
			return FAILED;
		err = bpf_object__load(loading->object);
		if (!err)
			return DONE;
		object_close(loading);
		program = program_find(log_program);
		if (!program || !is_wanted(loading, program))
			return failure("cannot load %s: %s", loading->file, log_reason(err));
		if (refusal_take(loading, program, "load", log_reason(err)) != DONE)
			return FAILED;
	}
	return DONE;
}

/* An iterator is attached to be read, a tracepoint to run. */
static struct bpf_link *program_attach(struct bpf_program *program, struct bpf_object *object)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};

	if (strcmp(bpf_program__name(program), "vsh_iter_socks"))
		return bpf_program__attach(program);
	info.map.map_fd = bpf_map__fd(bpf_object__find_map_by_name(object, "vsh_socks"));
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	return bpf_program__attach_iter(program, &opts);
}

/* 0 or -errno. */
static int link_make(const struct loading *loading, struct bpf_program *program, const char *path)
{
	struct bpf_link *link = program_attach(program, loading->object);
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
	const struct program *program;
	int status;

	for (size_t i = 0; (program = program_at(i)); i++) {
		const char *reason = is_wanted(loading, program) ? lsm_refusal(program) : NULL;

		if (reason && refusal_take(loading, program, "load", reason) != DONE)
			return FAILED;
	}
	status = object_load(loading);
	if (status == DONE && loading->object)
		status = programs_place(loading);
	object_close(loading);
	return status;
}

static bool is_replaced(const struct program *program)
{
	return program->replaced && !*refusal_of(program_find(program->replaced));
}

/* What is lost, once for a set-up. Nothing is while another program does the same. */
static void refusals_tell(void)
{
	const struct program *program;

	for (size_t i = 0; (program = program_at(i)); i++)
		if (refusals[i] && !is_replaced(program))
			complain("note: without %s, %s (%s)", program->name, program->lost,
				 refusals[i]);
}

static int tracker_load(const char *directory)
{
	static const char *const files[] = { "tracker.o", "receive.o" };
	int status;

	if (setup_is_there())
		return DONE;
	pins_remove(PINS_NEW); /* of one that was killed */
	status = directories_make();
	if (status == DONE)
		status = devices_make();
	for (size_t i = 0; status == DONE && i < sizeof(files) / sizeof(files[0]); i++) {
		struct loading loading = {
			.directory = directory,
			.file = files[i],
			.pins = PINS_NEW,
		};

		status = loading_run(&loading);
	}
	if (status == DONE && rename(PINS_NEW, VSH_PINS_DIR))
		status = failure("cannot make " VSH_PINS_DIR ": %s", strerror(errno));
	if (status != DONE)
		pins_remove(PINS_NEW);
	else
		refusals_tell();
	return status;
}

static int program_load(const char *directory, const char *name, const char *pins, bool maps_here)
{
	const struct program *program = program_find(name);
	struct loading loading = {
		.directory = directory,
		.only = name,
		.pins = pins,
		.maps_here = maps_here,
	};

	if (!program)
		return misuse("program %s: one of \"vsh programs\"", quoted(name));
	loading.file = program->object;
	speaker = tool_of(program)->speaker;
	return loading_run(&loading);
}

static bool loading_begin(void)
{
	libbpf_set_print(log_keep);
	refusals = calloc(programs_count(), sizeof(*refusals));
	return refusals;
}

int load_command(const struct options *options, int argc, char **argv)
{
	const struct program *program = argc > 1 ? program_find(argv[1]) : NULL;

	(void)options;
	if (argc < 1 || argc > 3 || (program && program->place == BY_RUN))
		return misuse(
			"load takes the folder of the objects, perhaps a program, and a folder for its pins");
	if (!loading_begin())
		return failure("out of memory");
	if (argc == 1)
		return tracker_load(argv[0]);
	if (argc == 3)
		return program_load(argv[0], argv[1], argv[2], true);
	if (program && program_is_pinned(program))
		return DONE;
	return program_load(argv[0], argv[1], VSH_PINS_DIR, false);
}

int try_command(const struct options *options, int argc, char **argv)
{
	(void)options;
	if (argc != 2)
		return misuse("try takes the folder of the objects and a program");
	if (!loading_begin())
		return failure("out of memory");
	return program_load(argv[0], argv[1], NULL, false);
}
