/* SPDX-License-Identifier: GPL-2.0-only */
/* Events: which are wanted, and what is new in them. */
#ifndef SNITCH_TELL_BPF_H
#define SNITCH_TELL_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "snitch.h"
#include "whose.bpf.h"

#define TELLERS_MAX 4 /* that tell of one connection at once */

struct snt_counts counts;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SNT_RING_BYTES);
} snt_events SEC(".maps");

static __always_inline bool is_wanted(const struct snt_process *process, bool is_broken, __u32 kind)
{
	if (filter.only_failed && !is_broken && kind != SNT_FAILED)
		return false;
	return process_is_wanted(process);
}

static __always_inline bool direction_is_wanted(bool is_passive)
{
	return !filter.direction || (filter.direction == SNT_INGRESS) == is_passive;
}

static __always_inline bool protocol_is_wanted(__u8 protocol)
{
	return !filter.protocol || filter.protocol == protocol;
}

static __always_inline struct snt_event *event_begin(__u32 kind)
{
	struct snt_event *event = bpf_ringbuf_reserve(&snt_events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&counts.lost, 1);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->time_ns = bpf_ktime_get_boot_ns();
	return event;
}

/* What is new since it was told last. Two that tell of one connection at once share that between them. */
static __noinline __attribute__((unused)) __u64 new_take(__u64 *told, __u64 amount)
{
	for (int i = 0; i < TELLERS_MAX; i++) {
		__u64 before = *(volatile __u64 *)told;

		if (amount <= before)
			break;
		if (__sync_val_compare_and_swap(told, before, amount) == before)
			return amount - before;
	}
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static __always_inline bool is_ancestor(__u32 pid)
{
	for (int i = 0; i < SNT_ANCESTORS_MAX; i++)
		if (filter.ancestors[i] == pid)
			return pid; /* 0: not known, and the end of the list */
	return false;
}

/* What the helper asks for: SNT_TRAFFIC, of connections where there was some, SNT_OPEN, of all, or SNT_ENDED, of none but
 * UDP's that are over. It asks again until the round is complete: the ring may not hold what there is to tell.
 */
struct look {
	__u32 kind;
	bool is_cut;
	__u64 round;
	__u64 now_ns;
};

static __always_inline bool is_ring_filled(void)
{
	return bpf_ringbuf_query(&snt_events, BPF_RB_AVAIL_DATA) > SNT_RING_BYTES / 2;
}

static __always_inline __u64 less(__u64 from, __u64 much)
{
	return from > much ? from - much : 0;
}

#endif
