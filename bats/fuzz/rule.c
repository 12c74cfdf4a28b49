// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rule.c - fuzzes the grammar of rules (bpf/user/rule.c) and what is printed about them
 * (bpf/user/print.c). The input is the words of "add", separated by "|"; those after a word "--" are the
 * words of a "change" of that rule. Of the system there is only what is faked here.
 *
 * Whatever the words are: a refusal is one line of printable text; an accepted rule is printed as
 * printable text, in words that make the same rule again, and as JSON.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>
#include "user/vsh.h"

#define NOW_NS 1000000000000000ULL
#define WORDS_MAX 64

#define CHECK(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(real_stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

static FILE *real_stderr;

/* --- the system, faked: always the same, and never touched ------------------------------------ */

/* "lo", and "d0" to "d39" */
static unsigned int fake_nametoindex(const char *name)
{
	unsigned int number;
	char end;

	if (!strcmp(name, "lo"))
		return 1;
	return sscanf(name, "d%2u%c", &number, &end) == 1 && number < 40 ? number + 2 : 0;
}

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

int netns_cookie(uint64_t *cookie)
{
	*cookie = 4711;
	return 0;
}

uint64_t boot_now_ns(void)
{
	return NOW_NS;
}

bool rule_expired(const struct vsh_rule *rule, uint64_t now_ns)
{
	return rule->expires_ns && now_ns >= rule->expires_ns;
}

#define if_nametoindex fake_nametoindex
#define stat(path, st) fake_stat(path, st)
#define statfs(path, fs) fake_statfs(path, fs)
#define realpath fake_realpath
#include "user/print.c"
#include "user/rule.c"

/* --- what is printed ------------------------------------------------------------------------------ */

/* UTF-8 without a control character: safe on a terminal. Decoded from the table in RFC 3629 by
 * value, not by the byte ranges that print.c goes by.
 */
static bool is_printable(const char *text)
{
	static const uint32_t least[] = { 0x20, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
		uint32_t code = more ? *p & (0x3f >> more) : *p;

		if ((*p >= 0x80 && *p < 0xc0) || *p >= 0xf8)
			return false;
		p++;
		for (int i = 0; i < more; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*p & 0x3f);
		}
		if (code < least[more] || (code >= 0x7f && code < 0xa0) || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return false;
	}
	return true;
}

/* Lines that all begin as messages do; returns how many. */
static int messages_check(char *text)
{
	int lines = 0;

	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		CHECK(end);
		*end = '\0';
		CHECK(!strncmp(line, "vershitify.sh: ", 15));
		CHECK(is_printable(line));
		lines++;
	}
	return lines;
}

/* Just enough of RFC 8259 to tell JSON from what is none. Returns the end of the value, or NULL. */
static const char *json_value(const char *p);

static const char *json_string_end(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") >= 4)
			p += 4;
		else if (!*p || !strchr("\"\\/bfnrt", *p))
			return NULL;
	}
	return p + 1;
}

static const char *json_list(const char *p, bool named)
{
	char end = named ? '}' : ']';

	do {
		p++;
		if (named) {
			p = json_string_end(p);
			if (!p || *p++ != ':')
				return NULL;
		}
		p = json_value(p);
	} while (p && *p == ',');
	return p && *p == end ? p + 1 : NULL;
}

static const char *json_value(const char *p)
{
	size_t digits;

	if (*p == '{' || *p == '[')
		return json_list(p, *p == '{');
	if (*p == '"')
		return json_string_end(p);
	if (!strncmp(p, "true", 4))
		return p + 4;
	if (!strncmp(p, "false", 5))
		return p + 5;
	digits = strspn(p, "0123456789");
	if (!digits || (digits > 1 && *p == '0'))
		return NULL;
	p += digits;
	if (*p != '.')
		return p;
	digits = strspn(p + 1, "0123456789");
	return digits ? p + 1 + digits : NULL;
}

static void json_check(const struct request *request)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	const char *end;

	fputc('{', out);
	rule_print_json(out, 0, &request->rule, &request->label);
	fputc('}', out);
	fclose(out);
	CHECK(strlen(text) == size);
	CHECK(is_printable(text));
	end = json_value(text);
	CHECK(end && !*end);
	free(text);
}

/* --- words --------------------------------------------------------------------------------------- */

struct words {
	int count;
	char *word[WORDS_MAX];
};

static void words_split(struct words *words, char *text, const char *separators)
{
	words->count = 0;
	do {
		char *separator = strpbrk(text, separators);

		words->word[words->count++] = text;
		text = separator;
		if (separator)
			*text++ = '\0';
	} while (text && words->count < WORDS_MAX);
}

