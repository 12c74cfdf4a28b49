/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of events, as BPF programs and the helper know them: see ring.h. */
#ifndef VSH_READER_H
#define VSH_READER_H

#include <linux/types.h>

#define RING_BYTES (256 * 1024)

/* Who reads the ring buffer of a slot, and how many events found it full. */
struct ring_reader {
	__u64 lost;
	__u32 pid; /* 0: nobody */
	__u32 pad;
};

_Static_assert(sizeof(struct ring_reader) == 16, "ring_reader has no holes");

#endif
