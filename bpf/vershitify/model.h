/* SPDX-License-Identifier: GPL-2.0-only OR GPL-2.0-or-later */
/* Models of loss: what becomes of packet n of a socket. Pure functions, compiled for the kernel's
 * programs and for the host, where bats/programs/model.c holds them against the closed forms and
 * against real packets.
 *
 * A chain (Markov) has up to four states. A packet's fate is drawn by the state in which it finds
 * the chain, and then the chain moves. The first state is drawn from the stationary distribution:
 * a chain that began in its good state, as that of sch_netem does, would never lose the only
 * packet of a short connection, whatever is asked for. See E. N. Gilbert, "Capacity of a
 * Burst-Noise Channel" (1960); E. O. Elliott, "Estimates of Error Rates for Codes on Burst-Noise
 * Channels" (1963); S. Salsano, F. Ludovici, A. Ordine, D. Giannuzzi, "Definition of a general and
 * intuitive loss model for packet networks and its implementation in the Netem module in the
 * Linux kernel", version 3.1 (2012).
 */
#ifndef VERSHITIFY_MODEL_H
#define VERSHITIFY_MODEL_H

#include <linux/types.h>
#include "mix.h"

#define VSH_STATES 4 /* of a chain */
#define VSH_RANGES_MAX 16 /* of a list */
#define VSH_ASKED_MAX 5 /* values of a model's words */

/* A socket's packets are told apart up to this number. From there on it goes back to about half
 * of it, so that no packet is taken for one of the first, nor the beginning of a chain.
 */
#define VSH_INDEX_END (1U << 29)
#define VSH_STEP_BASE \
	(VSH_STATES + 1) /* of a step: its lowest digit is 0 where no chain has begun */
/* Above all numbers of packets that a model can name. */
#define VSH_NUMBER_MAX 100000000

enum vsh_model_kind {
	VSH_NO_MODEL, /* each packet for itself, by the rule's threshold */
	VSH_CHAIN,
	VSH_EVERY,
	VSH_LIST,
};

/* The words that a model was asked for with. */
enum vsh_model_words {
	VSH_RANDOM,
	VSH_GEMODEL,
	VSH_FOUR_STATES,
	VSH_BURST,
	VSH_GI,
	VSH_EVERY_N,
	VSH_FIRST_N,
	VSH_LIST_OF,
	VSH_MODEL_WORDS, /* how many there are */
};

/* Probabilities are thresholds for a number of 32 bits: 0 to 2^32, which is exactly 1. */
struct vsh_chain_state {
	__u64 loss; /* of a packet */
	__u64 next[VSH_STATES - 1]; /* of a next state up to 0, up to 1, up to 2 */
};

struct vsh_chain {
	__u64 start[VSH_STATES - 1]; /* the same, of the first state */
	struct vsh_chain_state states[VSH_STATES];
};

/* Packets that are lost. */
struct vsh_every {
	__u32 period; /* above 0 */
	__u32 offset; /* those whose number has this remainder; below period */
};

struct vsh_stretch {
	__u32 first, last; /* numbers, from 1; 0 to 0: none */
};

struct vsh_model {
	__u32 kind; /* enum vsh_model_kind; without one all is 0, but for asked */
	__u32 per_rule; /* one count and one chain for all sockets, not for each its own */
	union {
		struct vsh_chain chain;
		struct vsh_every every;
		struct vsh_stretch ranges[VSH_RANGES_MAX];
	};
	/* for show: */
	__u32 words; /* enum vsh_model_words */
	__u32 count; /* entries used in asked[] */
	__u64 asked[VSH_ASKED_MAX]; /* in millionths, of a percent or of a packet */
};

#define model_inline static inline __attribute__((always_inline))

/* What tells the sockets and directions of a seed apart. The multipliers are odd constants that
 * keep the inputs apart.
 */
model_inline __u64 fate_base(__u64 seed, __u32 socket, __u32 direction)
{
	return seed + socket * 0xd1342543de82ef95ULL + direction * 0xaf251af3b0f025b5ULL;
}

/* The fate of packet n: two numbers of 32 bits, of which the upper one is the better known. As in
 * SplitMix64 the first step comes before the first number: mix64(0) is 0, which any loss takes.
 */
model_inline __u64 fate_number(__u64 base, __u32 n)
{
	return mix64(base + (n + 1ULL) * GOLDEN);
}

#define FATE_OF_START (~0U) /* no packet has this number */

model_inline __u32 chain_pick(const __u64 up_to[VSH_STATES - 1], __u32 number)
{
	return (number >= up_to[0]) + (number >= up_to[1]) + (number >= up_to[2]);
}

/* The present packet's fate, and the next one's state: 1 and up; 0 if the chain has not begun. */
model_inline __u32 chain_step(const struct vsh_chain *chain, __u64 base, __u32 index, __u32 *state)
{
	const struct vsh_chain_state *now;
	__u64 number = fate_number(base, index);

	if (!*state)
		*state = 1 + chain_pick(chain->start, fate_number(base, FATE_OF_START) >> 32);
	now = &chain->states[(*state - 1) % VSH_STATES];
	*state = 1 + chain_pick(now->next, number >> 32);
	return (__u32)number < now->loss;
}

model_inline __u32 ranges_have(const struct vsh_stretch ranges[VSH_RANGES_MAX], __u32 number)
{
	__u32 have = 0;

	for (__u32 i = 0; i < VSH_RANGES_MAX; i++)
		have |= number >= ranges[i].first && number <= ranges[i].last;
	return have;
}

/* A period goes on where the count goes back. */
model_inline __u32 index_after(const struct vsh_model *model, __u32 index)
{
	__u32 half = VSH_INDEX_END / 2, back = half;

	if (index + 1 < VSH_INDEX_END)
		return index + 1;
	if (model->kind == VSH_EVERY && model->every.period)
		back = half - half % model->every.period;
	return index + 1 - back;
}

/* Is the next packet lost? step: its index, from 0, and the chain's state in the lowest digit (base
 * VSH_STEP_BASE), 0 in the beginning; both are taken together, so that processors that send at the
 * same time each get another packet's fate, and all of them together the sequence of one.
 */
model_inline __u32 model_step(const struct vsh_model *model, __u64 base, __u32 *step)
{
	__u32 index = *step / VSH_STEP_BASE, state = *step % VSH_STEP_BASE, lost = 0;

	if (model->kind == VSH_CHAIN)
		lost = chain_step(&model->chain, base, index, &state);
	else if (model->kind == VSH_EVERY && model->every.period)
		lost = (index + 1) % model->every.period == model->every.offset;
	else if (model->kind == VSH_LIST)
		lost = ranges_have(model->ranges, index + 1);
	*step = index_after(model, index) * VSH_STEP_BASE + state % VSH_STEP_BASE;
	return lost;
}

_Static_assert(sizeof(struct vsh_model) == 208, "vsh_model has no holes");
_Static_assert(VSH_NUMBER_MAX < VSH_INDEX_END / 2, "packets with a number come once");

#endif
