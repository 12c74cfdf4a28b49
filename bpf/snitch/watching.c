// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "programs.h"
#include "signals.h"
#include "watching.h"

#define NS_PER_S 1000000000ULL
#define LINGER_NS 500000000ULL
#define ENDS_NS NS_PER_S /* between two looks for UDP that has ended without a packet's saying so */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool can_be_read(int fd)
{
	struct pollfd until = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&until, 1, 0) == 1;
}

/* What its process has closed is over when the other side has answered. */
static bool is_over(struct watching *watching)
{
	const struct snitch_format *format = watching->format;

	if (!watching->over_ns && !can_be_read(watching->until_fd))
		return false;
	if (!watching->over_ns)
		watching->over_ns = now_ns();
	return !format->is_waiting || !format->is_waiting() ||
	       now_ns() - watching->over_ns > LINGER_NS;
}

static bool is_enough(struct watching *watching)
{
	return is_ended() || is_over(watching) || watching->lines >= watching->request.lines;
}

static int event_take(void *context, void *data, size_t size)
{
	struct watching *watching = context;
	uint64_t left = watching->request.lines - watching->lines;
	const struct snt_event *event = data;

	if (size < sizeof(*event) || (watching->is_list && event->kind != SNT_OPEN))
		return 0;
	if (left)
		watching->lines += watching->format->event(event, left);
	return 0;
}

/* Asks the programs about the connections that are open: in portions, since the ring does not hold all of them. DONE,
 * or a message and FAILED.
 */
static int open_look(struct watching *watching, enum snt_kind kind)
{
	__u64 arguments[] = { kind, ++watching->round };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = arguments, .ctx_size_in = sizeof(arguments));
	int look = bpf_program__fd(running_program(&watching->running, "snt_look"));

	do {
		int err = bpf_prog_test_run_opts(look, &opts);

		if (err)
			return failure("cannot look at the connections that are open: %s",
				       strerror(-err));
		ring_buffer__consume(watching->running.events);
	} while (opts.retval && watching->lines < watching->request.lines);
	return DONE;
}

/* What was open before. Twice: who listens is known the second time. */
static void older_find(struct watching *watching)
{
	int err = running_iterate(&watching->running, "snt_files");

	err = err ?: running_iterate(&watching->running, "snt_files");
	if (err && err != -ENOENT)
		complain("note: connections that were open before are not all seen: %s",
			 strerror(-err));
}

/* DONE, or a message and FAILED: what is missing then is not known to anybody else. */
static int lost_tell(struct watching *watching)
{
	struct snt_counts counts, *told = &watching->told;
	int err = running_counts(&watching->running, &counts, sizeof(counts));
	uint64_t events = counts.lost - told->lost;
	uint64_t connections = counts.unfollowed - told->unfollowed;

	if (err)
		return failure("cannot tell whether events were lost: %s", strerror(-err));
	*told = counts;
	if (!events && !connections)
		return DONE;
	watching->format->lost(events, connections);
	return failure(
		"%llu events were lost, %llu connections could not be followed: there was no room",
		(unsigned long long)events, (unsigned long long)connections);
}

