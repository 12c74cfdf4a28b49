/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose a socket is, and which are asked for: what all objects that watch TCP have in common. */
#ifndef SNITCH_WHOSE_BPF_H
#define SNITCH_WHOSE_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "snitch.h"
#include "tagged.bpf.h"

#define EEXIST 17
#define PF_KTHREAD 0x200000 /* of the kernel's own */

const volatile struct snt_filter filter;

/* --- who -------------------------------------------------------------------------------------- */

static __always_inline void process_of(struct task_struct *task, struct snt_process *process)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	process->pid = BPF_CORE_READ(task, tgid);
	process->uid = BPF_CORE_READ(task, cred, uid.val);
	process->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_probe_read_kernel(process->comm, sizeof(process->comm), leader->comm);
}

static __always_inline void process_current(struct snt_process *process)
{
	process_of((struct task_struct *)bpf_get_current_task(), process);
}

static __always_inline bool process_is_wanted(const struct snt_process *process)
{
	if (filter.pid && process->pid != filter.pid)
		return false;
	for (int i = 0; filter.has_comm && i < SNT_COMM_LEN; i++)
		if (process->comm[i] != filter.comm[i])
			return false;
		else if (!filter.comm[i])
			break;
	return true;
}

/* --- where ------------------------------------------------------------------------------------ */

static __always_inline void mapped_write(__u32 address[4], __u32 ip4)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = bpf_htonl(0xffff);
	address[3] = ip4;
}

static __always_inline void addresses_read(struct sock *sk, __u32 local[4], __u32 remote[4])
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		mapped_write(local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		mapped_write(remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
		return;
	}
	bpf_core_read(local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	bpf_core_read(remote, 16, &sk->__sk_common.skc_v6_daddr);
}

static __always_inline bool prefix_has(const __u32 address[4])
{
	for (int i = 0; i < 4; i++) {
		int bits = (int)filter.prefix_bits - 32 * i;
		__u32 mask = bits >= 32 ? ~0U : bits <= 0 ? 0 : ~0U << (32 - bits);

		if ((bpf_ntohl(address[i] ^ ((const volatile __u32 *)filter.prefix)[i])) & mask)
			return false;
	}
	return true;
}

static __always_inline bool place_is_wanted(__u64 netns_cookie, const __u32 remote[4],
					    __u16 local_port, __u16 remote_port)
{
	if (filter.netns_cookie && netns_cookie != filter.netns_cookie)
		return false;
	if (filter.port && local_port != filter.port && remote_port != filter.port)
		return false;
	return !filter.prefix_bits || prefix_has(remote);
}

static __always_inline __u64 netns_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie);
}

static __always_inline __u16 local_port_of(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline __u16 remote_port_of(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline bool socket_is_wanted(struct sock *sk)
{
	__u32 local[4], remote[4];

	if (filter.owned && !is_targets_socket(sk))
		return false;
	addresses_read(sk, local, remote);
	return place_is_wanted(netns_of(sk), remote, local_port_of(sk), remote_port_of(sk));
}

/* --- listeners -------------------------------------------------------------------------------- */

/* What is accepted is its listener's, until a process accepts it. */
struct listening {
	__u64 netns_cookie;
	__u32 port;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SNT_LISTENERS_MAX);
	__type(key, struct listening);
	__type(value, struct snt_process);
} snt_listeners SEC(".maps");

static __always_inline void listener_note(struct sock *sk, struct task_struct *task)
{
	struct listening key = { .netns_cookie = netns_of(sk) };
	struct snt_process process = {};

	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	process_of(task, &process);
	bpf_map_update_elem(&snt_listeners, &key, &process, BPF_ANY);
}

static __always_inline struct snt_process *listener_of(struct sock *sk)
{
	struct listening key = { .netns_cookie = netns_of(sk) };

	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	return bpf_map_lookup_elem(&snt_listeners, &key);
}

#endif
