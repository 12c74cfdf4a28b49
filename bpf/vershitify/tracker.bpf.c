// SPDX-License-Identifier: GPL-2.0-only
/* The tracker: which process is a target, and which sockets are a target's.
 *
 * vsh_tasks follows processes through exec, fork and exit. A socket takes the
 * mask of its process when it is made (cgroup/sock_create); what was there
 * before a rule is found by the iterators. The helper loads and attaches all
 * but vsh_sock_create, which `bpftool cgroup attach` does.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "flow.bpf.h"
#include "tag.bpf.h"
#include "target.bpf.h"
#include "event.bpf.h"
#include "table.bpf.h"
#include "uring.bpf.h"

#define INTERP_LEN 128 /* the kernel reads 255 bytes of a script's first line */

/* How many open sockets there are for each rule. Storage cannot be dumped, but walked: writes
 * one mask for each tagged socket that a process has open. First in the object because
 * hardened kernels refuse it: until then nothing else has been verified in vain.
 */
SEC("iter/bpf_sk_storage_map")
int vsh_iter_socks(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct vsh_sock *tag = ctx->value;
	struct sock *sk = ctx->sk;
	__u64 mask;

	if (!sk || !tag || !BPF_CORE_READ(sk, sk_socket, file))
		return 0;
	mask = mask_live(tag->owner.mask, tag->owner.epoch);
	if (mask)
		bpf_seq_write(ctx->meta->seq, &mask, sizeof(mask));
	return 0;
}

/* Is it a script whose interpreter is looked for by env, under whatever path? The name of
 * the process is then the script's until env executes the interpreter.
 */
static __always_inline bool is_started_by_env(struct linux_binprm *bprm)
{
	const char *interp = BPF_CORE_READ(bprm, interp);
	char path[INTERP_LEN], last[4];
	long length;

	if (interp == BPF_CORE_READ(bprm, filename))
		return false;
	length = bpf_probe_read_kernel_str(path, sizeof(path), interp);
	if (length <= (long)sizeof(last) ||
	    bpf_probe_read_kernel(last, sizeof(last), interp + length - 1 - sizeof(last)))
		return false;
	return last[0] == '/' && last[1] == 'e' && last[2] == 'n' && last[3] == 'v';
}

#define E2BIG 7

/* false: there is no room, and the process escapes. */
static __always_inline bool task_follow(__u32 tgid, const struct vsh_task *task)
{
	/* An int: older kernels leave the upper half of the result zero. */
	int err = bpf_map_update_elem(&vsh_tasks, &tgid, task, BPF_ANY);

	if (err)
		miss_count(task->mask, err == -E2BIG ? VSH_PROCESS_FULL : VSH_PROCESS_MEMORY);
	return !err;
}

/* Every hook reads the epoch before any mask: a rule that comes in between is then
 * added by the scan that follows it, and not taken for the one whose number it has.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(vsh_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	__u32 tgid = task->tgid;
	struct vsh_config *config = config_get();
	struct vsh_task *old = task_get(tgid);
	struct vsh_task new = {};
	__u64 named;

	if (!config)
		return 0;
	new.epoch = READ_ONCE(config->epoch);
	named = comm_mask(task);
	if (old) {
		new.own = mask_live(old->own, old->epoch);
		new.mask = mask_live(old->mask, old->epoch) & (config->children | new.own);
		named |= mask_live(old->script, old->epoch);
	}
	if (named && is_started_by_env(bprm))
		new.script = named;
	new.mask |= named | exe_mask(bprm->file);
	new.mask |= cgroup_mask(task->cgroups->dfl_cgrp, config) & config->children;
	if (new.mask) {
		if (task_follow(tgid, &new))
			event_launched(task, new.mask);
	} else if (old) {
		bpf_map_delete_elem(&vsh_tasks, &tgid);
	}
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(vsh_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = parent->tgid, child_tgid = child->tgid;
	struct vsh_config *config = config_get();
	struct vsh_task new = {};
	struct vsh_task *task;

	if (parent_tgid == child_tgid || !config) /* a thread */
		return 0;
	new.epoch = READ_ONCE(config->epoch);
	task = task_get(parent_tgid);
	if (task)
		new.mask = mask_live(task->mask, task->epoch);
	new.mask |= cgroup_mask(child->cgroups->dfl_cgrp, config) & config->children;
	if (new.mask)
		task_follow(child_tgid, &new);
	return 0;
}

