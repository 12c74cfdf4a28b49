// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * paths.c - does the fast path of the judge (bpf/vershitify/judge.bpf.h) judge as the full path does?
 *
 *   paths OBJECT DEV table|bits
 *
 * OBJECT is judged.bpf.c, compiled; DEV a device besides lo. Sends sequences of packets of one socket
 * with two rules to the judge (BPF_PROG_TEST_RUN), each sequence twice: once as it is, once with rules
 * that are not known (VSH_KNOWN), so that everything is looked at. Verdicts, counters and what is
 * drawn at random have to be the same. Half-way through, the first rule is replaced.
 *
 *   table   each rule of a list, before each other and replaced by each other
 *   bits    a simple rule, with each bit that a rule has turned over
 *
 * Prints each difference and ends with 1, or "N packets, N by the fast path, N actions, N reasons": how many
 * different ones there were.
 */
#include "traffic.h"

#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "paths.h"
#include "vershitify/needs.c"

#define COOKIE 4711
#define EPOCH 5
#define PACKETS 48 /* of a sequence */
#define RULES 2
#define KEYS (RULES * VSH_DIRECTIONS)

static int program_fd, rules_fd, devices_fd, config_fd, stats_fd, packet_fd;
static __u32 ifindexes[2];
static int cpus;
static unsigned long packets_all, packets_fast, differences;
static __u32 actions, reasons; /* masks */

/* --- rules ------------------------------------------------------------------------------------------ */

static __u64 boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

#define HOUR_NS 3600000000000ULL
/* The loss by which this test knows a rule whose device was removed: no field of a rule tells. */
#define DEAD_THRESHOLD (VSH_CERTAIN / 2 + 1)

/* The one that the fast path is for. */
static struct vsh_rule simple_rule(void)
{
	return (struct vsh_rule){
		.threshold = VSH_CERTAIN / 2,
		.netns_cookie = COOKIE,
		.generation = 1,
		.hooks = VSH_TC_EGRESS,
		.devs = 1,
		.ifindex = { ifindexes[0] },
	};
}

static void nothing_set(struct vsh_rule *rule)
{
	(void)rule;
}

static void none_set(struct vsh_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
}

static void all_lost_set(struct vsh_rule *rule)
{
	rule->threshold = VSH_CERTAIN;
}

static void device_set(struct vsh_rule *rule)
{
	rule->ifindex[0] = ifindexes[1];
}

static void devices_set(struct vsh_rule *rule)
{
	rule->devs = 2;
	rule->ifindex[0] = 999999;
	rule->ifindex[1] = ifindexes[0];
	rule->needs = VSH_ONCE;
}

static void every_device_set(struct vsh_rule *rule)
{
	rule->devs = 0;
	rule->ifindex[0] = 0;
	rule->needs = VSH_ONCE;
}

static void ingress_set(struct vsh_rule *rule)
{
	rule->hooks = VSH_CG_INGRESS;
}

static void denied_set(struct vsh_rule *rule)
{
	rule->hooks = VSH_CG_EGRESS;
}

static void hooks_set(struct vsh_rule *rule)
{
	rule->hooks = VSH_TC_EGRESS | VSH_CG_INGRESS;
}

static void once_set(struct vsh_rule *rule)
{
	rule->hooks = VSH_TC_EGRESS | VSH_CG_INGRESS;
	rule->needs = VSH_ONCE;
}

static void dead_set(struct vsh_rule *rule)
{
	rule->hooks = VSH_TC_EGRESS | VSH_CG_INGRESS;
	rule->threshold = DEAD_THRESHOLD;
}

static void local_set(struct vsh_rule *rule)
{
	rule->needs = VSH_LOCAL;
}

static void seed_set(struct vsh_rule *rule)
{
	rule->needs = VSH_SEEDED;
	rule->seed = 7;
}

static void model_set(struct vsh_rule *rule)
{
	rule->model.kind = VSH_EVERY;
	rule->model.every.period = 2;
}

static void orphaned_set(struct vsh_rule *rule)
{
	rule->owner = 1;
	rule->needs = VSH_ORPHANED;
}

static void over_set(struct vsh_rule *rule)
{
	rule->schedule.expires_ns = 1;
}

static void time_set(struct vsh_rule *rule)
{
	rule->schedule.expires_ns = boot_ns() + HOUR_NS;
}

static void later_set(struct vsh_rule *rule)
{
	rule->schedule.begins_ns = boot_ns() + HOUR_NS;
}

static void pause_set(struct vsh_rule *rule)
{
	rule->schedule = (struct vsh_schedule){ 1, 0, 1, ~0ULL >> 1 };
}

static void repeat_set(struct vsh_rule *rule)
{
	rule->schedule = (struct vsh_schedule){ 1, 0, ~0ULL >> 1, 1 };
}

static void netns_set(struct vsh_rule *rule)
{
	rule->netns_cookie++;
}

static void younger_set(struct vsh_rule *rule)
{
	rule->generation = EPOCH + 1;
}

/* No label has conditions: it takes each packet that is read for conditions, see epoch_write(). */
static void selects_set(struct vsh_rule *rule)
{
	rule->needs = VSH_SELECTS;
}

