// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <linux/pkt_sched.h>
#include "counters.h"
#include "detour.h"
#include "netem.h"
#include "state.h"

/* Of the queue of the wire, and of the one that holds, below it. */
#define ROOT_HANDLE TC_H_MAKE(1 << 16, 0)
#define QUEUE_PARENT TC_H_MAKE(1 << 16, 1)
#define QUEUE_HANDLE TC_H_MAKE(0xa << 16, 0)

/* Of each direction in which a rule can hold packets. */
static const struct detour {
	__u32 need; /* enum vsh_need */
	const char *suffix; /* of the ifb's name, after vshN */
	const char *hook; /* of clsact */
	__u32 pref; /* of the filter that steers (tc/hold-vershitify.sh) */
	__u32 mark; /* of the packets, with the rule's index: skb->tc_index */
} detours[VSH_DIRECTIONS] = {
	[VSH_EGRESS] = { VSH_HOLD, "", "egress", FILTER_PREF + 1, VSH_HELD },
	[VSH_INGRESS] = { VSH_HOLD_INGRESS, "in", "ingress", FILTER_PREF + 2, VSH_HELD_INGRESS },
};

static bool is_taken(__u32 direction, const struct vsh_rule *rule)
{
	return rule->needs & detours[direction].need;
}

static void ifb_name(char *name, size_t size, __u32 id, __u32 direction)
{
	snprintf(name, size, "vsh%u%s", id + 1, detours[direction].suffix);
}

bool is_detour(const char *device)
{
	char name[VSH_DEV_LEN];

	for (__u32 id = 0; id < VSH_RULES_MAX; id++)
		for (__u32 direction = 0; direction < VSH_DIRECTIONS; direction++) {
			ifb_name(name, sizeof(name), id, direction);
			if (!strcmp(device, name))
				return true;
		}
	return false;
}

bool rule_has_filters(const struct vsh_rule *rule)
{
	return (rule->hooks & VSH_TC_EGRESS) || (rule->needs & VSH_HOLD_INGRESS);
}

static void shaper_print(const char *ifb, const struct vsh_hold *hold)
{
	printf("queue %s root handle 1: tbf ", ifb);
	hold_shaper_args(stdout, hold);
	printf("\n");
}

static void queue_print(const char *ifb, const struct vsh_hold *hold, const struct vsh_hold *before)
{
	printf("queue %s parent 1:1 handle a: netem ", ifb);
	hold_args(stdout, hold, before);
	printf("\n");
}

/* The queue of the wire, and below it the one that holds: see hold.h. What tc refuses of a change is
 * among netem's words (a table that there is not): netem is first, and a refused change leaves the rate alone.
 */
static void queues_print(const char *ifb, const struct vsh_hold *hold,
			 const struct vsh_hold *before)
{
	if (!before || !hold_is_asked(before)) {
		shaper_print(ifb, hold);
		queue_print(ifb, hold, NULL);
		return;
	}
	if (!hold_is_changeable(hold, before))
		printf("unqueue %s parent 1:1 handle a:\n", ifb);
	queue_print(ifb, hold, before);
	shaper_print(ifb, hold);
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

static const struct site_filter ingress_classifier = {
	.ingress = true,
	.pref = FILTER_PREF + 1,
	.handle = FILTER_HANDLE,
	.kind = "bpf",
	.program = "vsh_ingress",
};

static void way_fault(const struct site *site, __u32 ifindex, __u32 id, __u32 direction,
		      char *fault, size_t size)
{
	const struct site_filter steer = {
		.ingress = direction == VSH_INGRESS,
		.pref = detours[direction].pref,
		.handle = detours[direction].mark + id,
		.kind = "basic",
	};
	char name[VSH_DEV_LEN];

	ifb_name(name, sizeof(name), id, direction);
	if (!site_has_filter(site, ifindex, &steer))
		snprintf(fault, size, "no filter steers to %s", name);
	else if (direction == VSH_INGRESS && !site_has_filter(site, ifindex, &ingress_classifier))
		snprintf(fault, size, "no filter marks what is for %s", name);
}

void ways_fault(const struct site *site, __u32 ifindex, __u32 id, const struct vsh_rule *rule,
		char *fault, size_t size)
{
	for (__u32 direction = 0; !fault[0] && direction < VSH_DIRECTIONS; direction++)
		if (is_taken(direction, rule))
			way_fault(site, ifindex, id, direction, fault, size);
}

static void detour_fault(const struct site *site, __u32 id, __u32 direction, char *fault,
			 size_t size)
{
	char name[VSH_DEV_LEN];
	__u32 ifindex;

	ifb_name(name, sizeof(name), id, direction);
	ifindex = site_device_index(site, name);
	if (!ifindex)
		snprintf(fault, size, "%s is gone", name);
	else if (!site_device_is_up(site, name))
		snprintf(fault, size, "%s is down", name);
	else if (!site_queue_look(site, ifindex, QUEUE_PARENT, QUEUE_HANDLE, NULL))
		snprintf(fault, size, "%s has lost its queue", name);
}

void detours_fault(const struct site *site, __u32 id, const struct vsh_rule *rule, char *fault,
		   size_t size)
{
	for (__u32 direction = 0; !fault[0] && direction < VSH_DIRECTIONS; direction++)
		if (is_taken(direction, rule))
			detour_fault(site, id, direction, fault, size);
	for (__u32 i = 0; i < rule->devs; i++)
		if (rule->ifindex[i] != VSH_NO_DEVICE)
			ways_fault(site, rule->ifindex[i], id, rule, fault, size);
}

/* False: it has none, or it is not there. */
static bool detour_counts(__u32 id, __u32 direction, const struct vsh_rule *rule,
			  struct site_queue *counts)
{
	char name[VSH_DEV_LEN];
	struct site site;
	bool found;

	*counts = (struct site_queue){};
	if (!is_taken(direction, rule) || !site_open(&site, rule->netns_cookie))
		return false;
	ifb_name(name, sizeof(name), id, direction);
	found = site_queue_look(&site, site_device_index(&site, name), TC_H_ROOT, ROOT_HANDLE,
				counts);
	site_close(&site);
	return found;
}

void detour_counts_print(const char *prefix, __u32 id, __u32 direction, const struct vsh_rule *rule)
{
	struct site_queue counts;

	if (detour_counts(id, direction, rule, &counts))
		printf("%s%s held %llu packets %u waiting %llu overflow\n", prefix,
		       direction_names[direction], (unsigned long long)counts.passed,
		       counts.waiting, (unsigned long long)counts.dropped);
}

void detour_counts_print_json(struct json *json, __u32 id, __u32 direction,
			      const struct vsh_rule *rule)
{
	struct site_queue counts;

	if (!detour_counts(id, direction, rule, &counts))
		return;
	json_object_begin(json, "held");
	json_number(json, "packets", counts.passed);
	json_number(json, "waiting", counts.waiting);
	json_number(json, "overflow", counts.dropped);
	json_object_end(json);
}
