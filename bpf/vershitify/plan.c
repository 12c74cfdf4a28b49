// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh plan add|run|original|change|del|leave|reap|needed|repair ...: what has to be done, in the
 * order to do it, a line each. Nothing is changed here; tc/vershitify.sh carries it out:
 *
 *	id N                              the rule's number
 *	hook sock_create|cg_egress|connect4|...   attach this program to the root cgroup
 *	link PROGRAM                      load this program and pin its link
 *	enter FILE                        what follows is done in this network namespace
 *	netns COOKIE                      the devices that follow are of this namespace
 *	ifb NAME                          make this device
 *	queue NAME WORD...                a queue of it, as tc takes it
 *	unqueue NAME WORD...              take one away, if it is there
 *	dev NAME IFINDEX                  attach the classifier here
 *	any NAME IFINDEX                  the same, unless the device has vanished meanwhile
 *	steer NAME HOOK MARK              on these devices, send what has this mark to the ifb NAME
 *	update MAP key hex .. value hex ..   arguments of `bpftool map update`
 *	delete MAP key hex ..                arguments of `bpftool map delete`
 *	fail unmatched                    the run fails if its rule has seen no packet
 *	timeline                          the run prints what TCP does, ...
 *	svg                               ... and draws it
 *	seed N                            the rule has drawn this one, since none was said
 *	recorded                          attach the classifier to all devices of the namespace
 *	                                  that have had it
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "cgrouphooks.h"
#include "detour.h"
#include "holdwords.h"
#include "mapedit.h"
#include "maps.h"
#include "missed.h"
#include "ring.h"
#include "programs.h"
#include "rule.h"
#include "standing.h"
#include "words.h"

/* Maps from a key to the mask of the rules that use it. keep: rules that stay; the map
 * itself does not know yet which ones this plan has deleted so far.
 */
static void mask_edit_print(const char *map, const void *key, size_t key_size, __u64 set,
			    __u64 keep)
{
	int fd = map_open(map);
	__u64 before = 0, mask;

	if (fd >= 0)
		bpf_map_lookup_elem(fd, key, &before);
	fd_close(fd);
	mask = (before & keep) | set;
	if (mask)
		map_update_print(map, key, key_size, &mask, sizeof(mask));
	else if (before)
		map_delete_print(map, key, key_size);
}

/* The path under which the kernel will make the cgroup anew, if it can be told. */
static void followed_print(const struct vsh_label *label, __u64 set, __u64 keep)
{
	struct vsh_cgroup_path key = {};

	if (!label->cgroup_at)
		return;
	strcpy(key.path, label->path + label->cgroup_at);
	mask_edit_print("vsh_followed", &key, sizeof(key), set, keep);
}

static void who_masks_print(const struct state *state, const struct vsh_rule *rule,
			    const struct vsh_label *label, __u64 set)
{
	__u64 keep = 0;

	for (__u32 id = 0; id < VSH_RULES_MAX; id++)
		if (rule_exists(&state->rules[id]))
			keep |= 1ULL << id;
	switch (label->who) {
	case VSH_COMMAND:
		mask_edit_print("vsh_comms", &label->comm, sizeof(label->comm), set, keep);
		break;
	case VSH_EXE:
		mask_edit_print("vsh_exes", &label->exe, sizeof(label->exe), set, keep);
		break;
	case VSH_CGROUP:
		mask_edit_print("vsh_cgroups", &label->cgroup_id, sizeof(label->cgroup_id), set,
				keep);
		followed_print(label, set, keep);
		break;
	case VSH_PID:
		mask_edit_print("vsh_pids", &label->pid, sizeof(label->pid), set, keep);
		break;
	}
	if (rule->owner)
		mask_edit_print("vsh_owners", &rule->owner, sizeof(rule->owner), set, keep);
}

static void config_print(const struct state *state)
{
	__u32 zero = 0;

	map_update_print("vsh_config", &zero, sizeof(zero), &state->config, sizeof(state->config));
}

