/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* Why a packet got its verdict.
 *
 * The numbers are public: they are the index of vsh_stats.verdicts, as `bpftool map dump` prints
 * it. A new reason takes the next number. One that is no longer given keeps its line, with
 * "reserved" for a comment, and its number is not used again.
 */
#ifndef VERSHITIFY_REASONS_H
#define VERSHITIFY_REASONS_H

enum vsh_reason {
	VSH_PASSED = 0, /* none: a rule has taken the packet, and let it pass */
	/* of drops: */
	VSH_LOSS = 1, /* by a draw at random */
	VSH_SEEDED_LOSS = 2, /* by the seed and the packet's number */
	VSH_MODEL_LOSS = 3, /* by a model: a chain, a period, a list */
	VSH_REFUSED = 4, /* the SYN of a connection that is refused: the answer is a reset */
	VSH_REASONS, /* not a reason: how many there are */
};

#endif
