// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rule.c - fuzzes the grammar of rules (bpf/vershitify/rule.c) and what is printed about them
 * (bpf/lib/print.c). The input is the words of "add", separated by "|"; if the first has a dash,
 * those of the original's line. After a word "--" they are the words of a "change" of that rule. Of the
 * system there is only what is faked here.
 *
 * Whatever the words are: a refusal is one line of printable text; an accepted rule is printed as
 * printable text, in words that make the same rule again, and as JSON.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include "fuzz.h"
#include "presets.h"
#include "state.h"

/* --- the system, faked: always the same, and never touched ------------------------------------ */

/* Directories of cgroups are all below /cg. */
static int fake_stat(const char *path, struct stat *st)
{
	*st = (struct stat){ .st_mode = S_IFDIR, .st_ino = strlen(path) };
	return strncmp(path, "/cg", 3) ? -1 : 0;
}

static int fake_statfs(const char *path, struct statfs *fs)
{
	*fs = (struct statfs){ .f_type = strncmp(path, "/cg", 3) ? 1 : CGROUP2_SUPER_MAGIC };
	return 0;
}

static char *fake_realpath(const char *path, char *unused)
{
	(void)unused;
	return strdup(path);
}

/* Every second number is a process, every third of the others a thread of the one before. */
uint32_t process_tgid(uint32_t tid)
{
	return tid % 2 ? tid : tid % 3 ? 0 : tid - 1;
}

int exe_identify(const char *path, struct vsh_exe *exe)
{
	if (*path != '/')
		return *path == 'd' ? -EISDIR : -ENOENT;
	*exe = (struct vsh_exe){ .ino = strlen(path), .dev = 1 };
	return 0;
}

bool rule_expired(const struct vsh_rule *rule, uint64_t now_ns)
{
	return schedule_is_over(&rule->schedule, now_ns);
}

uint32_t devices_mtu(const struct vsh_rule *rule, const struct vsh_label *label)
{
	(void)label;
	return rule->devs == 1 ? 1500 : 65536;
}

/* Three kinds of presets: for both directions, with a loss, and one that is not of the form. */
int preset_find(const char *name, char words[PRESET_LINE_MAX])
{
	static const char *const presets[] = {
		"egress delay 150ms rate 768kbit\tingress delay 150ms rate 1600kbit",
		"delay 10ms 5ms distribution pareto drop gemodel 1% 10%",
		"delay 10ms for 5s",
	};

	strcpy(words, presets[strlen(name) % 3]);
	return DONE;
}

static ssize_t fake_getrandom(void *bytes, size_t size, unsigned int unused)
{
	(void)unused;
	memset(bytes, 0x2a, size);
	return size;
}

#define getrandom fake_getrandom
#define if_nametoindex fake_nametoindex
#define stat(path, st) fake_stat(path, st)
#define statfs(path, fs) fake_statfs(path, fs)
#define realpath fake_realpath
#include "lib/grammar.c"
#include "vershitify/needs.c"
#include "lib/json.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "vershitify/callwords.c"
#include "vershitify/chain.c"
#include "vershitify/holdshow.c"
#include "vershitify/holdwords.c"
#include "vershitify/loss.c"
#include "vershitify/netem.c"
#include "vershitify/rule.c"
#include "vershitify/selector.c"
#include "vershitify/times.c"
#include "vershitify/who.c"
#include "lib/values.c"

/* --- words --------------------------------------------------------------------------------------- */

/* Exactly one message for a failure. 0 or 1 (a note) if it was accepted. */
static int words_parse(const struct grammar *grammar, const struct words *words,
		       struct request *request)
{
	struct words copy = *words;
	struct text messages;
	int status, lines;

	request->cgroup_root = "/cg";
	messages_begin(&messages);
	status = request_parse(grammar, copy.count, copy.word, request);
	if (status == DONE)
		status = request_finish(request);
	lines = messages_end(&messages);
	CHECK(status == DONE || status == FAILED || status == MISUSED);
	/* A name that is too long is noted, even if a later word is refused. */
	CHECK(lines == (status == DONE ? 0 : 1) || lines == (status == DONE ? 1 : 2));
	return status;
}