/* The rules of a foreground run that died without cleaning up stop here. */
static __always_inline void owner_gone(__u32 tgid)
{
	__u64 *owned = bpf_map_lookup_elem(&vsh_owners, &tgid);
	__u64 mask;

	if (!owned)
		return;
	mask = *owned;
	for (int i = 0; i < VSH_RULES_MAX && mask; i++) {
		__u32 id = lowest_bit(mask);
		struct vsh_rule *rule = rule_get(id);

		if (rule && rule->owner == tgid)
			rule->needs |= VSH_ORPHANED;
		mask &= mask - 1;
	}
	event_abandoned(tgid, *owned);
	bpf_map_delete_elem(&vsh_owners, &tgid);
}

/* A tracer that was killed. */
static __always_inline void tracer_gone(__u32 tgid)
{
	__u32 zero = 0, *tracer = bpf_map_lookup_elem(&vsh_tracer, &zero);

	if (tracer && *tracer == tgid)
		*tracer = 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(vsh_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (task->signal->live.counter) /* other threads go on */
		return 0;
	bpf_map_delete_elem(&vsh_tasks, &tgid);
	bpf_map_delete_elem(&vsh_pids, &tgid);
	owner_gone(tgid);
	tracer_gone(tgid);
	return 0;
}

/* The rules of mask are for the cgroup with this id from now on. */
static __always_inline void cgroup_follow(__u64 mask, __u64 new)
{
	__u64 left = mask;

	for (int i = 0; i < VSH_RULES_MAX && left; i++) {
		__u32 id = lowest_bit(left);
		struct vsh_label *label = bpf_map_lookup_elem(&vsh_labels, &id);

		left &= left - 1;
		if (!label || label->cgroup_id == new)
			continue;
		bpf_map_delete_elem(&vsh_cgroups, &label->cgroup_id);
		label->cgroup_id = new;
	}
	if (bpf_map_update_elem(&vsh_cgroups, &new, &mask, BPF_ANY))
		miss_count(mask, VSH_CGROUP_NEW);
}

/* A rule by the path of a cgroup follows the path: whoever makes that anew moves a process
 * into it only after this has run.
 */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(vsh_cgroup_new, struct cgroup *cgroup, const char *path)
{
	struct vsh_config *config = config_get();
	struct vsh_cgroup_path key = {};
	__u64 *mask;

	if (!config || !config->cgroups || BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0;
	if (bpf_probe_read_kernel_str(key.path, sizeof(key.path), path) == sizeof(key.path))
		return 0; /* it may go on */
	mask = bpf_map_lookup_elem(&vsh_followed, &key);
	if (mask)
		cgroup_follow(*mask, BPF_CORE_READ(cgroup, kn, id));
	return 0;
}

SEC("cgroup/sock_create")
int vsh_sock_create(struct bpf_sock *sk)
{
	struct vsh_task *task = task_get(bpf_get_current_pid_tgid() >> 32);
	struct vsh_config *config = config_get();
	struct vsh_sock *tag;
	__u64 mask = 0;
	__u32 epoch;

	if (!config)
		return 1;
	epoch = READ_ONCE(config->epoch);
	if (task)
		mask = mask_live(task->mask, task->epoch);
	mask |= current_cgroup_mask(config);
	if (!mask)
		return 1;
	tag = tag_make(sk, mask, VSH_SOCKET_NEW);
	if (tag && tag_add(tag, mask, epoch, bpf_get_netns_cookie(sk)))
		event_tagged_by_current(mask);
	return 1;
}

/* An accepted socket begins with its listener's tag: its own count and numbers
 * start when it is established, before it sends anything.
 */
static __always_inline void accepted_start(struct vsh_sock *tag)
{
	__builtin_memset(tag->owner.packets, 0, sizeof(tag->owner.packets));
	ordinals_take(tag, mask_live(tag->owner.mask, tag->owner.epoch));
}

static __always_inline void flow_key_of(struct sock *sk, struct vsh_flow_key *key)
{
	struct sock_common *common = &sk->__sk_common;

	key->netns_cookie = common->skc_net.net->net_cookie;
	key->family = common->skc_family;
	key->sport = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	key->dport = common->skc_dport;
	if (common->skc_family == AF_INET6) {
		BPF_CORE_READ_INTO(&key->saddr, common, skc_v6_rcv_saddr.in6_u.u6_addr32);
		BPF_CORE_READ_INTO(&key->daddr, common, skc_v6_daddr.in6_u.u6_addr32);
		if (key->saddr[0] || key->saddr[1] || key->saddr[2] != bpf_htonl(0xffff))
			return;
		/* An IPv4 connection of an IPv6 socket. */
		__builtin_memset(key->saddr, 0, sizeof(key->saddr));
		__builtin_memset(key->daddr, 0, sizeof(key->daddr));
	}
	key->family = AF_INET;
	key->saddr[0] = common->skc_rcv_saddr;
	key->daddr[0] = common->skc_daddr;
}

/* A further subflow may come in through a listener of the kernel's own, or of another
 * program's: what it inherits from that means nothing, the classifier will ask whose it is.
 */
static __always_inline void joined_start(struct sock *sk)
{
	struct vsh_sock *tag = subflow_tag_make(sk);

	if (!tag)
		return;
	__builtin_memset(&tag->owner, 0, sizeof(tag->owner));
	tag->owner.stale = 1;
}

/* For MPTCP the kernel uses an internal listener, which is tagged only at its first SYN-ACK.
 * With Fast Open a client's first packet makes a connection before that: it inherits "stale",
 * and is tagged when it sends. Processes that cannot be targets are skipped.
 */
static __always_inline void listener_start(struct sock *sk)
{
	struct vsh_task *task = task_get(bpf_get_current_pid_tgid() >> 32);
	struct vsh_config *config = config_get();
	struct vsh_sock *tag;

	if (!config || (!config->cgroups && !(task && task->mask)) || !is_subflow(sk))
		return;
	tag = subflow_tag_make(sk);
	if (tag)
		tag->owner.stale = 1;
}

/* Remembers the connections of targets at each change of state, so that what the
 * kernel sends after the socket is gone (the last ACK, resets) finds its rules.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(vsh_set_state, struct sock *sk, int old_state, int new_state)
{
	struct vsh_flow_key key = {};
	struct vsh_sock *tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);

	if (new_state == TCP_LISTEN) {
		listener_start(sk);
		return 0;
	}
	if (new_state == TCP_ESTABLISHED && old_state != TCP_SYN_SENT) {
		if (is_joined_subflow(sk))
			joined_start(sk);
		else if (tag)
			accepted_start(tag);
	}
	if (sk->sk_protocol != IPPROTO_TCP || new_state == TCP_SYN_SENT)
		return 0;
	flow_key_of(sk, &key);
	if (tag && tag->owner.mask)
		flow_remember(&key, tag);
	else if (new_state == TCP_ESTABLISHED) /* a bystander's, with addresses used before */
		bpf_map_delete_elem(&vsh_flows, &key);
	return 0;
}

/* The iterators: what was there before the rule. The helper reads them until a
 * round finds nothing new, since a child may come before its parent.
 */

/* A process is looked at by its first thread or, after that has ended, by each of the others. */
static __always_inline bool stands_for_process(struct task_struct *task)
{
	return task->mm && (task->pid == task->tgid || !task->group_leader->mm);
}

SEC("iter/task")
int vsh_iter_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct vsh_config *config = config_get();
	struct vsh_task *old, *parent, new = {};
	__u32 tgid, parent_tgid;
	__u64 mask, own;

	if (!task || !config || !stands_for_process(task))
		return 0;
	new.epoch = READ_ONCE(config->epoch);
	tgid = task->tgid;
	parent_tgid = task->real_parent->tgid;
	own = pid_mask(tgid);
	mask = own | comm_mask(task->group_leader) | exe_mask(task->mm->exe_file);
	mask |= cgroup_mask(task->cgroups->dfl_cgrp, config) & config->children;
	parent = task_get(parent_tgid);
	if (parent)
		mask |= mask_live(parent->mask, parent->epoch) & config->children;
	old = task_get(tgid);
	if (old) {
		new.mask = mask_live(old->mask, old->epoch);
		new.own = mask_live(old->own, old->epoch);
	}
	if (!(mask & ~new.mask) && !(own & ~new.own))
		return 0;
	new.mask |= mask;
	new.own |= own;
	if (bpf_map_update_elem(&vsh_tasks, &tgid, &new, BPF_ANY))
		miss_count(mask, VSH_PROCESS_RUNNING);
	else
		bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}

