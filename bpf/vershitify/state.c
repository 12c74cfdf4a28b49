// SPDX-License-Identifier: GPL-2.0-or-later
/* The pinned maps as user space sees them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "state.h"

int map_open(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), VSH_MAPS_DIR "/%s", name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* The array has an entry for each rule, used or not: 0, or -errno of the first that cannot be read. */
static int array_read(const char *name, void *entries, size_t size)
{
	int fd = map_open(name);
	int err = 0;

	if (fd < 0)
		return fd;
	for (__u32 i = 0; i < VSH_RULES_MAX && !err; i++)
		err = bpf_map_lookup_elem(fd, &i, (char *)entries + i * size);
	close(fd);
	return err;
}

static int config_read(struct vsh_config *config)
{
	int fd = map_open("vsh_config");
	__u32 zero = 0;
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &zero, config);
	close(fd);
	return err;
}

int state_read(struct state *state)
{
	int err;

	memset(state, 0, sizeof(*state));
	err = array_read("vsh_rules", state->rules, sizeof(*state->rules));
	if (!err)
		err = array_read("vsh_labels", state->labels, sizeof(*state->labels));
	if (!err)
		err = config_read(&state->config);
	if (err == -ENOENT)
		return 0;
	if (err)
		complain("cannot read the maps in " VSH_MAPS_DIR ": %s (try: vershitify.sh doctor)",
			 strerror(-err));
	state->present = !err;
	return err;
}

bool rule_exists(const struct vsh_rule *rule)
{
	return rule->generation;
}

bool rule_expired(const struct vsh_rule *rule, uint64_t now_ns)
{
	return rule->expires_ns && now_ns >= rule->expires_ns;
}