/* Everything that can be said is known; more is not. */
static void needs_check(const struct request *request)
{
	uint32_t needs = VSH_KNOWN, hooks = request->rule.hooks & VSH_PACKET_HOOKS;
	struct vsh_rule rule = request->rule;

	if (rule.devs != 1 || __builtin_popcount(hooks) > 1)
		needs |= VSH_ONCE;
	if (rule.devs != 1)
		needs |= VSH_DEVICES;
	if (schedule_is_set(&rule.schedule))
		needs |= VSH_CLOCK;
	if (request->visible == VISIBLE_LOCAL)
		needs |= VSH_LOCAL;
	if (request->label.selector.asked)
		needs |= VSH_SELECTS;
	if (rule.model.kind)
		needs |= VSH_MODEL;
	if (hold_is_asked(&request->label.hold[VSH_EGRESS]))
		needs |= VSH_HOLD | VSH_ONCE;
	if (hold_is_asked(&request->label.hold[VSH_INGRESS]))
		needs |= VSH_HOLD_INGRESS;
	if (refuses_connections(&request->label))
		needs |= VSH_REFUSES;
	CHECK((rule.needs & ~VSH_SEEDED) == needs);
	CHECK(!rule.seed || (rule.needs & VSH_SEEDED));
	rule.flags |= 1U << 31;
	needs_finish(&rule);
	CHECK(!(rule.needs & VSH_KNOWN));
}

/* What netem takes without a word, and does not do: see the manual page. */
static void hold_check(const struct vsh_hold *hold)
{
	struct text text;

	if (!hold_is_asked(hold)) {
		static const struct vsh_hold nothing;

		CHECK(!memcmp(hold, &nothing, sizeof(nothing)));
		return;
	}
	CHECK(hold->limit);
	CHECK(hold->delay_ns <= 274000000000 && hold->jitter_ns <= 2147000000);
	CHECK(!hold->jitter_ns || hold->delay_ns);
	CHECK(!hold->distribution[0] || hold->jitter_ns);
	CHECK(!hold->gap == !hold->reorder && (!hold->gap || hold->delay_ns));
	CHECK(!hold->rate_bytes == !hold->mtu);
	CHECK(memchr(hold->distribution, '\0', VSH_TABLE_LEN));
	text_begin(&text);
	hold_args(text.out, hold, NULL);
	fputc(' ', text.out);
	hold_shaper_args(text.out, hold);
	text_end(&text);
	CHECK(is_printable(text.bytes));
	CHECK(strcmp(hold->distribution, "uniform") && strcmp(hold->slot_distribution, "uniform"));
	free(text.bytes);
}

static void request_check(const struct request *request)
{
	const struct vsh_rule *rule = &request->rule;
	uint32_t egress = rule->hooks & (VSH_TC_EGRESS | VSH_CG_EGRESS);

	CHECK(rule->threshold <= VSH_CERTAIN);
	CHECK(request->label.loss <= 100000000);
	CHECK(rule->devs <= VSH_DEVS_MAX);
	CHECK(rule->hooks && egress != (VSH_TC_EGRESS | VSH_CG_EGRESS));
	CHECK(!request->ingress || request->visible != VISIBLE_DENIED);
	CHECK(rule->devs == 1 || (rule->needs & VSH_ONCE));
	for (uint32_t i = 0; i < rule->devs; i++)
		CHECK(rule->ifindex[i] == fake_nametoindex(request->label.dev[i]));
	CHECK(!rule->schedule.expires_ns || rule->schedule.expires_ns > NOW_NS);
	CHECK(!rule->schedule.expires_ns || rule->schedule.expires_ns > rule->schedule.begins_ns);
	CHECK(!rule->schedule.on_ns == !rule->schedule.off_ns);
	CHECK(!rule->schedule.off_ns || rule->schedule.begins_ns);
	CHECK(memchr(request->label.comm.comm, '\0', VSH_COMM_LEN));
	for (int i = 0; i < VSH_DIRECTIONS; i++)
		hold_check(&request->label.hold[i]);
	needs_check(request);
}

