// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include "callcounts.h"
#include "callwords.h"
#include "maps.h"

static void call_counts_add(void *sums, const void *value)
{
	const struct vsh_call_counts *counts = value;
	struct vsh_call_counts *sum = sums;

	for (int call = 0; call < VSH_CALLS; call++) {
		sum->calls[call].seen += counts->calls[call].seen;
		sum->calls[call].failed += counts->calls[call].failed;
	}
}

int call_counts_read(uint32_t id, struct vsh_call_counts *sum)
{
	int err, fd = map_open("vsh_calls");

	*sum = (struct vsh_call_counts){};
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = cpus_sum(fd, id, sizeof(struct vsh_call_counts), call_counts_add, sum);
	fd_close(fd);
	return err;
}

int calls_seen(uint32_t id, uint64_t *seen)
{
	struct vsh_call_counts counts;
	int err = call_counts_read(id, &counts);

	*seen = 0;
	for (int call = 0; call < VSH_CALLS; call++)
		*seen += counts.calls[call].seen;
	return err;
}

/* What is refused is a packet, and counted as one. */
static bool is_counted(const struct vsh_label *label, enum vsh_call call)
{
	return call_hooks(label) & VSH_CALL_HOOK(call);
}

int call_counts_print(const char *prefix, uint32_t id, const struct vsh_label *label)
{
	struct vsh_call_counts counts;
	int err = call_counts_read(id, &counts);

	for (int call = 0; !err && call < VSH_CALLS; call++)
		if (is_counted(label, call))
			printf("%s%s seen %llu calls failed %llu\n", prefix, call_name(call),
			       (unsigned long long)counts.calls[call].seen,
			       (unsigned long long)counts.calls[call].failed);
	return err;
}

int call_counts_print_json(struct json *json, uint32_t id, const struct vsh_label *label)
{
	struct vsh_call_counts counts;
	int err = call_counts_read(id, &counts);

	if (err || !call_hooks(label))
		return err;
	json_object_begin(json, "calls");
	for (int call = 0; call < VSH_CALLS; call++) {
		if (!is_counted(label, call))
			continue;
		json_object_begin(json, call_name(call));
		json_number(json, "seen", counts.calls[call].seen);
		json_number(json, "failed", counts.calls[call].failed);
		json_object_end(json);
	}
	json_object_end(json);
	return 0;
}

void calls_summary_print(uint32_t id, const struct vsh_label *label)
{
	struct vsh_call_counts counts;

	if (call_counts_read(id, &counts))
		return;
	for (int call = 0; call < VSH_CALLS; call++) {
		const struct vsh_call_count *count = &counts.calls[call];

		if (!is_counted(label, call) || !count->seen)
			continue;
		printf("%s: %llu of %llu calls failed: %.4g%%; asked for ", call_name(call),
		       (unsigned long long)count->failed, (unsigned long long)count->seen,
		       100.0 * count->failed / count->seen);
		failure_print(stdout, &label->failures[call]);
		putchar('\n');
	}
}
