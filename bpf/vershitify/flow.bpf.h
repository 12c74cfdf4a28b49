/* SPDX-License-Identifier: GPL-2.0-only */
/* What is remembered of TCP connections, for what the kernel sends when their sockets are gone. A socket's
 * storage has room for all rules; a connection keeps what its own first rules need.
 */
#ifndef VERSHITIFY_FLOW_BPF_H
#define VERSHITIFY_FLOW_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "tag.bpf.h"

static __always_inline void flow_pack(struct vsh_flow *flow, const struct vsh_sock *tag)
{
	__u64 mask = tag->owner.mask;

	flow->owner = tag->owner;
	for (int i = 0; i < VSH_FLOW_RULES && mask; i++) {
		__u32 id = lowest_bit(mask) % VSH_RULES_MAX;

		flow->ordinal[i] = tag->ordinal[id];
		flow->steps[i] = tag->steps[VSH_STATS_KEY(id, VSH_EGRESS) % VSH_STEPS];
		mask &= mask - 1;
	}
}

/* Rules beyond those that are remembered begin anew. */
static __always_inline void flow_unpack(struct vsh_sock *tag, const struct vsh_flow *flow)
{
	__u64 mask = flow->owner.mask;

	__builtin_memset(tag, 0, sizeof(*tag));
	tag->owner = flow->owner;
	for (int i = 0; i < VSH_FLOW_RULES && mask; i++) {
		__u32 id = lowest_bit(mask) % VSH_RULES_MAX;

		tag->ordinal[id] = flow->ordinal[i];
		tag->steps[VSH_STATS_KEY(id, VSH_EGRESS) % VSH_STEPS] = flow->steps[i];
		mask &= mask - 1;
	}
}

static __always_inline bool flow_is_of(const struct vsh_flow *flow, const struct vsh_sock *tag)
{
	return flow->owner.epoch == tag->owner.epoch && flow->owner.mask == tag->owner.mask;
}

/* With the packets so far, and the states of models. */
static __always_inline void flow_remember(const struct vsh_flow_key *key,
					  const struct vsh_sock *tag)
{
	struct vsh_flow *known = bpf_map_lookup_elem(&vsh_flows, key);
	struct vsh_flow flow = {};

	if (known && flow_is_of(known, tag)) {
		flow_pack(known, tag);
		return;
	}
	flow_pack(&flow, tag);
	if (bpf_map_update_elem(&vsh_flows, key, &flow, BPF_ANY))
		miss_count(mask_live(tag->owner.mask, tag->owner.epoch), VSH_CONNECTION);
}

#endif
