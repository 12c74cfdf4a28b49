/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains (model.h) from what people ask for. Probabilities are 0 to 1; formulas in
 * vershitify(8), LOSS MODELS.
 */
#ifndef VSH_CHAIN_H
#define VSH_CHAIN_H

#include "model.h"

/* Gilbert and Elliott: from good to bad with probability p, back with r; lost are the shares bad
 * and good of the packets in each. Each of these returns the loss in the long run.
 */
double chain_two_states(struct vsh_chain *chain, double p, double r, double bad, double good);

/* Of sch_netem: 1 received in a gap, 2 received in a burst, 3 lost in a burst, 4 lost alone. */
struct four_states {
	double p13, p31, p32, p23, p14;
};

double chain_four_states(struct vsh_chain *chain, const struct four_states *p);

/* Salsano's general and intuitive parameters: the loss, mean length of a burst (packets, lost and
 * received), share of lost packets in it, loss outside of bursts, mean length of what is received
 * at a stretch in a burst.
 */
struct four_states four_states_of_gi(double loss, double burst, double density, double isolated,
				     double good_burst);

#endif