int watching_tell(struct watching *watching, enum snt_kind kind)
{
	int status = open_look(watching, kind);

	return lost_tell(watching) == DONE ? status : FAILED;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void wait_until(struct watching *watching, uint64_t until_ns)
{
	struct ring_buffer *events = watching->running.events;
	struct pollfd ready[] = {
		{ .fd = ring_buffer__epoll_fd(events), .events = POLLIN },
		{ .fd = watching->over_ns ? -1 : watching->until_fd, .events = POLLIN },
	};
	uint64_t now = now_ns();

	if (watching->over_ns)
		until_ns = least(until_ns, watching->over_ns + LINGER_NS + 1);
	if (now < until_ns)
		ends_poll(ready, 2, until_ns - now);
	ring_buffer__consume(events);
}

int watching_follow(struct watching *watching)
{
	const struct snitch_request *request = &watching->request;
	uint64_t look_ns = now_ns() + request->interval_ns, ends_ns = now_ns() + ENDS_NS;
	uint64_t end_ns = request->for_ns == UINT64_MAX ? UINT64_MAX : now_ns() + request->for_ns;
	int status = DONE;

	while (!is_enough(watching) && now_ns() < end_ns && !output_flush()) {
		wait_until(watching, least(end_ns, least(look_ns, ends_ns)));
		if (now_ns() >= look_ns) {
			if (watching_tell(watching, SNT_TRAFFIC) != DONE)
				status = FAILED;
			if (watching->format->turn)
				watching->lines += watching->format->turn();
			look_ns = now_ns() + request->interval_ns;
			ends_ns = now_ns() + ENDS_NS;
		} else if (now_ns() >= ends_ns) {
			if (open_look(watching, SNT_ENDED) != DONE)
				status = FAILED;
			ends_ns = now_ns() + ENDS_NS;
		}
	}
	ring_buffer__consume(watching->running.events);
	return watching_tell(watching, SNT_OPEN) == DONE ? status : FAILED;
}

/* In the whole machine, or below the caller's cgroup namespace. */
static void cgroup_attach(struct watching *watching, int cgroup, const char *name)
{
	struct bpf_program *program = running_program(&watching->running, name);

	if (program && !bpf_program__attach_cgroup(program, cgroup))
		complain("note: without %s, %s (%s)", name, program_find(name)->lost,
			 strerror(errno));
}

static void cgroups_attach(struct watching *watching, const char *root)
{
	static const char *const tcp[] = { "snt_connect4", "snt_connect6", NULL };
	static const char *const udp[] = { "snt_created", "snt_sent", "snt_received",
					   "snt_released", NULL };
	uint8_t protocol = watching->request.filter.protocol;
	int cgroup = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (cgroup < 0) {
		complain(
			"note: without cgroup v2, UDP, and connects that fail at once, are not seen");
		return;
	}
	for (size_t i = 0; tcp[i] && protocol != IPPROTO_UDP; i++)
		cgroup_attach(watching, cgroup, tcp[i]);
	for (size_t i = 0; udp[i] && protocol != IPPROTO_TCP; i++)
		cgroup_attach(watching, cgroup, udp[i]);
	close(cgroup);
}

/* What is printed over ssh(1) is traffic of that connection, which is printed, and so on without end. */
static void ancestors_find(uint32_t ancestors[SNT_ANCESTORS_MAX])
{
	uint32_t pid = process_parent(getpid());

	for (int i = 0; i < SNT_ANCESTORS_MAX && pid; i++) {
		ancestors[i] = pid;
		pid = process_parent(pid);
	}
}

/* Who accepts and what fails is nothing to a list, which so leaves system calls alone, and packets. */
static void list_leave_out(struct bpf_object *object)
{
	static const char *const names[] = { "snt_exit",     "snt_connect4", "snt_connect6",
					     "snt_sent",     "snt_received", "snt_created",
					     "snt_released", "snt_refused",  "snt_unqueued" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(object, names[i]),
					  false);
}

static int object_join(struct bpf_object *object, void *context)
{
	const struct watching *watching = context;

	if (watching->is_list)
		list_leave_out(object);
	if (!watching->targets)
		return 0;
	return bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "vsh_socks"),
				 targets_tags(watching->targets));
}

/* DONE, or a message and FAILED. */
static int targets_find(struct watching *watching, const char *directory)
{
	const struct snitch_request *request = &watching->request;
	const struct targets_plan plan = {
		.directory = directory,
		.cgroup_root = request->cgroup_root,
		.who = request->who,
		.children = request->children,
	};

	if (!request->filter.owned)
		return DONE;
	watching->targets = targets_open(&plan);
	return watching->targets ? DONE : FAILED;
}

int watching_begin(struct watching *watching, const struct options *options, const char *directory)
{
	const struct running_plan plan = {
		.directory = directory,
		.file = "snitch.o",
		.hint = "snitch.sh",
		.settings = &watching->request.filter,
		.settings_size = sizeof(watching->request.filter),
		.join = object_join,
		.join_context = watching,
		.events = "snt_events",
		.take = event_take,
		.context = watching,
	};
	int status = targets_find(watching, directory);

	ancestors_find(watching->request.filter.ancestors);
	if (status == DONE)
		status = running_begin(&watching->running, &plan);
	if (status != DONE)
		return status;
	if (!watching->is_list)
		cgroups_attach(watching, options->cgroup_root);
	units_begin(options->cgroup_root);
	older_find(watching);
	return DONE;
}

void watching_end(struct watching *watching)
{
	running_end(&watching->running);
	targets_close(watching->targets);
	fd_close(watching->until_fd);
}
