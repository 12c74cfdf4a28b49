/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace, as it is seen from outside, and what there is in it. */
#ifndef VSH_SITE_H
#define VSH_SITE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define SITE_NAME_LEN 256

struct site {
	uint64_t cookie;
	int netns; /* the namespace itself */
	int route; /* a netlink socket there */
	int devices; /* its /sys/class/net, when it is needed; or -1 */
	bool own; /* the caller's */
	char name[SITE_NAME_LEN]; /* as -n takes it; empty: it has none */
	char path[2 * SITE_NAME_LEN]; /* a file of it */
};

/* While it is open, the namespace cannot go. False, and nothing is to be closed: it is gone. */
bool site_open(struct site *site, uint64_t cookie);
void site_close(struct site *site);

/* The name alone, or NULL: it has none, or is gone. To find one takes long, hence once. */
const char *netns_name(uint64_t cookie);

/* Likewise the inode number, or 0. */
uint32_t netns_inode(uint64_t cookie);

/* What tells a device from every other one, also from later ones with its number or name: it
 * keeps it when it is renamed, and when it goes to another namespace. 0: not to be had.
 */
uint64_t site_device_identity(struct site *site, const char *name);

/* The number of the device with this identity, and its name. 0: it is not there. */
uint32_t site_device_find(struct site *site, uint64_t identity, char name[IFNAMSIZ]);

/* False: there is none of that number. */
bool site_device_name(const struct site *site, uint32_t ifindex, char name[IFNAMSIZ]);

bool site_has_clsact(const struct site *site, uint32_t ifindex);

/* A filter of tc's at one of the hooks of clsact. */
struct site_filter {
	bool ingress;
	uint32_t pref, handle;
	const char *kind; /* as tc calls it */
	const char *program; /* of a filter of kind bpf; NULL: any */
};

bool site_has_filter(const struct site *site, uint32_t ifindex, const struct site_filter *filter);

/* 0: there is no device of that name. */
uint32_t site_device_index(const struct site *site, const char *name);

bool site_device_is_up(const struct site *site, const char *name);

/* What a queue has counted since it was made, in packets as they come to it. */
struct site_queue {
	uint64_t passed; /* on, in segments */
	uint64_t dropped;
	uint32_t waiting; /* now */
};

/* A queue with this handle, not one that the kernel has given to the device. counts: or NULL. */
bool site_queue_look(const struct site *site, uint32_t ifindex, uint32_t parent, uint32_t handle,
		     struct site_queue *counts);

#endif