/* What a shell makes of the words that are printed: blanks separate, single quotes hold together. */
static void words_unquote(struct words *words, char *text)
{
	char *out = text;
	bool quoted_now = false;

	words->count = 0;
	words->word[words->count++] = out;
	for (; *text; text++) {
		if (*text == '\'') {
			quoted_now = !quoted_now;
		} else if (!quoted_now && *text == '\\') {
			*out++ = *++text;
		} else if (!quoted_now && *text == ' ') {
			*out++ = '\0';
			CHECK(words->count < WORDS_MAX);
			words->word[words->count++] = out;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
	CHECK(!quoted_now);
}

/* Exactly one message for a failure. 0 or 1 (a note) if it was accepted. */
static int words_parse(const struct words *words, struct request *request)
{
	struct options options = { .cgroup_root = "/cg" };
	struct words copy = *words;
	size_t size;
	char *text;
	int status, lines;

	stderr = open_memstream(&text, &size);
	status = request_parse(&options, copy.count, copy.word, request);
	if (status == DONE)
		status = request_finish(request);
	fclose(stderr);
	stderr = real_stderr;
	CHECK(strlen(text) == size);
	lines = messages_check(text);
	CHECK(status == DONE || status == FAILED || status == MISUSED);
	/* A name that is too long is noted, even if a later word is refused. */
	CHECK(lines == (status == DONE ? 0 : 1) || lines == (status == DONE ? 1 : 2));
	free(text);
	return status;
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
	CHECK(rule->devs == 1 || (rule->flags & VSH_ONCE));
	for (uint32_t i = 0; i < rule->devs; i++)
		CHECK(rule->ifindex[i] == fake_nametoindex(request->label.dev[i]));
	CHECK(!rule->plain ||
	      (rule->devs == 1 && rule->plain == rule->ifindex[0] && !rule->expires_ns));
	CHECK(!rule->expires_ns || rule->expires_ns > NOW_NS);
	CHECK(memchr(request->label.comm.comm, '\0', VSH_COMM_LEN));
}

/* What comes back is what was meant. */
static void same_check(const struct request *first, const struct request *second)
{
	const struct vsh_rule *a = &first->rule, *b = &second->rule;

	CHECK(a->threshold == b->threshold);
	CHECK(a->hooks == b->hooks);
	CHECK(a->flags == b->flags);
	CHECK(a->plain == b->plain);
	CHECK(a->devs == b->devs &&
	      !memcmp(a->ifindex, b->ifindex, sizeof(a->ifindex[0]) * a->devs));
	CHECK(a->seed == b->seed);
	CHECK(first->label.loss == second->label.loss);
	CHECK(first->label.who == second->label.who);
	CHECK(first->label.pid == second->label.pid);
	CHECK(first->label.cgroup_id == second->label.cgroup_id);
	CHECK(!memcmp(&first->label.exe, &second->label.exe, sizeof(first->label.exe)));
	CHECK(!memcmp(&first->label.comm, &second->label.comm, sizeof(first->label.comm)));
	CHECK(!a->expires_ns == !b->expires_ns);
	/* a tenth of a second is printed */
	CHECK(a->expires_ns - b->expires_ns + 50000001 <= 100000002);
}

static void print_check(const struct request *request)
{
	struct request again = {};
	struct words words;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	rule_print(out, 0, &request->rule, &request->label);
	fclose(out);
	CHECK(strlen(text) == size);
	CHECK(is_printable(text));
	CHECK(!strncmp(text, "rule 1 dev ", 11));
	/* Escaped bytes, numbers in the place of long paths and times that round to nothing do not come back. */
	if (!strstr(text, "\\x") && !strstr(text, " inode:") && !strstr(text, " for 0.0s")) {
		words_unquote(&words, text + 7);
		CHECK(words_parse(&words, &again) == DONE);
		same_check(request, &again);
	}
	free(text);
}

static void rule_check(const struct request *request)
{
	request_check(request);
	json_check(request);
	if ((request->given & (WORD_DEV | WORD_WHO)) == (WORD_DEV | WORD_WHO))
		print_check(request);
}

static void rule_and_change(struct words *words)
{
	struct request request = {}, change;
	struct words rest = {};

	for (int i = 0; i < words->count; i++) {
		if (strcmp(words->word[i], "--"))
			continue;
		rest.count = words->count - i - 1;
		memcpy(rest.word, words->word + i + 1, rest.count * sizeof(rest.word[0]));
		words->count = i;
		break;
	}
	if (words_parse(words, &request) != DONE)
		return;
	rule_check(&request);
	request_from_rule(&change, &request.rule, &request.label);
	if (!rest.count || words_parse(&rest, &change) != DONE)
		return;
	change.given |= request.given;
	rule_check(&change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct words words;

	if (!text)
		return 0;
	real_stderr = stderr;
	memcpy(text, data, size);
	text[size] = '\0';
	words_split(&words, text, "|");
	rule_and_change(&words);
	free(text);
	return 0;
}