/* What comes back is what was meant. */
static void same_check(const struct request *first, const struct request *second)
{
	const struct vsh_rule *a = &first->rule, *b = &second->rule;

	CHECK(a->threshold == b->threshold);
	CHECK(a->hooks == b->hooks);
	CHECK(a->flags == b->flags);
	CHECK(a->needs == b->needs);
	CHECK(a->devs == b->devs &&
	      !memcmp(a->ifindex, b->ifindex, sizeof(a->ifindex[0]) * a->devs));
	CHECK(a->seed == b->seed);
	CHECK(!memcmp(&a->model, &b->model, sizeof(a->model)));
	CHECK(first->label.loss == second->label.loss);
	CHECK(!memcmp(first->label.hold, second->label.hold, sizeof(first->label.hold)));
	CHECK(!memcmp(first->label.failures, second->label.failures,
		      sizeof(first->label.failures)));
	CHECK(!memcmp(&first->label.selector, &second->label.selector,
		      sizeof(first->label.selector)));
	CHECK(first->label.who == second->label.who);
	CHECK(first->label.pid == second->label.pid);
	CHECK(first->label.cgroup_id == second->label.cgroup_id);
	CHECK(!memcmp(&first->label.exe, &second->label.exe, sizeof(first->label.exe)));
	CHECK(!memcmp(&first->label.comm, &second->label.comm, sizeof(first->label.comm)));
	CHECK(!a->schedule.expires_ns == !b->schedule.expires_ns);
	CHECK(!a->schedule.begins_ns == !b->schedule.begins_ns);
	/* tenths of a second are printed, rounded up: of the beginning, and from there to the end */
	CHECK(b->schedule.begins_ns - a->schedule.begins_ns <= 100000001);
	CHECK(b->schedule.expires_ns - a->schedule.expires_ns <= 200000002);
	CHECK(a->schedule.on_ns == b->schedule.on_ns && a->schedule.off_ns == b->schedule.off_ns);
}

static void print_check(const struct request *request)
{
	struct request again = {};
	struct words words;
	struct text text;

	text_begin(&text);
	rule_print(text.out, 0, &request->rule, &request->label);
	text_end(&text);
	CHECK(is_printable(text.bytes));
	CHECK(!strncmp(text.bytes, "rule 1 dev ", 11) == request_is_for_packets(request));
	/* Numbers in the place of long paths do not come back. */
	if (!strstr(text.bytes, " inode:")) {
		words_unquote(&words, text.bytes + 7);
		CHECK(words_parse(&rule_grammar, &words, &again) == DONE);
		same_check(request, &again);
	}
	free(text.bytes);
}

static void print_json_check(const struct request *request)
{
	struct json json = {};
	struct text text;

	text_begin(&text);
	json.out = text.out;
	json_object_begin(&json, NULL);
	rule_print_json(&json, 0, &request->rule, &request->label);
	json_object_end(&json);
	text_end(&text);
	json_check(text.bytes);
	free(text.bytes);
}

static void rule_check(const struct request *request)
{
	if (!request->rule.hooks)
		return; /* it does nothing: the plan asks what it shall do */
	request_check(request);
	print_json_check(request);
	if ((request->given & WORD_WHO) &&
	    ((request->given & WORD_DEV) || !request_is_for_packets(request)))
		print_check(request);
}

void input_check(char *text)
{
	struct request request = {}, change;
	struct words words, rest = {};
	const struct grammar *grammar = *text == '-' ? &original_grammar : &rule_grammar;

	words_split(&words, text);
	for (int i = 0; i < words.count; i++) {
		if (strcmp(words.word[i], "--"))
			continue;
		rest.count = words.count - i - 1;
		memcpy(rest.word, words.word + i + 1, rest.count * sizeof(rest.word[0]));
		words.count = i;
		break;
	}
	if (words_parse(grammar, &words, &request) != DONE)
		return;
	rule_check(&request);
	request_from_rule(&change, &request.rule, &request.label);
	if (!rest.count || words_parse(&change_grammar, &rest, &change) != DONE)
		return;
	change.given |= request.given;
	rule_check(&change);
}
