// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>
#include "callwords.h"
#include "holdwords.h"
#include "loss.h"
#include "needs.h"
#include "netem.h"
#include "rule.h"
#include "selector.h"
#include "times.h"
#include "utf8.h"
#include "values.h"
#include "who.h"
#include "words.h"

/* --- one word each ------------------------------------------------------------------ */

int netns_check(const struct vsh_rule *rule)
{
	uint64_t here = 0;

	if (netns_cookie(&here) || here != rule->netns_cookie)
		return failure("the rule's devices are in another network namespace (-n NETNS)");
	return DONE;
}

/* The first "dev" begins a new list, also where there was a rule before. */
static int devices_begin(const struct cursor *cursor, struct vsh_rule *rule)
{
	if (cursor->given & WORD_DEV)
		return DONE;
	rule->devs = 0;
	return rule->netns_cookie ? netns_check(rule) : DONE;
}

static int dev_all_set(const struct cursor *cursor, struct request *request)
{
	if ((cursor->given & WORD_DEV) && request->rule.devs)
		return misuse("\"dev all\" cannot be combined with other devices");
	return DONE;
}

static int dev_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	struct vsh_rule *rule = &request->rule;
	const char *name = word_next(cursor);
	int status = devices_begin(cursor, rule);
	uint32_t ifindex;

	if (status != DONE)
		return status;
	if (!strcmp(name, "all"))
		return dev_all_set(cursor, request);
	if ((cursor->given & WORD_DEV) && !rule->devs)
		return misuse("\"dev all\" cannot be combined with other devices");
	status = device_find(name, &ifindex);
	if (status != DONE)
		return status;
	for (uint32_t i = 0; i < rule->devs; i++)
		if (rule->ifindex[i] == ifindex)
			return DONE;
	if (rule->devs == VSH_DEVS_MAX)
		return misuse("a rule names at most %d devices (\"dev all\" is one word)",
			      VSH_DEVS_MAX);
	memset(request->label.dev[rule->devs], 0, VSH_DEV_LEN);
	strcpy(request->label.dev[rule->devs], name);
	rule->ifindex[rule->devs++] = ifindex;
	return DONE;
}

static int command_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return who_command(cursor, &request->label);
}

static int exe_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return who_exe(cursor, &request->label);
}

static int pid_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return who_pid(cursor, &request->label);
}

static int cgroup_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return who_cgroup(cursor, &request->label, request->cgroup_root);
}

static int children_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	(void)cursor;
	request->rule.flags |= VSH_CHILDREN;
	return DONE;
}

static const char *const direction_choices[] = { "egress", "ingress", "both", NULL };

static int direction_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status != DONE)
		return status;
	request->egress = index != 1;
	request->ingress = index != 0;
	return DONE;
}

static int seed_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	uint64_t seed;
	int status = number_value(cursor, "a number", 0, UINT64_MAX, &seed);

	if (status != DONE)
		return status;
	request->rule.seed = seed;
	request->rule.needs |= VSH_SEEDED;
	return DONE;
}

static const char *const visible_names[] = {
	[VISIBLE_WIRE] = "wire",
	[VISIBLE_LOCAL] = "local",
	[VISIBLE_DENIED] = "denied",
	[VISIBLE_DENIED + 1] = NULL,
};

static int visible_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->visible = index;
	return status;
}

static int match_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	return selector_parse(cursor, &request->label.selector);
}

static int force_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	(void)cursor;
	request->force = true;
	return DONE;
}

static int fail_unmatched_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	(void)cursor;
	request->fail_unmatched = true;
	return DONE;
}

static int timeline_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	(void)cursor;
	request->timeline = true;
	return DONE;
}

/* The file is the script's matter. */
static int svg_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	const char *file = word_next(cursor), *end = strrchr(file, '.');

	if (!end || end == file || strcmp(end, ".svg"))
		return misuse("%s %s: a file whose name ends in .svg", cursor->said, quoted(file));
	request->timeline = true;
	request->svg = true;
	return DONE;
}

