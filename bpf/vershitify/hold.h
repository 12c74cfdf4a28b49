/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* What holds or alters packets: netem's part of a rule, and that of tbf, which sends at a rate.
 *
 * An ifb of the rule has tbf for its root and netem below it, so that netem's queue counts packets
 * of the wire (tbf takes those of GSO apart) and a rate comes and goes without a packet lost. netem.h
 * has the words for both.
 */
#ifndef VERSHITIFY_HOLD_H
#define VERSHITIFY_HOLD_H

#include <linux/types.h>

#define ATM_CELL 48 /* bytes of the packet in a cell, and ... */
#define ATM_HEADER 5 /* ... those in front of them */
#define VSH_TABLE_LEN 16 /* of the name of a distribution, with a NUL */

/* One direction of a rule. All 0: its packets are not held. */
struct vsh_hold {
	__u64 delay_ns; /* multiple of 1000, which is all that tc can say */
	__u64 jitter_ns; /* likewise; 0: none */
	__u64 rate_bytes; /* a second; 0: no limit */
	__u64 slot_ns[2]; /* from, to; or mean and jitter, with a distribution. 0: none */
	__u32 reorder; /* millionths of a percent, as all shares here */
	__u32 gap; /* 1 and up if packets are reordered */
	__u32 duplicate;
	__u32 corrupt;
	__u32 limit; /* packets; never 0 if packets are held */
	__u32 slot_packets; /* in a slot; 0: any number */
	__u32 slot_bytes; /* likewise */
	__u32 overhead; /* bytes that the rate counts for each packet besides */
	__u32 atm; /* the rate counts cells of ATM */
	__u32 mtu; /* bytes of the largest packet of the devices, where there is a rate */
	char distribution[VSH_TABLE_LEN]; /* of the jitter: a table of tc's; "": uniform */
	char slot_distribution[VSH_TABLE_LEN]; /* of slot_ns; "": uniform */
};

_Static_assert(sizeof(struct vsh_hold) == 112, "vsh_hold has no holes");

#endif
