// SPDX-License-Identifier: GPL-2.0-or-later
/* The devices that are served: their maps, what those have counted, and which are meant. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "ping.h"
#include "values.h"

#define CLOSED -1

static const struct ping_device no_device = {
	.stats_fd = CLOSED,
	.src_fd = CLOSED,
	.dst_fd = CLOSED,
};

static void device_close(struct ping_device *device)
{
	fd_close(device->stats_fd);
	fd_close(device->src_fd);
	fd_close(device->dst_fd);
	*device = no_device;
}

/* Of its two programs one is loaded. 0: none is. */
static uint64_t begun_ns(const char *folder)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int fd = pin_open(folder, "pk_xdp");

	if (fd < 0)
		fd = pin_open(folder, "pk_tc");
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size))
		info.load_time = 0;
	fd_close(fd);
	return info.load_time;
}

/* 0 or -errno: a device can go at any time. key: the name of its folder. */
static int device_open(const char *key, struct ping_device *device)
{
	char folder[512];
	int err;

	snprintf(folder, sizeof(folder), PK_PINS_DIR "/%s", key);
	err = pin_read(folder, "pk_config", &device->config, 1, sizeof(device->config));
	err = err ?: pin_read(folder, "pk_label", &device->label, 1, sizeof(device->label));
	err = err ?: pin_read(folder, "pk_hook", &device->hook, 1, sizeof(device->hook));
	if (err)
		return err;
	device->begun_ns = begun_ns(folder);
	device->stats_fd = pin_open(folder, "pk_stats");
	device->src_fd = pin_open(folder, "pk_src");
	device->dst_fd = pin_open(folder, "pk_dst");
	if (device->stats_fd >= 0 && device->src_fd >= 0 && device->dst_fd >= 0) {
		ping_state_look(device);
		return 0;
	}
	device_close(device);
	return -ENOENT;
}

static void times_add(struct pk_times *sum, const struct pk_times *times)
{
	sum->sum_ns += times->sum_ns;
	for (int slot = 0; slot < PK_TIME_SLOTS; slot++)
		sum->slots[slot] += times->slots[slot];
}

static void type_add(struct pk_type *sum, const struct pk_type *type)
{
	for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
		ping_count_add(&sum->count[verdict], &type->count[verdict]);
}

static void stats_add(void *sums, const void *value)
{
	const struct pk_stats *stats = value;
	struct pk_stats *sum = sums;

	for (int class = 0; class < PK_CLASSES; class ++)
		ping_count_add(&sum->passed[class], &stats->passed[class]);
	for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
		times_add(&sum->times[verdict], &stats->times[verdict]);
	for (int key = 0; key < PK_FAMILIES * PK_TYPES; key++)
		type_add(&sum->types[key / PK_TYPES][key % PK_TYPES],
			 &stats->types[key / PK_TYPES][key % PK_TYPES]);
}

int ping_stats_read(const struct ping_device *device, struct pk_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	return cpus_sum(device->stats_fd, 0, sizeof(*sum), stats_add, sum);
}

static int selection_dev_parse(struct cursor *cursor, void *context)
{
	struct ping_selection *selection = context;

	selection->dev = word_next(cursor);
	return device_find(selection->dev, &selection->ifindex);
}

static const struct grammar_row selection_rows[] = {
	{ "dev", PING_DEV, 1, 1, 0, selection_dev_parse, "DEV", "the name of a device", NULL },
};

/* What follows it is the command's. */
static const struct grammar selection_grammar = {
	.rows = selection_rows,
	.count = 1,
	.tail = true,
};

int ping_selection_parse(const struct options *options, int *argc, char ***argv,
			 struct ping_selection *selection)
{
	struct cursor cursor;
	int status;

	*selection = (struct ping_selection){};
	cursor_begin(&cursor, &selection_grammar, *argc, *argv);
	status = grammar_read(&cursor, selection);
	if (status != DONE)
		return status;
	*argc = cursor.end - cursor.next;
	*argv = cursor.next;
	if (options->netns || selection->dev)
		netns_cookie(&selection->netns_cookie);
	return DONE;
}

bool ping_key_parse(const char *key, uint64_t *netns_cookie, uint32_t *ifindex)
{
	unsigned long long cookie;
	int end = 0;

	if (sscanf(key, "%llu-%u%n", &cookie, ifindex, &end) != 2 || key[end])
		return false;
	*netns_cookie = cookie;
	return true;
}

static bool is_selected(const struct ping_selection *selection, const char *folder)
{
	uint64_t cookie;
	uint32_t ifindex;

	return ping_key_parse(folder, &cookie, &ifindex) &&
	       (!selection->netns_cookie || selection->netns_cookie == cookie) &&
	       (!selection->ifindex || selection->ifindex == ifindex);
}

int ping_devices_visit(const struct options *options, const struct ping_selection *selection,
		       ping_visit *visit)
{
	struct dirent **entries;
	int count = scandir(PK_PINS_DIR, &entries, NULL, versionsort);
	int visited = 0, err = 0;

	for (int i = 0; i < count; i++) {
		struct ping_device device = no_device;

		if (!err && is_selected(selection, entries[i]->d_name) &&
		    !device_open(entries[i]->d_name, &device)) {
			err = visit(options, &device);
			visited++;
		}
		device_close(&device);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return err ? -abs(err) : visited;
}

int ping_visited_status(const struct ping_selection *selection, int visited)
{
	if (visited < 0)
		return failure("cannot read the counters: %s", strerror(-visited));
	if (!visited && selection->dev)
		return failure("device %s is not served", quoted(selection->dev));
	return DONE;
}
