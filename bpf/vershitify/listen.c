// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh listen [ID]: prints events until a signal comes. Without ID all of them, for
 * `monitor`; with ID those of a foreground run, and its counts once a second.
 *
 * Every listener brings its own ring buffer and takes a slot in vsh_listeners.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "counters.h"
#include "json.h"
#include "maps.h"
#include "programs.h"
#include "scan.h"
#include "words.h"

#define TICK_MS 100
#define TICKS_PER_SECOND (1000 / TICK_MS)

struct listener {
	const struct options *options;
	uint64_t mask; /* rules whose events are printed */
	int only; /* the rule of a foreground run, or -1 */
	uint32_t generation; /* of that rule */
	uint32_t slot;
	uint64_t lost;
	uint64_t expired; /* rules reported as expired */
	uint64_t passed, dropped; /* as last printed */
	bool launched; /* since the last scan */
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void mask_print(uint64_t mask)
{
	const char *separator = "";

	for (int id = 0; id < VSH_RULES_MAX; id++) {
		if (!(mask >> id & 1))
			continue;
		printf("%s%d", separator, id + 1);
		separator = ",";
	}
}

static void word_print(const char comm[VSH_COMM_LEN])
{
	print_word(stdout, comm, strnlen(comm, VSH_COMM_LEN));
}

static void json_rules(struct json *json, uint64_t mask)
{
	json_array_begin(json, "rules");
	for (int id = 0; id < VSH_RULES_MAX; id++)
		if (mask >> id & 1)
			json_number(json, NULL, id + 1);
	json_array_end(json);
}

static void event_begin(struct json *json, const char *event)
{
	json_object_begin(json, NULL);
	json_string(json, "event", event);
}

static void event_end(struct json *json)
{
	json_object_end(json);
	json_line_end(json);
}

static void launched_print(const struct listener *listener, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!listener->options->json) {
		printf("process launched: %u ", event->pid);
		word_print(event->parent);
		putchar(' ');
		word_print(event->child);
		putchar('\n');
		return;
	}
	event_begin(&json, "process_launched");
	json_number(&json, "pid", event->pid);
	json_chars(&json, "parent", event->parent, VSH_COMM_LEN);
	json_chars(&json, "child", event->child, VSH_COMM_LEN);
	json_rules(&json, event->mask);
	event_end(&json);
}

static void tagged_print(const struct listener *listener, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!listener->options->json) {
		printf("socket tagged: %u ", event->pid);
		word_print(event->child);
		fputs(" rule ", stdout);
		mask_print(event->mask);
		putchar('\n');
		return;
	}
	event_begin(&json, "socket_tagged");
	json_number(&json, "pid", event->pid);
	json_chars(&json, "command", event->child, VSH_COMM_LEN);
	json_rules(&json, event->mask);
	event_end(&json);
}

static void abandoned_print(const struct listener *listener, const struct vsh_event *event)
{
	struct json json = { .out = stdout };

	if (!listener->options->json) {
		fputs("rule disabled: ", stdout);
		mask_print(event->mask);
		printf(" (its process %u is gone)\n", event->pid);
		return;
	}
	event_begin(&json, "rule_disabled");
	json_number(&json, "owner", event->pid);
	json_rules(&json, event->mask);
	event_end(&json);
}

static int event_print(void *context, void *data, size_t size)
{
	struct listener *listener = context;
	const struct vsh_event *event = data;

	if (size < sizeof(*event) || !(event->mask & listener->mask))
		return 0;
	switch (event->kind) {
	case VSH_LAUNCHED:
		listener->launched = true;
		launched_print(listener, event);
		break;
	case VSH_TAGGED:
		if (listener->only < 0)
			tagged_print(listener, event);
		break;
	case VSH_ABANDONED:
		if (listener->only < 0)
			abandoned_print(listener, event);
		break;
	}
	return 0;
}

static void number_event_print(const struct listener *listener, const char *event, const char *text,
			       const char *member, uint64_t number)
{
	struct json json = { .out = stdout };

	if (!listener->options->json) {
		printf("%s: %llu\n", text, (unsigned long long)number);
		return;
	}
	event_begin(&json, event);
	json_number(&json, member, number);
	event_end(&json);
}

static void counts_print(const struct listener *listener)
{
	struct json json = { .out = stdout };

	if (!listener->options->json) {
		printf("Passed %llu Dropped %llu\n", (unsigned long long)listener->passed,
		       (unsigned long long)listener->dropped);
		return;
	}
	event_begin(&json, "counts");
	json_number(&json, "passed", listener->passed);
	json_number(&json, "dropped", listener->dropped);
	event_end(&json);
}

static void lost_report(struct listener *listener)
{
	struct vsh_listener own;
	int fd = map_open("vsh_lost");

	if (fd < 0)
		return;
	if (!bpf_map_lookup_elem(fd, &listener->slot, &own) && own.lost != listener->lost) {
		number_event_print(listener, "lost", "lost events", "events",
				   own.lost - listener->lost);
		listener->lost = own.lost;
	}
	close(fd);
}

static void expired_report(struct listener *listener, const struct state *state)
{
	uint64_t now = boot_now_ns();

	for (int id = 0; id < VSH_RULES_MAX; id++) {
		const struct vsh_rule *rule = &state->rules[id];
		uint64_t bit = 1ULL << id;

		if (!rule_exists(rule) || !rule_expired(rule, now)) {
			listener->expired &= ~bit;
			continue;
		}
		if (listener->mask & ~listener->expired & bit)
			number_event_print(listener, "rule_expired", "rule expired", "id", id + 1);
		listener->expired |= bit;
	}
}

