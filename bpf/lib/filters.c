// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh filters [IFINDEX ...]: what tc and tcx have on all devices or on these, in one look:
 *
 *	device IFINDEX clsact|ingress|- TCX NAME
 *	filter IFINDEX egress|ingress PREF KIND HANDLE PROGRAM|- ID
 *
 * A device comes before its filters; TCX is how many programs run at egress before any of
 * them. A device that is not there has no line. Filters are asked for by the number of their
 * device; of qdiscs there is only a dump of all, which can miss one while devices vanish.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <bpf/bpf.h>
#include "netlink.h"
#include "vsh.h"
#include "words.h"

#define TCX_EGRESS 47 /* BPF_TCX_EGRESS of linux/bpf.h, since 6.6 */
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

/* What the kernel refuses to tell, since the device has gone meanwhile, is not there. 0 or
 * -errno.
 */
static int ask(int fd, int type, int ifindex, __u32 parent, netlink_seen *seen, void *context)
{
	struct netlink_question question = {
		.head = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.tc = { .tcm_ifindex = ifindex, .tcm_parent = parent },
	};
	int err = netlink_ask(fd, &question, seen, context);

	return err > 0 ? 0 : err;
}

static const char *kind_of(const struct nlmsghdr *head)
{
	const struct rtattr *kind = tc_attribute(head, TCA_KIND);

	return kind ? RTA_DATA(kind) : "-";
}

/* The name of the program with this number; "-" if it is gone or has none. */
static const char *program_name(__u32 id)
{
	static struct bpf_prog_info info;
	static __u32 known;
	__u32 length = sizeof(info);
	int fd;

	if (id && id == known)
		return info.name;
	memset(&info, 0, sizeof(info));
	fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	known = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length) && *info.name ? id : 0;
	if (fd >= 0)
		close(fd);
	return known ? info.name : "-";
}

static __u32 program_id(const struct nlmsghdr *head)
{
	const struct rtattr *id = NULL;

	if (!strcmp(kind_of(head), "bpf"))
		id = nested_attribute(tc_attribute(head, TCA_OPTIONS), TCA_BPF_ID);
	return id ? *(__u32 *)RTA_DATA(id) : 0;
}

/* What is at both of a qdisc's hooks may be shared with other devices, and bear their number. */
struct place {
	int ifindex;
	const char *hook;
};

static void filter_print(const struct nlmsghdr *head, void *context)
{
	const struct tcmsg *tc = NLMSG_DATA(head);
	const struct place *place = context;
	__u32 id = program_id(head);

	printf("filter %d %s %u %s 0x%x %s %u\n", place->ifindex, place->hook,
	       TC_H_MAJ(tc->tcm_info) >> 16, kind_of(head), tc->tcm_handle, program_name(id), id);
}

/* The devices whose hooks have a qdisc, and which of the two that can be there. */
struct qdiscs {
	struct qdisc {
		int ifindex;
		bool clsact;
	} * list;
	size_t count;
	bool lacks_memory;
};

static void qdisc_take(const struct nlmsghdr *head, void *context)
{
	const struct tcmsg *tc = NLMSG_DATA(head);
	struct qdiscs *qdiscs = context;
	struct qdisc *list;

	if (tc->tcm_parent != TC_H_CLSACT)
		return;
	list = reallocarray(qdiscs->list, qdiscs->count + 1, sizeof(*list));
	if (!list) {
		qdiscs->lacks_memory = true;
		return;
	}
	qdiscs->list = list;
	list[qdiscs->count++] = (struct qdisc){
		.ifindex = tc->tcm_ifindex,
		.clsact = !strcmp(kind_of(head), "clsact"),
	};
}

static int qdiscs_read(int fd, struct qdiscs *qdiscs)
{
	int err = ask(fd, RTM_GETQDISC, 0, 0, qdisc_take, qdiscs);

	return err ?: qdiscs->lacks_memory ? -ENOMEM : 0;
}

static const char *qdisc_kind(const struct qdiscs *qdiscs, int ifindex)
{
	for (size_t i = 0; i < qdiscs->count; i++)
		if (qdiscs->list[i].ifindex == ifindex)
			return qdiscs->list[i].clsact ? "clsact" : "ingress";
	return "-";
}

static unsigned int tcx_count(int ifindex)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);

	/* A kernel that does not know tcx has none attached. */
	return bpf_prog_query_opts(ifindex, TCX_EGRESS, &query) ? 0 : query.prog_cnt;
}

static int device_print(int fd, const struct qdiscs *qdiscs, int ifindex)
{
	struct place egress = { ifindex, "egress" }, ingress = { ifindex, "ingress" };
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname(ifindex, name))
		return 0;
	printf("device %d %s %u %s\n", ifindex, qdisc_kind(qdiscs, ifindex), tcx_count(ifindex),
	       name);
	err = ask(fd, RTM_GETTFILTER, ifindex, EGRESS, filter_print, &egress);
	return err ?: ask(fd, RTM_GETTFILTER, ifindex, INGRESS, filter_print, &ingress);
}

static int devices_print_all(int fd, const struct qdiscs *qdiscs)
{
	struct if_nameindex *devices = if_nameindex();
	int err = devices ? 0 : -errno;

	for (size_t i = 0; !err && devices[i].if_index; i++)
		err = device_print(fd, qdiscs, devices[i].if_index);
	if (devices)
		if_freenameindex(devices);
	return err;
}

static int look(int fd, struct qdiscs *qdiscs, int argc, char **argv)
{
	int err = qdiscs_read(fd, qdiscs);
	uint64_t ifindex;

	for (int i = 0; !err && i < argc; i++) {
		if (number_parse(argv[i], INT32_MAX, &ifindex))
			return misuse("device %s: its number", quoted(argv[i]));
		err = device_print(fd, qdiscs, ifindex);
	}
	if (!err && !argc)
		err = devices_print_all(fd, qdiscs);
	return err ? failure("cannot look at the devices: %s", strerror(-err)) : DONE;
}

int filters_command(const struct options *options, int argc, char **argv)
{
	int fd = netlink_open();
	struct qdiscs qdiscs = {};
	int status;

	(void)options;
	if (fd < 0)
		return failure("cannot look at the devices: %s", strerror(-fd));
	status = look(fd, &qdiscs, argc, argv);
	free(qdiscs.list);
	close(fd);
	return status;
}
