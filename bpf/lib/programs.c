// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh programs: the table of programs, a line each: object, name, needed or optional,
 * purpose, what is lost without it, what replaces it (tabs between).
 */
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "programs.h"
#include "tools.h"
#include "vsh.h"

const struct program *program_of(const struct tool *tool, size_t index)
{
	return index < tool->programs.count ? &tool->programs.rows[index] : NULL;
}

const struct program *program_at(size_t index)
{
	for (const struct tool *const *tool = tools; *tool; tool++) {
		const struct program *program = program_of(*tool, index);

		if (program)
			return program;
		index -= (*tool)->programs.count;
	}
	return NULL;
}

size_t programs_count(void)
{
	size_t count = 0;

	while (program_at(count))
		count++;
	return count;
}

const struct program *program_find(const char *name)
{
	const struct program *program;

	for (size_t i = 0; (program = program_at(i)); i++)
		if (!strcmp(program->name, name))
			return program;
	return NULL;
}

void pin_path(char path[128], const char *directory, const struct program *program)
{
	snprintf(path, 128, "%s/%s%s", directory, program->place == BY_LINK ? "link_" : "",
		 program->name);
}

bool program_is_pinned(const struct program *program)
{
	const struct setup *setup = tool_of(program)->setup;
	char path[128];

	if (!setup)
		return false;
	pin_path(path, setup->pins, program);
	return !access(path, F_OK);
}

bool program_is_taken(const struct program *program)
{
	return program->needed && program->place == BY_LINK && !program_is_pinned(program);
}

bool program_has_name(uint32_t id, const char *name)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);
	bool has;

	if (fd < 0)
		return false;
	has = !bpf_obj_get_info_by_fd(fd, &info, &length) && !strcmp(info.name, name);
	close(fd);
	return has;
}

bool program_is_lost(const struct program *program)
{
	return program->place == BY_LINK && setup_is_there(tool_of(program)) &&
	       !program_is_pinned(program) &&
	       !(program->replaced && program_is_pinned(program_find(program->replaced)));
}

bool setup_is_there(const struct tool *tool)
{
	return tool->setup && !access(tool->setup->pins, F_OK);
}

int programs_command(const struct options *options, int argc, char **argv)
{
	const struct program *program;

	(void)options;
	(void)argv;
	if (argc)
		return misuse("programs takes no words");
	for (size_t i = 0; (program = program_at(i)); i++)
		printf("%s\t%s\t%s\t%s\t%s\t%s\n", program->object, program->name,
		       program->needed ? "needed" : "optional", program->purpose, program->lost,
		       program->replaced ?: "");
	return DONE;
}
