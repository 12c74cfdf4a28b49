// SPDX-License-Identifier: GPL-2.0-or-later
/* What `vershitify.sh play` needs of the helper: the steps of a scenario, checked, and a clock.
 *
 * vsh play FILE [loop]: prints a line for each step, with tabs between the number of its line, its
 * time in ns, what it does (add, change, del, end), the number of its rule and the words. Rules are
 * numbered as the file adds them. The last step is always "end".
 *
 * vsh clock: prints CLOCK_BOOTTIME in ns.
 * vsh until NS [TEXT]: waits for that time of the same clock, or for END_SIGNAL. On a terminal it
 * says meanwhile how long it is to TEXT.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "file.h"
#include "grammar.h"
#include "pace.h"
#include "signals.h"
#include "state.h"
#include "vsh.h"
#include "words.h"

#define BLANKS " \t\r"
#define SECOND_NS 1000000000ULL

struct scenario {
	const char *path;
	unsigned int line;
	uint64_t ns; /* of the last step */
	unsigned int rules; /* added so far, ... */
	bool gone[VSH_RULES_MAX]; /* ... and which of them were deleted */
	unsigned int steps;
	bool over; /* "end" was said */
};

static int refuse(const struct scenario *scenario, const char *what, const char *word)
{
	return misuse("%s line %u: %s%s%s", quoted(scenario->path), scenario->line, what,
		      word ? " " : "", word ? quoted(word) : "");
}

/* The word at *rest, which is cut off there; "" if there is none. */
static char *word_cut(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS), *end = word + strcspn(word, BLANKS);

	*rest = end + strspn(end, BLANKS);
	*end = '\0';
	return word;
}

/* "0", a time, or one after "+", which counts from the step before. */
static int time_read(struct scenario *scenario, const char *word)
{
	bool from_last = *word == '+';
	uint64_t ns = 0;

	word += from_last;
	if (strspn(word, "0") != strlen(word) || !*word) {
		if (strcmp(word, "0s") && time_parse(word, &ns))
			return refuse(scenario, "a time comes first, as in 0, 30s, +500ms, not",
				      word - from_last);
	}
	if (!from_last && ns < scenario->ns)
		return refuse(scenario, "the step before comes later than", word);
	scenario->ns = from_last ? scenario->ns + ns : ns;
	return DONE;
}

static void step_print(struct scenario *scenario, const char *what, unsigned int rule,
		       const char *words)
{
	scenario->steps++;
	printf("%u\t%llu\t%s\t%u\t%s\n", scenario->line, (unsigned long long)scenario->ns, what,
	       rule, words);
}

/* Of those that the file has added. */
static int rule_read(struct scenario *scenario, const char *word, unsigned int *rule)
{
	uint64_t number;

	if (number_parse(word, scenario->rules, &number) || !number)
		return refuse(scenario, "the number of a rule that the file has added, not", word);
	if (scenario->gone[number - 1])
		return refuse(scenario, "the file has deleted rule", word);
	*rule = number;
	return DONE;
}

static int rule_step(struct scenario *scenario, const char *what, char *rest)
{
	unsigned int rule = 0;
	int status = rule_read(scenario, word_cut(&rest), &rule);

	if (status != DONE)
		return status;
	if (strcmp(what, "del")) {
		step_print(scenario, what, rule, rest);
		return DONE;
	}
	if (*rest)
		return refuse(scenario, "del takes the number of a rule, and not", rest);
	scenario->gone[rule - 1] = true;
	step_print(scenario, what, rule, "");
	return DONE;
}

static int add_step(struct scenario *scenario, const char *words)
{
	if (scenario->rules == VSH_RULES_MAX)
		return refuse(scenario, "more rules than there can be", NULL);
	step_print(scenario, "add", ++scenario->rules, words);
	return DONE;
}

static int step_read(struct scenario *scenario, char *text)
{
	int status = time_read(scenario, word_cut(&text));
	const char *what;

	if (status != DONE)
		return status;
	what = word_cut(&text);
	if (!strcmp(what, "add"))
		return add_step(scenario, text);
	if (!strcmp(what, "change") || !strcmp(what, "del"))
		return rule_step(scenario, what, text);
	if (strcmp(what, "end") || *text)
		return refuse(scenario, "a step is add RULE, change N ..., del N or end, not",
			      *text && !strcmp(what, "end") ? text : what);
	scenario->over = true;
	return DONE;
}

