// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh missed [ID]: what has escaped each rule, or that one, and why: a line for each reason, with
 * the rule's number and the rest after a tab. Nothing where nothing has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "missed.h"
#include "words.h"

static const struct {
	const char *name, *text;
} misses_known[VSH_MISSES] = {
	[VSH_PROCESS_FULL] = { "process_full", "processes that began while vsh_tasks was full" },
	[VSH_PROCESS_MEMORY] = { "process_memory",
				 "processes that began while vsh_tasks got no memory" },
	[VSH_SOCKET_NEW] = { "socket_new",
			     "sockets that got no memory for a tag (net.core.optmem_max)" },
	[VSH_SUBFLOW] = { "subflow", "subflows of MPTCP, of whatever rule, that got no tag" },
	[VSH_CONNECTION] = { "connection", "connections that are not known after their end" },
	[VSH_CGROUP_NEW] = { "cgroup_new", "cgroups made anew that could not be followed" },
	[VSH_CLOSED] = { "closed",
			 "connections closed before the rule, by whomever, with data to send" },
	[VSH_PROCESS_RUNNING] = { "process_running",
				  "running processes that vsh_tasks has no room for" },
	[VSH_SOCKET_OPEN] = { "socket_open",
			      "open sockets without memory for a tag (net.core.optmem_max)" },
	[VSH_SOCKET_FIXED] = { "socket_fixed", "sockets open in a ring of io_uring alone" },
};

const char *miss_name(enum vsh_miss miss)
{
	return misses_known[miss].name;
}

const char *miss_text(enum vsh_miss miss)
{
	return misses_known[miss].text;
}

int misses_read(uint32_t id, struct vsh_misses *misses)
{
	uint32_t keys[] = { VSH_MISSES_KEY(id, 0), VSH_MISSES_KEY(id, VSH_MISSES_OF_SCANS) };
	int err = 0, fd = map_open("vsh_misses");
	struct vsh_misses part;

	*misses = (struct vsh_misses){};
	if (fd < 0)
		return fd;
	for (int i = 0; i < 2 && !err; i++) {
		err = bpf_map_lookup_elem(fd, &keys[i], &part);
		for (int miss = 0; !err && miss < VSH_MISSES; miss++)
			misses->times[miss] += part.times[miss];
	}
	fd_close(fd);
	return err;
}

int misses_print(uint32_t id, const char *prefix)
{
	struct vsh_misses misses;
	int err = misses_read(id, &misses);

	for (int miss = 1; !err && miss < VSH_MISSES; miss++)
		if (misses.times[miss])
			printf("%smissed %s %llu\n", prefix, miss_name(miss),
			       (unsigned long long)misses.times[miss]);
	return err;
}

int misses_print_json(struct json *json, uint32_t id)
{
	struct vsh_misses misses;
	int err = misses_read(id, &misses);

	json_object_begin(json, "missed");
	for (int miss = 1; !err && miss < VSH_MISSES; miss++)
		if (misses.times[miss])
			json_number(json, miss_name(miss), misses.times[miss]);
	json_object_end(json);
	return err;
}

static int misses_forget(int fd, uint32_t id, enum vsh_miss from)
{
	uint32_t key = VSH_MISSES_KEY(id, VSH_MISSES_OF_SCANS);
	struct vsh_misses misses;
	int err = bpf_map_lookup_elem(fd, &key, &misses);

	for (int miss = from; miss < VSH_MISSES; miss++)
		misses.times[miss] = 0;
	return err ?: bpf_map_update_elem(fd, &key, &misses, BPF_ANY);
}

int misses_of_scans_forget(const struct state *state, enum vsh_miss from)
{
	int err = 0, fd = map_open("vsh_misses");

	if (fd < 0)
		return fd;
	for (uint32_t id = 0; id < VSH_RULES_MAX && !err; id++)
		if (rule_exists(&state->rules[id]))
			err = misses_forget(fd, id, from);
	fd_close(fd);
	return err;
}

/* A line of /proc/net/tcp: no inode, no process. The queue counts the end of the stream, too. */
static bool is_closed_with_data(const char *line)
{
	unsigned long queue, inode;
	unsigned int state;

	return sscanf(line, "%*s %*s %*s %x %lx:%*x %*s %*s %*s %*s %lu", &state, &queue, &inode) ==
		       3 &&
	       !inode && queue &&
	       (state == BPF_TCP_FIN_WAIT1 || state == BPF_TCP_CLOSING ||
		state == BPF_TCP_LAST_ACK);
}

uint64_t closed_count(void)
{
	static const char *const paths[] = { "/proc/self/net/tcp", "/proc/self/net/tcp6" };
	uint64_t count = 0;
	char line[512];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		FILE *file = fopen(paths[i], "re");

		while (file && fgets(line, sizeof(line), file))
			count += is_closed_with_data(line);
		if (file)
			fclose(file);
	}
	return count;
}

/* 0 or -errno. */
static int missed_print(uint32_t id)
{
	struct vsh_misses misses;
	int err = misses_read(id, &misses);

	for (int miss = 1; !err && miss < VSH_MISSES; miss++)
		if (misses.times[miss])
			printf("%u\t%s: %llu\n", id + 1, miss_text(miss),
			       (unsigned long long)misses.times[miss]);
	return err;
}

int missed_command(const struct options *options, int argc, char **argv)
{
	struct state state;
	uint64_t number = 0;
	int err = 0;

	(void)options;
	if (argc > 1 || (argc && number_parse(argv[0], VSH_RULES_MAX, &number)))
		return misuse("missed takes one rule, or none for all");
	if (state_read(&state))
		return FAILED;
	for (uint32_t id = 0; id < VSH_RULES_MAX && !err; id++)
		if (rule_exists(&state.rules[id]) && (!argc || id + 1 == number))
			err = missed_print(id);
	return err ? failure("cannot read what has escaped: %s", strerror(-err)) : DONE;
}
