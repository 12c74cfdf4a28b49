// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh ping plan|show|stats|watch|sums|plot|draw|types|attach|freed|states ...: the helper of pingkiller.sh.
 *
 * `ping plan WORDS` prints what has to be done for a device, and changes nothing:
 *
 *	key COOKIE-IFINDEX                name of the folder of its pins
 *	dev NAME
 *	hook auto|native|generic|tc
 *	background                        no process owns it
 *	update MAP key hex .. value hex ..   arguments of `bpftool map update`
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mapedit.h"
#include "pace.h"
#include "ping.h"

/* --- plan ---------------------------------------------------------------------------- */

static void prefixes_print(const char *map, const struct ping_prefixes *prefixes)
{
	static const __u8 there = 1;

	for (size_t i = 0; i < prefixes->count; i++)
		map_update_print(map, &prefixes->entries[i], sizeof(prefixes->entries[i]), &there,
				 sizeof(there));
}

static void plan_print(const struct ping_request *request)
{
	static const __u32 zero;
	const struct pk_label *label = &request->label;

	printf("key %llu-%u\n", (unsigned long long)label->netns_cookie, label->ifindex);
	printf("dev %s\n", label->dev);
	printf("hook %s\n", request->hook);
	if (request->background)
		puts("background");
	prefixes_print("pk_src", &request->src);
	prefixes_print("pk_dst", &request->dst);
	map_update_print("pk_label", &zero, sizeof(zero), label, sizeof(*label));
	map_update_print("pk_config", &zero, sizeof(zero), &request->config,
			 sizeof(request->config));
}

static int plan(const struct options *options, int argc, char **argv)
{
	struct ping_request request;
	uint64_t cookie;
	int status = ping_request_parse(argc, argv, &request);

	if (status == DONE && netns_cookie(&cookie))
		status = failure(
			"this kernel does not tell network namespaces apart (SO_NETNS_COOKIE, 5.14)");
	if (status == DONE) {
		request.label.netns_cookie = cookie;
		request.label.owner = request.background ? 0 : options->owner;
		plan_print(&request);
	}
	ping_request_free(&request);
	return status;
}

/* --- show and stats ------------------------------------------------------------------ */

static struct json json;

static int device_show(const struct options *options, const struct ping_device *device)
{
	if (!options->json) {
		ping_words_print(stdout, device);
		putchar('\n');
		return 0;
	}
	json_object_begin(&json, NULL);
	ping_words_print_json(&json, device);
	json_object_end(&json);
	return 0;
}

static int show(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection;
	int status = ping_selection_parse(options, &argc, &argv, &selection);

	if (status != DONE)
		return status;
	if (argc)
		return misuse("what is %s? (show [dev DEV])", quoted(argv[0]));
	json = (struct json){ .out = stdout };
	if (options->json)
		json_array_begin(&json, NULL);
	status = ping_visited_status(&selection,
				     ping_devices_visit(options, &selection, device_show));
	if (options->json) {
		json_array_end(&json);
		json_line_end(&json);
	}
	return status;
}

void ping_stats_line_json(const struct ping_device *device, const struct pk_stats *stats,
			  bool is_end, const struct ping_rate *rate)
{
	const struct pk_label *label = &device->label;
	struct json line = { .out = stdout };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_begin(&line, NULL);
	json_chars(&line, "dev", label->dev, sizeof(label->dev));
	json_number(&line, "ifindex", label->ifindex);
	ping_netns_print_json(&line, device);
	json_number(&line, "time_ns", now.tv_sec * 1000000000ULL + now.tv_nsec);
	json_number(&line, "served_ns", boot_now_ns() - device->begun_ns);
	json_bool(&line, "ended", is_end);
	ping_stats_print_json(&line, stats);
	if (rate)
		ping_rate_print_json(&line, rate);
	json_object_end(&line);
	json_line_end(&line);
}

static int device_stats(const struct options *options, const struct ping_device *device)
{
	static struct pk_stats stats;
	struct ping_rate rate;
	int err = ping_stats_read(device, &stats);
	bool has_rate = !err && ping_rate_look(device, &stats, &rate);

	if (err)
		return err;
	if (options->json) {
		ping_stats_line_json(device, &stats, false, has_rate ? &rate : NULL);
		return 0;
	}
	ping_table_print(stdout, device, &stats, 0);
	if (has_rate)
		ping_rate_print(stdout, &rate);
	return 0;
}

static int stats(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection;
	struct pace pace;
	char when[TIME_TEXT_LEN];
	int status = ping_selection_parse(options, &argc, &argv, &selection);

	if (status == DONE)
		status = pace_parse(&pace, argc, argv);
	if (status != DONE)
		return status;
	do {
		if (argc && !options->json)
			printf("time %s\n", time_text(when));
		status = ping_visited_status(&selection,
					     ping_devices_visit(options, &selection, device_stats));
	} while (status == DONE && !output_flush() && pace_wait(&pace));
	return status;
}

/* --- the end ----------------------------------------------------------------------------- */

/* What was never attached has counted nothing. */
static int device_sums(const struct options *options, const struct ping_device *device)
{
	static struct pk_stats stats;
	int err = ping_stats_read(device, &stats);

	if (err || !device->hook)
		return err;
	if (options->json)
		ping_stats_line_json(device, &stats, true, NULL);
	else
		ping_sums_print(stdout, device, &stats);
	return 0;
}

/* vsh ping sums KEY: of a device that is freed. */
static int sums(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection = {};

	if (argc != 1 || !ping_key_parse(argv[0], &selection.netns_cookie, &selection.ifindex))
		return misuse("sums takes the key of a device");
	return ping_visited_status(&selection,
				   ping_devices_visit(options, &selection, device_sums));
}

/* --- plot ------------------------------------------------------------------------------- */

static bool plot_is_svg;

static int device_plot(const struct options *options, const struct ping_device *device)
{
	static struct pk_stats stats;
	int err = ping_stats_read(device, &stats);

	(void)options;
	if (!err && !ping_plot_print(stdout, device, &stats, plot_is_svg))
		err = -ENODATA;
	return err;
}

/* vsh ping plot svg|png dev DEV */
static int plot(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection;
	int status, visited;

	if (!argc || (strcmp(argv[0], "svg") && strcmp(argv[0], "png")))
		return misuse("plot as svg or png?");
	plot_is_svg = !strcmp(argv[0], "svg");
	argc--;
	argv++;
	status = ping_selection_parse(options, &argc, &argv, &selection);
	if (status != DONE)
		return status;
	if (argc || !selection.dev)
		return misuse("a device is required (plot FILE dev DEV)");
	visited = ping_devices_visit(options, &selection, device_plot);
	if (visited == -ENODATA)
		return failure("no packet was timed yet: there is nothing to plot");
	return ping_visited_status(&selection, visited);
}

static const struct command commands[] = {
	{ "plan", plan },
	{ "show", show },
	{ "stats", stats },
	{ "watch", ping_watch_command },
	{ "sums", sums },
	{ "plot", plot },
	{ "draw", ping_draw_command },
	{ "types", ping_types_command },
	{ "attach", ping_attach_command },
	{ "freed", ping_freed_command },
	{ "states", ping_states_command },
};

int ping_command(const struct options *options, int argc, char **argv)
{
	for (size_t i = 0; argc && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(options, argc - 1, argv + 1);
	return misuse(
		"ping %s: plan, show, stats, watch, sums, plot, draw, types, attach, freed or states",
		quoted(argc ? argv[0] : ""));
}

_Static_assert(PK_DEV_LEN == IFNAMSIZ, "a label holds the name of a device");
