/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pingkiller's part of the helper: words to maps and back, and what the counters say. */
#ifndef VSH_PING_H
#define VSH_PING_H

#include "grammar.h"
#include "json.h"
#include "pingkiller.h"
#include "site.h"
#include "vsh.h"

struct ping_prefixes {
	struct pk_prefix *entries;
	size_t count;
};

/* What the words ask for. */
struct ping_request {
	struct pk_config config;
	struct pk_label label;
	struct ping_prefixes src, dst;
	const char *hook; /* as it was said, or "auto" */
	uint64_t given; /* enum ping_word that were said */
	bool background;
};

enum ping_word {
	PING_DEV = 1 << 0,
	PING_HOOK = 1 << 1,
	PING_TYPE = 1 << 2,
	PING_CODE = 1 << 3,
	PING_ALL = 1 << 4,
	PING_FAMILY = 1 << 5,
	PING_SRC = 1 << 6,
	PING_DST = 1 << 7,
	PING_DROP = 1 << 8,
	PING_RATE = 1 << 9,
	PING_BURST = 1 << 10,
	PING_FOR = 1 << 11,
	PING_SAMPLE = 1 << 12,
	PING_BACKGROUND = 1 << 13,
	PING_RATE_ALL = 1 << 14,
	PING_BURST_ALL = 1 << 15,
};

extern const struct grammar ping_grammar;

/* DONE, or a message and FAILED or MISUSED. The request has to be freed in any case. */
int ping_request_parse(int argc, char **argv, struct ping_request *request);
void ping_request_free(struct ping_request *request);

enum ping_state {
	PING_ACTIVE,
	PING_EXPIRED,
	PING_ORPHANED,
	PING_MOVED,
	PING_DETACHED,
	PING_GONE,
};

/* A device that is served: its maps, opened. */
struct ping_device {
	struct pk_config config;
	struct pk_label label;
	uint32_t hook; /* enum pk_hook */
	uint64_t begun_ns; /* CLOCK_BOOTTIME: when its program was loaded */
	char netns[SITE_NAME_LEN]; /* its namespace as -n takes it; empty: it has no name, or is gone */
	bool netns_own; /* it is the caller's */
	enum ping_state state; /* when it was looked at; it has expired when its time is over */
	int stats_fd, src_fd, dst_fd;
};

/* pingdevice.c. Which devices: the one named, those of the namespace named, or all. */
struct ping_selection {
	uint64_t netns_cookie; /* 0: any */
	uint32_t ifindex; /* 0: any */
	const char *dev;
};

/* Takes "dev DEV" from the words, if it is there, and leaves the rest. DONE, FAILED or MISUSED. */
int ping_selection_parse(const struct options *options, int *argc, char ***argv,
			 struct ping_selection *selection);

/* visit() for each selected device, in the order of their names. Returns how many there
 * were, or -errno of a visit.
 */
typedef int ping_visit(const struct options *options, const struct ping_device *device);
int ping_devices_visit(const struct options *options, const struct ping_selection *selection,
		       ping_visit *visit);

/* The key of a device, which its folder is called by: COOKIE-IFINDEX. False: that is none. */
bool ping_key_parse(const char *key, uint64_t *netns_cookie, uint32_t *ifindex);

/* What that has returned, as the status of a command. */
int ping_visited_status(const struct ping_selection *selection, int visited);

/* The sum over all processors: 0 or -errno. */
int ping_stats_read(const struct ping_device *device, struct pk_stats *sum);

