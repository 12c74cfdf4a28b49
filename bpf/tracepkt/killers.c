// SPDX-License-Identifier: GPL-2.0-or-later
/* What pingkiller has to do with it. It drops before any hook of the kernel's sees a packet, and so it
 * is told whose echoes to keep in mind, and asked for those that are missed.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "maps.h"
#include "ping.h"
#include "site.h"
#include "trace.h"

#define FOLDER_LEN 512
/* A drop can be so late on a busy machine; and the time is renewed no more often than that. */
#define SPARE_NS (3ULL * 1000000000)

/* Calls visit() with the folder of each device that is served, until it returns true. */
static bool folders_visit(bool (*visit)(const char *folder, void *context), void *context)
{
	DIR *devices = opendir(PK_PINS_DIR);
	struct dirent *entry;
	char folder[FOLDER_LEN];
	bool is_found = false;

	while (devices && !is_found && (entry = readdir(devices))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(folder, sizeof(folder), PK_PINS_DIR "/%s", entry->d_name);
		is_found = visit(folder, context);
	}
	if (devices)
		closedir(devices);
	return is_found;
}

static bool folder_is_foreign(const char *folder, void *context)
{
	(void)context;
	return pin_check(folder, "pk_label", sizeof(struct pk_label)) != DONE ||
	       pin_check(folder, "pk_tracers", sizeof(struct pk_tracers)) != DONE ||
	       pin_check(folder, "pk_dropped", sizeof(uint64_t)) != DONE;
}

int killers_check(void)
{
	return folders_visit(folder_is_foreign, NULL) ? FAILED : DONE;
}

/* --- whose echoes ------------------------------------------------------------------------------ */

struct watch {
	uint16_t id;
	uint64_t until_ns; /* 0: no longer */
};

static bool is_gone(const struct pk_tracer *tracer)
{
	return kill(tracer->pid, 0) && errno == ESRCH;
}

/* Without those that were killed. The number of one can be somebody else's by now. */
static void tracers_clean(struct pk_tracers *tracers)
{
	uint64_t now = monotonic_now_ns();

	for (int i = 0; i < PK_TRACERS; i++) {
		struct pk_tracer *tracer = &tracers->each[i];

		if (tracer->until_ns <= now || is_gone(tracer))
			*tracer = (struct pk_tracer){ 0 };
	}
}

/* A free one if pid is 0. NULL: there is none. */
static struct pk_tracer *tracer_find(struct pk_tracers *tracers, uint32_t pid)
{
	for (int i = 0; i < PK_TRACERS; i++)
		if (tracers->each[i].pid == pid)
			return &tracers->each[i];
	return NULL;
}

static void tracers_join(struct pk_tracers *tracers, const struct watch *watch)
{
	struct pk_tracer *mine = tracer_find(tracers, getpid()) ?: tracer_find(tracers, 0);

	if (!mine || (mine->id == watch->id && mine->until_ns >= watch->until_ns + SPARE_NS))
		return;
	*mine = (struct pk_tracer){
		.pid = getpid(),
		.id = watch->id,
		.until_ns = watch->until_ns + 2 * SPARE_NS,
	};
}

static void tracers_leave(struct pk_tracers *tracers)
{
	struct pk_tracer *mine = tracer_find(tracers, getpid());

	if (mine)
		*mine = (struct pk_tracer){ 0 };
}

static uint32_t tracers_count(const struct pk_tracers *tracers)
{
	uint32_t count = 0;

	for (int i = 0; i < PK_TRACERS; i++)
		count += tracers->each[i].pid != 0;
	return count;
}

/* Of two that write at the same time one is lost, and writes again when it is next here. */
static bool folder_watch(const char *folder, void *context)
{
	const struct watch *watch = context;
	struct pk_tracers known, wanted;
	int fd = pin_open_map(folder, "pk_tracers", sizeof(known));
	uint32_t zero = 0;

	if (fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &known)) {
		wanted = known;
		tracers_clean(&wanted);
		if (watch->until_ns)
			tracers_join(&wanted, watch);
		else
			tracers_leave(&wanted);
		wanted.count = tracers_count(&wanted);
		if (memcmp(&known, &wanted, sizeof(known)))
			bpf_map_update_elem(fd, &zero, &wanted, BPF_ANY);
	}
	fd_close(fd);
	return false;
}

void killers_watch(uint16_t id, uint64_t until_ns)
{
	struct watch watch = { .id = id, .until_ns = until_ns };

	folders_visit(folder_watch, &watch);
}

/* --- what was dropped --------------------------------------------------------------------------- */

struct quest {
	const struct pk_echo *echo;
	struct killer *killer;
};

static void place_fill(struct spot *place, const struct pk_label *label)
{
	*place = (struct spot){
		.netns_cookie = label->netns_cookie,
		.netns_inode = netns_inode(label->netns_cookie),
		.ifindex = label->ifindex,
	};
	memcpy(place->dev, label->dev, sizeof(place->dev));
	place->dev[sizeof(place->dev) - 1] = '\0';
}

static FILE *killer_words;

static int orders_print(const struct options *options, const struct ping_device *device)
{
	(void)options;
	ping_orders_print(killer_words, device);
	return 0;
}

static void words_fill(struct killer *killer, const struct pk_label *label)
{
	const struct ping_selection selection = {
		.netns_cookie = label->netns_cookie,
		.ifindex = label->ifindex,
	};

	killer_words = fmemopen(killer->words, sizeof(killer->words), "w");
	if (!killer_words)
		return;
	ping_devices_visit(NULL, &selection, orders_print);
	fclose(killer_words);
	killer->words[sizeof(killer->words) - 1] = '\0';
}

static bool folder_ask(const char *folder, void *context)
{
	struct quest *quest = context;
	int fd = pin_open_map(folder, "pk_dropped", sizeof(quest->killer->time_ns));
	struct pk_label label;
	bool is_here = fd >= 0 && !bpf_map_lookup_elem(fd, quest->echo, &quest->killer->time_ns);

	fd_close(fd);
	if (!is_here || pin_read(folder, "pk_label", &label, 1, sizeof(label)))
		return false;
	place_fill(&quest->killer->place, &label);
	words_fill(quest->killer, &label);
	return true;
}

static uint8_t echo_type(int family, bool is_reply)
{
	if (family == AF_INET)
		return is_reply ? ICMP_ECHOREPLY : ICMP_ECHO;
	return is_reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST;
}

bool killer_find(const struct probe *probe, uint16_t sequence, bool is_reply, struct killer *killer)
{
	struct quest quest = { .killer = killer };
	struct pk_echo echo;

	*killer = (struct killer){ 0 };
	if (!probe || probe->options.kind != PROBE_ECHO) /* it drops nothing but ICMP */
		return false;
	echo = (struct pk_echo){
		.type = echo_type(probe->address.ss_family, is_reply),
		.id = probe->id,
		.sequence = htons(sequence),
	};
	memcpy(echo.token, probe->token, sizeof(echo.token));
	quest.echo = &echo;
	return folders_visit(folder_ask, &quest);
}
