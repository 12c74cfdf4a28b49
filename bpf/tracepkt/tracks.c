// SPDX-License-Identifier: GPL-2.0-or-later
/* What the programs follow, and nobody has seen for so long that it may have been freed where no hook is, makes
 * room for what comes.
 */
#include <stdlib.h>
#include <bpf/bpf.h>
#include "trace.h"

#define BATCH 1024

static bool is_stale(const struct tpk_seen *seen, uint64_t now_ns, uint64_t age_ns)
{
	return now_ns > seen->ns + (seen->is_taken ? TPK_TAKEN_NS : age_ns);
}

/* Looked at again just before: what has been seen meanwhile, or is another one at the same address, stays. Between
 * the two a hook can come still, and what it has seen is then followed no further.
 */
static void track_forget(int fd, const uint64_t *key, uint64_t seen_ns, void *value,
			 struct tracks_swept *swept)
{
	const struct tpk_seen *seen = value;

	if (bpf_map_lookup_elem(fd, key, value) || seen->ns != seen_ns ||
	    bpf_map_lookup_and_delete_elem(fd, key, value))
		return;
	swept->count++;
	swept->alive += seen->ns != seen_ns;
}

void tracks_sweep(int fd, size_t value_size, uint64_t now_ns, uint64_t age_ns,
		  struct tracks_swept *swept)
{
	uint64_t *keys = calloc(BATCH, sizeof(*keys));
	char *values = calloc(BATCH + 1, value_size);
	uint64_t next, *from = NULL;
	int err = keys && values ? 0 : -1;

	while (!err) {
		uint32_t count = BATCH;

		err = bpf_map_lookup_batch(fd, from, &next, keys, values, &count, NULL);
		if (err && count == BATCH) /* a failure: the last batch says how many there were */
			break;
		for (uint32_t i = 0; i < count; i++) {
			const struct tpk_seen *seen = (void *)(values + i * value_size);

			if (is_stale(seen, now_ns, age_ns))
				track_forget(fd, &keys[i], seen->ns, values + BATCH * value_size,
					     swept);
		}
		from = &next;
	}
	free(keys);
	free(values);
}
