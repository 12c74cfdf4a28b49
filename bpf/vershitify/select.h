/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* Which packets of its target a rule takes: conditions on what the headers say. */
#ifndef VSH_SELECT_H
#define VSH_SELECT_H

#include <linux/types.h>

#define VSH_SELECT_MAX 8 /* values that one condition can have */

/* Conditions: first those on a number, then those on an address. */
enum vsh_ask {
	VSH_ASK_PROTO, /* IPPROTO_*, after IPv6 extension headers */
	VSH_ASK_SPORT, /* of TCP and UDP */
	VSH_ASK_DPORT,
	VSH_ASK_TCP_FLAGS, /* range: value and mask */
	VSH_ASK_SIZE, /* bytes, see struct vsh_subject */
	VSH_ASK_DSCP, /* 0..63 */
	VSH_ASK_NUMBERS,
	VSH_ASK_SRC = VSH_ASK_NUMBERS,
	VSH_ASK_DST,
	VSH_ASKS,
};

#define VSH_ASK_ADDRESSES (VSH_ASKS - VSH_ASK_NUMBERS)

struct vsh_range {
	__u16 first; /* host byte order */
	__u16 last; /* VSH_ASK_TCP_FLAGS: the flags that are looked at */
};

struct vsh_prefix {
	__u32 address[4]; /* network byte order; IPv4: the first word */
	__u32 mask[4];
	__u32 version; /* 4 or 6 */
};

/* A packet is taken if each condition holds. One holds if the packet has one of its values, or, if
 * it is negated, none: a packet without such a field has none.
 */
struct vsh_selector {
	__u32 asked; /* conditions, as bits by enum vsh_ask; 0: every packet is taken */
	__u32 negated; /* likewise */
	__u32 count[VSH_ASKS]; /* values */
	struct vsh_range range[VSH_ASK_NUMBERS][VSH_SELECT_MAX];
	struct vsh_prefix prefix[VSH_ASK_ADDRESSES][VSH_SELECT_MAX];
};

_Static_assert(sizeof(struct vsh_range) == 4, "vsh_range has no holes");
_Static_assert(sizeof(struct vsh_prefix) == 36, "vsh_prefix has no holes");
_Static_assert(sizeof(struct vsh_selector) == 8 + VSH_ASKS * 4 +
						      VSH_ASK_NUMBERS * VSH_SELECT_MAX * 4 +
						      VSH_ASK_ADDRESSES * VSH_SELECT_MAX * 36,
	       "vsh_selector has no holes");

#endif
