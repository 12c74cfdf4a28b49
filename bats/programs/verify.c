// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c - what the kernel's verifier makes of each program of an object.
 *
 *   verify OBJECT LOGDIR
 *
 * Loads one after the other, attaches and pins nothing, and prints a line for each:
 *
 *   PROGRAM INSNS STACK XLATED JITED USEC
 *   PROGRAM refused - - - -                  a kernel that has it may not load it (EPERM)
 *
 * INSNS: instructions that the verifier has processed, on all paths together; STACK:
 * bytes, of the program and its functions together; XLATED, JITED: bytes; USEC: what
 * verification took. The verifier's account of each instruction on each path goes to
 * LOGDIR/PROGRAM.log: from a second load, because writing it takes time. Where it is
 * longer than the kernel allows, it is what there was room for. A program that does not
 * verify leaves there why.
 */
#include "traffic.h"

#include <sys/resource.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* The kernel's BPF_LOG_STATS and BPF_LOG_LEVEL2 of linux/bpf_verifier.h. */
#define LOG_STATS 4
#define LOG_ALL_PATHS 2

/* The log of all paths of vsh_egress on 6.1 is longer than 16 MiB. */
#define LOG_BYTES (1 << 26)

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

static void log_write(const char *program, const char *directory, const char *log)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.log", directory, program);
	file = fopen(path, "w");
	if (!file || fputs(log, file) == EOF || fclose(file))
		complain_and_exit("cannot write", path);
}

static struct bpf_object *object_open(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!object)
		complain_and_exit("cannot open", path);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL); /* pins stay as they are */
	return object;
}

/* The program alone, with its log. NULL: refused. */
static struct bpf_object *program_load(const char *path, const char *name, __u32 level,
				       const char *directory, char *log)
{
	struct bpf_object *object = object_open(path);
	struct bpf_program *program;
	int err;

	log[0] = '\0';
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	program = bpf_object__find_program_by_name(object, name);
	bpf_program__set_log_buf(program, log, LOG_BYTES);
	bpf_program__set_log_level(program, level);
	err = bpf_object__load(object);
	if (!err)
		return object;
	bpf_object__close(object);
	if (err == -EPERM)
		return NULL;
	log_write(name, directory, log); /* it says why */
	errno = -err;
	complain_and_exit("cannot load", name);
	return NULL;
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

static void figures_print(const struct bpf_object *object, const char *name, const char *log)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	const char *end;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length))
		complain_and_exit("no information about", name);
	printf("%s\t%lu\t%lu\t%u\t%u\t%lu\n", name, log_number(log, "processed ", &end),
	       log_stack(log), info.xlated_prog_len, info.jited_prog_len,
	       log_number(log, "verification time ", &end));
}

static void program_verify(const char *path, const char *name, const char *directory, char *log)
{
	struct bpf_object *object = program_load(path, name, LOG_STATS, directory, log);

	if (!object) {
		printf("%s\trefused\t-\t-\t-\t-\n", name);
		return;
	}
	figures_print(object, name, log);
	bpf_object__close(object);
	object = program_load(path, name, LOG_STATS | LOG_ALL_PATHS, directory, log);
	log_write(name, directory, log);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	char *log = calloc(1, LOG_BYTES);
	struct bpf_program *program;
	struct bpf_object *object;

	lifetime_limit();
	if (argc != 3 || !log) {
		fprintf(stderr, "usage: verify OBJECT LOGDIR\n");
		return 2;
	}
	libbpf_set_print(libbpf_words_keep);
	object = object_open(argv[1]);
	bpf_object__for_each_program(program, object)
		program_verify(argv[1], bpf_program__name(program), argv[2], log);
	bpf_object__close(object);
	free(log);
	return 0;
}
