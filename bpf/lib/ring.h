/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events from BPF programs. Each reader brings a ring buffer of its own, and puts it into a
 * free slot of a map of maps, where the programs find it (ring.bpf.h). A second map has a
 * struct ring_reader for each slot.
 */
#ifndef VSH_RING_H
#define VSH_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <bpf/libbpf.h>
#include "reader.h"

/* The pinned maps of one kind of events. */
struct ring_maps {
	const char *folder, *rings, *readers;
	uint32_t slots;
};

struct ring {
	const struct ring_maps *maps;
	struct ring_buffer *buffer;
	uint32_t slot;
	uint32_t map; /* id of the map that the slot is of */
	uint64_t lost; /* as ring_lost has told */
};

/* seen() gets each event. 0 or -errno: -ENOENT: the maps are not there; -EBUSY: each slot has
 * a reader.
 */
int ring_open(struct ring *ring, const struct ring_maps *maps, ring_buffer_sample_fn seen,
	      void *context);

/* Are the pinned maps still those that the ring buffer was put into? */
bool ring_is_heard(const struct ring *ring);

/* Waits for events, and takes all that there are. 0, also after a signal, or -errno. */
int ring_poll(struct ring *ring, int timeout_ms);

/* The same, and does not wait on when the other descriptor can be read; -1: there is none. */
int ring_poll_beside(struct ring *ring, int other, int timeout_ms);

/* Events that were lost since the last call. */
uint64_t ring_lost(struct ring *ring);

void ring_close(struct ring *ring);

/* Does a slot have a reader, alive or not? */
bool ring_reader_read(const struct ring_maps *maps, uint32_t slot, struct ring_reader *reader);
bool ring_reader_is_alive(const struct ring_reader *reader);

#endif
