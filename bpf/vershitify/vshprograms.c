// SPDX-License-Identifier: GPL-2.0-or-later
#include "programs.h"
#include "tools.h"

/* The order is that of loading. A program that users can do without is optional, whatever
 * it costs them; one without which a rule would be wrong about whom it hits is needed.
 */
static const struct program rows[] = {
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
	{ "vershitify.o", "vsh_cg_ingress", BY_PIN, false, "drops what targets receive",
	  "direction ingress and direction both are refused", NULL },
	{ "vershitify.o", "vsh_cg_egress", BY_PIN, false, "denies targets what they send",
	  "visible denied is refused", NULL },
};

const struct program_table vershitify_programs = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
};