static void rule_update_print(__u32 id, const struct vsh_rule *rule)
{
	map_update_print("vsh_rules", &id, sizeof(id), rule, sizeof(*rule));
}

static void label_update_print(__u32 id, const struct vsh_label *label)
{
	map_update_print("vsh_labels", &id, sizeof(id), label, sizeof(*label));
}

static void misses_begin_print(__u32 id)
{
	struct vsh_misses none = {}, begin = { .times[VSH_CLOSED] = closed_count() };
	__u32 key = VSH_MISSES_KEY(id, VSH_CLOSED);

	map_update_print("vsh_misses", &key, sizeof(key), &begin, sizeof(begin));
	key = VSH_MISSES_KEY(id, VSH_MISSES_OF_SCANS);
	map_update_print("vsh_misses", &key, sizeof(key), &none, sizeof(none));
}

/* bpftool copies the value of a per-CPU map to every CPU. */
static void counters_reset_print(__u32 id)
{
	struct vsh_stats none = {};
	__u32 zero = 0;

	for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++) {
		__u32 key = VSH_STATS_KEY(id, direction);

		map_update_print("vsh_stats", &key, sizeof(key), &none, sizeof(none));
	}
	map_update_print("vsh_ordinals", &id, sizeof(id), &zero, sizeof(zero));
	misses_begin_print(id);
}

/* The map comes with the first rule that is for calls. */
static void call_counters_reset_print(__u32 id, const struct vsh_rule *rule)
{
	static const struct vsh_call_counts none;
	int fd = map_open("vsh_calls");

	if (fd >= 0 || (rule->hooks & VSH_CALL_HOOKS))
		map_update_print("vsh_calls", &id, sizeof(id), &none, sizeof(none));
	fd_close(fd);
}

/* Where the sockets of the rule share one model: its first packet comes next. */
static void steps_begin_print(__u32 id, const struct vsh_rule *rule)
{
	__u32 zero = 0;

	for (__u32 direction = 0; rule->model.per_rule && direction < VSH_DIRECTIONS; direction++) {
		__u32 key = VSH_STATS_KEY(id, direction);

		map_update_print("vsh_steps", &key, sizeof(key), &zero, sizeof(zero));
	}
}

/* In the namespace of the devices, where the kernel looks for the number. */
static void device_hold_print(__u32 id, __u32 i, __u32 ifindex)
{
	__u32 key = VSH_DEVICES_KEY(id, i);

	map_update_print(VSH_DEVICES_MAP, &key, sizeof(key), &ifindex, sizeof(ifindex));
}

static void devices_hold_print(__u32 id, const struct vsh_rule *rule)
{
	for (__u32 i = 0; i < rule->devs; i++)
		device_hold_print(id, i, rule->ifindex[i]);
}

static void devices_identify(struct request *request)
{
	struct site site;

	memset(request->label.device, 0, sizeof(request->label.device));
	if (!request->rule.devs || !site_open(&site, request->rule.netns_cookie))
		return;
	for (uint32_t i = 0; i < request->rule.devs; i++)
		request->label.device[i] = site_device_identity(&site, request->label.dev[i]);
	site_close(&site);
}

/* Before a classifier comes to a device: the rules of one that had its number are not for it. */
static void dead_print(struct state *state, const struct sight sights[VSH_RULES_MAX])
{
	for (__u32 id = 0; id < VSH_RULES_MAX; id++) {
		struct vsh_rule *rule = &state->rules[id];
		bool dead = false;

		for (__u32 i = 0; rule_exists(rule) && i < rule->devs; i++) {
			if (!(sights[id].gone >> i & 1) || rule->ifindex[i] == VSH_NO_DEVICE)
				continue;
			rule->ifindex[i] = VSH_NO_DEVICE;
			dead = true;
		}
		if (dead)
			rule_update_print(id, rule);
		if (sights[id].renamed)
			label_update_print(id, &state->labels[id]);
	}
}

