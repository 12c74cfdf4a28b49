// SPDX-License-Identifier: GPL-2.0-or-later
/* How a served device is, looked up in the kernel: is it there, and is our program on it?
 *
 * vsh ping states   of each that is served: KEY STATE, and why (tabs between)
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "maps.h"
#include "ping.h"

#define OWN_NETNS "/proc/self/ns/net"

bool ping_is_lost(const struct ping_device *device)
{
	return device->state == PING_DETACHED || device->state == PING_GONE;
}

/* --- what is attached ------------------------------------------------------------------------ */

/* The number of a pinned program; 0: there is none. */
static uint32_t program_id(const char *folder, const char *name)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int fd = pin_open(folder, name);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size))
		info.id = 0;
	fd_close(fd);
	return info.id;
}

/* The device that the link is attached to, by its number in whatever namespace; 0: none. */
static uint32_t link_ifindex(const char *folder)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	int fd = pin_open(folder, "pk_link");

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size))
		info.xdp.ifindex = 0;
	fd_close(fd);
	return info.xdp.ifindex;
}

static bool has_xdp(uint32_t ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	return id && !bpf_xdp_query(ifindex, 0, &opts) &&
	       (opts.drv_prog_id == id || opts.skb_prog_id == id || opts.hw_prog_id == id);
}

static bool has_filter(uint32_t ifindex, uint32_t id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = PK_FILTER_HANDLE, .priority = PK_FILTER_PREF);

	return id && !bpf_tc_query(&hook, &opts) && opts.prog_id == id;
}

/* In the namespace of the device. What a device has goes when the device no longer has a name, so
 * the name is looked up last.
 */
static enum ping_state device_state(struct ping_device *device, const char *folder)
{
	uint32_t ifindex = device->label.ifindex;
	bool is_attached = has_xdp(ifindex, program_id(folder, "pk_xdp")) ||
			   has_filter(ifindex, program_id(folder, "pk_tc"));
	char name[IFNAMSIZ];

	if (!if_indextoname(ifindex, name))
		return PING_GONE;
	if (!is_attached)
		return PING_DETACHED;
	memcpy(device->label.dev, name, sizeof(device->label.dev));
	return PING_ACTIVE;
}

static int silence(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Looks from within the namespace of the device, if it is still there. */
static enum ping_state site_look(const struct site *site, struct ping_device *device,
				 const char *folder)
{
	int own = site->own ? -1 : open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	enum ping_state state = PING_GONE;

	strcpy(device->netns, site->name);
	device->netns_own = site->own;
	if (site->own || (own >= 0 && !setns(site->netns, CLONE_NEWNET)))
		state = device_state(device, folder);
	if (own >= 0)
		setns(own, CLONE_NEWNET);
	fd_close(own);
	return state;
}

void ping_state_look(struct ping_device *device)
{
	char folder[128];
	const struct pk_label *label = &device->label;
	struct site site;

	snprintf(folder, sizeof(folder), PK_PINS_DIR "/%llu-%u",
		 (unsigned long long)label->netns_cookie, label->ifindex);
	libbpf_set_print(silence);
	device->state = PING_GONE;
	device->netns[0] = '\0';
	device->netns_own = false;
	if (site_open(&site, label->netns_cookie)) {
		device->state = site_look(&site, device, folder);
		site_close(&site);
	}
	if (ping_is_lost(device) && link_ifindex(folder))
		device->state = PING_MOVED;
	if (device->state == PING_ACTIVE && label->owner && kill(label->owner, 0) && errno == ESRCH)
		device->state = PING_ORPHANED;
}

static int state_print(const struct options *options, const struct ping_device *device)
{
	const char *reason = ping_state_reason(device);

	(void)options;
	printf("%llu-%u\t%s\t%s\n", (unsigned long long)device->label.netns_cookie,
	       device->label.ifindex, ping_state_name(device), reason ?: "");
	return 0;
}

int ping_states_command(const struct options *options, int argc, char **argv)
{
	struct ping_selection selection = {};

	(void)argv;
	if (argc)
		return misuse("states takes no words");
	return ping_visited_status(&selection,
				   ping_devices_visit(options, &selection, state_print));
}
