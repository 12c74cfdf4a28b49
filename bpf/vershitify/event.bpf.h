/* SPDX-License-Identifier: GPL-2.0-only */
/* What is told to those who listen. */
#ifndef VERSHITIFY_EVENT_BPF_H
#define VERSHITIFY_EVENT_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "ring.bpf.h"
#include "vershitify.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, VSH_LISTENERS_MAX);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct ring);
} vsh_listeners SEC(".maps");

/* Who listens, and how many events found the ring buffer full. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_LISTENERS_MAX);
	__type(key, __u32);
	__type(value, struct ring_reader);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_lost SEC(".maps");

static __always_inline void event_send(struct vsh_event *event)
{
	ring_send(&vsh_listeners, &vsh_lost, VSH_LISTENERS_MAX, event, sizeof(*event));
}

static __always_inline void event_launched(struct task_struct *task, __u64 mask)
{
	struct vsh_event event = { .kind = VSH_LAUNCHED, .pid = task->tgid, .mask = mask };

	BPF_CORE_READ_STR_INTO(&event.parent, task, real_parent, group_leader, comm);
	BPF_CORE_READ_STR_INTO(&event.child, task, comm);
	event_send(&event);
}

static __always_inline void event_tagged(struct task_struct *task, __u64 mask)
{
	struct vsh_event event = { .kind = VSH_TAGGED, .pid = task->tgid, .mask = mask };

	BPF_CORE_READ_STR_INTO(&event.child, task, group_leader, comm);
	event_send(&event);
}

/* For cgroup programs, which have no task at hand. */
static __always_inline void event_tagged_by_current(__u64 mask)
{
	struct vsh_event event = {
		.kind = VSH_TAGGED,
		.pid = bpf_get_current_pid_tgid() >> 32,
		.mask = mask,
	};

	bpf_get_current_comm(event.child, sizeof(event.child));
	event_send(&event);
}

static __always_inline void event_abandoned(__u32 tgid, __u64 mask)
{
	struct vsh_event event = { .kind = VSH_ABANDONED, .pid = tgid, .mask = mask };

	event_send(&event);
}

#endif
