// SPDX-License-Identifier: GPL-2.0-or-later
/* What a rule needs: whether the classifier's fast path, which looks at few of its fields,
 * may judge packets for it.
 */
#include <stdbool.h>
#include <string.h>
#include "needs.h"

/* Is each field that is not 0 one that the fast path judges, or for which there is a bit in
 * vsh_rule.needs, or of which the classifier knows nothing? Compared is the whole of the rule:
 * a field that is new is unknown until it has got its line here, and a rule that uses it
 * never goes the fast path.
 */
static bool is_known(const struct vsh_rule *rule)
{
	struct vsh_rule known = {
		/* rule_fast() and rule_judge() */
		.threshold = rule->threshold,
		.netns_cookie = rule->netns_cookie,
		.generation = rule->generation,
		.hooks = rule->hooks,
		.needs = rule->needs,
		/* bits */
		.devs = rule->devs,
		.seed = rule->seed,
		.schedule = rule->schedule,
		/* the tracker and the helper */
		.owner = rule->owner,
		.flags = rule->flags & VSH_CHILDREN,
	};

	if (rule->model.kind)
		known.model = rule->model;
	memcpy(known.ifindex, rule->ifindex, sizeof(known.ifindex));
	return !memcmp(&known, rule, sizeof(known));
}

void needs_finish(struct vsh_rule *rule)
{
	rule->needs &= ~(VSH_KNOWN | VSH_DEVICES | VSH_CLOCK | VSH_MODEL);
	if (rule->devs != 1)
		rule->needs |= VSH_DEVICES;
	if (schedule_is_set(&rule->schedule))
		rule->needs |= VSH_CLOCK;
	if (rule->model.kind)
		rule->needs |= VSH_MODEL;
	if (is_known(rule))
		rule->needs |= VSH_KNOWN;
}