static void devices_print(const struct request *request)
{
	struct if_nameindex *devices;

	for (uint32_t i = 0; i < request->rule.devs; i++)
		printf("dev %s %u\n", request->label.dev[i], request->rule.ifindex[i]);
	if (request->rule.devs)
		return;
	devices = if_nameindex();
	for (size_t i = 0; devices && devices[i].if_index; i++)
		if (!is_detour(devices[i].if_name))
			printf("any %s %u\n", devices[i].if_name, devices[i].if_index);
	if_freenameindex(devices);
}

/* Queues first: where the kernel has none, nothing else has been done yet. before: of the rule that changes. */
static void attachments_print(__u32 id, const struct request *request,
			      const struct vsh_label *before)
{
	__u32 hooks = request->rule.hooks;

	printf("netns %llu\n", (unsigned long long)request->rule.netns_cookie);
	detours_print(id, &request->rule, &request->label, before);
	hooks_print(hooks);
	if (rule_has_filters(&request->rule))
		devices_print(request);
	steers_print(id, &request->rule);
}

static int id_find_free(const struct state *state)
{
	uint64_t now = boot_now_ns();

	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (!rule_exists(&state->rules[id]))
			return id;
	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (rule_expired(&state->rules[id], now))
			return id;
	return -ENOSPC;
}

static __u64 bit_set(__u64 mask, __u32 id, bool set)
{
	__u64 bit = 1ULL << id;

	return set ? mask | bit : mask & ~bit;
}

static void config_add(struct vsh_config *config, __u32 id, const struct request *request)
{
	config->children = bit_set(config->children, id, request->rule.flags & VSH_CHILDREN);
	config->cgroups = bit_set(config->cgroups, id, request->label.who == VSH_CGROUP);
	config->selects = bit_set(config->selects, id, request->label.selector.asked);
}

static void del_print(struct state *state, __u32 id)
{
	static const struct vsh_rule none;
	__u64 bit = 1ULL << id;
	struct vsh_rule rule = state->rules[id];

	rule_update_print(id, &none);
	state->rules[id] = none;
	who_masks_print(state, &rule, &state->labels[id], 0);
	state->config.children &= ~bit;
	state->config.cgroups &= ~bit;
	state->config.selects &= ~bit;
	config_print(state);
}

static int add_check(const struct grammar *grammar, const struct request *request)
{
	int status;

	status = grammar_needs_check(
		grammar, request->given | (request_is_for_packets(request) ? 0 : WORD_DEV));
	if (status != DONE || request->force)
		return status;
	return protected_check(&request->label, request->cgroup_root);
}

/* The rule first, then the epoch that makes it count, then whom it names. */
static void add_print(struct state *state, __u32 id, struct request *request)
{
	struct vsh_rule *rule = &request->rule;

	rule->generation = ++state->config.epoch;
	config_add(&state->config, id, request);
	printf("id %u\n", id + 1);
	attachments_print(id, request, NULL);
	devices_hold_print(id, rule);
	counters_reset_print(id);
	call_counters_reset_print(id, rule);
	steps_begin_print(id, rule);
	label_update_print(id, &request->label);
	rule_update_print(id, rule);
	config_print(state);
	who_masks_print(state, rule, &request->label, 1ULL << id);
}

/* The words of `run` end at "--". */
static int run_words(int argc, char **argv)
{
	int words = 0;

	while (words < argc && strcmp(argv[words], "--"))
		words++;
	return words;
}

static const struct grammar *grammar_find(const char *what)
{
	if (!strcmp(what, "run"))
		return &run_grammar;
	return strcmp(what, "original") ? &rule_grammar : &original_grammar;
}

