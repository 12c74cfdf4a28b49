/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that look random, for a fraction of what the kernel's generator costs. */
#ifndef VERSHITIFY_RANDOM_BPF_H
#define VERSHITIFY_RANDOM_BPF_H

#include <bpf/bpf_helpers.h>

#define GOLDEN 0x9e3779b97f4a7c15ULL /* 2^64 divided by the golden ratio */

/* "Mix13" of David Stafford's "Better Bit Mixing" (2011), the finalizer of SplitMix64.
 * The upper half is used.
 */
static __always_inline __u32 mix(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (x ^ (x >> 31)) >> 32;
}

/* SplitMix64. The start is the kernel's; 0 stands for one that is yet to be drawn. */
static __always_inline __u32 random_next(__u64 *state)
{
	if (unlikely(!*state))
		*state = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	*state += GOLDEN;
	return mix(*state);
}

#endif
