/* SPDX-License-Identifier: GPL-2.0-only */
/* The tag of a connection whose socket is gone, made of what is remembered of it, for one verdict. Classifiers
 * run with bottom halves off: on each processor there is one at a time.
 */
#ifndef VERSHITIFY_RECALL_BPF_H
#define VERSHITIFY_RECALL_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "flow.bpf.h"

struct recalled {
	struct vsh_sock tag;
	struct vsh_flow_key key;
	__u64 is_used; /* by the packet at hand */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct recalled);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_recalled SEC(".maps");

static __always_inline struct recalled *recalled_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&vsh_recalled, &zero);
}

/* NULL: nothing is remembered. */
static __always_inline struct vsh_sock *flow_recall(const struct vsh_flow_key *key)
{
	struct vsh_flow *flow = bpf_map_lookup_elem(&vsh_flows, key);
	struct recalled *recalled = flow ? recalled_get() : NULL;

	if (!flow || !recalled)
		return NULL;
	flow_unpack(&recalled->tag, flow);
	recalled->key = *key;
	recalled->is_used = true;
	return &recalled->tag;
}

/* After the verdict: the packet is counted, if it was one of these. */
static __always_inline void flow_keep(void)
{
	struct recalled *recalled = recalled_get();
	struct vsh_flow *flow;

	if (!recalled || !recalled->is_used)
		return;
	recalled->is_used = false;
	flow = bpf_map_lookup_elem(&vsh_flows, &recalled->key);
	if (flow && flow_is_of(flow, &recalled->tag))
		flow_pack(flow, &recalled->tag);
}

#endif