static void held_set(struct vsh_rule *rule)
{
	rule->needs = VSH_HOLD;
}

static void children_set(struct vsh_rule *rule)
{
	rule->flags = VSH_CHILDREN;
}

static const struct kind {
	const char *name;
	void (*set)(struct vsh_rule *rule);
} kinds[] = {
	{ "simple", nothing_set },
	{ "none", none_set },
	{ "all lost", all_lost_set },
	{ "another device", device_set },
	{ "two devices", devices_set },
	{ "every device", every_device_set },
	{ "ingress", ingress_set },
	{ "denied", denied_set },
	{ "two hooks", hooks_set },
	{ "two hooks, once", once_set },
	{ "two hooks, the device was removed", dead_set },
	{ "local", local_set },
	{ "seed", seed_set },
	{ "model", model_set },
	{ "orphaned", orphaned_set },
	{ "time over", over_set },
	{ "time", time_set },
	{ "time to come", later_set },
	{ "pause", pause_set },
	{ "no pause", repeat_set },
	{ "another namespace", netns_set },
	{ "younger than the socket", younger_set },
	{ "held", held_set },
	{ "children", children_set },
	{ "conditions", selects_set },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct vsh_rule rule_of(const struct kind *kind)
{
	struct vsh_rule rule = simple_rule();

	kind->set(&rule);
	needs_finish(&rule);
	return rule;
}

/* --- one sequence, on one path ----------------------------------------------------------------------- */

struct scene {
	char name[128];
	struct vsh_rule rule[RULES];
	struct vsh_rule later; /* in the place of the first */
	bool changed; /* by the user: then the epoch goes on */
};

struct outcome {
	struct path_packet packet[PACKETS];
	struct vsh_stats *stats; /* KEYS times cpus */
};

static void element_write(int fd, __u32 key, const void *value)
{
	if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
		die("cannot write to a map");
}

/* A number that no device has is refused, and such an entry is never there. */
static void devices_write(__u32 id, const struct vsh_rule *rule)
{
	for (__u32 i = 0; i < VSH_DEVS_MAX; i++) {
		__u32 key = VSH_DEVICES_KEY(id, i);

		bpf_map_delete_elem(devices_fd, &key);
		if (i < rule->devs && rule->threshold != DEAD_THRESHOLD)
			bpf_map_update_elem(devices_fd, &key, &rule->ifindex[i], BPF_ANY);
	}
}

static void rule_write(__u32 id, const struct vsh_rule *rule, bool fast)
{
	struct vsh_rule copy = *rule;

	if (!fast)
		copy.needs &= ~VSH_KNOWN;
	devices_write(id, rule);
	element_write(rules_fd, id, &copy);
}

static void epoch_write(__u32 epoch)
{
	struct vsh_config config = { .epoch = epoch, .selects = epoch & 1 };

	element_write(config_fd, 0, &config);
}

/* The same numbers are drawn each time. */
static void stats_begin(struct vsh_stats *stats)
{
	memset(stats, 0, sizeof(*stats) * cpus);
	for (__u32 key = 0; key < KEYS; key++) {
		for (int cpu = 0; cpu < cpus; cpu++)
			stats[cpu].random = 1 + key;
		element_write(stats_fd, key, stats);
	}
}

static void packet_judge(__u32 ifindex, struct path_packet *packet)
{
	struct __sk_buff context = { .ifindex = ifindex, .gso_segs = 3, .gso_size = 10 };
	char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context));
	__u32 zero = 0;

	element_write(packet_fd, 0, packet);
	if (bpf_prog_test_run_opts(program_fd, &opts) || opts.retval)
		die("cannot run the program");
	if (bpf_map_lookup_elem(packet_fd, &zero, packet))
		die("cannot read a map");
}

/* Which packets come is the same for each sequence. */
static void sequence_run(const struct scene *scene, bool fast, struct outcome *outcome)
{
	static const __u32 hooks[] = { VSH_TC_EGRESS, VSH_CG_INGRESS, VSH_TC_EGRESS,
				       VSH_CG_EGRESS };
	struct path_packet packet = {
		.sock.owner = { .mask = (1 << RULES) - 1, .netns_cookie = COOKIE, .epoch = EPOCH }
	};
	unsigned int draw = 1;

	epoch_write(EPOCH);
	stats_begin(outcome->stats);
	for (__u32 id = 0; id < RULES; id++)
		rule_write(id, &scene->rule[id], fast);
	for (int i = 0; i < PACKETS; i++) {
		if (i == PACKETS / 2) {
			rule_write(0, &scene->later, fast);
			epoch_write(EPOCH + scene->changed);
		}
		draw = draw * 1103515245 + 12345;
		packet.hook = hooks[draw >> 16 & 3];
		packet.tc_index = draw >> 18 & 3 ? 0 : VSH_JUDGED + (draw >> 20 & 1);
		packet_judge(ifindexes[!(draw >> 21 & 3)], &packet);
		outcome->packet[i] = packet;
	}
	for (__u32 key = 0; key < KEYS; key++)
		if (bpf_map_lookup_elem(stats_fd, &key, &outcome->stats[key * cpus]))
			die("cannot read a map");
}

