/* SPDX-License-Identifier: GPL-2.0-only */
/* The sum of a table of descriptors: two tables with the same files under the same numbers have the
 * same. Pointers are only read, and given to nobody.
 */
#ifndef VERSHITIFY_TABLE_BPF_H
#define VERSHITIFY_TABLE_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "mix.h"

#define TABLE_PART 32 /* descriptors read at once; the kernel's tables have a multiple of this */
#define TABLE_PARTS_MAX (1U << 22)

struct table_walk {
	struct file **fd;
	__u64 sum;
	__u32 failed;
	__u32 pad;
};

/* Of one descriptor; those of a table are added up. */
static __always_inline __u64 descriptor_sum(__u32 fd, __u64 address)
{
	return mix64(address + fd * GOLDEN);
}

/* The verifier calculates with no pointer that it knows as one. */
static __always_inline __u64 visited_sum(struct bpf_iter__task_file *ctx)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &ctx->file);
	return descriptor_sum(ctx->fd, address);
}

static long table_part(__u32 i, void *context)
{
	struct table_walk *walk = context;
	struct file *files[TABLE_PART];

	if (bpf_probe_read_kernel(files, sizeof(files), walk->fd + (__u64)i * TABLE_PART)) {
		walk->failed = 1;
		return 1;
	}
	for (__u32 j = 0; j < TABLE_PART; j++)
		if (files[j])
			walk->sum += descriptor_sum(i * TABLE_PART + j, (__u64)files[j]);
	return 0;
}

/* 0 where it cannot be told. */
static __always_inline __u64 table_sum(struct files_struct *table)
{
	struct fdtable *fdt = BPF_CORE_READ(table, fdt);
	unsigned int parts = BPF_CORE_READ(fdt, max_fds) / TABLE_PART;
	struct table_walk walk = { .fd = BPF_CORE_READ(fdt, fd) };

	if (parts > TABLE_PARTS_MAX)
		return 0;
	bpf_loop(parts, table_part, &walk, 0);
	return walk.failed ? 0 : walk.sum;
}

#endif
