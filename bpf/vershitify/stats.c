// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh stats [INTERVAL [COUNT]]: the counters of each rule. With INTERVAL each look has its time, and
 * from the second one on what has come since the one before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "callcounts.h"
#include "counters.h"
#include "detour.h"
#include "json.h"
#include "missed.h"
#include "pace.h"
#include "scan.h"

/* What a look has found, for the next one. */
struct look {
	uint64_t at_ns; /* 0: there was none */
	uint32_t generation[VSH_RULES_MAX]; /* another one is another rule */
	struct counters stats[VSH_RULES_MAX][VSH_DIRECTIONS];
};

/* What has come to a rule in one direction. */
struct rate {
	double packets, bytes; /* a second */
	double loss; /* in percent; negative: of nothing */
};

static int look_take(const struct state *state, struct look *look)
{
	look->at_ns = boot_now_ns();
	for (uint32_t id = 0; id < VSH_RULES_MAX; id++) {
		look->generation[id] = state->rules[id].generation;
		for (int direction = 0; look->generation[id] && direction < VSH_DIRECTIONS;
		     direction++) {
			int err = counters_read(id, direction, &look->stats[id][direction]);

			if (err)
				return err;
		}
	}
	return 0;
}

static bool rate_of(const struct look *before, const struct look *now, uint32_t id, int direction,
		    struct rate *rate)
{
	const struct counters *old = &before->stats[id][direction];
	const struct counters *stats = &now->stats[id][direction];
	uint64_t packets = stats->seen.packets - old->seen.packets;
	double seconds = (now->at_ns - before->at_ns) / 1e9;

	if (!before->at_ns || before->generation[id] != now->generation[id] || seconds <= 0)
		return false;
	rate->packets = packets / seconds;
	rate->bytes = (stats->seen.bytes - old->seen.bytes) / seconds;
	rate->loss = packets ? 100.0 * (stats->dropped.packets - old->dropped.packets) / packets
			     : -1;
	return true;
}

static void rate_print(const char *prefix, int direction, const struct rate *rate)
{
	printf("%s%s now %.1f packets/s %.1f bytes/s", prefix, direction_names[direction],
	       rate->packets, rate->bytes);
	if (rate->loss >= 0)
		printf(" loss %.2f%%", rate->loss);
	putchar('\n');
}

static void rate_print_json(struct json *json, const char *name, const struct rate *rate)
{
	json_object_begin(json, name);
	json_decimals(json, "packets_per_second", rate->packets, 1);
	json_decimals(json, "bytes_per_second", rate->bytes, 1);
	if (rate->loss >= 0)
		json_decimals(json, "loss_percent", rate->loss, 6);
	else
		json_null(json, "loss_percent");
	json_object_end(json);
}

/* 0 or -errno. */
static int rule_stats_print(const struct look *before, const struct look *now, uint32_t id,
			    const struct state *state)
{
	char prefix[32];
	struct rate rate;
	int err;

	snprintf(prefix, sizeof(prefix), "rule %u ", id + 1);
	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		direction_print(prefix, direction, &now->stats[id][direction]);
		detour_counts_print(prefix, id, direction, &state->rules[id]);
		if (rate_of(before, now, id, direction, &rate))
			rate_print(prefix, direction, &rate);
	}
	err = call_counts_print(prefix, id, &state->labels[id]);
	return err ?: misses_print(id, prefix);
}

/* time: as text, or NULL. 0 or -errno. */
static int rule_stats_print_json(const struct look *before, const struct look *now, uint32_t id,
				 const struct state *state, const char *time)
{
	struct json json = { .out = stdout };
	struct rate rate;
	int err;

	json_object_begin(&json, NULL);
	if (time)
		json_string(&json, "time", time);
	json_number(&json, "id", id + 1);
	err = counters_print_json(&json, id, &state->rules[id], &state->labels[id]);
	if (rate_of(before, now, id, VSH_EGRESS, &rate)) {
		json_object_begin(&json, "now");
		rate_print_json(&json, direction_names[VSH_EGRESS], &rate);
		rate_of(before, now, id, VSH_INGRESS, &rate);
		rate_print_json(&json, direction_names[VSH_INGRESS], &rate);
		json_object_end(&json);
	}
	json_object_end(&json);
	json_line_end(&json);
	return err;
}

static int stats_print(const struct options *options, bool again, const struct look *before,
		       struct look *now)
{
	const char *when = NULL;
	struct state state;
	uint64_t mask;
	char text[TIME_TEXT_LEN];
	int err;

	if (state_read(&state))
		return -EIO;
	mask = rules_chosen(options, &state);
	err = look_take(&state, now);
	if (again)
		when = time_text(text);
	if (when && !options->json && !err)
		printf("time %s\n", when);
	for (uint32_t id = 0; !err && id < VSH_RULES_MAX; id++) {
		if (!(mask >> id & 1))
			continue;
		if (options->json)
			err = rule_stats_print_json(before, now, id, &state, when);
		else
			err = rule_stats_print(before, now, id, &state);
	}
	return err;
}

int stats_command(const struct options *options, int argc, char **argv)
{
	static struct look looks[2];
	uint64_t processes = 0, sockets = 0;
	struct pace pace;
	int err, turn = 0;

	if (pace_parse(&pace, argc, argv) != DONE)
		return MISUSED;
	while (!(err = stats_print(options, argc, &looks[!turn], &looks[turn])) &&
	       !output_flush() && pace_wait(&pace)) {
		turn = !turn;
		if (options->tag)
			scan(&processes, &sockets);
	}
	return err ? failure("cannot read the counters: %s", strerror(-err)) : DONE;
}