/* The original's line. */
static void counts_report(struct listener *listener)
{
	uint64_t seen = 0, dropped = 0;

	for (int direction = 0; direction < VSH_DIRECTIONS; direction++) {
		struct counters stats;

		if (counters_read(listener->only, direction, &stats))
			return;
		seen += stats.seen.packets;
		dropped += stats.dropped.packets;
	}
	if (seen - dropped == listener->passed && dropped == listener->dropped)
		return;
	listener->passed = seen - dropped;
	listener->dropped = dropped;
	counts_print(listener);
}

/* false: what was listened to is over. */
static bool second_passed(struct listener *listener)
{
	struct state state;

	if (state_read(&state) || !state.present)
		return false;
	lost_report(listener);
	expired_report(listener, &state);
	if (listener->only < 0)
		return true;
	counts_report(listener);
	return state.rules[listener->only].generation == listener->generation;
}

/* A slot is free if its listener has ended. The lock is that of tc/lock.sh. */
static int slot_take(struct listener *listener, int ring)
{
	struct vsh_listener own = { .pid = getpid() }, other;
	int slots = map_open("vsh_listeners"), owners = map_open("vsh_lost");
	int lock = open("/run", O_RDONLY | O_CLOEXEC);
	char comm[VSH_COMM_LEN];
	int err = -EBUSY;

	if (slots < 0 || owners < 0) {
		err = slots < 0 ? slots : owners;
		goto out;
	}
	if (lock >= 0)
		flock(lock, LOCK_EX);
	for (uint32_t slot = 0; slot < VSH_LISTENERS_MAX; slot++) {
		if (bpf_map_lookup_elem(owners, &slot, &other) ||
		    (other.pid && !process_comm(other.pid, comm)))
			continue;
		bpf_map_update_elem(owners, &slot, &own, BPF_ANY);
		err = bpf_map_update_elem(slots, &slot, &ring, BPF_ANY);
		listener->slot = slot;
		break;
	}
out:
	fd_close(slots);
	fd_close(owners);
	fd_close(lock);
	return err;
}

static void slot_leave(const struct listener *listener)
{
	int slots = map_open("vsh_listeners"), owners = map_open("vsh_lost");
	struct vsh_listener none = {};

	if (slots >= 0 && owners >= 0) {
		bpf_map_delete_elem(slots, &listener->slot);
		bpf_map_update_elem(owners, &listener->slot, &none, BPF_ANY);
	}
	fd_close(slots);
	fd_close(owners);
}

static void events_poll(struct listener *listener, struct ring_buffer *events)
{
	uint64_t processes = 0, sockets = 0;

	for (unsigned int tick = 1; !ended; tick++) {
		int err = ring_buffer__poll(events, TICK_MS);

		if (err < 0 && err != -EINTR)
			break;
		ring_buffer__consume(events); /* also what came without a wake-up */
		/* What a new target has inherited, at once; what it was passed, by the second. */
		if (listener->launched || tick % TICKS_PER_SECOND == 0)
			scan(&processes, &sockets);
		listener->launched = false;
		if (tick % TICKS_PER_SECOND == 0 && !second_passed(listener))
			break;
		if (output_flush())
			break;
	}
	ring_buffer__consume(events);
	second_passed(listener);
}

static int ring_create(void)
{
	return bpf_map_create(BPF_MAP_TYPE_RINGBUF, "vsh_events", 0, 0, VSH_RING_BYTES, NULL);
}

static int events_listen(struct listener *listener)
{
	struct ring_buffer *events;
	int err, ring = ring_create();

	if (ring < 0)
		return failure("cannot make a ring buffer: %s", strerror(errno));
	events = ring_buffer__new(ring, event_print, listener, NULL);
	err = events ? slot_take(listener, ring) : -errno;
	if (!err) {
		events_poll(listener, events);
		slot_leave(listener);
	}
	ring_buffer__free(events);
	close(ring);
	if (err == -ENOENT) /* taken down in this very moment */
		return DONE;
	if (err == -EBUSY)
		return failure("%d others listen already", VSH_LISTENERS_MAX);
	return err ? failure("cannot listen: %s", strerror(-err)) : DONE;
}

/* What will not be heard of, since the kernel has refused a program. */
static void lost_tell(void)
{
	for (size_t i = 0; i < programs_count; i++)
		if (program_is_lost(&programs[i]))
			complain("note: without %s, %s", programs[i].name, programs[i].lost);
}

/* Rules may come and go: listens for as long as it is let. */
static int monitor(struct listener *listener)
{
	while (!ended && !output_flush()) {
		int fd = map_open("vsh_listeners");

		fd_close(fd);
		if (fd >= 0)
			lost_tell();
		if (fd >= 0 && events_listen(listener) != DONE)
			return FAILED;
		if (!ended)
			usleep(TICK_MS * 1000);
	}
	return DONE;
}

static int only_parse(struct listener *listener, const char *word)
{
	uint64_t number;
	struct state state;

	if (number_parse(word, VSH_RULES_MAX, &number) || !number)
		return misuse("rule %s: a number from 1 to %d", quoted(word), VSH_RULES_MAX);
	if (state_read(&state))
		return FAILED;
	listener->only = number - 1;
	listener->mask = 1ULL << listener->only;
	listener->generation = state.rules[listener->only].generation;
	return DONE;
}

int listen_command(const struct options *options, int argc, char **argv)
{
	struct listener listener = { .options = options, .mask = UINT64_MAX, .only = -1 };
	int status;

	if (argc > 1)
		return misuse("listen takes one rule, or none for all");
	status = argc ? only_parse(&listener, argv[0]) : DONE;
	if (status != DONE)
		return status;
	ends_catch(end);
	if (argc) {
		/* A foreground run that is killed takes its listener with it. */
		prctl(PR_SET_PDEATHSIG, END_SIGNAL);
		return events_listen(&listener);
	}
	return monitor(&listener);
}
