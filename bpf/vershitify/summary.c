// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh summary ID [OLDER SEEN]...: for the end of a run, what its rule has seen and dropped, and
 * which of the rules that vsh before has printed have taken packets since.
 */
#include <string.h>
#include "callcounts.h"
#include "counters.h"
#include "loss.h"
#include "missed.h"
#include "older.h"
#include "rule.h"
#include "words.h"

/* Wilson's interval is of losses that each come for itself: those of a model do not. */
static bool has_interval(const struct vsh_rule *rule)
{
	return rule->model.kind == VSH_NO_MODEL;
}

static void share_print(const struct vsh_rule *rule, const struct vsh_label *label,
			const char *direction, const struct counters *stats)
{
	double low, high;

	wilson_interval(stats->dropped.packets, stats->seen.packets, &low, &high);
	printf("%s: %llu of %llu packets dropped (segments: %llu of %llu): %.4g%%", direction,
	       (unsigned long long)stats->dropped.packets, (unsigned long long)stats->seen.packets,
	       (unsigned long long)stats->dropped.segments,
	       (unsigned long long)stats->seen.segments,
	       100.0 * stats->dropped.packets / stats->seen.packets);
	if (has_interval(rule))
		printf(", 95%% interval %.4g%% to %.4g%%", 100 * low, 100 * high);
	fputs("; asked for ", stdout);
	loss_print(stdout, rule, label);
	putchar('\n');
}

/* A rule that came first: what it has taken since. Its number may be another rule's by now, or
 * none's: false.
 */
struct taken {
	uint32_t id;
	uint64_t packets;
};

static bool taken_read(const struct state *state, uint32_t id, char **words, struct taken *taken)
{
	uint64_t number, before, packets;

	if (number_parse(words[0], VSH_RULES_MAX, &number) || !number ||
	    number_parse(words[1], UINT64_MAX, &before) ||
	    !older_comes_first(state, number - 1, id) || older_packets(number - 1, &packets) ||
	    packets <= before)
		return false;
	taken->id = number - 1;
	taken->packets = packets - before;
	return true;
}

static void taken_print(const struct state *state, const struct taken *taken)
{
	printf("%llu packets went to a rule that comes first: ",
	       (unsigned long long)taken->packets);
	rule_print(stdout, taken->id, &state->rules[taken->id], &state->labels[taken->id]);
	putchar('\n');
}

static void taken_print_json(struct json *json, const struct state *state,
			     const struct taken *taken)
{
	json_object_begin(json, NULL);
	rule_print_json(json, taken->id, &state->rules[taken->id], &state->labels[taken->id]);
	json_number(json, "packets", taken->packets);
	json_object_end(json);
}

static void share_print_json(struct json *json, const struct vsh_rule *rule, const char *name,
			     const struct counters *stats)
{
	double low, high;

	if (!stats->seen.packets) {
		json_null(json, name);
		return;
	}
	wilson_interval(stats->dropped.packets, stats->seen.packets, &low, &high);
	json_object_begin(json, name);
	json_decimals(json, "percent", 100.0 * stats->dropped.packets / stats->seen.packets, 6);
	if (has_interval(rule)) {
		json_decimals(json, "low", 100 * low, 6);
		json_decimals(json, "high", 100 * high, 6);
	}
	json_object_end(json);
}

static void summary_print_json(const struct state *state, uint32_t id,
			       const struct counters stats[VSH_DIRECTIONS], int argc, char **argv)
{
	struct json json = { .out = stdout };
	struct taken taken;

	json_object_begin(&json, NULL);
	json_object_begin(&json, "rule");
	rule_print_json(&json, id, &state->rules[id], &state->labels[id]);
	json_object_end(&json);
	counters_print_json(&json, id, &state->rules[id], &state->labels[id]);
	json_object_begin(&json, "loss");
	for (int direction = 0; direction < VSH_DIRECTIONS; direction++)
		share_print_json(&json, &state->rules[id], direction_names[direction],
				 &stats[direction]);
	json_object_end(&json);
	json_array_begin(&json, "older");
	for (int i = 0; i < argc; i += 2)
		if (taken_read(state, id, argv + i, &taken))
			taken_print_json(&json, state, &taken);
	json_array_end(&json);
	json_object_end(&json);
	json_line_end(&json);
}

static void misses_tell(uint32_t id)
{
	struct vsh_misses misses;

	if (misses_read(id, &misses))
		return;
	for (int miss = 1; miss < VSH_MISSES; miss++)
		if (misses.times[miss])
			printf("missed: %s: %llu\n", miss_text(miss),
			       (unsigned long long)misses.times[miss]);
}

static void summary_print(const struct state *state, uint32_t id,
			  const struct counters stats[VSH_DIRECTIONS], bool matched, int argc,
			  char **argv)
{
	struct taken taken;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (!stats[direction].seen.packets)
			continue;
		share_print(&state->rules[id], &state->labels[id], direction_names[direction],
			    &stats[direction]);
	}
	calls_summary_print(id, &state->labels[id]);
	if (!matched)
		puts("no traffic matched");
	misses_tell(id);
	for (int i = 0; i < argc; i += 2)
		if (taken_read(state, id, argv + i, &taken))
			taken_print(state, &taken);
}

/* UNMATCHED if the rule has seen nothing. */
int summary_command(const struct options *options, int argc, char **argv)
{
	struct counters stats[VSH_DIRECTIONS];
	struct state state;
	uint64_t seen;
	uint32_t id;
	int status;

	if (state_read(&state))
		return FAILED;
	if (argc % 2 == 0)
		return misuse("summary takes a rule, and what before has printed");
	status = rule_number(&state, argv[0], &id);
	if (status != DONE)
		return status;
	if (calls_seen(id, &seen))
		return failure("cannot read the counters");
	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (counters_read(id, direction, &stats[direction]))
			return failure("cannot read the counters");
		seen += stats[direction].seen.packets;
	}
	if (options->json)
		summary_print_json(&state, id, stats, argc - 1, argv + 1);
	else
		summary_print(&state, id, stats, seen, argc - 1, argv + 1);
	return seen ? DONE : UNMATCHED;
}
