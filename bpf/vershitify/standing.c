// SPDX-License-Identifier: GPL-2.0-or-later
/* How rules stand, and vsh standing: of each rule that is not active a line: its number, the name
 * of its standing, why, what its network namespace is called (tabs between).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "cgrouphooks.h"
#include "detour.h"
#include "programs.h"
#include "standing.h"

static const struct site_filter classifier = {
	.pref = FILTER_PREF,
	.handle = FILTER_HANDLE,
	.kind = "bpf",
	.program = "vsh_egress",
};

#define RECORD "/run/vershitify/devices"
#define CGROUP_PROGRAMS_MAX 64

/* The namespaces of one look. */
struct sites {
	struct site site[VSH_RULES_MAX];
	bool there[VSH_RULES_MAX];
	size_t count;
};

/* What all rules need, looked up once. */
struct look {
	const struct options *options;
	struct sites sites;
	int devices; /* the map of the rules' devices */
	char lacking[512]; /* of the programs that every rule needs */
	bool attached[CGROUP_HOOKS_MAX]; /* by cgroup_hooks[] */
};

/* --- words --------------------------------------------------------------------------- */

static const char *const names[] = {
	[ACTIVE] = "active",	       [DETACHED] = "detached",
	[DEVICE_GONE] = "device gone", [NETNS_GONE] = "namespace gone",
	[CGROUP_GONE] = "cgroup gone", [EXPIRED] = "expired",
	[ORPHANED] = "orphaned",
};

const char *standing_name(enum standing standing)
{
	return names[standing];
}

static void __attribute__((format(printf, 3, 4)))
why_add(char *why, size_t size, const char *format, ...)
{
	size_t length = strlen(why);
	va_list args;

	if (length)
		length += snprintf(why + length, size - length, ", ");
	if (length >= size)
		return;
	va_start(args, format);
	vsnprintf(why + length, size - length, format, args);
	va_end(args);
}

#define sight_add(sight, ...) why_add((sight)->why, sizeof((sight)->why), __VA_ARGS__)

void sight_print(FILE *out, const struct sight *sight)
{
	fprintf(out, "%s%s%s", names[sight->standing], sight->why[0] ? ": " : "", sight->why);
}

/* --- programs ------------------------------------------------------------------------- */

/* The number of the program that is pinned under this name, or 0. */
static uint32_t pinned_id(const char *name)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), VSH_PINS_DIR "/%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	bpf_obj_get_info_by_fd(fd, &info, &length);
	close(fd);
	return info.id;
}

/* Ours, not one of its name out of another mount namespace. Where cgroups cannot be seen,
 * nothing is said to be missing there.
 */