static int plan_add(const struct options *options, struct state *state,
		    const struct sight sights[VSH_RULES_MAX], const char *what, int argc,
		    char **argv)
{
	const struct grammar *grammar = grammar_find(what);
	struct request request = { .cgroup_root = options->cgroup_root };
	bool run = grammar == &run_grammar;
	int id, status;

	if (run)
		argc = run_words(argc, argv);
	status = request_parse(grammar, argc, argv, &request);
	if (status != DONE)
		return status;
	if (run && !(request.given & WORD_WHO)) {
		request.label.who = VSH_RUN;
		request.rule.flags |= VSH_CHILDREN;
		request.given |= WORD_WHO;
	}
	request.rule.owner = options->owner;
	status = add_check(grammar, &request);
	if (status == DONE)
		status = request_finish(&request);
	if (status != DONE)
		return status;
	devices_identify(&request);
	id = id_find_free(state);
	if (id < 0)
		return failure("all %d rules are taken (del one, or flush)", VSH_RULES_MAX);
	dead_print(state, sights);
	if (rule_exists(&state->rules[id]))
		del_print(state, id);
	add_print(state, id, &request);
	if (request.timeline)
		printf("timeline\n");
	if (request.svg)
		printf("svg\n");
	if (request.fail_unmatched)
		printf("fail unmatched\n");
	if (request.label.seed_drawn)
		printf("seed %llu\n", (unsigned long long)request.rule.seed);
	return DONE;
}

/* The number of an existing rule, from 0; negative after a message. */
static int id_parse(const struct state *state, const char *word, int *status)
{
	uint64_t number;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number) {
		*status = misuse("rule %s: a number from 1 to %d", quoted(word), VSH_RULES_MAX);
		return -1;
	}
	if (!rule_exists(&state->rules[number - 1])) {
		*status = failure("there is no rule %u", (unsigned int)number);
		return -1;
	}
	return number - 1;
}

static int devices_check(const struct vsh_rule *rule, const struct sight *sight)
{
	if (netns_check(rule) != DONE)
		return FAILED;
	if (sight->gone)
		return failure("a device of the rule is gone (list the devices to use: dev DEV)");
	return DONE;
}

/* over: the rule was, and nothing is left of its detour. */
static bool detour_changes(bool over, const struct vsh_label *before, const struct request *request)
{
	if (memcmp(before->hold, request->label.hold, sizeof(before->hold)))
		return true;
	return over && holds_packets(&request->label) &&
	       !rule_expired(&request->rule, boot_now_ns());
}

/* Numbers are given again: a foreground run changes only what is still its own. */
static int owner_check(const struct options *options, const struct vsh_rule *rule, int id)
{
	if (!options->owner || rule->owner == options->owner)
		return DONE;
	return failure("rule %d is somebody else's by now", id + 1);
}

static int plan_change(const struct options *options, struct state *state,
		       const struct sight sights[VSH_RULES_MAX], int argc, char **argv)
{
	struct request request;
	int id, status = DONE;
	bool attach, over;

	if (!argc)
		return misuse("a rule number is required (change ID drop PERCENT ...)");
	id = id_parse(state, argv[0], &status);
	if (id < 0)
		return status;
	if (rule_netns_check(options, state, id) != DONE ||
	    owner_check(options, &state->rules[id], id) != DONE)
		return FAILED;
	dead_print(state, sights);
	over = rule_expired(&state->rules[id], boot_now_ns());
	request_from_rule(&request, &state->rules[id], &state->labels[id]);
	status = request_parse(&change_grammar, argc - 1, argv + 1, &request);
	if (status == DONE)
		status = grammar_needs_check(&change_grammar, request.given);
	if (status == DONE)
		status = request_finish(&request);
	attach = (request.given & (WORD_DEV | WORD_DIRECTION | WORD_VISIBLE)) ||
		 detour_changes(over, &state->labels[id], &request);
	if (status == DONE && attach && !(request.given & WORD_DEV))
		status = devices_check(&request.rule, &sights[id]);
	if (status != DONE)
		return status;
	printf("id %d\n", id + 1);
	if (attach)
		attachments_print(id, &request, over ? NULL : &state->labels[id]);
	else
		hooks_print(request.rule.hooks & ~state->rules[id].hooks);
	if (request.given & WORD_DEV) {
		devices_identify(&request);
		devices_hold_print(id, &request.rule);
	}
	if (!state->rules[id].model.per_rule)
		steps_begin_print(id, &request.rule);
	if (request.label.selector.asked && !(state->config.selects >> id & 1)) {
		/* first: a packet that is not read fulfils no condition */
		state->config.selects |= 1ULL << id;
		config_print(state);
	}
	if (memcmp(&request.label, &state->labels[id], sizeof(request.label)))
		label_update_print(id, &request.label);
	rule_update_print(id, &request.rule);
	config_add(&state->config, id, &request);
	state->config.epoch++;
	config_print(state);
	return DONE;
}