/* Has the socket got all rules of its process already? A rule over the process is not younger than
 * the process's epoch, hence not younger than the tag's. Most sockets end here.
 */
static __always_inline bool is_tagged(const struct vsh_sock *tag, const struct vsh_task *task)
{
	return tag && task && !(task->mask & ~tag->owner.mask) && tag->owner.epoch >= task->epoch;
}

static __always_inline __u64 rules_over(struct task_struct *task, const struct vsh_task *entry,
					const struct vsh_config *config)
{
	__u64 mask = entry ? mask_live(entry->mask, entry->epoch) : 0;

	return mask | cgroup_mask(task->cgroups->dfl_cgrp, config);
}

/* The tag of a socket that a task has open, NULL if it has none. What is new is found. */
static __always_inline struct vsh_sock *open_tag(struct task_struct *task, struct sock *sk,
						 const struct vsh_config *config,
						 struct vsh_found *found)
{
	struct vsh_sock *tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);
	__u32 epoch = READ_ONCE(config->epoch);
	struct vsh_task *entry = task_get(task->tgid);
	__u64 mask;

	if (!config->cgroups && is_tagged(tag, entry))
		return tag;
	mask = rules_over(task, entry, config);
	if (!mask)
		return NULL;
	tag = tag_make(sk, mask, VSH_SOCKET_OPEN);
	if (tag && tag_add(tag, mask, epoch, sk->__sk_common.skc_net.net->net_cookie)) {
		event_tagged(task, mask);
		found->tagged = 1;
		subflows_untold(sk, tag);
	}
	return tag;
}

