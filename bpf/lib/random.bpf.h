/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that look random, for a fraction of what the kernel's generator costs. */
#ifndef VERSHITIFY_RANDOM_BPF_H
#define VERSHITIFY_RANDOM_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>

/* xorshift64*: S. Vigna, "An experimental exploration of Marsaglia's xorshift generators,
 * scrambled" (2016), of whose output the upper half is used. Half the code of SplitMix64,
 * which is what it costs. The start is the kernel's; 0, which is no state of this generator,
 * stands for one that is yet to be drawn.
 */
static __always_inline __u32 random_next(__u64 *state)
{
	__u64 x = *state;

	if (unlikely(!x))
		x = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL >> 32;
}

#endif
