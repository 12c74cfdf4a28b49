// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include "detour.h"
#include "netem.h"
#include "state.h"

/* Of each direction in which a rule can hold packets. */
static const struct detour {
	__u32 need; /* enum vsh_need */
	const char *suffix; /* of the ifb's name, after vshN */
	const char *hook; /* of clsact */
	__u32 mark; /* of the packets, with the rule's index: skb->tc_index */
} detours[VSH_DIRECTIONS] = {
	[VSH_EGRESS] = { VSH_HOLD, "", "egress", VSH_HELD },
};

static bool is_taken(__u32 direction, const struct vsh_rule *rule)
{
	return rule->needs & detours[direction].need;
}

/* The queue of the wire, and below it the one that holds: see hold.h. */
static void queues_print(const char *ifb, const struct vsh_hold *hold,
			 const struct vsh_hold *before)
{
	if (before && !hold_is_changeable(hold, before))
		printf("unqueue %s parent 1:1 handle 10:\n", ifb);
	printf("queue %s root handle 1: tbf ", ifb);
	hold_shaper_args(stdout, hold);
	printf("\nqueue %s parent 1:1 handle 10: netem ", ifb);
	hold_args(stdout, hold, before);
	printf("\n");
}

static void ifb_name(char *name, size_t size, __u32 id, __u32 direction)
{
	snprintf(name, size, "vsh%u%s", id + 1, detours[direction].suffix);
}

void detours_print(__u32 id, const struct vsh_rule *rule, const struct vsh_label *label,
		   const struct vsh_label *before)
{
	char name[VSH_DEV_LEN];

	for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (!is_taken(direction, rule))
			continue;
		ifb_name(name, sizeof(name), id, direction);
		printf("ifb %s\n", name);
		queues_print(name, &label->hold[direction],
			     before ? &before->hold[direction] : NULL);
	}
}

void steers_print(__u32 id, const struct vsh_rule *rule)
{
	char name[VSH_DEV_LEN];

	for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (!is_taken(direction, rule))
			continue;
		ifb_name(name, sizeof(name), id, direction);
		printf("steer %s %s 0x%x\n", name, detours[direction].hook,
		       detours[direction].mark + id);
	}
}

void detours_needed_print(__u32 id, const struct vsh_rule *rule)
{
	char name[VSH_DEV_LEN];

	if (rule_expired(rule, boot_now_ns()))
		return;
	for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++) {
		if (!is_taken(direction, rule))
			continue;
		ifb_name(name, sizeof(name), id, direction);
		printf("ifb %llu %s\n", (unsigned long long)rule->netns_cookie, name);
	}
}
