/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends events to those who read them: nobody reading costs a look at empty slots. */
#ifndef VERSHITIFY_RING_BPF_H
#define VERSHITIFY_RING_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "reader.h"

/* Value of a map of ring buffers. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
};

/* rings, readers: the two maps, with so many slots. */
static __always_inline void ring_send(void *rings, void *readers, __u32 slots, void *event,
				      __u64 size)
{
	for (__u32 i = 0; i < slots; i++) {
		__u32 slot = i;
		void *ring = bpf_map_lookup_elem(rings, &slot);
		struct ring_reader *reader;

		if (!ring || !bpf_ringbuf_output(ring, event, size, 0))
			continue;
		reader = bpf_map_lookup_elem(readers, &slot);
		if (reader)
			__sync_fetch_and_add(&reader->lost, 1);
	}
}

#endif
