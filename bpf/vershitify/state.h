/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vershitify's pinned maps as user space sees them, and what its commands share. */
#ifndef VSH_STATE_H
#define VSH_STATE_H

#include "ring.h"
#include "vershitify.h"
#include "vsh.h"

struct tool;

_Static_assert(VSH_COMM_LEN == COMM_LEN, "a name in a map is a process's name");

/* All zero where nothing is set up. */
struct state {
	struct vsh_rule rules[VSH_RULES_MAX];
	struct vsh_label labels[VSH_RULES_MAX];
	struct vsh_config config;
	bool present;
};

/* What the helper does for it: vshtool.c lists them. */
command_run plan_command, scan_command, exec_command, run_command, listen_command, show_command,
	stats_command, summary_command, before_command, missed_command, standing_command,
	fill_command, presets_command, play_command, clock_command, until_command;

extern const struct tool vershitify_tool;

/* Where listeners put their ring buffers. */
extern const struct ring_maps vsh_ring_maps;

/* File descriptor of a pinned map; negative errno where there is none. */
int map_open(const char *name);

/* 0 also when nothing is set up; -errno with a message. */
int state_read(struct state *state);

bool rule_exists(const struct vsh_rule *rule);
bool rule_expired(const struct vsh_rule *rule, uint64_t now_ns);

/* The rules that there are, by their bits: with -n those of that network namespace. */
uint64_t rules_chosen(const struct options *options, const struct state *state);

/* DONE, or FAILED after a message: with -n a rule of another namespace is out of reach. */
int rule_netns_check(const struct options *options, const struct state *state, uint32_t id);

/* What tells the file from every other one, also from later ones. 0 or -errno. */
int exe_identify(const char *path, struct vsh_exe *exe);

/* Nobody locks himself out by mistake: pid 1, sshd and the ancestors of the caller are
 * refused. cgroup_root: where cgroup v2 is mounted, or NULL. DONE, or FAILED with a message.
 */
int protected_check(const struct vsh_label *label, const char *cgroup_root);

#endif
