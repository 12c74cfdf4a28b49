/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps, shared by every object. Pinned by name: whoever loads an object
 * first, tc or the helper, makes the map, and the next one joins it.
 */
#ifndef VERSHITIFY_MAPS_BPF_H
#define VERSHITIFY_MAPS_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_helpers.h>
#include "vershitify.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, struct vsh_rule);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_rules SEC(".maps");

/* Mostly for user space; the programs keep cgroup_id, and read the selector. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, struct vsh_label);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vsh_config);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_config SEC(".maps");

/* Sockets seen so far by each rule: where a new one takes its ordinal. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_ordinals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VSH_RULES_MAX *VSH_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct vsh_stats);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_RULES_MAX * 2);
	__type(key, __u32);
	__type(value, struct vsh_misses);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_misses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE); /* accepted sockets inherit */
	__type(key, int);
	__type(value, struct vsh_sock);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, VSH_FLOWS_MAX);
	__type(key, struct vsh_flow_key);
	__type(value, struct vsh_flow);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_TASKS_MAX);
	__type(key, __u32);
	__type(value, struct vsh_task);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_tasks SEC(".maps");

/* tgid of a tracer that wants to know what is dropped, or 0. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_tracer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VSH_DROPPED_CPUS);
	__type(key, __u32);
	__type(value, struct vsh_dropped);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_dropped SEC(".maps");

#endif
