/* SPDX-License-Identifier: GPL-2.0-only */
/* What a system call that exits was, and the socket that it was about. */
#ifndef SNITCH_CALL_BPF_H
#define SNITCH_CALL_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct pt_regs;

/* Of the system call that exits: its number, or ~0 where that is not known, ... */
static __always_inline __u32 call_number(struct pt_regs *regs)
{
	struct pt_regs___of_x86 *x86 = (void *)regs;
	struct pt_regs___of_arm64 *arm64 = (void *)regs;

	if (bpf_core_field_exists(x86->orig_ax))
		return x86->orig_ax;
	if (bpf_core_field_exists(arm64->syscallno))
		return arm64->syscallno;
	return ~0U;
}

/* ... and its first argument. */
static __always_inline __u64 call_argument(struct pt_regs *regs)
{
	struct pt_regs___of_x86 *x86 = (void *)regs;
	struct pt_regs___of_arm64 *arm64 = (void *)regs;

	if (bpf_core_field_exists(x86->di))
		return x86->di;
	if (bpf_core_field_exists(arm64->orig_x0))
		return arm64->orig_x0;
	return ~0ULL;
}

/* The socket behind a descriptor of this process: looked at, and given to no helper. */
static __always_inline struct sock *socket_at(unsigned int descriptor)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;
	struct socket *socket;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

#endif
