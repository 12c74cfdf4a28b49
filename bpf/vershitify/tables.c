// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "tables.h"
#include "vershitify.h"
#include "vsh.h"

struct tables {
	struct vsh_table *entries;
	size_t count, room;
	int err;
	/* Those whose files have been visited, by sum and mask; there are 2 * room places. */
	struct vsh_table *visited;
};

static void table_keep(const void *entry, void *context)
{
	struct tables *tables = context;

	if (tables->err)
		return;
	if (tables->count == tables->room) {
		size_t room = tables->room ? 2 * tables->room : 256;
		struct vsh_table *entries = reallocarray(tables->entries, room, sizeof(*entries));

		if (!entries) {
			tables->err = -ENOMEM;
			return;
		}
		tables->entries = entries;
		tables->room = room;
	}
	memcpy(&tables->entries[tables->count++], entry, sizeof(*tables->entries));
}

static int tables_read(struct tables *tables)
{
	int err =
		iterator_read("link_vsh_iter_table", table_keep, tables, sizeof(struct vsh_table));

	err = err ?: tables->err;
	if (err || !tables->room)
		return err;
	tables->visited = calloc(2 * tables->room, sizeof(*tables->visited));
	return tables->visited ? 0 : -ENOMEM;
}

/* Where this sum and mask are among the visited, or have room. */
static struct vsh_table *visited_place(const struct tables *tables, uint64_t sum, uint64_t mask)
{
	size_t places = 2 * tables->room, i = (sum ^ mask) % places;

	while (tables->visited[i].sum &&
	       (tables->visited[i].sum != sum || tables->visited[i].mask != mask))
		i = (i + 1) % places;
	return &tables->visited[i];
}

static bool is_visited(const struct tables *tables, const struct vsh_table *table)
{
	return table->sum && visited_place(tables, table->sum, table->mask)->sum;
}

static void visited_add(struct tables *tables, uint64_t sum, uint64_t mask)
{
	if (sum)
		*visited_place(tables, sum, mask) = (struct vsh_table){ .sum = sum, .mask = mask };
}

/* The program of a pinned link, or -errno. */
static int program_of_link(const char *pin)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);
	char path[128];
	int err, fd;

	snprintf(path, sizeof(path), VSH_PINS_DIR "/%s", pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = bpf_obj_get_info_by_fd(fd, &info, &length);
	close(fd);
	return err ? err : bpf_prog_get_fd_by_id(info.prog_id);
}

/* The files of one thread. 0 or -errno. */
static int table_walk(const struct walk *walk, int program, uint32_t tid)
{
	union bpf_iter_link_info info = { .task.tid = tid };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	int fd, err, link = bpf_link_create(program, 0, BPF_TRACE_ITER, &opts);

	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	err = fd < 0 ? fd : entries_read(fd, walk->seen, walk->context, walk->size);
	fd_close(fd);
	close(link);
	return err;
}

/* A table counts as visited by what the walk has seen in it: it may have changed since its sum was
 * taken. A file that was in another table of that sum was open until the walk, and seen by it; nothing
 * else can have had its address.
 */
static int tables_walk_singly(const struct walk *walk, struct tables *tables, int program)
{
	int err = 0;

	for (size_t i = 0; i < tables->count && !err; i++) {
		const struct vsh_table *table = &tables->entries[i];

		if (table->own || (!table->mask && !walk->everybody) || is_visited(tables, table))
			continue;
		if (walk->sum)
			*walk->sum = 0;
		err = table_walk(walk, program, table->tid);
		if (!err)
			visited_add(tables, walk->sum ? *walk->sum : table->sum, table->mask);
	}
	return err;
}

/* Tables of other threads than the first: old kernels can visit these only with all the rest. */
static bool is_any_left(const struct walk *walk, const struct tables *tables)
{
	for (size_t i = 0; i < tables->count; i++) {
		const struct vsh_table *table = &tables->entries[i];

		if (table->own && (table->mask || walk->everybody) && !is_visited(tables, table))
			return true;
	}
	return false;
}

/* The one way that is there in any case. */
static int files_walk(const struct walk *walk)
{
	int err = walk->restart ? walk->restart(walk->context) : 0;

	return err ?: iterator_read(walk->pin, walk->seen, walk->context, walk->size);
}

int tables_walk(const struct walk *walk)
{
	int program = program_of_link(walk->pin);
	struct tables tables = {};
	bool all = program < 0 || tables_read(&tables) ||
		   tables_walk_singly(walk, &tables, program) || is_any_left(walk, &tables);

	fd_close(program);
	free(tables.entries);
	free(tables.visited);
	return all ? files_walk(walk) : 0;
}
