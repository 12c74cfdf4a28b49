/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that are registered with a ring of io_uring, and open nowhere else. No iterator visits them,
 * and a pointer that was only read is none to tag by: they are counted, by reading alone.
 */
#ifndef VERSHITIFY_URING_BPF_H
#define VERSHITIFY_URING_BPF_H

#include "kernel.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "tag.bpf.h"

#define ANON_INODE_FS_MAGIC 0x09041934
#define RING_FILES_MAX 65536
#define FILE_MARKS 7UL /* io_uring's own, in the lowest bits of a pointer */
#define S_IFMT 0170000
#define S_IFSOCK 0140000

union ring_name {
	char text[16];
	__u64 words[2]; /* for a comparison without memcmp(), which BPF does not have */
};

/* Nobody else makes files in that file system. */
static __always_inline bool is_ring(struct file *file)
{
	const union ring_name ring = { .text = "[io_uring]" };
	union ring_name name = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return false;
	bpf_probe_read_kernel_str(name.text, sizeof(name.text),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name.words[0] == ring.words[0] && name.words[1] == ring.words[1];
}

static __always_inline unsigned int ring_size(struct io_ring_ctx *ring)
{
	struct io_ring_ctx___6_12 *old = (void *)ring;

	if (bpf_core_field_exists(old->nr_user_files))
		return BPF_CORE_READ(old, nr_user_files);
	return BPF_CORE_READ(ring, file_table.data.nr);
}

static __always_inline struct file *ring_file(struct io_ring_ctx *ring, __u32 i)
{
	struct io_ring_ctx___6_12 *old = (void *)ring;
	struct io_rsrc_node **nodes, *node = NULL;
	struct io_fixed_file *files;
	unsigned long pointer = 0;

	if (bpf_core_field_exists(old->nr_user_files)) {
		files = BPF_CORE_READ(old, file_table.files);
		bpf_probe_read_kernel(&pointer, sizeof(pointer),
				      (void *)files + i * bpf_core_type_size(struct io_fixed_file));
	} else {
		nodes = BPF_CORE_READ(ring, file_table.data.nodes);
		bpf_probe_read_kernel(&node, sizeof(node), nodes + i);
		pointer = node ? BPF_CORE_READ(node, file_ptr) : 0;
	}
	return (struct file *)(pointer & ~FILE_MARKS);
}

/* A socket without any storage has no tag of ours. */
static __always_inline bool is_untagged_socket(struct file *file)
{
	struct socket *socket;
	struct sock *sk;
	__u16 family;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return false;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	return (family == AF_INET || family == AF_INET6 || family == AF_PACKET) &&
	       !BPF_CORE_READ(sk, sk_bpf_storage);
}

struct ring_walk {
	struct io_ring_ctx *ring;
	__u64 mask;
};

static long ring_walk(__u32 i, void *context)
{
	struct ring_walk *walk = context;

	if (is_untagged_socket(ring_file(walk->ring, i)))
		miss_count(walk->mask, VSH_SOCKET_FIXED);
	return 0;
}

/* Counts for the rules of mask the sockets that have no tag. false: the ring has no files. */
static __always_inline bool ring_misses(struct file *file, __u64 mask)
{
	struct ring_walk walk = { .ring = BPF_CORE_READ(file, private_data), .mask = mask };
	unsigned int size = walk.ring ? ring_size(walk.ring) : 0;

	if (size)
		bpf_loop(size < RING_FILES_MAX ? size : RING_FILES_MAX, ring_walk, &walk, 0);
	return size;
}

#endif
