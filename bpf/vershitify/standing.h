/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a rule stands: looked up, not remembered. */
#ifndef VSH_STANDING_H
#define VSH_STANDING_H

#include "site.h"
#include "state.h"

enum standing {
	ACTIVE,
	DETACHED, /* something of it was taken away by others; `repair` attaches it again */
	DEVICE_GONE, /* one at least */
	NETNS_GONE,
	CGROUP_GONE,
	EXPIRED,
	ORPHANED, /* the foreground run that it belongs to is gone */
};

/* What was found of one rule. Devices are bits, by their place in ifindex[]. */
struct sight {
	enum standing standing;
	char why[512]; /* empty: the name of the standing says it all */
	char netns[SITE_NAME_LEN]; /* the namespace as -n takes it; empty: it has no name */
	char netns_path[2 * SITE_NAME_LEN]; /* a file of it */
	bool netns_own; /* it is the caller's */
	bool strayed; /* something of its detours is missing */
	bool renamed; /* a device has another name than the label in the map has */
	uint32_t gone;
	uint32_t moved; /* away and back: the same device, of which the kernel has let go */
	uint32_t bare; /* without our filter */
	uint32_t ifindex[VSH_DEVS_MAX]; /* the numbers that they have now */
};

/* Looks at the rules of the mask; names in labels become those that devices have now. For what
 * is attached to cgroups, options says where these are.
 */
void sights_look(const struct options *options, struct state *state, uint64_t mask,
		 struct sight sights[VSH_RULES_MAX]);

const char *standing_name(enum standing standing);

/* "rule 1: device gone: eth0" without the number: the name, and why. */
void sight_print(FILE *out, const struct sight *sight);

/* How a rule stood when somebody was told of it last, and when it was looked at last. */
struct news {
	struct sight told, seen;
};

/* Is there something to tell? A change under way shows in one look, what stays in two. */
bool news_take(struct news *news, const struct sight *now);

/* Has the last look seen something that nobody was told of? */
bool news_are_open(const struct news *news);

/* Does it lack a device altogether, so that nothing can come of it any more? */
bool sight_is_hopeless(const struct vsh_rule *rule, const struct sight *sight);

#endif
