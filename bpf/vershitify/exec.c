// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh exec ID COMMAND [ARG...]: becomes COMMAND, under rule ID from its first
 * instruction and with the sockets that it inherits. ID 0: under no rule, for the
 * exit statuses alone.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "scan.h"
#include "state.h"
#include "words.h"

static int task_tag(uint32_t id)
{
	struct vsh_task task = { .mask = 1ULL << id, .own = 1ULL << id };
	uint64_t processes = 0, sockets = 0;
	uint32_t tgid = getpid();
	struct state state;
	int err, fd;

	if (state_read(&state))
		return -EIO;
	/* A rule that names its target is not for the command. */
	if (state.labels[id].who != VSH_RUN)
		return 0;
	task.epoch = state.config.epoch;
	fd = map_open("vsh_tasks");
	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(fd, &tgid, &task, BPF_ANY);
	close(fd);
	return err ? err : scan(&processes, &sockets);
}

int exec_command(const struct options *options, int argc, char **argv)
{
	uint64_t number;
	int err;

	(void)options;
	if (argc < 2 || number_parse(argv[0], VSH_RULES_MAX, &number))
		return misuse("exec takes a rule's number and a command");
	err = number ? task_tag(number - 1) : 0;
	if (err) {
		complain("cannot put the command under rule %s: %s", argv[0], strerror(-err));
		return NOT_SET_UP;
	}
	return process_become(argv + 1);
}
