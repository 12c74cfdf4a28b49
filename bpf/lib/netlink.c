// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include "netlink.h"

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* The messages of one read. True: the last of the answer was among them, and *error is what it says. */
static bool messages_take(const void *messages, int left, netlink_seen *seen, void *context,
			  int *error)
{
	const struct nlmsghdr *head = messages;

	for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_type == NLMSG_ERROR)
			*error = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
		if (head->nlmsg_type == NLMSG_ERROR || head->nlmsg_type == NLMSG_DONE)
			return true;
		if (seen)
			seen(head, context);
	}
	return false;
}

int netlink_ask(int fd, struct netlink_question *question, netlink_seen *seen, void *context)
{
	char answer[32768]
		__attribute__((aligned(NLMSG_ALIGNTO))); /* as much as the kernel sends */
	int error = 0;
	ssize_t length;

	question->head.nlmsg_len = sizeof(*question);
	if (send(fd, question, sizeof(*question), 0) < 0)
		return -errno;
	do {
		length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0)
			return -errno;
		if (!length)
			return -EPIPE;
	} while (!messages_take(answer, length, seen, context, &error));
	return error;
}

static const struct rtattr *attribute_find(const struct rtattr *attribute, int left, int type)
{
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute;
	return NULL;
}

const struct rtattr *tc_attribute(const struct nlmsghdr *head, int type)
{
	const struct tcmsg *tc = NLMSG_DATA(head);

	return attribute_find(TCA_RTA(tc), NLMSG_PAYLOAD(head, sizeof(*tc)), type);
}

const struct rtattr *nested_attribute(const struct rtattr *outer, int type)
{
	return outer ? attribute_find(RTA_DATA(outer), RTA_PAYLOAD(outer), type) : NULL;
}