/* --- both paths ------------------------------------------------------------------------------------------ */

static void difference(const struct scene *scene, const char *what, int packet, __u32 fast,
		       __u32 full)
{
	differences++;
	printf("%s: %s", scene->name, what);
	if (packet >= 0)
		printf(" of packet %d: %#x, not %#x", packet, fast, full);
	puts("");
}

static void scene_check(const struct scene *scene)
{
	static struct outcome fast, full;
	size_t size = sizeof(struct vsh_stats) * cpus * KEYS;

	if (!fast.stats) {
		fast.stats = malloc(size);
		full.stats = malloc(size);
		if (!fast.stats || !full.stats)
			die("no memory");
	}
	sequence_run(scene, true, &fast);
	sequence_run(scene, false, &full);
	packets_all += PACKETS;
	for (int i = 0; i < PACKETS; i++) {
		packets_fast += fast.packet[i].fast;
		actions |= 1U << fast.packet[i].action;
		reasons |= 1U << fast.packet[i].reason;
		if (full.packet[i].fast)
			difference(scene, "path", i, 1, 0);
		if (fast.packet[i].verdict == full.packet[i].verdict)
			continue;
		difference(scene, "verdict", i, fast.packet[i].verdict, full.packet[i].verdict);
		return;
	}
	if (memcmp(fast.stats, full.stats, size))
		difference(scene, "counters", -1, 0, 0);
	if (memcmp(fast.packet[PACKETS - 1].sock.owner.packets,
		   full.packet[PACKETS - 1].sock.owner.packets,
		   sizeof(full.packet[0].sock.owner.packets)))
		difference(scene, "draws by seed", -1, 0, 0);
}

/* The kernel and `del` leave the epoch as it is; `change` does not. */
static void table_check(void)
{
	struct scene scene;

	for (size_t a = 0; a < KINDS; a++)
		for (size_t b = 0; b < KINDS; b++)
			for (size_t c = 0; c < KINDS; c++) {
				snprintf(scene.name, sizeof(scene.name), "%s, then %s; later %s",
					 kinds[a].name, kinds[b].name, kinds[c].name);
				scene.rule[0] = rule_of(&kinds[a]);
				scene.rule[1] = rule_of(&kinds[b]);
				scene.later = rule_of(&kinds[c]);
				scene.changed = kinds[c].set != none_set &&
						kinds[c].set != orphaned_set;
				scene_check(&scene);
			}
}

/* In each place, and in one that has been simple before. */
static void bits_check(void)
{
	struct vsh_rule simple = rule_of(&kinds[0]), turned;

	for (unsigned int bit = 0; bit < 8 * sizeof(simple); bit++) {
		unsigned char *byte = (unsigned char *)&turned + bit / 8;

		turned = simple;
		*byte ^= 1 << bit % 8;
		needs_finish(&turned);
		for (int place = 0; place < RULES; place++) {
			struct scene scene = { .rule = { simple, simple },
					       .later = simple,
					       .changed = true };

			snprintf(scene.name, sizeof(scene.name), "rule %d, byte %u, bit %u",
				 place + 1, bit / 8, bit % 8);
			scene.rule[place] = turned;
			scene_check(&scene);
			scene.later = turned;
			scene_check(&scene);
		}
	}
}

/* --- begin ----------------------------------------------------------------------------------------------- */

static int map_fd(const struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0)
		die("no map %s", name);
	return fd;
}

static struct bpf_object *object_load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!object)
		die("cannot open %s", path);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(object))
		die("cannot load %s", path);
	program_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "path_judge"));
	rules_fd = map_fd(object, "vsh_rules");
	devices_fd = map_fd(object, "vsh_devices");
	config_fd = map_fd(object, "vsh_config");
	stats_fd = map_fd(object, "vsh_stats");
	packet_fd = map_fd(object, "path_packet");
	return object;
}

/* Random numbers are drawn for each processor. */
static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here))
		die("cannot stay on one processor");
}

int main(int argc, char **argv)
{
	struct bpf_object *object;

	lifetime_limit();
	if (argc != 4 || (strcmp(argv[3], "table") && strcmp(argv[3], "bits"))) {
		fprintf(stderr, "usage: paths OBJECT DEV table|bits\n");
		return 2;
	}
	stay_here();
	cpus = libbpf_num_possible_cpus();
	ifindexes[0] = if_nametoindex(argv[2]);
	ifindexes[1] = if_nametoindex("lo");
	if (!ifindexes[0] || !ifindexes[1])
		die("no device %s", argv[2]);
	object = object_load(argv[1]);
	if (!strcmp(argv[3], "table"))
		table_check();
	else
		bits_check();
	bpf_object__close(object);
	if (!differences)
		printf("%lu packets, %lu by the fast path, %d actions, %d reasons\n", packets_all,
		       packets_fast, __builtin_popcount(actions), __builtin_popcount(reasons));
	return differences ? 1 : 0;
}
