// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh before ID: the rules that can take packets of rule ID before it does, a line each: their
 * number and how many packets they have seen.
 *
 * vsh summary ID [OLDER SEEN]...: for the end of a run, what its rule has seen and dropped, and
 * which of the rules that before has printed have taken packets since.
 */
#include <string.h>
#include "counters.h"
#include "rule.h"
#include "words.h"

static const char *const direction_names[] = {
	[VSH_EGRESS] = "egress",
	[VSH_INGRESS] = "ingress",
};

static void summary_print(const struct vsh_label *label, const char *direction,
			  const struct counters *stats)
{
	char asked[16];
	double low, high;

	percent_format(label->loss, asked, sizeof(asked));
	wilson_interval(stats->dropped.packets, stats->seen.packets, &low, &high);
	printf("%s: %llu of %llu packets dropped (segments: %llu of %llu): %.4g%%, 95%% interval %.4g%% to %.4g%%; asked for %s%%\n",
	       direction, (unsigned long long)stats->dropped.packets,
	       (unsigned long long)stats->seen.packets, (unsigned long long)stats->dropped.segments,
	       (unsigned long long)stats->seen.segments,
	       100.0 * stats->dropped.packets / stats->seen.packets, 100 * low, 100 * high, asked);
}

static bool shares_device(const struct vsh_rule *rule, const struct vsh_rule *other)
{
	if (!rule->devs || !other->devs)
		return true;
	for (uint32_t i = 0; i < rule->devs; i++)
		for (uint32_t k = 0; k < other->devs; k++)
			if (rule->ifindex[i] == other->ifindex[k])
				return true;
	return false;
}

/* A packet takes the first rule, by number, that matches it. */
static bool comes_first(const struct state *state, uint32_t older, uint32_t id)
{
	const struct vsh_rule *rule = &state->rules[id], *first = &state->rules[older];

	return older < id && rule_exists(first) && first->netns_cookie == rule->netns_cookie &&
	       (first->hooks & rule->hooks) && shares_device(first, rule);
}

/* Packets in both directions. 0 or -errno. */
static int packets_seen(uint32_t id, uint64_t *packets)
{
	struct counters stats;
	int err = 0;

	*packets = 0;
	for (int direction = 0; !err && direction < VSH_DIRECTIONS; direction++) {
		err = counters_read(id, direction, &stats);
		*packets += stats.seen.packets;
	}
	return err;
}

/* DONE, or a status after a message. */
static int id_parse(const struct state *state, const char *word, uint32_t *id)
{
	uint64_t number;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number)
		return misuse("rule %s: a number from 1 to %d", quoted(word), VSH_RULES_MAX);
	*id = number - 1;
	return rule_exists(&state->rules[*id]) ? DONE : failure("there is no rule %u", *id + 1);
}

int before_command(const struct options *options, int argc, char **argv)
{
	struct state state;
	uint64_t packets;
	uint32_t id;
	int status;

	(void)options;
	if (state_read(&state))
		return FAILED;
	if (argc != 1)
		return misuse("before takes one rule");
	status = id_parse(&state, argv[0], &id);
	for (uint32_t older = 0; status == DONE && older < id; older++) {
		if (!comes_first(&state, older, id))
			continue;
		if (packets_seen(older, &packets))
			return failure("cannot read the counters");
		printf("%u %llu\n", older + 1, (unsigned long long)packets);
	}
	return status;
}

/* Its rule may be another one by now, or none. */
static void older_print(const struct state *state, uint32_t id, const char *word, const char *seen)
{
	uint64_t number, before, packets;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number ||
	    number_parse(seen, UINT64_MAX, &before) || !comes_first(state, number - 1, id) ||
	    packets_seen(number - 1, &packets) || packets <= before)
		return;
	printf("%llu packets went to a rule that comes first: ",
	       (unsigned long long)(packets - before));
	rule_print(stdout, number - 1, &state->rules[number - 1], &state->labels[number - 1]);
	putchar('\n');
}

/* UNMATCHED if the rule has seen nothing. */
static int rule_summarize(const struct state *state, uint32_t id)
{
	struct counters stats;
	int status = UNMATCHED;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (counters_read(id, direction, &stats))
			return failure("cannot read the counters");
		if (!stats.seen.packets)
			continue;
		summary_print(&state->labels[id], direction_names[direction], &stats);
		status = DONE;
	}
	if (status == UNMATCHED)
		puts("no traffic matched");
	return status;
}

int summary_command(const struct options *options, int argc, char **argv)
{
	struct state state;
	uint32_t id;
	int status;

	(void)options;
	if (state_read(&state))
		return FAILED;
	if (argc < 1 || argc % 2 == 0)
		return misuse("summary takes a rule, and what before has printed");
	status = id_parse(&state, argv[0], &id);
	if (status != DONE)
		return status;
	status = rule_summarize(&state, id);
	for (int i = 1; i < argc; i += 2)
		older_print(&state, id, argv[i], argv[i + 1]);
	return status;
}