static bool cgroup_has(const struct options *options, enum bpf_attach_type type, const char *name)
{
	uint32_t ids[CGROUP_PROGRAMS_MAX], count = CGROUP_PROGRAMS_MAX, flags, id = pinned_id(name);
	bool has = false;
	int fd, err;

	fd = options->cgroup_root ? open(options->cgroup_root, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return true;
	err = bpf_prog_query(fd, type, 0, &flags, ids, &count);
	close(fd);
	if (err)
		return true;
	for (uint32_t i = 0; i < count && !has; i++)
		has = id && ids[i] == id;
	return has;
}

/* Those of the tracker: what is needed and pinned by its link. */
static void programs_look(struct look *look)
{
	const struct program *program;

	for (size_t i = 0; (program = program_of(&vershitify_tool, i)); i++)
		if (program_is_taken(program))
			why_add(look->lacking, sizeof(look->lacking), "%s is not pinned",
				program->name);
	if (!cgroup_has(look->options, BPF_CGROUP_INET_SOCK_CREATE, "vsh_sock_create"))
		why_add(look->lacking, sizeof(look->lacking), "vsh_sock_create is not attached");
	for (int i = 0; i < CGROUP_HOOKS_MAX; i++)
		look->attached[i] =
			cgroup_has(look->options, cgroup_hooks[i].type, cgroup_hooks[i].program);
}

/* --- devices -------------------------------------------------------------------------- */

static struct site *site_get(struct sites *sites, uint64_t cookie)
{
	size_t i = 0;

	while (i < sites->count && sites->site[i].cookie != cookie)
		i++;
	if (i == sites->count) {
		sites->there[i] = site_open(&sites->site[i], cookie);
		sites->count++;
	}
	return sites->there[i] ? &sites->site[i] : NULL;
}

static void sites_close(struct sites *sites)
{
	for (size_t i = 0; i < sites->count; i++)
		site_close(&sites->site[i]);
}

/* While the kernel has its entry, a device is where it was. */
static bool is_held(const struct look *look, uint32_t id, uint32_t i)
{
	uint32_t key = VSH_DEVICES_KEY(id, i), value;

	return !bpf_map_lookup_elem(look->devices, &key, &value);
}

static void device_look(struct look *look, struct site *site, uint32_t id, uint32_t i,
			const struct vsh_rule *rule, struct vsh_label *label, struct sight *sight)
{
	char before[VSH_DEV_LEN];

	memcpy(before, label->dev[i], sizeof(before));
	sight->ifindex[i] = rule->ifindex[i];
	if (rule->ifindex[i] != VSH_NO_DEVICE && is_held(look, id, i) &&
	    site_device_name(site, rule->ifindex[i], label->dev[i])) {
		sight->renamed |= !!strncmp(before, label->dev[i], sizeof(before));
		return;
	}
	sight->ifindex[i] = site_device_find(site, label->device[i], label->dev[i]);
	if (sight->ifindex[i])
		sight->moved |= 1U << i;
	else
		sight->gone |= 1U << i;
}

static void filter_look(struct site *site, uint32_t i, const char *name, struct sight *sight)
{
	if (site_has_filter(site, sight->ifindex[i], &classifier))
		return;
	sight->bare |= 1U << i;
	sight_add(sight,
		  site_has_clsact(site, sight->ifindex[i]) ? "no filter on %.15s"
							   : "no clsact on %.15s",
		  name);
}

/* The devices that were there when a rule for all of them came. fault: of its detours. */
static void recorded_look(struct site *site, uint32_t id, const struct vsh_rule *rule,
			  struct sight *sight, char *fault, size_t size)
{
	FILE *record = fopen(RECORD, "re");
	unsigned long long cookie;
	char line[4096], name[IFNAMSIZ];
	uint32_t ifindex;

	while (record && fgets(line, sizeof(line), record)) {
		if (sscanf(line, "%*s %llu %u", &cookie, &ifindex) != 2 || cookie != site->cookie ||
		    !site_device_name(site, ifindex, name))
			continue;
		ways_fault(site, ifindex, id, rule, fault, size);
		if (site_has_filter(site, ifindex, &classifier))
			continue;
		sight->bare = 1;
		sight_add(sight,
			  site_has_clsact(site, ifindex) ? "no filter on %s" : "no clsact on %s",
			  name);
	}
	if (record)
		fclose(record);
}

static void devices_look(struct look *look, struct site *site, uint32_t id,
			 const struct vsh_rule *rule, struct vsh_label *label, struct sight *sight)
{
	char fault[128] = "";

	for (uint32_t i = 0; i < rule->devs; i++) {
		device_look(look, site, id, i, rule, label, sight);
		if (sight->gone >> i & 1)
			sight_add(sight, "%.15s", label->dev[i]);
	}
	for (uint32_t i = 0; i < rule->devs; i++) {
		if (sight->moved >> i & 1)
			sight_add(sight, "%.15s was moved away and back", label->dev[i]);
		else if (!(sight->gone >> i & 1) && rule_has_filters(rule))
			filter_look(site, i, label->dev[i], sight);
	}
	if (!rule->devs && rule_has_filters(rule))
		recorded_look(site, id, rule, sight, fault, sizeof(fault));
	detours_fault(site, id, rule, fault, sizeof(fault));
	sight->strayed = fault[0];
	if (fault[0])
		sight_add(sight, "%s", fault);
}

/* --- rules ---------------------------------------------------------------------------- */

/* Seen from where there are cgroups at all, so that the path tells. */
static bool cgroup_is_gone(const struct vsh_label *label)
{
	char root[VSH_PATH_LEN];
	struct statfs fs;
	struct stat st;

	if (label->who != VSH_CGROUP || !label->cgroup_at)
		return false;
	snprintf(root, sizeof(root), "%.*s", (int)label->cgroup_at, label->path);
	return !statfs(root, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC &&
	       (stat(label->path, &st) || st.st_ino != label->cgroup_id);
}

static void attached_look(const struct look *look, const struct vsh_rule *rule, struct sight *sight)
{
	if (look->lacking[0])
		sight_add(sight, "%s", look->lacking);
	for (int i = 0; i < CGROUP_HOOKS_MAX; i++)
		if ((rule->hooks & cgroup_hooks[i].hook) && !look->attached[i])
			sight_add(sight, "%s is not attached", cgroup_hooks[i].program);
}

static enum standing standing_find(const struct vsh_rule *rule, const struct vsh_label *label,
				   const struct sight *sight, bool netns)
{
	if (rule->needs & VSH_ORPHANED)
		return ORPHANED;
	if (rule_expired(rule, boot_now_ns()))
		return EXPIRED;
	if (!netns)
		return NETNS_GONE;
	if (sight->gone)
		return DEVICE_GONE;
	if (sight->why[0])
		return DETACHED;
	return cgroup_is_gone(label) ? CGROUP_GONE : ACTIVE;
}

static void sight_take(struct look *look, struct state *state, uint32_t id, struct sight *sight)
{
	const struct vsh_rule *rule = &state->rules[id];
	struct site *site = site_get(&look->sites, rule->netns_cookie);

	*sight = (struct sight){};
	if (site) {
		sight->netns_own = site->own;
		strcpy(sight->netns, site->name);
		strcpy(sight->netns_path, site->path);
		devices_look(look, site, id, rule, &state->labels[id], sight);
		attached_look(look, rule, sight);
	}
	sight->standing = standing_find(rule, &state->labels[id], sight, site);
	if (sight->standing == ORPHANED || sight->standing == EXPIRED)
		sight->why[0] = '\0';
}

void sights_look(const struct options *options, struct state *state, uint64_t mask,
		 struct sight sights[VSH_RULES_MAX])
{
	struct look look = { .options = options, .devices = map_open(VSH_DEVICES_MAP) };

	programs_look(&look);
	for (uint32_t id = 0; id < VSH_RULES_MAX; id++)
		if (mask >> id & 1 && rule_exists(&state->rules[id]))
			sight_take(&look, state, id, &sights[id]);
	sites_close(&look.sites);
	if (look.devices >= 0)
		close(look.devices);
}

bool sight_is_hopeless(const struct vsh_rule *rule, const struct sight *sight)
{
	return sight->standing == NETNS_GONE ||
	       (sight->standing == DEVICE_GONE && sight->gone + 1 == 1U << rule->devs);
}

static bool stands_alike(const struct sight *one, const struct sight *other)
{
	return one->standing == other->standing && !strcmp(one->why, other->why);
}

bool news_take(struct news *news, const struct sight *now)
{
	bool stays = stands_alike(now, &news->seen), differs = !stands_alike(now, &news->told);

	news->seen = *now;
	if (!stays || !differs)
		return false;
	news->told = *now;
	return true;
}

bool news_are_open(const struct news *news)
{
	return !stands_alike(&news->seen, &news->told);
}

int standing_command(const struct options *options, int argc, char **argv)
{
	struct sight sights[VSH_RULES_MAX] = {};
	struct state state;
	uint64_t mask;

	(void)argv;
	if (argc)
		return misuse("standing takes no words");
	if (state_read(&state))
		return FAILED;
	mask = rules_chosen(options, &state);
	sights_look(options, &state, mask, sights);
	for (uint32_t id = 0; id < VSH_RULES_MAX; id++)
		if (mask >> id & 1 && sights[id].standing != ACTIVE)
			printf("%u\t%s\t%s\t%s\n", id + 1, names[sights[id].standing],
			       sights[id].why, sights[id].netns_own ? "" : sights[id].netns);
	return DONE;
}
