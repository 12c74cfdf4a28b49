/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs of an object, for as long as this process runs: nothing is pinned, and they go with it however
 * it ends.
 */
#ifndef VSH_RUNNING_H
#define VSH_RUNNING_H

#include <stddef.h>
#include <stdint.h>
#include <bpf/libbpf.h>

#define RUNNING_MAX 32 /* programs that are attached */

struct running {
	struct bpf_object *object;
	struct ring_buffer *events;
	struct bpf_link *links[RUNNING_MAX];
	size_t attached;
};

struct running_plan {
	const char *directory; /* of the objects */
	const char *file;
	const char *hint; /* the command whose doctor says more */
	const void *settings; /* for the programs' .rodata, which is as large */
	size_t settings_size;
	/* Before loading: 0 or -errno; NULL: nothing to do. */
	int (*join)(struct bpf_object *object, void *context);
	void *join_context;
	const char *events; /* the map, a ring buffer */
	ring_buffer_sample_fn take; /* for each event */
	void *context;
};

/* Loads all, and attaches those that the table has as BY_RUN. Optional ones that the kernel refuses are left out,
 * with a note. DONE, or a message and FAILED; in any case to be closed.
 */
int running_begin(struct running *running, const struct running_plan *plan);
void running_end(struct running *running);
void running_detach(struct running *running); /* what they have told so far can still be read */

/* NULL: the kernel has refused it. */
struct bpf_program *running_program(const struct running *running, const char *name);

/* The map that is the programs' .bss, which has that size, to be mapped into memory; or -errno. */
int running_variables(const struct running *running, size_t size);

/* What it holds now. 0 or -errno. */
int running_counts(const struct running *running, void *counts, size_t size);

/* Runs an iterator of theirs from its beginning to its end, whatever it writes. 0 or -errno; -ENOENT: the kernel has
 * refused it.
 */
int running_iterate(const struct running *running, const char *name);

/* How often the kernel has not run this program, since it was at work already on that processor. 0 if the kernel
 * does not tell.
 */
uint64_t running_missed(const struct running *running, const char *name);

#endif
