// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh before ID COMMAND: the rules that can take packets of rule ID before it does, a line each:
 * their number and how many packets they have seen. Those that are for the same target, or for
 * COMMAND, are named on standard error.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "callcounts.h"
#include "counters.h"
#include "older.h"
#include "rule.h"
#include "words.h"

static bool shares_device(const struct vsh_rule *rule, const struct vsh_rule *other)
{
	if (!rule->devs || !other->devs)
		return true;
	for (uint32_t i = 0; i < rule->devs; i++)
		for (uint32_t k = 0; k < other->devs; k++)
			if (rule->ifindex[i] == other->ifindex[k])
				return true;
	return false;
}

/* A packet takes the first rule, by number, that matches it. */
bool older_comes_first(const struct state *state, uint32_t older, uint32_t id)
{
	const struct vsh_rule *rule = &state->rules[id], *first = &state->rules[older];

	return older < id && rule_exists(first) && !rule_expired(first, boot_now_ns()) &&
	       first->netns_cookie == rule->netns_cookie && (first->hooks & rule->hooks) &&
	       shares_device(first, rule);
}

int older_packets(uint32_t id, uint64_t *packets)
{
	struct counters stats;
	int err = calls_seen(id, packets);

	for (int direction = 0; !err && direction < VSH_DIRECTIONS; direction++) {
		err = counters_read(id, direction, &stats);
		*packets += stats.seen.packets;
	}
	return err;
}

static bool is_name_of(const struct vsh_label *label, const char *command)
{
	const char *slash = strrchr(command, '/');

	return !strncmp(label->comm.comm, slash ? slash + 1 : command, VSH_COMM_LEN - 1);
}

/* Found as execvp() finds it. */
static bool is_file_of(const struct vsh_label *label, const char *command)
{
	char *folders = strdup(strchr(command, '/') ? "" : getenv("PATH") ?: ""), *rest = folders;
	bool found = false, is_it = false;
	char path[PATH_MAX];
	struct vsh_exe exe;

	for (char *folder; !found && (folder = strsep(&rest, ":"));) {
		snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", command);
		found = !exe_identify(path, &exe);
		is_it = found && !memcmp(&exe, &label->exe, sizeof(exe));
	}
	free(folders);
	return is_it;
}

/* What a run starts is in the cgroup of whoever starts the run: is the rule for that one, or for
 * one above it?
 */
static bool is_cgroup_of(const struct options *options, const struct vsh_label *label)
{
	char text[4096], path[2 * 4096], *own, *slash;
	size_t root;
	struct stat st;

	if (!options->cgroup_root || text_read("/proc/self/cgroup", text, sizeof(text)) < 0)
		return false;
	own = strstr(text, "0::/");
	if (!own)
		return false;
	own[strcspn(own, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s%s", options->cgroup_root, own + 3);
	root = strlen(options->cgroup_root);
	for (;;) {
		if (!stat(path, &st) && st.st_ino == label->cgroup_id)
			return true;
		slash = strrchr(path, '/');
		if (!slash || slash < path + root)
			return false;
		*slash = '\0';
	}
}

static bool is_ancestor(uint32_t pid)
{
	for (uint32_t own = process_parent(getpid()); own; own = process_parent(own))
		if (own == pid)
			return true;
	return false;
}

static bool is_for_command(const struct options *options, const struct vsh_rule *rule,
			   const struct vsh_label *label, const char *command)
{
	switch (label->who) {
	case VSH_COMMAND:
		return is_name_of(label, command);
	case VSH_EXE:
		return is_file_of(label, command);
	case VSH_CGROUP:
		return is_cgroup_of(options, label);
	case VSH_PID:
		return (rule->flags & VSH_CHILDREN) && is_ancestor(label->pid);
	case VSH_RUN:
		return is_ancestor(rule->owner);
	}
	return false;
}

static bool is_same_target(const struct vsh_label *label, const struct vsh_label *other)
{
	return label->who == other->who && label->pid == other->pid &&
	       label->cgroup_id == other->cgroup_id &&
	       !memcmp(&label->exe, &other->exe, sizeof(label->exe)) &&
	       !memcmp(&label->comm, &other->comm, sizeof(label->comm));
}

static void older_note(const struct options *options, const struct state *state, uint32_t older,
		       uint32_t id, const char *command)
{
	const struct vsh_rule *rule = &state->rules[older];
	const struct vsh_label *label = &state->labels[older], *own = &state->labels[id];

	if (options->json || !(own->who == VSH_RUN ? is_for_command(options, rule, label, command)
						   : is_same_target(label, own)))
		return;
	fprintf(stderr, "%s: note: another rule comes first: ", speaker);
	rule_print(stderr, older, rule, label);
	fputc('\n', stderr);
}

int rule_number(const struct state *state, const char *word, uint32_t *id)
{
	uint64_t number;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number)
		return misuse("rule %s: a number from 1 to %d", quoted(word), VSH_RULES_MAX);
	*id = number - 1;
	return rule_exists(&state->rules[*id]) ? DONE : failure("there is no rule %u", *id + 1);
}

int before_command(const struct options *options, int argc, char **argv)
{
	struct state state;
	uint64_t packets;
	uint32_t id;
	int status;

	if (state_read(&state))
		return FAILED;
	if (argc != 2)
		return misuse("before takes a rule and a command");
	status = rule_number(&state, argv[0], &id);
	for (uint32_t older = 0; status == DONE && older < id; older++) {
		if (!older_comes_first(&state, older, id))
			continue;
		if (older_packets(older, &packets))
			return failure("cannot read the counters");
		printf("%u %llu\n", older + 1, (unsigned long long)packets);
		older_note(options, &state, older, id, argv[1]);
	}
	return status;
}
