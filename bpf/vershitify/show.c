// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh show: what the maps say. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "callcounts.h"
#include "counters.h"
#include "detour.h"
#include "json.h"
#include "missed.h"
#include "programs.h"
#include "rule.h"
#include "scan.h"
#include "standing.h"
#include "tables.h"
#include "words.h"

/* How many things each rule rules over. */
struct tally {
	uint64_t count[VSH_RULES_MAX];
	bool unknown; /* the kernel lets nobody count them */
};

static void mask_tally(const void *entry, void *context)
{
	struct tally *tally = context;
	uint64_t mask;

	memcpy(&mask, entry, sizeof(mask));
	for (int id = 0; id < VSH_RULES_MAX; id++)
		tally->count[id] += mask >> id & 1;
}

/* A task's bits count while their rule is not younger than the task's epoch. */
static uint64_t task_mask_live(const struct state *state, const struct vsh_task *task)
{
	uint64_t live = 0;

	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (rule_exists(&state->rules[id]) && state->rules[id].generation <= task->epoch)
			live |= task->mask & 1ULL << id;
	return live;
}

static int tasks_tally(const struct state *state, struct tally *tally)
{
	int err, fd = map_open("vsh_tasks");
	uint32_t tgid, *previous = NULL;
	struct vsh_task task;
	uint64_t mask;

	if (fd < 0)
		return fd;
	while (!(err = bpf_map_get_next_key(fd, previous, &tgid))) {
		previous = &tgid;
		if (bpf_map_lookup_elem(fd, &tgid, &task))
			continue;
		mask = task_mask_live(state, &task);
		mask_tally(&mask, tally);
	}
	close(fd);
	return err == -ENOENT ? 0 : err;
}

/* Sockets that processes have open, each as often as it is open. */
struct open_sockets {
	struct vsh_open *entries;
	size_t count, room;
	int err;
};

static void open_add(const void *entry, void *context)
{
	struct open_sockets *open = context;

	if (open->err)
		return;
	if (open->count == open->room) {
		size_t room = open->room ? 2 * open->room : 256;
		struct vsh_open *entries = reallocarray(open->entries, room, sizeof(*entries));

		if (!entries) {
			open->err = -ENOMEM;
			return;
		}
		open->entries = entries;
		open->room = room;
	}
	memcpy(&open->entries[open->count++], entry, sizeof(*open->entries));
}

static int open_compare(const void *a, const void *b)
{
	const struct vsh_open *one = a, *other = b;

	return (one->cookie > other->cookie) - (one->cookie < other->cookie);
}

static int sockets_tally_by_files(struct tally *tally)
{
	struct open_sockets open = {};
	const struct walk walk = {
		.pin = "link_vsh_iter_open",
		.size = sizeof(struct vsh_open),
		.seen = open_add,
		.context = &open,
		.everybody = true,
	};
	int err = tables_walk(&walk);

	err = err ?: open.err;
	if (!err && open.count)
		qsort(open.entries, open.count, sizeof(*open.entries), open_compare);
	for (size_t i = 0; !err && i < open.count; i++)
		if (!i || open.entries[i].cookie != open.entries[i - 1].cookie)
			mask_tally(&open.entries[i].mask, tally);
	free(open.entries);
	return err;
}

static int sockets_tally(struct tally *tally)
{
	int err = iterator_read("link_vsh_iter_socks", mask_tally, tally, sizeof(uint64_t));

	if (err == -EOPNOTSUPP)
		err = sockets_tally_by_files(tally);
	if (err != -EOPNOTSUPP)
		return err;
	tally->unknown = true;
	return 0;
}

static void tally_print(const struct tally *tally, uint32_t id)
{
	if (tally->unknown)
		fputs("unknown", stdout);
	else
		printf("%llu", (unsigned long long)tally->count[id]);
}

static void tally_print_json(struct json *json, const char *name, const struct tally *tally,
			     uint32_t id)
{
	if (tally->unknown)
		json_null(json, name);
	else
		json_number(json, name, tally->count[id]);
}

static int counters_print(uint32_t id, const struct vsh_rule *rule, const struct vsh_label *label)
{
	struct counters stats;
	int err;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		err = counters_read(id, direction, &stats);
		if (err)
			return err;
		direction_print("    ", direction, &stats);
		detour_counts_print("    ", id, direction, rule);
	}
	err = call_counts_print("    ", id, label);
	return err ?: misses_print(id, "    ");
}

/* The rules to show: all, or the one named. */
struct selection {
	uint64_t mask;
	struct sight sights[VSH_RULES_MAX];
};

static int selection_parse(const struct options *options, const struct state *state, int argc,
			   char **argv, struct selection *selection)
{
	uint64_t number;

	if (!argc) {
		selection->mask = rules_chosen(options, state);
		return DONE;
	}
	if (argc > 1)
		return misuse("show takes one rule, or none for all");
	if (number_parse(argv[0], VSH_RULES_MAX, &number) || !number)
		return misuse("rule %s: a number from 1 to %d", quoted(argv[0]), VSH_RULES_MAX);
	if (!rule_exists(&state->rules[number - 1]))
		return failure("there is no rule %u", (unsigned int)number);
	selection->mask = 1ULL << (number - 1);
	return rule_netns_check(options, state, number - 1);
}

static bool is_selected(const struct selection *selection, uint32_t id)
{
	return selection->mask >> id & 1;
}

