// SPDX-License-Identifier: GPL-2.0-or-later
#include "counters.h"
#include "event.h"
#include "missed.h"
#include "watch.h"

static void expired_look(struct watch *watch, bool is_json, const struct state *state)
{
	uint64_t now = boot_now_ns();

	for (int id = 0; id < VSH_RULES_MAX; id++) {
		const struct vsh_rule *rule = &state->rules[id];
		uint64_t bit = 1ULL << id;

		if (!rule_exists(rule) || !rule_expired(rule, now)) {
			watch->expired &= ~bit;
			continue;
		}
		if (watch->mask & ~watch->expired & bit)
			expired_print(is_json, id);
		watch->expired |= bit;
	}
}

/* What is more than before. */
static void missed_look(struct watch *watch, bool is_json, const struct state *state)
{
	for (uint32_t id = 0; id < VSH_RULES_MAX; id++) {
		struct vsh_misses now = {}, *before = &watch->missed[id];

		if (!(watch->mask >> id & 1) ||
		    (rule_exists(&state->rules[id]) && misses_read(id, &now)))
			continue;
		for (int miss = 1; miss < VSH_MISSES; miss++)
			if (now.times[miss] > before->times[miss])
				missed_print(is_json, id, miss,
					     now.times[miss] - before->times[miss]);
		*before = now;
	}
}

/* The original's line. */
static void counts_look(struct watch *watch, bool is_json)
{
	uint64_t seen = 0, dropped = 0;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		struct counters stats;

		if (counters_read(watch->only, direction, &stats))
			return;
		seen += stats.seen.packets;
		dropped += stats.dropped.packets;
	}
	if (seen - dropped == watch->passed && dropped == watch->dropped)
		return;
	watch->passed = seen - dropped;
	watch->dropped = dropped;
	counts_print(is_json, watch->passed, watch->dropped);
}

/* Of rules that are over there are other events. */
static void standings_look(struct watch *watch, const struct options *options, struct state *state)
{
	struct sight sights[VSH_RULES_MAX] = {};

	sights_look(options, state, watch->mask, sights);
	for (uint32_t id = 0; id < VSH_RULES_MAX; id++)
		if (news_take(&watch->news[id], &sights[id]) && rule_exists(&state->rules[id]) &&
		    sights[id].standing != EXPIRED && sights[id].standing != ORPHANED)
			standing_print(options->json, id, &sights[id]);
}

bool watch_standings(struct watch *watch, const struct options *options)
{
	struct state state;

	if (watch->only == WATCH_ALL || state_read(&state) || !state.present)
		return true;
	standings_look(watch, options, &state);
	return !sight_is_hopeless(&state.rules[watch->only], &watch->news[watch->only].told);
}

bool watch_is_unsure(const struct watch *watch)
{
	return watch->only != WATCH_ALL && news_are_open(&watch->news[watch->only]);
}

bool watch_look(struct watch *watch, const struct options *options)
{
	struct state state;

	if (state_read(&state) || !state.present)
		return false;
	expired_look(watch, options->json, &state);
	missed_look(watch, options->json, &state);
	if (watch->only == WATCH_ALL) {
		standings_look(watch, options, &state);
		return true;
	}
	counts_look(watch, options->json);
	return state.rules[watch->only].generation == watch->generation;
}