static int plan_del(const struct options *options, struct state *state, int argc, char **argv)
{
	int id, status = DONE;

	if (argc != 1)
		return misuse("a rule number is required (del ID; flush deletes all)");
	id = id_parse(state, argv[0], &status);
	if (id < 0)
		return status;
	if (rule_netns_check(options, state, id) != DONE ||
	    owner_check(options, &state->rules[id], id) != DONE)
		return FAILED;
	del_print(state, id);
	return DONE;
}

/* Rules of one foreground run; without one, of those that died without cleaning up. */
static bool is_to_reap(const struct options *options, const struct vsh_rule *rule)
{
	char comm[VSH_COMM_LEN];

	if (!rule_exists(rule) || !rule->owner)
		return false;
	if (options->owner)
		return rule->owner == options->owner;
	return (rule->needs & VSH_ORPHANED) || process_comm(rule->owner, comm);
}

/* Ring buffers of listeners that are gone. */
static void listeners_reap_print(void)
{
	static const struct ring_reader none;
	struct ring_reader reader;

	for (__u32 slot = 0; slot < VSH_LISTENERS_MAX; slot++) {
		if (!ring_reader_read(&vsh_ring_maps, slot, &reader) ||
		    ring_reader_is_alive(&reader))
			continue;
		map_delete_print("vsh_listeners", &slot, sizeof(slot));
		map_update_print("vsh_lost", &slot, sizeof(slot), &none, sizeof(none));
	}
}

static int plan_reap(const struct options *options, struct state *state)
{
	for (__u32 id = 0; id < VSH_RULES_MAX; id++)
		if (is_to_reap(options, &state->rules[id]))
			del_print(state, id);
	if (!options->owner)
		listeners_reap_print();
	return DONE;
}

/* The rules of the caller's network namespace. */
static int plan_leave(struct state *state)
{
	uint64_t here;
	int err = netns_cookie(&here);

	if (err)
		return failure("cannot identify this network namespace: %s", strerror(-err));
	for (__u32 id = 0; id < VSH_RULES_MAX; id++)
		if (rule_exists(&state->rules[id]) && state->rules[id].netns_cookie == here)
			del_print(state, id);
	return DONE;
}

/* vsh plan needed: what the rules that are left need attached, "hook NAME" and
 * "dev COOKIE IFINDEX" or "dev COOKIE all", "ifb COOKIE NAME".
 */
static int plan_needed(const struct state *state)
{
	uint32_t hooks = 0;

	for (__u32 id = 0; id < VSH_RULES_MAX; id++) {
		const struct vsh_rule *rule = &state->rules[id];
		unsigned long long cookie = rule->netns_cookie;

		if (!rule_exists(rule))
			continue;
		hooks |= rule->hooks;
		detours_needed_print(id, rule);
		if (!rule_has_filters(rule))
			continue;
		if (!rule->devs)
			printf("dev %llu all\n", cookie);
		for (__u32 i = 0; i < rule->devs; i++)
			if (rule->ifindex[i] != VSH_NO_DEVICE)
				printf("dev %llu %u\n", cookie, rule->ifindex[i]);
	}
	hooks_print(hooks);
	return DONE;
}

/* --- what others have taken away ------------------------------------------------------- */

static void programs_repair_print(const struct vsh_rule *rule)
{
	const struct program *program;

	for (size_t i = 0; (program = program_of(&vershitify_tool, i)); i++)
		if (program_is_taken(program))
			printf("link %s\n", program->name);
	printf("hook sock_create\n");
	hooks_print(rule->hooks);
}

