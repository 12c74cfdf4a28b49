// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh fill: how full the maps are whose end its users meet, a line each: name, used, room,
 * what one entry is (tabs between). Nothing where nothing is set up.
 */
#include <bpf/bpf.h>
#include "maps.h"
#include "state.h"

static void fill_print(const char *map, uint32_t used, uint32_t room, const char *what)
{
	printf("%s\t%u\t%u\t%s\n", map, used, room, what);
}

static uint32_t rules_count(const struct state *state)
{
	uint32_t count = 0;

	for (int id = 0; id < VSH_RULES_MAX; id++)
		count += rule_exists(&state->rules[id]);
	return count;
}

static uint32_t tasks_count(void)
{
	uint32_t tgid, *previous = NULL, count = 0;
	int fd = map_open("vsh_tasks");

	while (fd >= 0 && count < VSH_TASKS_MAX && !bpf_map_get_next_key(fd, previous, &tgid)) {
		previous = &tgid;
		count++;
	}
	fd_close(fd);
	return count;
}

static uint32_t listeners_count(void)
{
	struct ring_reader reader;
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < VSH_LISTENERS_MAX; slot++)
		count += ring_reader_read(&vsh_ring_maps, slot, &reader);
	return count;
}

int fill_command(const struct options *options, int argc, char **argv)
{
	struct state state;

	(void)options;
	(void)argv;
	if (argc)
		return misuse("fill takes no words");
	if (state_read(&state))
		return FAILED;
	if (!state.present)
		return DONE;
	fill_print("vsh_rules", rules_count(&state), VSH_RULES_MAX, "rules");
	fill_print("vsh_tasks", tasks_count(), VSH_TASKS_MAX, "processes of targets");
	fill_print("vsh_listeners", listeners_count(), VSH_LISTENERS_MAX,
		   "foreground runs and monitors");
	return DONE;
}
