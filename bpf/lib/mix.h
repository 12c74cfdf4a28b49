/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* A number that looks random, made of another one: the same in a program and on the host. */
#ifndef VERSHITIFY_MIX_H
#define VERSHITIFY_MIX_H

#include <linux/types.h>

#define GOLDEN 0x9e3779b97f4a7c15ULL /* 2^64 divided by the golden ratio */

/* "Mix13" of David Stafford's "Better Bit Mixing" (2011), the finalizer of SplitMix64. */
static inline __attribute__((always_inline)) __u64 mix64(__u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

#endif
