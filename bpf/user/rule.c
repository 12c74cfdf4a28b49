// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include "loss.h"
#include "rule.h"
#include "words.h"

/* The words that stand alone; the others take one argument. */
struct grammar {
	const char *name;
	enum word word;
	int (*parse)(const struct options *options, struct request *request, const char *argument);
	const char *accepts;
};

static int dev_parse(const struct options *options, struct request *request, const char *name)
{
	struct vsh_rule *rule = &request->rule;
	unsigned int ifindex;

	(void)options;
	if (!strcmp(name, "all")) {
		if (rule->devs)
			return misuse("\"dev all\" and other devices do not go together");
		request->given |= WORD_DEV;
		return DONE;
	}
	if ((request->given & WORD_DEV) && !rule->devs)
		return misuse("\"dev all\" and other devices do not go together");
	if (!*name || strlen(name) >= IFNAMSIZ)
		return misuse("%s is no device name (1 to %d bytes)", quoted(name), IFNAMSIZ - 1);
	/* The kernel takes "eth0:" for eth0, as the name of an old alias. */
	ifindex = strchr(name, ':') ? 0 : if_nametoindex(name);
	if (!ifindex)
		return failure("there is no device %s here", quoted(name));
	for (uint32_t i = 0; i < rule->devs; i++)
		if (rule->ifindex[i] == ifindex)
			return DONE;
	if (rule->devs == VSH_DEVS_MAX)
		return misuse("a rule names at most %d devices (\"dev all\" is one word)",
			      VSH_DEVS_MAX);
	memset(request->label.dev[rule->devs], 0, VSH_DEV_LEN);
	strcpy(request->label.dev[rule->devs], name);
	rule->ifindex[rule->devs++] = ifindex;
	request->given |= WORD_DEV;
	return DONE;
}

static int who_begin(struct request *request, enum vsh_who who)
{
	if (request->label.who != VSH_NOBODY)
		return misuse("a rule names one target: command, exe, pid or cgroup, once");
	request->label.who = who;
	request->given |= WORD_WHO;
	return DONE;
}

static int command_parse(const struct options *options, struct request *request, const char *name)
{
	char *comm = request->label.comm.comm;
	int status = who_begin(request, VSH_COMMAND);

	(void)options;
	if (status != DONE)
		return status;
	if (!*name)
		return misuse("command \"\": a name has at least one byte");
	if (strchr(name, '/'))
		return misuse("command %s: a name without \"/\" (exe takes a path)", quoted(name));
	if (strlen(name) > VSH_COMM_LEN - 1)
		complain("note: the kernel keeps 15 bytes of a name; %s is matched as %s",
			 quoted(name), quoted_bytes(name, VSH_COMM_LEN - 1));
	strncpy(comm, name, VSH_COMM_LEN - 1);
	return DONE;
}

/* For show. A path that does not fit is shown by its number instead. */
static void path_set(struct vsh_label *label, const char *path)
{
	char *absolute = realpath(path, NULL);

	if (absolute && strlen(absolute) < sizeof(label->path))
		strcpy(label->path, absolute);
	free(absolute);
}

static int exe_parse(const struct options *options, struct request *request, const char *path)
{
	int err, status = who_begin(request, VSH_EXE);

	(void)options;
	if (status != DONE)
		return status;
	err = exe_identify(path, &request->label.exe);
	if (err)
		return failure("exe %s: %s", quoted(path),
			       err == -EISDIR ? "not a regular file" : strerror(-err));
	path_set(&request->label, path);
	return DONE;
}

static int pid_parse(const struct options *options, struct request *request, const char *word)
{
	int status = who_begin(request, VSH_PID);
	uint32_t tgid;
	uint64_t pid;

	(void)options;
	if (status != DONE)
		return status;
	if (number_parse(word, INT32_MAX, &pid) || !pid)
		return misuse("pid %s: a number from 1 to %d", quoted(word), INT32_MAX);
	tgid = process_tgid(pid);
	if (!tgid)
		return failure("there is no process %u", (unsigned int)pid);
	if (tgid != pid)
		return failure("%u is a thread of process %u: say pid %u", (unsigned int)pid, tgid,
			       tgid);
	request->label.pid = pid;
	return DONE;
}

