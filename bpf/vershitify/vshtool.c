// SPDX-License-Identifier: GPL-2.0-or-later
/* vershitify as the house knows it. */
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "devices.h"
#include "rule.h"
#include "state.h"
#include "tools.h"

static const struct command commands[] = {
	{ "plan", plan_command },     { "scan", scan_command },
	{ "exec", exec_command },     { "run", run_command },
	{ "listen", listen_command }, { "show", show_command },
	{ "stats", stats_command },   { "summary", summary_command },
	{ "before", before_command }, { "line", line_command },
	{ "missed", missed_command }, { "standing", standing_command },
	{ "fill", fill_command },     { "presets", presets_command },
	{ "play", play_command },     { "clock", clock_command },
	{ "until", until_command },   { NULL, NULL },
};

static const char *const words[] = { "run",    "add",	  "change", "del",   "flush",
				     "repair", "down",	  "show",   "stats", "monitor",
				     "play",   "presets", "doctor", "help",  NULL };

static const char *const options[] = { "-n",	    "-j", "-p",	    "-s", "-v",
				       "--dry-run", "-b", "-color", "-V", NULL };

/* The order is that of loading. A program that users can do without is optional, whatever
 * it costs them; one without which a rule would be wrong about whom it hits is needed.
 */
static const struct program programs[] = {
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
	{ "tracker.o", "vsh_iter_table", BY_LINK, false,
	  "finds processes that have the same files open",
	  "a scan takes longer where many processes share their files", "vsh_iter_file" },
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
	{ "vershitify.o", "vsh_egress", BY_PIN, true, "drops what targets send",
	  "nothing is dropped at egress", NULL },
	{ "hold.o", "vsh_ingress", BY_PIN, false, "holds what targets receive",
	  "what targets receive is not held", NULL },
	{ "vershitify.o", "vsh_cg_ingress", BY_PIN, false, "drops what targets receive",
	  "direction ingress and direction both are refused", NULL },
	{ "vershitify.o", "vsh_cg_egress", BY_PIN, false, "denies targets what they send",
	  "visible denied is refused", NULL },
	{ "calls.o", "vsh_connect4", BY_PIN, false, "makes connects of targets fail",
	  "connect fail is refused", NULL },
	{ "calls.o", "vsh_connect6", BY_PIN, false, "makes connects of targets over IPv6 fail",
	  "connect fail is refused", NULL },
	{ "calls.o", "vsh_bind4", BY_PIN, false, "makes binds of targets fail",
	  "bind fail is refused", NULL },
	{ "calls.o", "vsh_bind6", BY_PIN, false, "makes binds of targets to IPv6 addresses fail",
	  "bind fail is refused", NULL },
	{ "calls.o", "vsh_sendmsg4", BY_PIN, false, "makes sending of targets fail",
	  "send fail is refused", NULL },
	{ "calls.o", "vsh_sendmsg6", BY_PIN, false, "makes sending of targets over IPv6 fail",
	  "send fail is refused", NULL },
};

static const char *const folders[] = { "/sys/fs/bpf/tc", VSH_MAPS_DIR, NULL };
static const char *const objects[] = { "tracker.o", "receive.o", NULL };

/* An iterator over the storage of sockets walks one map, which has to be named. */
static struct bpf_link *attach(struct bpf_program *program, struct bpf_object *object)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};

	if (strcmp(bpf_program__name(program), "vsh_iter_socks"))
		return bpf_program__attach(program);
	info.map.map_fd = bpf_map__fd(bpf_object__find_map_by_name(object, "vsh_socks"));
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	return bpf_program__attach_iter(program, &opts);
}

static const struct setup setup = {
	.pins = VSH_PINS_DIR,
	.maps = VSH_MAPS_DIR,
	.folders = folders,
	.objects = objects,
	.begin = devices_make,
	.join = devices_join,
	.attach = attach,
};

const struct tool vershitify_tool = {
	.name = "vershitify",
	.speaker = "vershitify.sh",
	.programs = { programs, sizeof(programs) / sizeof(programs[0]) },
	.commands = commands,
	.vocabulary = { &rule_grammar, words, options, &play_grammar },
	.setup = &setup,
};
