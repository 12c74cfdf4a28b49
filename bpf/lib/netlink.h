/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of tc's things: a question, and each message of the answer. */
#ifndef VSH_NETLINK_H
#define VSH_NETLINK_H

#include <linux/rtnetlink.h>

/* A socket for the network namespace in which it is made, or -errno. */
int netlink_open(void);

struct netlink_question {
	struct nlmsghdr head; /* type and flags */
	struct tcmsg tc;
};

/* Called for each message of the answer that is no end and no error. */
typedef void netlink_seen(const struct nlmsghdr *head, void *context);

/* 0, the error that the kernel answers with, or -errno: there is no whole answer. seen: or NULL. */
int netlink_ask(int fd, struct netlink_question *question, netlink_seen *seen, void *context);

/* An attribute of tc's message; NULL: it has none of that type. */
const struct rtattr *tc_attribute(const struct nlmsghdr *head, int type);

/* Likewise of an attribute that holds others, or of NULL. */
const struct rtattr *nested_attribute(const struct rtattr *outer, int type);

#endif
