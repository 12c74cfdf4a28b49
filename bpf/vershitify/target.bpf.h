/* SPDX-License-Identifier: GPL-2.0-only */
/* Whom do the rules name? Each function returns the mask of the rules that name
 * the thing it is given. The maps are written by bpftool when a rule is added.
 */
#ifndef VERSHITIFY_TARGET_BPF_H
#define VERSHITIFY_TARGET_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "tag.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, struct vsh_comm);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, struct vsh_exe);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_exes SEC(".maps");

/* By cgroup id, the inode number of its directory. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u64);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_cgroups SEC(".maps");

/* The same by path, for cgroups that are made anew under it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, struct vsh_cgroup_path);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_followed SEC(".maps");

/* By tgid: read when running processes are looked for, gone with the process, so
 * that no other one inherits its number.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_pids SEC(".maps");

/* By tgid of a foreground run: the rules that end with it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, VSH_RULES_MAX);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} vsh_owners SEC(".maps");

static __always_inline __u64 comm_mask(struct task_struct *task)
{
	struct vsh_comm key = {};
	__u64 *mask;

	bpf_probe_read_kernel_str(key.comm, sizeof(key.comm), task->comm);
	mask = bpf_map_lookup_elem(&vsh_comms, &key);
	return mask ? *mask : 0;
}

/* Since 6.13 the nanoseconds share their word with a mark of the kernel's own. */
#define CTIME_NSEC_MASK 0x3fffffff
#define SECOND_NS 1000000000

static __always_inline __u64 inode_ctime_ns(struct inode *inode)
{
	struct inode___6_11 *newer = (void *)inode;
	struct inode___6_6 *new = (void *)inode;

	if (bpf_core_field_exists(newer->i_ctime_sec))
		return BPF_CORE_READ(newer, i_ctime_sec) * SECOND_NS +
		       (BPF_CORE_READ(newer, i_ctime_nsec) & CTIME_NSEC_MASK);
	if (bpf_core_field_exists(new->__i_ctime))
		return BPF_CORE_READ(new, __i_ctime.tv_sec) * SECOND_NS +
		       BPF_CORE_READ(new, __i_ctime.tv_nsec);
	return BPF_CORE_READ(inode, i_ctime.tv_sec) * SECOND_NS +
	       BPF_CORE_READ(inode, i_ctime.tv_nsec);
}

static __always_inline __u64 exe_key_mask(const struct vsh_exe *key)
{
	__u64 *mask = bpf_map_lookup_elem(&vsh_exes, key);

	return mask ? *mask : 0;
}

/* By either stamp: which one the file system told, the rule's maker knows. */
static __always_inline __u64 exe_mask(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct vsh_exe key = {
		.ino = BPF_CORE_READ(inode, i_ino),
		.dev = BPF_CORE_READ(inode, i_sb, s_dev),
		.stamp_kind = VSH_GENERATION,
		.stamp = BPF_CORE_READ(inode, i_generation),
	};
	__u64 mask = exe_key_mask(&key);

	key.stamp_kind = VSH_CTIME;
	key.stamp = inode_ctime_ns(inode);
	return mask | exe_key_mask(&key);
}

static __always_inline __u64 pid_mask(__u32 tgid)
{
	__u64 *mask = bpf_map_lookup_elem(&vsh_pids, &tgid);

	return mask ? *mask : 0;
}

/* A cgroup counts with all that is below it. */
static __always_inline __u64 cgroup_mask(struct cgroup *cgroup, const struct vsh_config *config)
{
	__u64 found = 0;

	if (!config->cgroups)
		return 0;
	for (int i = 0; i < VSH_CGROUP_DEPTH && cgroup; i++) {
		__u64 id = BPF_CORE_READ(cgroup, kn, id);
		__u64 *mask = bpf_map_lookup_elem(&vsh_cgroups, &id);

		if (mask)
			found |= *mask;
		/* struct cgroup begins with its css, whose parent is the parent's. */
		cgroup = (struct cgroup *)BPF_CORE_READ(cgroup, self.parent);
	}
	return found;
}

/* The same by helpers, for cgroup programs. */
static __always_inline __u64 current_cgroup_mask(const struct vsh_config *config)
{
	__u64 found = 0;

	if (!config || !config->cgroups)
		return 0;
	for (int level = 0; level < VSH_CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		__u64 *mask;

		if (!id)
			break;
		mask = bpf_map_lookup_elem(&vsh_cgroups, &id);
		if (mask)
			found |= *mask;
	}
	return found;
}

static __always_inline bool is_network_socket(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 || family == AF_PACKET;
}

/* Of an MPTCP socket, "stale" says that its subflows have to be told of its rules. The
 * helper does it. It is asked SUBFLOW_TELLINGS times, since one scan may be interrupted,
 * the process that has the socket open may end, and another scan that runs at the same time
 * relies on the result.
 */
#define SUBFLOW_TELLINGS 3

static __always_inline void subflows_untold(struct sock *sk, struct vsh_sock *tag)
{
	if (sk->sk_protocol == IPPROTO_MPTCP)
		tag->owner.stale = SUBFLOW_TELLINGS;
}

static __always_inline bool subflows_tell(struct sock *sk, struct vsh_sock *tag)
{
	if (sk->sk_protocol != IPPROTO_MPTCP || !tag->owner.stale)
		return false;
	tag->owner.stale--;
	return true;
}

/* A socket that the kernel has made for an MPTCP socket of a program. */
static __always_inline bool is_subflow(void *sk)
{
	return bpf_core_field_exists(struct tcp_sock, is_mptcp) &&
	       BPF_CORE_READ((struct sock *)sk, sk_protocol) == IPPROTO_TCP &&
	       BPF_CORE_READ((struct tcp_sock *)sk, is_mptcp);
}

/* One that is not the first of its MPTCP socket. */
static __always_inline bool is_joined_subflow(void *sk)
{
	struct mptcp_subflow_context *context;

	if (!is_subflow(sk))
		return false;
	context = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_data);
	return BPF_CORE_READ_BITFIELD_PROBED(context, mp_join);
}

#endif