static int cgroup_parse(const struct options *options, struct request *request, const char *path)
{
	int status = who_begin(request, VSH_CGROUP);
	char below[4096];
	struct statfs fs;
	struct stat st;

	if (status != DONE)
		return status;
	/* As the file system has it, or as /proc/PID/cgroup does. */
	if (options->cgroup_root && (statfs(path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)) {
		if (snprintf(below, sizeof(below), "%s/%s", options->cgroup_root, path) >=
		    (int)sizeof(below))
			return misuse("cgroup %s: too long", quoted(path));
		path = below;
	}
	if (!*path || stat(path, &st) || statfs(path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    !S_ISDIR(st.st_mode))
		return failure("there is no cgroup (v2) %s", quoted(path));
	request->label.cgroup_id = st.st_ino;
	path_set(&request->label, path);
	return DONE;
}

static int direction_parse(const struct options *options, struct request *request, const char *word)
{
	(void)options;
	request->egress = !strcmp(word, "egress") || !strcmp(word, "both");
	request->ingress = !strcmp(word, "ingress") || !strcmp(word, "both");
	if (request->egress || request->ingress)
		return DONE;
	return misuse("direction %s: egress, ingress or both", quoted(word));
}

static int drop_parse(const struct options *options, struct request *request, const char *word)
{
	(void)options;
	if (loss_parse(word, &request->label.loss) != DONE)
		return MISUSED;
	request->rule.threshold = percent_threshold(request->label.loss);
	return DONE;
}

static int seed_parse(const struct options *options, struct request *request, const char *word)
{
	uint64_t seed;

	(void)options;
	if (number_parse(word, UINT64_MAX, &seed))
		return misuse("seed %s: a number from 0 to %llu", quoted(word),
			      (unsigned long long)UINT64_MAX);
	request->rule.seed = seed;
	request->rule.flags |= VSH_SEEDED;
	return DONE;
}

static int for_parse(const struct options *options, struct request *request, const char *word)
{
	uint64_t ns, ignored;

	(void)options;
	if (!number_parse(word, UINT64_MAX, &ignored))
		return misuse("for %s: with a unit, as in 30s, 500ms, 5m, 1h", quoted(word));
	if (time_parse(word, &ns))
		return misuse("for %s: a time of up to 10 years, as in 30s, 500ms, 5m, 1h",
			      quoted(word));
	request->rule.expires_ns = boot_now_ns() + ns;
	return DONE;
}

static const char *const visible_names[] = {
	[VISIBLE_WIRE] = "wire",
	[VISIBLE_LOCAL] = "local",
	[VISIBLE_DENIED] = "denied",
};

static int visible_parse(const struct options *options, struct request *request, const char *word)
{
	(void)options;
	for (enum visible i = VISIBLE_WIRE; i <= VISIBLE_DENIED; i++) {
		if (strcmp(word, visible_names[i]))
			continue;
		request->visible = i;
		return DONE;
	}
	return misuse("visible %s: wire, local or denied", quoted(word));
}

static const struct grammar arguments[] = {
	{ "dev", WORD_DEV, dev_parse, "the name of a device, or all" },
	{ "command", WORD_WHO, command_parse, "a process name" },
	{ "exe", WORD_WHO, exe_parse, "the path of an executable" },
	{ "pid", WORD_WHO, pid_parse, "a process id" },
	{ "cgroup", WORD_WHO, cgroup_parse, "the path of a cgroup" },
	{ "direction", WORD_DIRECTION, direction_parse, "egress, ingress or both" },
	{ "drop", WORD_DROP, drop_parse, "a percentage" },
	{ "loss", WORD_DROP, drop_parse, "a percentage" },
	{ "seed", WORD_SEED, seed_parse, "a number" },
	{ "for", WORD_FOR, for_parse, "a time" },
	{ "visible", WORD_VISIBLE, visible_parse, "wire, local or denied" },
};

static const struct grammar *grammar_find(const char *name)
{
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (!strcmp(name, arguments[i].name))
			return &arguments[i];
	return NULL;
}

/* Words without an argument. false: not one of them. */
static bool flag_parse(struct request *request, const char *name)
{
	if (!strcmp(name, "children")) {
		request->rule.flags |= VSH_CHILDREN;
		request->given |= WORD_CHILDREN;
		return true;
	}
	if (!strcmp(name, "force")) {
		request->force = true;
		request->given |= WORD_FORCE;
		return true;
	}
	return false;
}

int request_parse(const struct options *options, int argc, char **argv, struct request *request)
{
	for (int i = 0; i < argc; i++) {
		const struct grammar *grammar = grammar_find(argv[i]);
		int status;

		if (!grammar) {
			if (flag_parse(request, argv[i]))
				continue;
			return misuse(
				"what is %s? (a rule: dev, command, exe, pid, cgroup, children, direction, drop, seed, for, visible, force)",
				quoted(argv[i]));
		}
		if (i + 1 == argc)
			return misuse("\"%s\" needs %s", grammar->name, grammar->accepts);
		if ((request->given & grammar->word) && grammar->word != WORD_DEV &&
		    grammar->word != WORD_WHO)
			return misuse("\"%s\" is said twice", grammar->name);
		status = grammar->parse(options, request, argv[++i]);
		if (status != DONE)
			return status;
		request->given |= grammar->word;
	}
	return DONE;
}

static bool has_several_bits(uint32_t bits)
{
	return bits & (bits - 1);
}

/* `visible denied` decides in cgroup_skb/egress, where an error reaches the sender. */
static void hooks_finish(struct request *request)
{
	struct vsh_rule *rule = &request->rule;

	rule->hooks = request->ingress ? VSH_CG_INGRESS : 0;
	if (request->egress)
		rule->hooks |= request->visible == VISIBLE_DENIED ? VSH_CG_EGRESS : VSH_TC_EGRESS;
	rule->flags &= ~(VSH_ONCE | VSH_LOCAL);
	if (request->visible == VISIBLE_LOCAL)
		rule->flags |= VSH_LOCAL;
	if (rule->devs != 1 || has_several_bits(rule->hooks))
		rule->flags |= VSH_ONCE;
}

/* See struct vsh_rule. */
static void plain_finish(struct vsh_rule *rule)
{
	bool plain = rule->devs == 1 && !rule->expires_ns &&
		     !(rule->flags & (VSH_ONCE | VSH_LOCAL | VSH_SEEDED));

	rule->plain = plain ? rule->ifindex[0] : 0;
}

int request_finish(struct request *request)
{
	struct vsh_rule *rule = &request->rule;
	uint64_t cookie = rule->netns_cookie;
	int err;

	if (!request->egress && !request->ingress)
		request->egress = true;
	if (!request->egress && request->visible == VISIBLE_LOCAL)
		return misuse(
			"\"visible local\" is for direction egress or both: at ingress there is no sender to tell");
	if (request->ingress && request->visible == VISIBLE_DENIED)
		return misuse(
			"\"visible denied\" is for direction egress: at ingress there is no sender to deny");
	hooks_finish(request);
	plain_finish(rule);
	/* A change that names no device keeps those it has, wherever they are. */
	err = request->given & WORD_DEV ? netns_cookie(&cookie) : 0;
	if (err)
		return failure(
			"this kernel does not tell network namespaces apart (SO_NETNS_COOKIE, 5.14): %s",
			strerror(-err));
	rule->netns_cookie = cookie;
	return DONE;
}

static enum visible rule_visible(const struct vsh_rule *rule)
{
	if (rule->hooks & VSH_CG_EGRESS)
		return VISIBLE_DENIED;
	return rule->flags & VSH_LOCAL ? VISIBLE_LOCAL : VISIBLE_WIRE;
}

void request_from_rule(struct request *request, const struct vsh_rule *rule,
		       const struct vsh_label *label)
{
	*request = (struct request){ .rule = *rule, .label = *label };
	request->egress = rule->hooks & (VSH_TC_EGRESS | VSH_CG_EGRESS);
	request->ingress = rule->hooks & VSH_CG_INGRESS;
	request->visible = rule_visible(rule);
}

static const char *direction_name(const struct vsh_rule *rule)
{
	if (!(rule->hooks & VSH_CG_INGRESS))
		return "egress";
	return has_several_bits(rule->hooks) ? "both" : "ingress";
}

static const char *state_name(const struct vsh_rule *rule)
{
	if (rule->flags & VSH_ORPHANED)
		return "disabled";
	return rule_expired(rule, boot_now_ns()) ? "expired" : "active";
}

static void dev_print(FILE *out, const struct vsh_label *label, uint32_t i,
		      void (*print)(FILE *out, const char *bytes, size_t length))
{
	print(out, label->dev[i], strnlen(label->dev[i], VSH_DEV_LEN));
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
		fputs(" command ", out);
		print_word(out, label->comm.comm, strnlen(label->comm.comm, VSH_COMM_LEN));
		break;
	case VSH_EXE:
		fputs(" exe ", out);
		path_print(out, label, label->exe.ino);
		break;
	case VSH_PID:
		fprintf(out, " pid %u", label->pid);
		break;
	case VSH_CGROUP:
		fputs(" cgroup ", out);
		path_print(out, label, label->cgroup_id);
		break;
	case VSH_RUN:
		fprintf(out, " run by %u", rule->owner);
		break;
	}
}

void rule_print(FILE *out, uint32_t id, const struct vsh_rule *rule, const struct vsh_label *label)
{
	char percent[16];

	fprintf(out, "rule %u", id + 1);
	if (!rule->devs)
		fputs(" dev all", out);
	for (uint32_t i = 0; i < rule->devs; i++) {
		fputs(" dev ", out);
		dev_print(out, label, i, print_word);
	}
	who_print(out, rule, label);
	if (rule->flags & VSH_CHILDREN)
		fputs(" children", out);
	percent_format(label->loss, percent, sizeof(percent));
	fprintf(out, " direction %s drop %s%%", direction_name(rule), percent);
	if (rule->flags & VSH_SEEDED)
		fprintf(out, " seed %llu", (unsigned long long)rule->seed);
	if (rule_visible(rule) != VISIBLE_WIRE)
		fprintf(out, " visible %s", visible_names[rule_visible(rule)]);
	if (rule->expires_ns && !rule_expired(rule, boot_now_ns()))
		fprintf(out, " for %.1fs", (rule->expires_ns - boot_now_ns()) / 1e9);
	if (strcmp(state_name(rule), "active"))
		fprintf(out, " (%s)", state_name(rule));
}

static void who_print_json(FILE *out, const struct vsh_label *label)
{
	switch (label->who) {
	case VSH_COMMAND:
		fputs(",\"command\":", out);
		json_string(out, label->comm.comm, strnlen(label->comm.comm, VSH_COMM_LEN));
		break;
	case VSH_EXE:
		fputs(",\"exe\":", out);
		json_string(out, label->path, strnlen(label->path, sizeof(label->path)));
		fprintf(out, ",\"inode\":%llu", (unsigned long long)label->exe.ino);
		break;
	case VSH_PID:
		fprintf(out, ",\"pid\":%u", label->pid);
		break;
	case VSH_CGROUP:
		fputs(",\"cgroup\":", out);
		json_string(out, label->path, strnlen(label->path, sizeof(label->path)));
		fprintf(out, ",\"cgroup_id\":%llu", (unsigned long long)label->cgroup_id);
		break;
	}
}

void rule_print_json(FILE *out, uint32_t id, const struct vsh_rule *rule,
		     const struct vsh_label *label)
{
	char percent[16];
	uint64_t now = boot_now_ns();

	fprintf(out, "\"id\":%u,\"dev\":[", id + 1);
	for (uint32_t i = 0; i < rule->devs; i++) {
		fputs(i ? "," : "", out);
		dev_print(out, label, i, json_string);
	}
	fputs(rule->devs ? "]" : "\"all\"]", out);
	fprintf(out, ",\"netns_cookie\":%llu", (unsigned long long)rule->netns_cookie);
	who_print_json(out, label);
	percent_format(label->loss, percent, sizeof(percent));
	fprintf(out, ",\"children\":%s,\"direction\":\"%s\",\"drop_percent\":%s",
		rule->flags & VSH_CHILDREN ? "true" : "false", direction_name(rule), percent);
	if (rule->flags & VSH_SEEDED)
		fprintf(out, ",\"seed\":%llu", (unsigned long long)rule->seed);
	fprintf(out, ",\"visible\":\"%s\",\"state\":\"%s\"", visible_names[rule_visible(rule)],
		state_name(rule));
	if (rule->owner)
		fprintf(out, ",\"owner\":%u", rule->owner);
	if (rule->expires_ns)
		fprintf(out, ",\"expires_in_ns\":%llu",
			(unsigned long long)(rule->expires_ns > now ? rule->expires_ns - now : 0));
}

_Static_assert(VSH_DEV_LEN == IFNAMSIZ, "a rule holds the names of its devices");
