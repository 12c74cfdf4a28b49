// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh programs: the table of programs, a line each: object, name, needed or optional,
 * purpose, what is lost without it, what replaces it (tabs between).
 */
#include <string.h>
#include <unistd.h>
#include "programs.h"
#include "vershitify.h"
#include "vsh.h"

/* The order is that of loading. A program that users can do without is optional, whatever
 * it costs them; one without which a rule would be wrong about whom it hits is needed.
 */
const struct program programs[] = {
	{ "tracker.o", "vsh_exec", BY_LINK, true, "follows processes through exec",
	  "no process is known as a target", NULL },
	{ "tracker.o", "vsh_fork", BY_LINK, true, "follows processes through fork",
	  "children of targets escape", NULL },
	{ "tracker.o", "vsh_exit", BY_LINK, true, "forgets processes that end",
	  "the number of a process would go on being a target's", NULL },
	{ "tracker.o", "vsh_cgroup_new", BY_LINK, false, "follows the paths of cgroups",
	  "a cgroup that is removed and made anew is found by the next scan, not at once", NULL },
	{ "tracker.o", "vsh_sock_create", BY_PIN, true, "tags the sockets that targets make",
	  "no socket is known as a target's", NULL },
	{ "tracker.o", "vsh_set_state", BY_LINK, false, "follows TCP connections",
	  "the last acknowledgements and resets of closed TCP connections escape, accepted connections do not repeat a seed, and further subflows of MPTCP are their listener's",
	  NULL },
	{ "tracker.o", "vsh_iter_task", BY_LINK, false, "finds processes that run already",
	  "a rule is only for processes that start after it, and pid N is refused", NULL },
	{ "tracker.o", "vsh_iter_file", BY_LINK, false, "finds sockets that are open already",
	  "sockets that were open before the rule, inherited or passed escape", NULL },
	{ "tracker.o", "vsh_iter_tcp", BY_LINK, false, "finds open subflows of MPTCP",
	  "subflows of MPTCP that were open before the rule escape", NULL },
	{ "tracker.o", "vsh_iter_open", BY_LINK, false,
	  "counts the sockets of targets by the files that processes have open",
	  "show -s does not count sockets where vsh_iter_socks is missing, too", "vsh_iter_socks" },
	{ "tracker.o", "vsh_iter_socks", BY_LINK, false, "counts the sockets of targets",
	  "show -s takes longer to count sockets", "vsh_iter_open" },
	{ "receive.o", "vsh_receive", BY_LINK, false, "tags sockets that targets are passed",
	  "sockets that a target is passed are found by the next scan, not on arrival",
	  "vsh_iter_file" },
	{ "vershitify.o", "vsh_egress", BY_TC, true, "drops what targets send",
	  "nothing is dropped at egress", NULL },
	{ "vershitify.o", "vsh_cg_ingress", BY_PIN, false, "drops what targets receive",
	  "direction ingress and direction both are refused", NULL },
	{ "vershitify.o", "vsh_cg_egress", BY_PIN, false, "denies targets what they send",
	  "visible denied is refused", NULL },
	{ "pingkiller.o", "pk_xdp", BY_PIN, false, "drops pings in XDP",
	  "hook native and hook generic are refused", "pk_tc" },
	{ "pingkiller.o", "pk_tc", BY_PIN, false, "drops pings in tc", "hook tc is refused",
	  "pk_xdp" },
};

const size_t programs_count = sizeof(programs) / sizeof(programs[0]);

_Static_assert(sizeof(programs) / sizeof(programs[0]) <= PROGRAMS_MAX, "the table has room");

const struct program *program_find(const char *name)
{
	for (size_t i = 0; i < programs_count; i++)
		if (!strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}

void pin_path(char path[128], const char *directory, const struct program *program)
{
	snprintf(path, 128, "%s/%s%s", directory, program->place == BY_LINK ? "link_" : "",
		 program->name);
}

bool program_is_pinned(const struct program *program)
{
	char path[128];

	pin_path(path, VSH_PINS_DIR, program);
	return !access(path, F_OK);
}

bool program_is_lost(const struct program *program)
{
	return program->place == BY_LINK && setup_is_there() && !program_is_pinned(program) &&
	       !(program->replaced && program_is_pinned(program_find(program->replaced)));
}

bool setup_is_there(void)
{
	return !access(VSH_PINS_DIR, F_OK);
}

int programs_command(const struct options *options, int argc, char **argv)
{
	(void)options;
	(void)argv;
	if (argc)
		return misuse("programs takes no words");
	for (size_t i = 0; i < programs_count; i++) {
		const struct program *program = &programs[i];

		printf("%s\t%s\t%s\t%s\t%s\t%s\n", program->object, program->name,
		       program->needed ? "needed" : "optional", program->purpose, program->lost,
		       program->replaced ?: "");
	}
	return DONE;
}