/* What the words of a rule do not say. */
static void standing_show(FILE *out, char before, const struct sight *sight)
{
	if (sight->standing == ACTIVE)
		return;
	fprintf(out, "%c(%s", before, standing_name(sight->standing));
	if (sight->why[0])
		fputc(':', out);
	for (const char *p = sight->why; *p; p += strcspn(p, " ")) {
		p += *p == ' ';
		fprintf(out, "%c%.*s", before, (int)strcspn(p, " "), p);
	}
	fputc(')', out);
}

/* Pasted behind "vershitify.sh add", what follows the number makes the rule again. */
static void line_show(FILE *out, char before, const struct state *state, uint32_t id,
		      const struct sight *sight)
{
	fprintf(out, "rule %u", id + 1);
	if (sight->netns[0] && !sight->netns_own) {
		fprintf(out, "%c-n ", before);
		print_word(out, sight->netns, strlen(sight->netns));
	}
	rule_words_print(out, before, &state->rules[id], &state->labels[id]);
	standing_show(out, before, sight);
}

/* 0 or -errno. */
static int paragraph_show(const struct state *state, uint32_t id, const struct sight *sight)
{
	char *text = NULL;
	size_t size = 0;
	FILE *pieces = open_memstream(&text, &size);

	if (!pieces)
		return -errno;
	line_show(pieces, '\n', state, id, sight);
	if (fclose(pieces)) {
		free(text);
		return -ENOMEM;
	}
	paragraph_print(stdout, text);
	free(text);
	return 0;
}

static int statistics_show(uint32_t id, const struct vsh_rule *rule, const struct vsh_label *label,
			   const struct tally *processes, const struct tally *sockets)
{
	printf("    processes %llu sockets ", (unsigned long long)processes->count[id]);
	tally_print(sockets, id);
	putchar('\n');
	return counters_print(id, rule, label);
}

static int rule_show(const struct options *options, const struct state *state, uint32_t id,
		     const struct sight *sight, const struct tally *processes,
		     const struct tally *sockets)
{
	int err = 0;

	if (options->color)
		fputs("\033[1m", stdout);
	if (options->statistics)
		err = paragraph_show(state, id, sight);
	else
		line_show(stdout, ' ', state, id, sight);
	puts(options->color ? "\033[0m" : "");
	if (err || !options->statistics)
		return err;
	return statistics_show(id, &state->rules[id], &state->labels[id], processes, sockets);
}

/* What these numbers cannot tell of, since the kernel has refused a program. */
static void lost_print(void)
{
	const struct program *program;

	for (size_t i = 0; (program = program_of(&vershitify_tool, i)); i++)
		if (program_is_lost(program))
			printf("without %s: %s\n", program->name, program->lost);
}

static void lost_print_json(struct json *json)
{
	const struct program *program;

	json_array_begin(json, "lost");
	for (size_t i = 0; (program = program_of(&vershitify_tool, i)); i++)
		if (program_is_lost(program))
			json_string(json, NULL, program->name);
	json_array_end(json);
}

static void sight_show_json(struct json *json, const struct sight *sight)
{
	json_string(json, "state", standing_name(sight->standing));
	json_string(json, "why", sight->why);
	if (sight->netns[0])
		json_string(json, "netns", sight->netns);
	else
		json_null(json, "netns");
}

static int rule_show_json(struct json *json, const struct options *options,
			  const struct state *state, uint32_t id, const struct sight *sight,
			  const struct tally *processes, const struct tally *sockets)
{
	int err = 0;

	json_object_begin(json, NULL);
	rule_print_json(json, id, &state->rules[id], &state->labels[id]);
	sight_show_json(json, sight);
	if (options->statistics) {
		tally_print_json(json, "processes", processes, id);
		tally_print_json(json, "sockets", sockets, id);
		lost_print_json(json);
		err = counters_print_json(json, id, &state->rules[id], &state->labels[id]);
	}
	json_object_end(json);
	return err;
}

static int rules_show(const struct options *options, const struct state *state,
		      const struct selection *selection)
{
	struct tally processes = {}, sockets = {};
	struct json json = { .out = stdout };
	int err = 0;

	if (options->statistics && state->present) {
		err = tasks_tally(state, &processes);
		if (!err)
			err = sockets_tally(&sockets);
	}
	if (options->json)
		json_array_begin(&json, NULL);
	for (uint32_t id = 0; !err && id < VSH_RULES_MAX; id++) {
		if (!is_selected(selection, id))
			continue;
		if (options->json)
			err = rule_show_json(&json, options, state, id, &selection->sights[id],
					     &processes, &sockets);
		else
			err = rule_show(options, state, id, &selection->sights[id], &processes,
					&sockets);
	}
	if (options->json) {
		json_array_end(&json);
		json_line_end(&json);
	} else if (options->statistics && !err) {
		lost_print();
	}
	return err;
}

int show_command(const struct options *options, int argc, char **argv)
{
	struct selection selection = {};
	struct state state;
	int err, status;

	if (state_read(&state))
		return FAILED;
	status = selection_parse(options, &state, argc, argv, &selection);
	if (status != DONE)
		return status;
	sights_look(options, &state, selection.mask, selection.sights);
	err = rules_show(options, &state, &selection);
	return err ? failure("cannot read the counters: %s", strerror(-err)) : DONE;
}
