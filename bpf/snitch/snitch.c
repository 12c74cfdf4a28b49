// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh snitch DIR [WORDS]: prints what happens to connections, until a signal comes or WORDS say that it is
 * enough. DIR holds the objects.
 * vsh snitch DIR list [WORDS]: prints those that are open now.
 * vsh snitch DIR try: sees whether a connection of its own is told of.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "connection.h"
#include "maps.h"
#include "programs.h"
#include "running.h"
#include "signals.h"
#include "vsh.h"

#define NS_PER_S 1000000000ULL
#define ENDS_NS NS_PER_S /* between two looks for UDP that has ended without a packet's saying so */

struct snitching {
	struct snitch_request request;
	const struct snitch_format *format;
	struct running running;
	uint64_t lines; /* of events, printed so far */
	bool is_list; /* a look, and no more */
	uint64_t round; /* of looking at what is open */
	struct snt_counts told; /* as lost_tell has */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static bool is_enough(const struct snitching *snitching)
{
	return is_ended() || snitching->lines >= snitching->request.lines;
}

static int event_take(void *context, void *data, size_t size)
{
	struct snitching *snitching = context;
	uint64_t left = snitching->request.lines - snitching->lines;
	const struct snt_event *event = data;

	if (size < sizeof(*event) || (snitching->is_list && event->kind != SNT_OPEN))
		return 0;
	if (left)
		snitching->lines += snitching->format->event(event, left);
	return 0;
}

/* Asks the programs about the connections that are open: in portions, since the ring does not hold all of them. DONE,
 * or a message and FAILED.
 */
static int open_look(struct snitching *snitching, enum snt_kind kind)
{
	__u64 arguments[] = { kind, ++snitching->round };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = arguments, .ctx_size_in = sizeof(arguments));
	int look = bpf_program__fd(running_program(&snitching->running, "snt_look"));

	do {
		int err = bpf_prog_test_run_opts(look, &opts);

		if (err)
			return failure("cannot look at the connections that are open: %s",
				       strerror(-err));
		ring_buffer__consume(snitching->running.events);
	} while (opts.retval && snitching->lines < snitching->request.lines);
	return DONE;
}

/* What was open before. Twice: who listens is known the second time. */
static void older_find(struct snitching *snitching)
{
	int err = running_iterate(&snitching->running, "snt_files");

	err = err ?: running_iterate(&snitching->running, "snt_files");
	if (err && err != -ENOENT)
		complain("note: connections that were open before are not all seen: %s",
			 strerror(-err));
}

/* DONE, or a message and FAILED: what is missing then is not known to anybody else. */
static int lost_tell(struct snitching *snitching)
{
	struct snt_counts counts, *told = &snitching->told;
	int err = running_counts(&snitching->running, &counts, sizeof(counts));
	uint64_t events = counts.lost - told->lost;
	uint64_t connections = counts.unfollowed - told->unfollowed;

	if (err)
		return failure("cannot tell whether events were lost: %s", strerror(-err));
	*told = counts;
	if (!events && !connections)
		return DONE;
	snitching->format->lost(events, connections);
	return failure(
		"%llu events were lost, %llu connections could not be followed: there was no room",
		(unsigned long long)events, (unsigned long long)connections);
}

/* What is open, and what is missing. */
static int open_tell(struct snitching *snitching, enum snt_kind kind)
{
	int status = open_look(snitching, kind);

	return lost_tell(snitching) == DONE ? status : FAILED;
}