/* --- all of them -------------------------------------------------------------------- */

static const char *const per_choices[] = { "socket", "rule", NULL };
static const char *const dev_choices[] = { "all", NULL };

#define ROW_MATCH (ROW_LIST | ROW_NOT)

static const struct grammar_row rows[] = {
	{ "dev", WORD_DEV, 1, 1, ROW_LIST, dev_parse, "DEV", "the name of a device, or all",
	  dev_choices },
	{ "interface", WORD_DEV, 1, 1, ROW_LIST | ROW_DASHED | ROW_FIRST, dev_parse, "DEV",
	  "the name of a device", NULL },
	{ "command", WORD_WHO, 1, 1, ROW_NEW | ROW_FIRST, command_parse, "NAME", "a process name",
	  NULL },
	{ "exe", WORD_WHO, 1, 1, ROW_NEW, exe_parse, "PATH", "the path of an executable", NULL },
	{ "pid", WORD_WHO, 1, 1, ROW_NEW, pid_parse, "N", "a process id", NULL },
	{ "cgroup", WORD_WHO, 1, 1, ROW_NEW, cgroup_parse, "PATH", "the path of a cgroup", NULL },
	{ "children", WORD_CHILDREN, 0, 0, ROW_NEW, children_parse, NULL, NULL, NULL },
	{ "direction", WORD_DIRECTION, 1, 1, 0, direction_parse, NULL, NULL, direction_choices },
	{ "drop", WORD_DROP, 1, LOSS_WORDS_MAX, ROW_FIRST, loss_parse, "PERCENT", LOSS_ACCEPTS,
	  loss_choices },
	{ "loss", WORD_DROP, 1, LOSS_WORDS_MAX, ROW_ALIAS, loss_parse, "PERCENT", LOSS_ACCEPTS,
	  loss_choices },
	HOLD_ROWS,
	{ "preset", WORD_PRESET, 1, 1, 0, preset_parse, "PRESET", "the name of a preset", NULL },
	{ "offset", WORD_OFFSET, 1, 1, 0, offset_parse, "N", "a number", NULL },
	{ "per", WORD_PER, 1, 1, 0, per_parse, NULL, NULL, per_choices },
	{ "connect", WORD_CONNECT, 1, 3, 0, call_parse, "FAILURE", CONNECT_ACCEPTS,
	  connect_choices },
	{ "bind", WORD_BIND, 2, 3, 0, call_parse, "FAILURE", CALL_ACCEPTS, call_choices },
	{ "send", WORD_SEND, 2, 3, 0, call_parse, "FAILURE", CALL_ACCEPTS, call_choices },
	{ "seed", WORD_SEED, 1, 1, 0, seed_parse, "N", "a number", NULL },
	{ "after", WORD_AFTER, 1, 1, 0, after_parse, "TIME", "a time", NULL },
	{ "for", WORD_FOR, 1, 1, 0, for_parse, "TIME", "a time, or ever", for_choices },
	{ "repeat", WORD_REPEAT, 1, 2, 0, repeat_parse, "ON OFF", "two times, or off",
	  repeat_choices },
	{ "visible", WORD_VISIBLE, 1, 1, 0, visible_parse, NULL, NULL, visible_names },
	{ "proto", WORD_PROTO, 1, 1, ROW_MATCH, match_parse, "PROTO",
	  "tcp, udp, icmp, icmp6, sctp, a number from 0 to 255, or any", selector_any },
	{ "src", WORD_SRC, 1, 1, ROW_MATCH, match_parse, "PREFIX",
	  "an address, or a prefix as in 192.0.2.0/24, or any", selector_any },
	{ "dst", WORD_DST, 1, 1, ROW_MATCH, match_parse, "PREFIX",
	  "an address, or a prefix as in 192.0.2.0/24, or any", selector_any },
	{ "sport", WORD_SPORT, 1, 1, ROW_MATCH, match_parse, "PORTS",
	  "a port, a range as in 80-90, or any", selector_any },
	{ "dport", WORD_DPORT, 1, 1, ROW_MATCH, match_parse, "PORTS",
	  "a port, a range as in 80-90, or any", selector_any },
	{ "tcp-flags", WORD_TCP_FLAGS, 1, 1, ROW_MATCH, match_parse, "FLAGS",
	  "fin, syn, rst, psh, ack, urg, ece or cwr, several as in syn,ack, those of some as in syn/syn,ack, or any",
	  selector_any },
	{ "size", WORD_SIZE, 1, 1, ROW_MATCH, match_parse, "BYTES",
	  "a number of bytes, a range as in 0-100, or any", selector_any },
	{ "dscp", WORD_DSCP, 1, 1, ROW_MATCH, match_parse, "DSCP",
	  "a number from 0 to 63, a name as in ef, af11, cs1, or any", selector_any },
	{ "force", WORD_FORCE, 0, 0, ROW_NEW, force_parse, NULL, NULL, NULL },
	{ "--fail-unmatched", WORD_FAIL_UNMATCHED, 0, 0, ROW_NEW | ROW_RUN, fail_unmatched_parse,
	  NULL, NULL, NULL },
	{ "--timeline", WORD_TIMELINE, 0, 0, ROW_NEW | ROW_RUN, timeline_parse, NULL, NULL, NULL },
	{ "--svg", WORD_SVG, 1, 1, ROW_NEW | ROW_RUN, svg_parse, "FILE",
	  "a file whose name ends in .svg", NULL },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct grammar_need rule_needs[] = {
	{ WORD_DEV, "a device is required" },
	{ WORD_WHO, "a target is required" },
	{ WORD_DROP | WORDS_HOLD | WORDS_CALL, "an effect is required" },
	{},
};

static const struct grammar_need change_needs[] = {
	{ UINT64_MAX, "nothing to change" },
	{},
};

const struct grammar rule_grammar = {
	.rows = rows,
	.count = ROWS,
	.about = "a rule: ",
	.needs = rule_needs,
	.hidden = ROW_RUN,
};

const struct grammar run_grammar = {
	.rows = rows,
	.count = ROWS,
	.about = "a rule: ",
	.needs = rule_needs,
};

const struct grammar original_grammar = {
	.rows = rows,
	.count = ROWS,
	.about = "a rule: ",
	.needs = rule_needs,
	.hidden = ROW_RUN,
	.dashed = true,
};

const struct grammar change_grammar = {
	.rows = rows,
	.count = ROWS,
	.about = "a change: ",
	.needs = change_needs,
	.hidden = ROW_RUN,
	.barred = ROW_NEW,
	.barred_why = "a rule keeps its target; del it and add another",
};

int request_parse(const struct grammar *grammar, int argc, char **argv, struct request *request)
{
	struct cursor cursor;
	int status;

	cursor_begin(&cursor, grammar, argc, argv);
	status = grammar_read(&cursor, request);
	request->given |= cursor.given;
	return status;
}

static bool has_several_bits(uint32_t bits)
{
	return bits & (bits - 1);
}

/* `visible denied` decides in cgroup_skb/egress, where an error reaches the sender. */
static void hooks_finish(struct request *request)
{
	struct vsh_rule *rule = &request->rule;

	rule->hooks = call_hooks(&request->label);
	if (request->ingress)
		rule->hooks |= VSH_CG_INGRESS;
	if (request->egress)
		rule->hooks |= request->visible == VISIBLE_DENIED ? VSH_CG_EGRESS : VSH_TC_EGRESS;
	rule->needs &=
		~(VSH_ONCE | VSH_LOCAL | VSH_SELECTS | VSH_HOLD | VSH_HOLD_INGRESS | VSH_REFUSES);
	if (refuses_connections(&request->label))
		rule->needs |= VSH_REFUSES;
	if (request->visible == VISIBLE_LOCAL)
		rule->needs |= VSH_LOCAL;
	if (hold_is_asked(&request->label.hold[VSH_EGRESS]))
		rule->needs |= VSH_HOLD;
	if (hold_is_asked(&request->label.hold[VSH_INGRESS]))
		rule->needs |= VSH_HOLD_INGRESS;
	if (rule->devs != 1 || has_several_bits(rule->hooks & VSH_PACKET_HOOKS) ||
	    (rule->needs & VSH_HOLD))
		rule->needs |= VSH_ONCE;
}

/* One that can be typed. */
static uint64_t seed_draw(void)
{
	uint32_t seed = 0;

	return getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? seed : 0;
}

static void seed_forget(struct request *request)
{
	request->rule.seed = 0;
	request->rule.needs &= ~VSH_SEEDED;
	request->label.seed_drawn = false;
}

/* A chain is drawn with a seed, always, so that it can be repeated. */
static void seed_finish(struct request *request)
{
	struct vsh_rule *rule = &request->rule;

	if (request->given & WORD_SEED)
		request->label.seed_drawn = false;
	if (rule->model.kind != VSH_CHAIN && request->label.seed_drawn)
		seed_forget(request);
	if (rule->model.kind != VSH_CHAIN || (rule->needs & VSH_SEEDED))
		return;
	rule->seed = seed_draw();
	rule->needs |= VSH_SEEDED;
	request->label.seed_drawn = true;
}

/* Words that say something of packets alone. */
#define PACKET_WORDS \
	(WORD_DEV | WORD_DIRECTION | WORD_VISIBLE | WORDS_SIDED | WORD_EGRESS | WORD_INGRESS)

bool request_is_for_packets(const struct request *request)
{
	return (request->given & (WORD_DROP | WORDS_HOLD)) ||
	       refuses_connections(&request->label) || (request->rule.hooks & VSH_PACKET_HOOKS);
}

/* The direction of packets; a rule that is for calls alone has none. */
static int direction_finish(struct request *request)
{
	bool packets = request_is_for_packets(request);

	if (!packets && (request->given & PACKET_WORDS))
		return misuse(
			"\"dev\", \"direction\", \"visible\" and the like are of packets: something is to be done to those, too (drop, delay ...)");
	if (!packets)
		return DONE;
	if (!(request->rule.hooks & VSH_PACKET_HOOKS) && !(request->given & WORD_DEV))
		return misuse("a device is required (dev DEV|all)");
	if (hold_directions(request) != DONE)
		return MISUSED;
	if (!request->egress && !request->ingress)
		request->egress = true;
	return DONE;
}

int request_finish(struct request *request)
{
	struct vsh_rule *rule = &request->rule;
	uint64_t cookie = rule->netns_cookie;
	int err;

	if (loss_finish(request) != DONE || direction_finish(request) != DONE ||
	    calls_finish(request) != DONE)
		return MISUSED;
	seed_finish(request);
	times_finish(request);
	if (request->ingress && !request->egress && request->visible == VISIBLE_LOCAL)
		return misuse(
			"\"visible local\" is for direction egress or both: at ingress there is no local sender");
	if (request->ingress && request->visible == VISIBLE_DENIED)
		return misuse(
			"\"visible denied\" is for direction egress: at ingress there is no local sender");
	if (hold_finish(request) != DONE)
		return MISUSED;
	hooks_finish(request);
	if (request->label.selector.asked)
		rule->needs |= VSH_SELECTS;
	/* A change that names no device keeps those it has, wherever they are. */
	err = (request->given & WORD_DEV) || !cookie ? netns_cookie(&cookie) : 0;
	if (err)
		return failure(
			"this kernel does not tell network namespaces apart (SO_NETNS_COOKIE, 5.14): %s",
			strerror(-err));
	rule->netns_cookie = cookie;
	needs_finish(rule);
	return DONE;
}

static enum visible rule_visible(const struct vsh_rule *rule)
{
	if (rule->hooks & VSH_CG_EGRESS)
		return VISIBLE_DENIED;
	return rule->needs & VSH_LOCAL ? VISIBLE_LOCAL : VISIBLE_WIRE;
}

void request_from_rule(struct request *request, const struct vsh_rule *rule,
		       const struct vsh_label *label)
{
	*request = (struct request){ .rule = *rule, .label = *label };
	request->egress = rule->hooks & (VSH_TC_EGRESS | VSH_CG_EGRESS);
	request->ingress = rule->hooks & VSH_CG_INGRESS;
	request->visible = rule_visible(rule);
	request->per_rule = rule->model.per_rule;
	if (rule->model.kind == VSH_EVERY)
		request->offset = rule->model.every.offset;
}

static const char *direction_name(const struct vsh_rule *rule)
{
	if (!(rule->hooks & VSH_CG_INGRESS))
		return "egress";
	return has_several_bits(rule->hooks & VSH_PACKET_HOOKS) ? "both" : "ingress";
}

static void path_print(FILE *out, const struct vsh_label *label, unsigned long long inode)
{
	if (label->path[0])
		print_word(out, label->path, strnlen(label->path, sizeof(label->path)));
	else
		fprintf(out, "inode:%llu", inode);
}

static void who_print(FILE *out, const struct vsh_rule *rule, const struct vsh_label *label)
{
	switch (label->who) {
	case VSH_COMMAND:
		fputs("command ", out);
		print_word(out, label->comm.comm, strnlen(label->comm.comm, VSH_COMM_LEN));
		break;
	case VSH_EXE:
		fputs("exe ", out);
		path_print(out, label, label->exe.ino);
		break;
	case VSH_PID:
		fprintf(out, "pid %u", label->pid);
		break;
	case VSH_CGROUP:
		fputs("cgroup ", out);
		path_print(out, label, label->cgroup_id);
		break;
	case VSH_RUN:
		fprintf(out, "run by %u", rule->owner);
		break;
	}
}

static void devs_print(FILE *out, char before, const struct vsh_rule *rule,
		       const struct vsh_label *label)
{
	if (!rule->devs)
		fprintf(out, "%cdev all", before);
	for (uint32_t i = 0; i < rule->devs; i++) {
		fprintf(out, "%cdev ", before);
		print_word(out, label->dev[i], strnlen(label->dev[i], VSH_DEV_LEN));
	}
}

/* What becomes of packets. */
static void effects_print(FILE *out, char before, const struct vsh_rule *rule,
			  const struct vsh_label *label)
{
	fprintf(out, "%cdirection %s", before, direction_name(rule));
	if (loss_is_asked(rule) || !(holds_packets(label) || refuses_connections(label))) {
		fprintf(out, "%cdrop ", before);
		loss_print(out, rule, label);
	}
	hold_print(out, before, label, has_several_bits(rule->hooks & VSH_PACKET_HOOKS));
}

void rule_words_print(FILE *out, char before, const struct vsh_rule *rule,
		      const struct vsh_label *label)
{
	bool packets = rule->hooks & VSH_PACKET_HOOKS;

	if (packets)
		devs_print(out, before, rule, label);
	fputc(before, out);
	who_print(out, rule, label);
	selector_print(out, before, &label->selector);
	if (rule->flags & VSH_CHILDREN)
		fprintf(out, "%cchildren", before);
	if (packets)
		effects_print(out, before, rule, label);
	calls_print(out, before, label);
	if (rule->needs & VSH_SEEDED)
		fprintf(out, "%cseed %llu", before, (unsigned long long)rule->seed);
	if (rule_visible(rule) != VISIBLE_WIRE)
		fprintf(out, "%cvisible %s", before, visible_names[rule_visible(rule)]);
	times_print(out, before, rule, label);
}

void rule_print(FILE *out, uint32_t id, const struct vsh_rule *rule, const struct vsh_label *label)
{
	fprintf(out, "rule %u", id + 1);
	rule_words_print(out, ' ', rule, label);
}

static void who_print_json(struct json *json, const struct vsh_label *label)
{
	switch (label->who) {
	case VSH_COMMAND:
		json_chars(json, "command", label->comm.comm, VSH_COMM_LEN);
		break;
	case VSH_EXE:
		json_chars(json, "exe", label->path, sizeof(label->path));
		json_number(json, "inode", label->exe.ino);
		break;
	case VSH_PID:
		json_number(json, "pid", label->pid);
		break;
	case VSH_CGROUP:
		json_chars(json, "cgroup", label->path, sizeof(label->path));
		json_number(json, "cgroup_id", label->cgroup_id);
		break;
	}
}

static bool devs_are_utf8(const struct vsh_rule *rule, const struct vsh_label *label)
{
	for (uint32_t i = 0; i < rule->devs; i++)
		if (!utf8_is_valid(label->dev[i], strnlen(label->dev[i], VSH_DEV_LEN)))
			return false;
	return true;
}

static void devs_print_hex(struct json *json, const struct vsh_rule *rule,
			   const struct vsh_label *label)
{
	json_array_begin(json, "dev_hex");
	for (uint32_t i = 0; i < rule->devs; i++)
		json_hex(json, NULL, label->dev[i], VSH_DEV_LEN);
	json_array_end(json);
}

static void devs_print_json(struct json *json, const struct vsh_rule *rule,
			    const struct vsh_label *label)
{
	json_array_begin(json, "dev");
	if (!rule->devs && (rule->hooks & VSH_PACKET_HOOKS))
		json_string(json, NULL, "all");
	for (uint32_t i = 0; i < rule->devs; i++)
		json_chars(json, NULL, label->dev[i], VSH_DEV_LEN);
	json_array_end(json);
	if (!devs_are_utf8(rule, label))
		devs_print_hex(json, rule, label);
}

/* What becomes of packets; null of a rule that is for calls alone. */
static void packets_print_json(struct json *json, const struct vsh_rule *rule,
			       const struct vsh_label *label)
{
	char percent[16];

	if (!(rule->hooks & VSH_PACKET_HOOKS)) {
		json_null(json, "drop_percent");
		json_null(json, "loss");
		return;
	}
	percent_format(label->loss, percent, sizeof(percent));
	if (rule->model.kind == VSH_LIST)
		json_null(json, "drop_percent");
	else
		json_number_text(json, "drop_percent", percent);
	loss_print_json(json, rule, label);
	hold_print_json(json, label);
}

static void direction_print_json(struct json *json, const struct vsh_rule *rule)
{
	if (rule->hooks & VSH_PACKET_HOOKS)
		json_string(json, "direction", direction_name(rule));
	else
		json_null(json, "direction");
}

void rule_print_json(struct json *json, uint32_t id, const struct vsh_rule *rule,
		     const struct vsh_label *label)
{
	json_number(json, "id", id + 1);
	devs_print_json(json, rule, label);
	json_number(json, "netns_cookie", rule->netns_cookie);
	who_print_json(json, label);
	json_bool(json, "children", rule->flags & VSH_CHILDREN);
	direction_print_json(json, rule);
	selector_print_json(json, &label->selector);
	packets_print_json(json, rule, label);
	calls_print_json(json, label);
	if (rule->needs & VSH_SEEDED)
		json_number(json, "seed", rule->seed);
	json_string(json, "visible", visible_names[rule_visible(rule)]);
	if (rule->owner)
		json_number(json, "owner", rule->owner);
	times_print_json(json, rule, label);
}

_Static_assert(VSH_DEV_LEN == IFNAMSIZ, "a rule holds the names of its devices");
