// SPDX-License-Identifier: GPL-2.0-or-later
#include "chain.h"

static __u64 threshold_of(double share)
{
	if (share <= 0)
		return 0;
	return share >= 1 ? 1ULL << 32 : (__u64)(share * 4294967296.0 + 0.5);
}

/* From the probabilities of the states 0, 1 and 2; the rest is that of 3. */
static void up_to_set(__u64 up_to[VSH_STATES - 1], double zero, double one, double two)
{
	up_to[0] = threshold_of(zero);
	up_to[1] = threshold_of(zero + one);
	up_to[2] = threshold_of(zero + one + two);
}

double chain_two_states(struct vsh_chain *chain, double p, double r, double bad, double good)
{
	double in_bad = p > 0 ? p / (p + r) : 0;

	*chain = (struct vsh_chain){};
	up_to_set(chain->start, 1 - in_bad, in_bad, 0);
	chain->states[0].loss = threshold_of(good);
	up_to_set(chain->states[0].next, 1 - p, p, 0);
	chain->states[1].loss = threshold_of(bad);
	up_to_set(chain->states[1].next, r, 1 - r, 0);
	/* Where a socket may be that had four states before a change of its rule. */
	chain->states[2] = chain->states[0];
	chain->states[3] = chain->states[0];
	return in_bad * bad + (1 - in_bad) * good;
}

/* The states in the order 1, 3, 2, 4: so the two that a change from or to two states leaves are
 * the same, received and lost.
 */
double chain_four_states(struct vsh_chain *chain, const struct four_states *p)
{
	double burst = p->p13 > 0 ? p->p13 / p->p31 : 0;
	double received = burst > 0 && p->p32 > 0 ? burst * p->p32 / p->p23 : 0;
	double sum = 1 + burst + received + p->p14;

	*chain = (struct vsh_chain){};
	up_to_set(chain->start, 1 / sum, burst / sum, received / sum);
	up_to_set(chain->states[0].next, 1 - p->p13 - p->p14, p->p13, 0);
	up_to_set(chain->states[1].next, p->p31, 1 - p->p31 - p->p32, p->p32);
	up_to_set(chain->states[2].next, 0, p->p23, 1 - p->p23);
	up_to_set(chain->states[3].next, 1, 0, 0);
	chain->states[1].loss = chain->states[3].loss = threshold_of(1);
	return (burst + p->p14) / sum;
}

struct four_states four_states_of_gi(double loss, double burst, double density, double isolated,
				     double good_burst)
{
	return (struct four_states){
		.p13 = (loss - isolated) / (burst * (1 - isolated) * (density - loss)),
		.p31 = 1 / (density * burst),
		.p32 = (1 - density) / (density * good_burst),
		.p23 = 1 / good_burst,
		.p14 = isolated / (1 - isolated),
	};
}