static inline void ping_count_add(struct pk_count *sum, const struct pk_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

/* ping.c: vsh ping */
command_run ping_command;

/* pingtypes.c */
extern const char *const ping_family_names[PK_FAMILIES];

bool ping_has_family(const struct pk_label *label, enum pk_family family);

/* The name of a type, or NULL. */
const char *ping_type_name(enum pk_family family, unsigned int type);

/* Sets the bits of a word: a name means the types of that name, a number that type in
 * both families. Not 0: it is neither.
 */
int ping_types_parse(__u64 types[PK_FAMILIES][PK_TYPES / 64], const char *word);

/* vsh ping types: all names, one a line. */
command_run ping_types_command;

/* The words that would set the same bits: by name, or with name NULL by number. */
void ping_types_walk(const struct ping_device *device,
		     void (*visit)(const char *name, unsigned int number, void *context),
		     void *context);

/* pingstate.c. The look also puts the name that the device has by now into its label. */
void ping_state_look(struct ping_device *device);
bool ping_is_lost(const struct ping_device *device); /* nothing is dropped or counted any more */
command_run ping_states_command;

/* pingattach.c */
command_run ping_attach_command, ping_freed_command;

/* pingrate.c: what has come to a device since the look before. */
struct ping_rate {
	double packets, bytes; /* a second */
	double loss; /* in percent; negative: of nothing */
};

/* Looks, for the next look, too. False: there was none before. */
bool ping_rate_look(const struct ping_device *device, const struct pk_stats *stats,
		    struct ping_rate *rate);
void ping_rate_print(FILE *out, const struct ping_rate *rate);
void ping_rate_print_json(struct json *json, const struct ping_rate *rate);

/* pingwatch.c: what a run in the foreground prints. */
int ping_watch_command(const struct options *options, int argc, char **argv);

/* ping.c: the counters as one line of JSON. is_end: the device is served no more; rate: or NULL. */
void ping_stats_line_json(const struct ping_device *device, const struct pk_stats *stats,
			  bool is_end, const struct ping_rate *rate);

/* pingnames.c */
extern const struct ping_class {
	const char *text, *json;
} ping_class_names[PK_CLASSES];

const char *ping_hook_name(const struct ping_device *device);
enum ping_state ping_state_now(const struct ping_device *device); /* or expired since the look */
const char *ping_state_name(const struct ping_device *device);
const char *ping_state_reason(const struct ping_device *device); /* NULL: it is active */
void ping_prefix_format(const struct pk_prefix *prefix, char text[64]);

static inline uint64_t ping_rate_seconds(const struct pk_rate *rate)
{
	return rate->ns / 1000000000;
}

/* pingsums.c */
void ping_totals_sum(const struct pk_stats *stats, struct pk_count total[PK_VERDICTS]);
uint64_t ping_samples_count(const struct pk_times *times);

/* The average time in nanoseconds, "24.12", or "-" if nothing was timed. */
#define PING_AVERAGE_LEN 32
const char *ping_average_format(const struct pk_times *times, char text[PING_AVERAGE_LEN]);

/* The slots from the first to the last that any packet was in. false: there is none. */
bool ping_slots_used(const struct pk_times times[PK_VERDICTS], int *first, int *last);

/* pingtext.c. The words are those that would make it again. */
void ping_words_print(FILE *out, const struct ping_device *device);
void ping_orders_print(FILE *out, const struct ping_device *device); /* without where, and who */
void ping_sums_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats);
void ping_line_print(FILE *out, const struct pk_stats *stats);

/* pingtable.c. screen: the rows that there are, for what is then no longer; or 0. */
void ping_table_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats,
		      int screen);

/* pingjson.c: the members of an object, which the caller opens and closes. */
void ping_words_print_json(struct json *json, const struct ping_device *device);
void ping_netns_print_json(struct json *json, const struct ping_device *device);
void ping_stats_print_json(struct json *json, const struct pk_stats *stats);

/* pingplot.c: a script for gnuplot that writes a picture to its standard output. false:
 * nothing was timed yet.
 */
bool ping_plot_print(FILE *out, const struct ping_device *device, const struct pk_stats *stats,
		     bool svg);

/* pingdraw.c */
int ping_draw_command(const struct options *options, int argc, char **argv);

#endif
