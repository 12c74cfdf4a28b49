// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh ping watch dev DEV: a run in the foreground, until a signal ends it or there is nothing to watch
 * any more. On a terminal a table that is redrawn, elsewhere a line each time that anything has
 * changed.
 */
#include <string.h>
#include <unistd.h>
#include "links.h"
#include "maps.h"
#include "pace.h"
#include "ping.h"
#include "signals.h"
#include "table.h"

struct watcher {
	const struct options *options;
	struct ping_device device;
	struct pk_stats stats, told; /* now, and when they were printed last */
	bool is_first, is_table;
	struct table table;
	struct pace second;
	int links; /* news of devices; negative if the kernel has none */
	enum ping_state state; /* that was told of */
};

static int table_redraw(struct watcher *watcher)
{
	int err = table_begin(&watcher->table);

	if (err)
		return err;
	ping_table_print(watcher->table.out, &watcher->device, &watcher->stats, table_rows());
	return table_draw(&watcher->table);
}

/* 0 or -errno. */
static int counts_tell(struct watcher *watcher)
{
	int err = ping_stats_read(&watcher->device, &watcher->stats);

	if (err)
		return err;
	if (watcher->is_table)
		return table_redraw(watcher);
	if (!watcher->is_first && !memcmp(&watcher->stats, &watcher->told, sizeof(watcher->told)))
		return 0;
	if (watcher->options->json)
		ping_stats_line_json(&watcher->device, &watcher->stats, false, NULL);
	else
		ping_line_print(stdout, &watcher->stats);
	watcher->told = watcher->stats;
	watcher->is_first = false;
	return output_flush();
}

static void state_tell(struct watcher *watcher)
{
	const struct ping_device *device = &watcher->device;

	complain("device %s: %s: %s%s",
		 quoted_bytes(device->label.dev,
			      strnlen(device->label.dev, sizeof(device->label.dev))),
		 ping_state_name(device), ping_state_reason(device) ?: "it works again",
		 ping_is_lost(device) ? "; that ends the run" : "");
	watcher->state = ping_state_now(device);
}

/* Is there still anything to watch? What is lost is told at once. All else may be so for a moment
 * only, as a device that goes seems to have moved: it is told if it was so before, too, and where no
 * table has it.
 */
static bool state_look(struct watcher *watcher, bool is_turn)
{
	enum ping_state before = ping_state_now(&watcher->device), now;

	ping_state_look(&watcher->device);
	now = ping_state_now(&watcher->device);
	if (ping_is_lost(&watcher->device) ||
	    (is_turn && !watcher->is_table && now == before && now != watcher->state))
		state_tell(watcher);
	return !ping_is_lost(&watcher->device);
}

/* Waits for the next second; false: there is nothing to watch any more. */
static bool second_watch(struct watcher *watcher)
{
	while (pace_wait_readable(&watcher->second, watcher->links))
		if (links_changed(watcher->links, watcher->device.label.ifindex) &&
		    !state_look(watcher, false))
			return false;
	pace_wait(&watcher->second);
	return is_ended() || state_look(watcher, true);
}

/* 0 or -errno. */
static int watch(struct watcher *watcher)
{
	bool is_last = is_ended();
	int err = counts_tell(watcher);

	while (!err && !is_last && second_watch(watcher)) {
		is_last = is_ended();
		err = counts_tell(watcher);
	}
	return err;
}

static bool is_lost;

static int device_watch(const struct options *options, const struct ping_device *device)
{
	static struct watcher watcher;
	int err;

	/* Killed, its shell could not end it. */
	ends_with_parent(device->label.owner);
	watcher = (struct watcher){
		.options = options,
		.device = *device,
		.is_first = true,
		.is_table = !options->json && isatty(STDOUT_FILENO),
		.links = links_listen(),
		.state = ping_state_now(device),
	};
	pace_begin(&watcher.second, 1000000000);
	err = watch(&watcher);
	fd_close(watcher.links);
	is_lost = ping_is_lost(&watcher.device);
	return err;
}

int ping_watch_command(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection;
	int status;

	ends_catch();
	status = ping_selection_parse(options, &argc, &argv, &selection);
	if (status != DONE)
		return status;
	status = ping_visited_status(&selection,
				     ping_devices_visit(options, &selection, device_watch));
	return status == DONE && is_lost ? FAILED : status;
}
