// SPDX-License-Identifier: GPL-2.0-or-later
/* The pinned maps as user space sees them. */
#include <errno.h>
#include <string.h>
#include "maps.h"
#include "state.h"

const struct ring_maps vsh_ring_maps = {
	.folder = VSH_MAPS_DIR,
	.rings = "vsh_listeners",
	.readers = "vsh_lost",
	.slots = VSH_LISTENERS_MAX,
};

int map_open(const char *name)
{
	return pin_open(VSH_MAPS_DIR, name);
}

/* An array has an entry for each rule, used or not. */
static int array_read(const char *name, void *entries, size_t size)
{
	return pin_read(VSH_MAPS_DIR, name, entries, VSH_RULES_MAX, size);
}

int state_read(struct state *state)
{
	int err;

	memset(state, 0, sizeof(*state));
	err = array_read("vsh_rules", state->rules, sizeof(*state->rules));
	if (!err)
		err = array_read("vsh_labels", state->labels, sizeof(*state->labels));
	if (!err)
		err = pin_read(VSH_MAPS_DIR, "vsh_config", &state->config, 1,
			       sizeof(state->config));
	if (err == -ENOENT)
		return 0;
	if (err)
		complain("cannot read the maps in " VSH_MAPS_DIR ": %s (try: vershitify.sh doctor)",
			 strerror(-err));
	state->present = !err;
	return err;
}

bool rule_exists(const struct vsh_rule *rule)
{
	return rule->generation;
}

static bool is_out_of_reach(const struct options *options, const struct vsh_rule *rule)
{
	uint64_t here;

	return options->netns && (netns_cookie(&here) || rule->netns_cookie != here);
}

uint64_t rules_chosen(const struct options *options, const struct state *state)
{
	uint64_t mask = 0;

	for (uint32_t id = 0; id < VSH_RULES_MAX; id++)
		if (rule_exists(&state->rules[id]) && !is_out_of_reach(options, &state->rules[id]))
			mask |= 1ULL << id;
	return mask;
}

int rule_netns_check(const struct options *options, const struct state *state, uint32_t id)
{
	if (!is_out_of_reach(options, &state->rules[id]))
		return DONE;
	return failure("rule %u is of another network namespace (show without -n tells which)",
		       id + 1);
}

bool rule_expired(const struct vsh_rule *rule, uint64_t now_ns)
{
	return schedule_is_over(&rule->schedule, now_ns);
}
