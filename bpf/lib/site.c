// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "netlink.h"
#include "programs.h"
#include "site.h"
#include "vsh.h"

#define OWN "/proc/self/ns/net"
#define TRIED_MAX 1024 /* namespaces, by their inodes */

/* --- finding a namespace ---------------------------------------------------------------- */

struct quest {
	int own; /* descriptor of the caller's namespace, to come back */
	ino_t tried[TRIED_MAX];
	size_t count;
};

static bool was_tried(const struct quest *quest, ino_t inode)
{
	for (size_t i = 0; i < quest->count; i++)
		if (quest->tried[i] == inode)
			return true;
	return false;
}

static int route_open(void)
{
	static const struct timeval patience = { .tv_sec = 5 };
	int fd = netlink_open();

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Is it this one? Then it is opened. */
static bool namespace_try(struct quest *quest, const char *path, struct site *site)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool found = false;
	struct stat st;
	uint64_t cookie;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && !was_tried(quest, st.st_ino)) {
		if (quest->count < TRIED_MAX)
			quest->tried[quest->count++] = st.st_ino;
		if (!setns(fd, CLONE_NEWNET)) {
			found = !netns_cookie(&cookie) && cookie == site->cookie;
			site->route = found ? route_open() : -1;
			setns(quest->own, CLONE_NEWNET);
		}
	}
	if (!found) {
		close(fd);
		return false;
	}
	site->netns = fd;
	snprintf(site->path, sizeof(site->path), "%s", path);
	return true;
}

static bool names_try(struct quest *quest, struct site *site)
{
	DIR *names = opendir("/run/netns");
	struct dirent *entry;
	bool found = false;
	char path[512];

	while (names && !found && (entry = readdir(names))) {
		snprintf(path, sizeof(path), "/run/netns/%s", entry->d_name);
		found = entry->d_name[0] != '.' && namespace_try(quest, path, site);
		if (found)
			snprintf(site->name, sizeof(site->name), "%s", entry->d_name);
	}
	if (names)
		closedir(names);
	return found;
}

static bool processes_try(struct quest *quest, struct site *site)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	bool found = false;
	char path[512];

	while (processes && !found && (entry = readdir(processes))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		found = namespace_try(quest, path, site);
		if (found)
			snprintf(site->name, sizeof(site->name), "pid:%.20s", entry->d_name);
	}
	if (processes)
		closedir(processes);
	return found;
}

/* The name of the caller's own, if it has one. */
static void own_name(struct site *site)
{
	DIR *names = opendir("/run/netns");
	struct dirent *entry;
	struct stat own, other;

	while (names && !site->name[0] && (entry = readdir(names)))
		if (!stat(OWN, &own) && !fstatat(dirfd(names), entry->d_name, &other, 0) &&
		    own.st_ino == other.st_ino && own.st_dev == other.st_dev)
			snprintf(site->name, sizeof(site->name), "%s", entry->d_name);
	if (names)
		closedir(names);
}

static bool own_open(struct site *site)
{
	site->own = true;
	strcpy(site->path, OWN);
	own_name(site);
	site->netns = open(OWN, O_RDONLY | O_CLOEXEC);
	site->route = route_open();
	return site->netns >= 0;
}

bool site_open(struct site *site, uint64_t cookie)
{
	struct quest quest = {};
	uint64_t here;
	bool found;

	*site = (struct site){ .cookie = cookie, .netns = -1, .route = -1, .devices = -1 };
	if (!netns_cookie(&here) && here == cookie)
		return own_open(site);
	quest.own = open(OWN, O_RDONLY | O_CLOEXEC);
	if (quest.own < 0)
		return false;
	found = names_try(&quest, site) || processes_try(&quest, site);
	close(quest.own);
	return found;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void site_close(struct site *site)
{
	fd_close(&site->netns);
	fd_close(&site->route);
	fd_close(&site->devices);
}

/* --- devices ------------------------------------------------------------------------------ */

/* A mount of its own that no path leads to. Needs no mount namespace, and leaves nothing. */
static int devices_mount(void)
{
	int fs = syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC), mount = -1, devices = -1;

	if (fs < 0)
		return -1;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mount = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mount >= 0) {
		devices = openat(mount, "class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(mount);
	}
	close(fs);
	return devices;
}

/* What sysfs shows is of the namespace in which it is mounted. */
static int devices_open(struct site *site)
{
	int own = site->devices < 0 ? open(OWN, O_RDONLY | O_CLOEXEC) : -1;

	if (own < 0)
		return site->devices;
	if (site->own || !setns(site->netns, CLONE_NEWNET))
		site->devices = devices_mount();
	if (!site->own)
		setns(own, CLONE_NEWNET);
	close(own);
	return site->devices;
}

/* The kernel never gives the id of a node of sysfs away again, and the node goes with its
 * device wherever that goes.
 */