/* The kernel has what is registered with a ring of io_uring open for the ring, and for nobody else.
 * true: there is something in it.
 */
static __always_inline bool ring_look(struct task_struct *task, struct file *file,
				      const struct vsh_config *config)
{
	__u64 mask;

	if (!is_ring(file))
		return false;
	mask = rules_over(task, task_get(task->tgid), config);
	return mask && ring_misses(file, mask);
}

/* Processes that share files by fork have tables of their own with the same in them: the helper
 * lets vsh_iter_file walk through one of them. Threads share the table of the first one, mostly.
 */
SEC("iter/task")
int vsh_iter_table(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct vsh_config *config = config_get();
	struct vsh_table table = {};

	if (!task || !config || !task->files)
		return 0;
	table.own = task->pid != task->tgid;
	if (table.own && task->files == task->group_leader->files)
		return 0;
	table.tid = task->pid;
	table.mask = rules_over(task, task_get(task->tgid), config);
	table.sum = table_sum(task->files);
	bpf_seq_write(ctx->meta->seq, &table, sizeof(table));
	return 0;
}

SEC("iter/task_file")
int vsh_iter_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct vsh_config *config = config_get();
	struct file *file = ctx->file;
	struct vsh_found found = {};
	struct socket *socket;
	struct vsh_sock *tag;
	struct sock *sk;

	if (!task || !file || !config || (!config->cgroups && !task_get(task->tgid)))
		return 0;
	socket = bpf_sock_from_file(file);
	if (socket) {
		sk = socket->sk;
		if (sk && is_network_socket(sk)) {
			tag = open_tag(task, sk, config, &found);
			found.subflows = tag && subflows_tell(sk, tag);
		}
	} else {
		found.ring = ring_look(task, file, config);
	}
	found.pid = task->pid;
	found.fd = ctx->fd;
	found.sum = visited_sum(ctx);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

/* The subflows in one network namespace. Whose they are, a tracing program cannot ask:
 * the classifier will when they send.
 */
SEC("iter/tcp")
int vsh_iter_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct vsh_sock *tag;
	struct tcp_sock *sk;

	if (!common)
		return 0;
	sk = bpf_skc_to_tcp_sock(common);
	if (!sk || !is_subflow(sk))
		return 0;
	tag = subflow_tag_make(sk);
	if (tag)
		__sync_fetch_and_add(&tag->owner.stale, 1);
	return 0;
}

/* The same for kernels that refuse the walk over storage: by the files of all processes, each socket
 * once. Two who read at the same time disturb each other: then it may come more often.
 */
SEC("iter/task_file")
int vsh_iter_open(struct bpf_iter__task_file *ctx)
{
	struct vsh_open open = {};
	struct file *file = ctx->file;
	struct socket *socket;
	struct vsh_sock *tag;
	struct sock *sk;

	if (!ctx->task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_network_socket(sk))
		return 0;
	tag = bpf_sk_storage_get(&vsh_socks, sk, NULL, 0);
	if (!tag || tag->counted == ctx->meta->session_id)
		return 0;
	tag->counted = ctx->meta->session_id;
	open.mask = mask_live(tag->owner.mask, tag->owner.epoch);
	if (!open.mask)
		return 0;
	open.cookie = bpf_get_socket_cookie(sk);
	bpf_seq_write(ctx->meta->seq, &open, sizeof(open));
	return 0;
}

char _license[] SEC("license") = "GPL";
