// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that a target is passed (SCM_RIGHTS, pidfd_getfd), tagged on arrival.
 * An object of its own, because it is optional: where the BPF LSM does not load,
 * such sockets are found by the next scan.
 *
 * For sockets inherited through exec there is no such hook. socket_sendmsg would
 * do, but everybody's sends would pay for it.
 */
#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tag.bpf.h"
#include "target.bpf.h"
#include "event.bpf.h"

SEC("lsm/file_receive")
int BPF_PROG(vsh_receive, struct file *file, int verdict)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vsh_task *entry = task_get(task->tgid);
	struct vsh_config *config = config_get();
	struct socket *socket;
	struct vsh_sock *tag;
	struct sock *sk;
	__u32 epoch;
	__u64 mask;

	if (verdict || !entry || !config)
		return verdict;
	epoch = READ_ONCE(config->epoch);
	mask = mask_live(entry->mask, entry->epoch);
	socket = bpf_sock_from_file(file);
	if (!mask || !socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_network_socket(sk))
		return 0;
	tag = tag_make(sk, mask, VSH_SOCKET_NEW);
	if (tag && tag_add(tag, mask, epoch, sk->__sk_common.skc_net.net->net_cookie)) {
		event_tagged(task, mask);
		subflows_untold(sk, tag);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