uint64_t site_device_identity(struct site *site, const char *name)
{
	int devices = devices_open(site);
	struct stat st;

	if (devices < 0 || fstatat(devices, name, &st, 0))
		return 0;
	return st.st_ino;
}

uint32_t site_device_index(const struct site *site, const char *name)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, name);
	return ioctl(site->route, SIOCGIFINDEX, &request) ? 0 : request.ifr_ifindex;
}

uint32_t site_device_find(struct site *site, uint64_t identity, char name[IFNAMSIZ])
{
	int root = devices_open(site);
	int fd = root < 0 ? -1 : openat(root, ".", O_RDONLY | O_CLOEXEC);
	DIR *devices = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint32_t ifindex = 0;

	while (identity && devices && !ifindex && (entry = readdir(devices))) {
		if (entry->d_name[0] == '.' ||
		    site_device_identity(site, entry->d_name) != identity)
			continue;
		ifindex = site_device_index(site, entry->d_name);
		snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, entry->d_name);
	}
	if (devices)
		closedir(devices);
	return ifindex;
}

bool site_device_name(const struct site *site, uint32_t ifindex, char name[IFNAMSIZ])
{
	struct ifreq request = { .ifr_ifindex = ifindex };

	if (ioctl(site->route, SIOCGIFNAME, &request))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}

/* --- what is attached to them ---------------------------------------------------------------- */

bool site_has_clsact(const struct site *site, uint32_t ifindex)
{
	struct netlink_question question = {
		.head = { .nlmsg_type = RTM_GETQDISC, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.tc = { .tcm_ifindex = ifindex,
			.tcm_parent = TC_H_CLSACT,
			.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0) },
	};

	return !netlink_ask(site->route, &question, NULL, NULL);
}

static bool is_text(const struct rtattr *attribute, const char *text)
{
	return attribute && RTA_PAYLOAD(attribute) > strlen(text) &&
	       !strcmp(RTA_DATA(attribute), text);
}

struct quarry {
	const struct site_filter *filter;
	bool found;
};

static bool has_program(const struct nlmsghdr *head, const char *program)
{
	const struct rtattr *id = nested_attribute(tc_attribute(head, TCA_OPTIONS), TCA_BPF_ID);

	return id && program_has_name(*(const uint32_t *)RTA_DATA(id), program);
}

static void filter_seen(const struct nlmsghdr *head, void *context)
{
	struct quarry *quarry = context;
	const struct site_filter *filter = quarry->filter;
	const struct tcmsg *tc = NLMSG_DATA(head);

	if (head->nlmsg_type == RTM_NEWTFILTER && tc->tcm_handle == filter->handle &&
	    TC_H_MAJ(tc->tcm_info) >> 16 == filter->pref &&
	    is_text(tc_attribute(head, TCA_KIND), filter->kind) &&
	    (!filter->program || has_program(head, filter->program)))
		quarry->found = true;
}

bool site_has_filter(const struct site *site, uint32_t ifindex, const struct site_filter *filter)
{
	uint32_t hook = filter->ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
	struct quarry quarry = { .filter = filter };
	struct netlink_question question = {
		.head = { .nlmsg_type = RTM_GETTFILTER, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = TC_H_MAKE(TC_H_CLSACT, hook) },
	};

	netlink_ask(site->route, &question, filter_seen, &quarry);
	return quarry.found;
}

/* --- other devices --------------------------------------------------------------------------- */

bool site_device_is_up(const struct site *site, const char *name)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, name);
	return !ioctl(site->route, SIOCGIFFLAGS, &request) && (request.ifr_flags & IFF_UP);
}

static void queue_seen(const struct nlmsghdr *head, void *context)
{
	const struct rtattr *stats = tc_attribute(head, TCA_STATS2);
	const struct rtattr *basic = nested_attribute(stats, TCA_STATS_BASIC);
	const struct rtattr *queue = nested_attribute(stats, TCA_STATS_QUEUE);
	struct site_queue *counts = context;

	if (!counts || !basic || !queue)
		return;
	counts->passed = ((const struct gnet_stats_basic *)RTA_DATA(basic))->packets;
	counts->dropped = ((const struct gnet_stats_queue *)RTA_DATA(queue))->drops;
	counts->waiting = ((const struct gnet_stats_queue *)RTA_DATA(queue))->qlen;
}

bool site_queue_look(const struct site *site, uint32_t ifindex, uint32_t parent, uint32_t handle,
		     struct site_queue *counts)
{
	/* without ECHO the kernel tells everybody but who has asked */
	struct netlink_question question = {
		.head = { .nlmsg_type = RTM_GETQDISC,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO },
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = parent, .tcm_handle = handle },
	};

	return !netlink_ask(site->route, &question, queue_seen, counts);
}
