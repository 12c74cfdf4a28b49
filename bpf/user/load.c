// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh load DIR [cgroup]: loads the tracker, or the programs for ingress and `visible
 * denied`, which few rules need. Joins them to the maps that tc pins, attaches what
 * bpftool cannot attach, and pins it all. Loading again changes nothing.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "vsh.h"

static char log_text[16384];

/* libbpf's own words are kept for a failure, and only the last of them. */
static int log_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(log_text, sizeof(log_text), format, args);
	return 0;
}

static int load_failure(const char *what, int err)
{
	log_text[strcspn(log_text, "\n")] = '\0';
	return failure("cannot load %s: %s%s%s (try: vershitify.sh doctor)", what, strerror(-err),
		       *log_text ? ": " : "", log_text);
}

static int directories_make(void)
{
	static const char *const paths[] = { "/sys/fs/bpf/tc", VSH_MAPS_DIR, VSH_PINS_DIR };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (mkdir(paths[i], 0700) && errno != EEXIST)
			return failure("cannot make %s: %s", paths[i], strerror(errno));
	return DONE;
}

static struct bpf_object *object_open(const char *directory, const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .pin_root_path = VSH_MAPS_DIR);
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return bpf_object__open_file(path, &opts);
}

static int pin_path(char path[128], const char *prefix, const char *name)
{
	return snprintf(path, 128, VSH_PINS_DIR "/%s%s", prefix, name);
}

/* An iterator is attached to be read, a tracepoint to run. */
static struct bpf_link *program_attach(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};
	struct bpf_link *link;
	int fd;

	if (strcmp(bpf_program__name(program), "vsh_iter_socks"))
		return bpf_program__attach(program);
	fd = map_open("vsh_socks");
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	info.map.map_fd = fd;
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(program, &opts);
	close(fd);
	return link;
}

static bool is_for_cgroup(const struct bpf_program *program)
{
	enum bpf_prog_type type = bpf_program__type(program);

	return type == BPF_PROG_TYPE_CGROUP_SKB || type == BPF_PROG_TYPE_CGROUP_SOCK;
}

/* bpftool attaches the cgroup programs through their pins. */
static int program_pin(struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	struct bpf_link *link;
	char path[128];
	int err;

	if (is_for_cgroup(program)) {
		pin_path(path, "", name);
		return bpf_program__pin(program, path);
	}
	link = program_attach(program);
	if (!link)
		return -errno;
	pin_path(path, "link_", name);
	err = bpf_link__pin(link, path);
	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	return err;
}

static int programs_pin(struct bpf_object *object)
{
	struct bpf_program *program;
	int err;

	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		err = program_pin(program);
		if (err)
			return failure("cannot attach %s: %s", bpf_program__name(program),
				       strerror(-err));
	}
	return DONE;
}

/* The classifier itself is tc's to load. */
static void tc_programs_skip(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		if (bpf_program__type(program) == BPF_PROG_TYPE_SCHED_CLS)
			bpf_program__set_autoload(program, false);
}

static int object_load(const char *directory, const char *name)
{
	struct bpf_object *object = object_open(directory, name);
	int err, status;

	if (!object)
		return load_failure(name, -errno);
	tc_programs_skip(object);
	err = bpf_object__load(object);
	status = err ? load_failure(name, err) : programs_pin(object);
	bpf_object__close(object);
	return status;
}

/* What only some kernels offer: does without a word where it does not load. */
static void object_load_optional(const char *directory, const char *name)
{
	struct bpf_object *object = object_open(directory, name);

	if (object && !bpf_object__load(object))
		programs_pin(object);
	bpf_object__close(object);
}

static bool is_loaded(const char *pin)
{
	char path[128];

	pin_path(path, "", pin);
	return !access(path, F_OK);
}

/* The last pin of an object is there only if all of it is. */
static int tracker_load(const char *directory)
{
	if (!is_loaded("link_vsh_receive"))
		object_load_optional(directory, "receive.o");
	return is_loaded("link_vsh_iter_socks") ? DONE : object_load(directory, "tracker.o");
}

static int cgroup_load(const char *directory)
{
	return is_loaded("vsh_cg_egress") ? DONE : object_load(directory, "vershitify.o");
}

int load_command(const struct options *options, int argc, char **argv)
{
	int status;

	(void)options;
	if (argc < 1 || argc > 2 || (argc == 2 && strcmp(argv[1], "cgroup")))
		return misuse("load takes the directory of the objects, and perhaps: cgroup");
	libbpf_set_print(log_keep);
	status = directories_make();
	if (status != DONE)
		return status;
	return argc == 2 ? cgroup_load(argv[0]) : tracker_load(argv[0]);
}