static bool is_empty(const char *text)
{
	text += strspn(text, BLANKS);
	return !*text || *text == '#';
}

static int line_take(struct scenario *scenario, char *text, const char *wrong)
{
	scenario->line++;
	if (wrong)
		return refuse(scenario, wrong, NULL);
	if (is_empty(text))
		return DONE;
	if (scenario->over)
		return refuse(scenario, "nothing comes after end", NULL);
	return step_read(scenario, text);
}

static int lines_take(struct scenario *scenario, FILE *file)
{
	static char line[LINE_BYTES];
	const char *wrong;
	int status = DONE;

	while (status == DONE && line_read(line, file, &wrong))
		status = line_take(scenario, line, wrong);
	if (status == DONE && ferror(file))
		return failure("cannot read %s: %s", quoted(scenario->path), strerror(errno));
	return status;
}

static int scenario_finish(struct scenario *scenario, bool loops)
{
	if (!scenario->rules)
		return misuse("%s: a scenario adds a rule", quoted(scenario->path));
	if (loops && !scenario->ns)
		return misuse("%s: a loop takes some time (TIME end)", quoted(scenario->path));
	step_print(scenario, "end", 0, "");
	return DONE;
}

static int loop_parse(struct cursor *cursor, void *context)
{
	bool *loops = context;

	(void)cursor;
	*loops = true;
	return DONE;
}

static const struct grammar_row rows[] = {
	{ "loop", 1, 0, 0, 0, loop_parse, NULL, NULL, NULL },
};

const struct grammar play_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "after the file of a scenario: ",
};

static int words_read(int argc, char **argv, bool *loops)
{
	struct cursor cursor;

	if (!argc)
		return misuse("play takes the file of a scenario");
	cursor_begin(&cursor, &play_grammar, argc - 1, argv + 1);
	return grammar_read(&cursor, loops);
}

int play_command(const struct options *options, int argc, char **argv)
{
	struct scenario scenario = { .path = argc ? argv[0] : "" };
	bool loops = false;
	FILE *file;
	int fd, status;

	(void)options;
	status = words_read(argc, argv, &loops);
	if (status != DONE)
		return status;
	fd = file_open(scenario.path, false);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (!file)
		return failure("cannot read %s: %s", quoted(scenario.path),
			       fd == -EISDIR ? "it is not a regular file"
					     : strerror(fd < 0 ? -fd : errno));
	status = lines_take(&scenario, file);
	fclose(file);
	return status == DONE ? scenario_finish(&scenario, loops) : status;
}

int clock_command(const struct options *options, int argc, char **argv)
{
	(void)options;
	(void)argv;
	if (argc)
		return misuse("clock takes no words");
	printf("%llu\n", (unsigned long long)boot_now_ns());
	return DONE;
}

static void rest_show(uint64_t ns, const char *text)
{
	fprintf(stderr, "\r\033[K%llu s to: %.60s",
		(unsigned long long)((ns + SECOND_NS - 1) / SECOND_NS), text);
}

/* In turns of a second: they are shown as they pass, and a wait by CLOCK_MONOTONIC is not longer for
 * what the machine has slept.
 */
static void moment_wait(uint64_t until_ns, const char *text)
{
	uint64_t now;

	while (!is_ended() && (now = boot_now_ns()) < until_ns) {
		uint64_t left = until_ns - now;

		if (text)
			rest_show(left, text);
		if (ends_poll(NULL, 0, left % SECOND_NS ?: SECOND_NS) < 0 && errno != EINTR)
			break;
	}
	if (text)
		fputs("\r\033[K", stderr);
}

int until_command(const struct options *options, int argc, char **argv)
{
	uint64_t ns;

	if (!argc || argc > 2 || number_parse(argv[0], UINT64_MAX, &ns))
		return misuse("until takes a time in ns, and what comes then");
	ends_catch();
	ends_with_parent(options->owner);
	moment_wait(ns, argc > 1 && isatty(STDERR_FILENO) ? argv[1] : NULL);
	return DONE;
}