static void devices_repair_print(const struct state *state, __u32 id, const struct sight *sight)
{
	const struct vsh_rule *rule = &state->rules[id];

	printf("netns %llu\n", (unsigned long long)rule->netns_cookie);
	if (sight->strayed)
		detours_print(id, rule, &state->labels[id], NULL);
	if ((sight->bare || sight->strayed) && !rule->devs)
		printf("recorded\n");
	for (__u32 i = 0; i < rule->devs; i++)
		if (sight->strayed || ((sight->bare | sight->moved) >> i & 1))
			printf("dev %s %u\n", state->labels[id].dev[i], sight->ifindex[i]);
	if (sight->strayed || sight->bare || sight->moved)
		steers_print(id, rule);
}

/* Of devices that were away the kernel has let go, and they can have other numbers now. */
static void moved_repair_print(struct state *state, __u32 id, const struct sight *sight)
{
	struct vsh_rule *rule = &state->rules[id];

	for (__u32 i = 0; i < rule->devs; i++) {
		if (!(sight->moved >> i & 1))
			continue;
		rule->ifindex[i] = sight->ifindex[i];
		device_hold_print(id, i, rule->ifindex[i]);
	}
	rule_update_print(id, rule);
	state->config.epoch++;
	config_print(state);
}

/* vsh plan repair ID: nothing if there is nothing that could be attached. */
static int plan_repair(struct state *state, const struct sight sights[VSH_RULES_MAX], int argc,
		       char **argv)
{
	const struct sight *sight;
	int id, status = DONE;

	id = argc == 1 ? id_parse(state, argv[0], &status) : -1;
	if (id < 0)
		return argc == 1 ? status : misuse("plan repair takes one rule");
	sight = &sights[id];
	if (sight->standing != DETACHED && sight->standing != DEVICE_GONE)
		return DONE;
	dead_print(state, sights);
	programs_repair_print(&state->rules[id]);
	if (!sight->netns_own)
		printf("enter %s\n", sight->netns_path);
	if (rule_has_filters(&state->rules[id]))
		devices_repair_print(state, id, sight);
	if (sight->moved)
		moved_repair_print(state, id, sight);
	return DONE;
}

/* vsh plan words WORD...: could a change of some rule say that? */
static int plan_words(const struct options *options, int argc, char **argv)
{
	struct request request = { .cgroup_root = options->cgroup_root };
	int status = request_parse(&change_grammar, argc, argv, &request);

	return status == DONE ? grammar_needs_check(&change_grammar, request.given) : status;
}

/* Does the plan bring classifiers to devices? */
static bool attaches(const char *what)
{
	static const char *const plans[] = { "add", "run", "original", "change", "repair" };

	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		if (!strcmp(what, plans[i]))
			return true;
	return false;
}

int plan_command(const struct options *options, int argc, char **argv)
{
	const char *what = argc ? argv[0] : "";
	struct sight sights[VSH_RULES_MAX] = {};
	struct state state;

	if (state_read(&state))
		return FAILED;
	if (attaches(what))
		sights_look(options, &state, UINT64_MAX, sights);
	if (!strcmp(what, "add") || !strcmp(what, "run") || !strcmp(what, "original"))
		return plan_add(options, &state, sights, what, argc - 1, argv + 1);
	if (!strcmp(what, "change"))
		return plan_change(options, &state, sights, argc - 1, argv + 1);
	if (!strcmp(what, "del"))
		return plan_del(options, &state, argc - 1, argv + 1);
	if (!strcmp(what, "reap"))
		return plan_reap(options, &state);
	if (!strcmp(what, "leave"))
		return plan_leave(&state);
	if (!strcmp(what, "needed"))
		return plan_needed(&state);
	if (!strcmp(what, "repair"))
		return plan_repair(&state, sights, argc - 1, argv + 1);
	if (!strcmp(what, "words"))
		return plan_words(options, argc - 1, argv + 1);
	return misuse(
		"plan %s: add, run, original, change, words, del, leave, reap, needed or repair",
		quoted(what));
}