static void wait_until(struct snitching *snitching, uint64_t until_ns)
{
	struct ring_buffer *events = snitching->running.events;
	struct pollfd ready = { .fd = ring_buffer__epoll_fd(events), .events = POLLIN };
	uint64_t now = now_ns();

	if (now < until_ns)
		ends_poll(&ready, 1, until_ns - now);
	ring_buffer__consume(events);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* DONE, or FAILED if something was lost. */
static int follow(struct snitching *snitching)
{
	const struct snitch_request *request = &snitching->request;
	uint64_t look_ns = now_ns() + request->interval_ns, ends_ns = now_ns() + ENDS_NS;
	uint64_t end_ns = request->for_ns == UINT64_MAX ? UINT64_MAX : now_ns() + request->for_ns;
	int status = DONE;

	while (!is_enough(snitching) && now_ns() < end_ns && !output_flush()) {
		wait_until(snitching, least(end_ns, least(look_ns, ends_ns)));
		if (now_ns() >= look_ns) {
			if (open_tell(snitching, SNT_TRAFFIC) != DONE)
				status = FAILED;
			look_ns = now_ns() + request->interval_ns;
			ends_ns = now_ns() + ENDS_NS;
		} else if (now_ns() >= ends_ns) {
			if (open_look(snitching, SNT_ENDED) != DONE)
				status = FAILED;
			ends_ns = now_ns() + ENDS_NS;
		}
	}
	ring_buffer__consume(snitching->running.events);
	return open_tell(snitching, SNT_OPEN) == DONE ? status : FAILED;
}

/* In the whole machine, or below the caller's cgroup namespace. */
static void cgroup_attach(struct snitching *snitching, int cgroup, const char *name)
{
	struct bpf_program *program = running_program(&snitching->running, name);

	if (program && !bpf_program__attach_cgroup(program, cgroup))
		complain("note: without %s, %s (%s)", name, program_find(name)->lost,
			 strerror(errno));
}

static void cgroups_attach(struct snitching *snitching, const char *root)
{
	static const char *const tcp[] = { "snt_connect4", "snt_connect6", NULL };
	static const char *const udp[] = { "snt_created", "snt_sent", "snt_received",
					   "snt_released", NULL };
	uint8_t protocol = snitching->request.filter.protocol;
	int cgroup = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (cgroup < 0) {
		complain(
			"note: without cgroup v2, UDP, and connects that fail at once, are not seen");
		return;
	}
	for (size_t i = 0; tcp[i] && protocol != IPPROTO_UDP; i++)
		cgroup_attach(snitching, cgroup, tcp[i]);
	for (size_t i = 0; udp[i] && protocol != IPPROTO_TCP; i++)
		cgroup_attach(snitching, cgroup, udp[i]);
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
static int list_leave_out(struct bpf_object *object, void *context)
{
	static const char *const names[] = { "snt_exit",     "snt_connect4", "snt_connect6",
					     "snt_sent",     "snt_received", "snt_created",
					     "snt_released", "snt_refused",  "snt_unqueued" };

	(void)context;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(object, names[i]),
					  false);
	return 0;
}

static int snitching_begin(struct snitching *snitching, const struct options *options,
			   const char *directory)
{
	const struct running_plan plan = {
		.directory = directory,
		.file = "snitch.o",
		.hint = "snitch.sh",
		.settings = &snitching->request.filter,
		.settings_size = sizeof(snitching->request.filter),
		.join = snitching->is_list ? list_leave_out : NULL,
		.events = "snt_events",
		.take = event_take,
		.context = snitching,
	};
	int status = running_begin(&snitching->running, &plan);

	if (status != DONE)
		return status;
	if (!snitching->is_list)
		cgroups_attach(snitching, options->cgroup_root);
	units_begin(options->cgroup_root);
	older_find(snitching);
	ends_catch();
	return DONE;
}

static const struct snitch_format *format_of(const struct options *options, bool extended,
					     const struct page_wish *page)
{
	if (options->json || page->file || page->is_live)
		return &snitch_json;
	return extended ? &snitch_extended : &snitch_plain;
}

static int words_take(struct snitching *snitching, const struct options *options, int argc,
		      char **argv)
{
	uint64_t netns = 0;
	int err, status = snitch_parse(argc, argv, snitching->is_list, &snitching->request);

	if (status != DONE)
		return status;
	err = options->netns ? netns_cookie(&netns) : 0;
	if (err)
		return failure("cannot identify this network namespace: %s", strerror(-err));
	snitching->request.filter.netns_cookie = netns;
	ancestors_find(snitching->request.filter.ancestors);
	snitching->format =
		format_of(options, snitching->request.extended, &snitching->request.page);
	return DONE;
}

static int watch_run(struct snitching *snitching, const struct options *options,
		     const char *directory, int argc, char **argv)
{
	struct page page = {};
	int status = words_take(snitching, options, argc, argv);

	if (status != DONE)
		return status;
	status = page_begin(&page, &snitching->request.page, directory);
	if (status == DONE)
		status = snitching_begin(snitching, options, directory);
	if (status == DONE) {
		complain("watching (Ctrl-C ends it)");
		snitching->format->begin();
		status = follow(snitching);
	}
	return page_end(&page, status);
}

static int list_run(struct snitching *snitching, const struct options *options,
		    const char *directory, int argc, char **argv)
{
	int status;

	snitching->is_list = true;
	status = words_take(snitching, options, argc, argv);
	snitching->format = format_of(options, true, &snitching->request.page);
	if (status == DONE)
		status = snitching_begin(snitching, options, directory);
	if (status != DONE)
		return status;
	snitching->format->begin();
	return open_tell(snitching, SNT_OPEN);
}

static int try_run(struct snitching *snitching, const struct options *options,
		   const char *directory)
{
	int status = snitch_parse(0, NULL, false, &snitching->request);

	snitching->request.filter.pid = getpid();
	snitching->format = &snitch_try;
	if (status == DONE)
		status = snitching_begin(snitching, options, directory);
	if (status == DONE)
		status = try_connect();
	if (status != DONE)
		return status;
	ring_buffer__consume(snitching->running.events);
	return try_judge();
}

int snitch_command(const struct options *options, int argc, char **argv)
{
	struct snitching snitching = {};
	int status;

	if (!argc)
		return misuse("snitch takes the folder of the objects, and words");
	if (argc == 2 && !strcmp(argv[1], "try")) {
		status = try_run(&snitching, options, argv[0]);
	} else if (argc > 1 && !strcmp(argv[1], "list")) {
		status = list_run(&snitching, options, argv[0], argc - 2, argv + 2);
	} else {
		status = watch_run(&snitching, options, argv[0], argc - 1, argv + 1);
	}
	running_end(&snitching.running);
	return status;
}
