// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>
#include "links.h"

#define SHARED_BLOCK TCM_IFINDEX_MAGIC_BLOCK /* of tc's: any device can use it */

int links_listen(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_TC,
	};
	int err, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The device that a message is about; 0: it is about none. */
static uint32_t message_ifindex(const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = NLMSG_DATA(header);
	const struct tcmsg *tc = NLMSG_DATA(header);
	size_t length = header->nlmsg_len - NLMSG_HDRLEN;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return length < sizeof(*link) ? 0 : link->ifi_index;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		return length < sizeof(*tc) ? 0 : tc->tcm_ifindex;
	default:
		return 0;
	}
}

static bool is_about(uint32_t told, uint32_t ifindex)
{
	return told && (!ifindex || told == ifindex || told == SHARED_BLOCK);
}

static bool messages_concern(const void *buffer, int left, uint32_t ifindex)
{
	const struct nlmsghdr *header = buffer;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left))
		if (is_about(message_ifindex(header), ifindex))
			return true;
	return false;
}

bool links_changed(int fd, uint32_t ifindex)
{
	static char buffer[1 << 15] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool changed = false;
	ssize_t length;

	for (;;) {
		length = recv(fd, buffer, sizeof(buffer), 0);
		if (length > 0)
			changed |= messages_concern(buffer, length, ifindex);
		else if (length < 0 && errno == ENOBUFS)
			changed = true;
		else if (!(length < 0 && errno == EINTR))
			return changed;
	}
}
