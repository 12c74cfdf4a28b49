// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c - what the kernel's verifier makes of each program of an object.
 *
 *   verify OBJECT LOGDIR
 *
 * Loads them all, attaches and pins nothing, and prints a line for each:
 *
 *   PROGRAM INSNS STACK XLATED JITED USEC
 *
 * INSNS: instructions that the verifier has processed, on all paths together; STACK:
 * bytes, of the program and its functions together; XLATED, JITED: bytes; USEC: what
 * verification took. The verifier's account of each instruction on each path goes to
 * LOGDIR/PROGRAM.log: from a second load, because writing it takes time. An object
 * that does not load leaves there why.
 */
#include "traffic.h"

#include <sys/resource.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* The kernel's BPF_LOG_STATS and BPF_LOG_LEVEL2 of linux/bpf_verifier.h. */
#define LOG_STATS 4
#define LOG_ALL_PATHS 2

/* As much as all kernels take. */
#define LOG_BYTES (UINT_MAX >> 8)

#define PROGRAMS_MAX 64

static char last_words[4096];

static int libbpf_words_keep(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(last_words, sizeof(last_words), format, args);
	return 0;
}

static void complain_and_exit(const char *what, const char *name)
{
	fprintf(stderr, "verify: %s %s: %s\n%s", what, name, strerror(errno), last_words);
	exit(1);
}

static void log_write(const struct bpf_program *program, const char *directory, const char *log)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.log", directory, bpf_program__name(program));
	file = fopen(path, "w");
	if (!file || fputs(log, file) == EOF || fclose(file))
		complain_and_exit("cannot write", path);
}

static void logs_write(const struct bpf_object *object, const char *directory, char *logs[])
{
	struct bpf_program *program;
	unsigned int i = 0;

	bpf_object__for_each_program(program, object)
		log_write(program, directory, logs[i++]);
}

/* With a log for each program, in their order; pins stay as they are. */
static struct bpf_object *object_load(const char *path, __u32 level, const char *directory,
				      char *logs[])
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	unsigned int i = 0;

	if (!object)
		complain_and_exit("cannot open", path);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	bpf_object__for_each_program(program, object) {
		if (i == PROGRAMS_MAX)
			complain_and_exit("too many programs in", path);
		logs[i] = calloc(1, LOG_BYTES);
		if (!logs[i] || bpf_program__set_log_buf(program, logs[i], LOG_BYTES))
			complain_and_exit("no log for", bpf_program__name(program));
		bpf_program__set_log_level(program, level);
		i++;
	}
	if (bpf_object__load(object)) {
		int err = errno;

		logs_write(object, directory, logs); /* they say why */
		errno = err;
		complain_and_exit("cannot load", path);
	}
	return object;
}

static void object_free(struct bpf_object *object, char *logs[])
{
	struct bpf_program *program;
	unsigned int i = 0;

	bpf_object__for_each_program(program, object)
		free(logs[i++]);
	bpf_object__close(object);
}

/* The number behind WORDS at the start of a line. */
static unsigned long log_number(const char *log, const char *words, const char **end)
{
	const char *at = log;
	char *behind;
	unsigned long number;

	while ((at = strstr(at, words)) && at != log && at[-1] != '\n')
		at++;
	if (!at) {
		fprintf(stderr, "verify: no '%s' in the verifier's log:\n%s", words, log);
		exit(1);
	}
	number = strtoul(at + strlen(words), &behind, 10);
	*end = behind;
	return number;
}

/* Written as 64+0+24, one for each function. */
static unsigned long log_stack(const char *log)
{
	const char *at;
	unsigned long sum = log_number(log, "stack depth ", &at);

	while (*at == '+') {
		char *behind;

		sum += strtoul(at + 1, &behind, 10);
		at = behind;
	}
	return sum;
}

static void figures_print(const struct bpf_program *program, const char *log)
{
	const char *name = bpf_program__name(program), *end;
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
		complain_and_exit("no information about", name);
	printf("%s\t%lu\t%lu\t%u\t%u\t%lu\n", name, log_number(log, "processed ", &end),
	       log_stack(log), info.xlated_prog_len, info.jited_prog_len,
	       log_number(log, "verification time ", &end));
}

int main(int argc, char **argv)
{
	char *logs[PROGRAMS_MAX];
	struct bpf_program *program;
	struct bpf_object *object;
	unsigned int i = 0;

	lifetime_limit();
	if (argc != 3) {
		fprintf(stderr, "usage: verify OBJECT LOGDIR\n");
		return 2;
	}
	libbpf_set_print(libbpf_words_keep);
	object = object_load(argv[1], LOG_STATS, argv[2], logs);
	bpf_object__for_each_program(program, object)
		figures_print(program, logs[i++]);
	object_free(object, logs);

	object = object_load(argv[1], LOG_STATS | LOG_ALL_PATHS, argv[2], logs);
	logs_write(object, argv[2], logs);
	object_free(object, logs);
	return 0;
}
