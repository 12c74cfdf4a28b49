// SPDX-License-Identifier: GPL-2.0-or-later
/* Ports that probes are sent from, and errors about what was. */
#include <errno.h>
#include <time.h> /* for linux/errqueue.h */
#include <linux/errqueue.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "probe.h"
#include "vsh.h"

#define ATTEMPTS 100 /* somebody has one of those that follow */

/* The field is at the same place in both families. */
static in_port_t *port_of(struct sockaddr_storage *address)
{
	return &((struct sockaddr_in *)address)->sin_port;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	       "the port is at the same place");

/* number: 0 for any. The socket, or -errno. */
static int port_hold(const struct probe *probe, int type, uint16_t number)
{
	struct sockaddr_storage address = { .ss_family = probe->address.ss_family };
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	*port_of(&address) = htons(number);
	if ((probe_is_ip4(probe) || !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) &&
	    !bind(fd, (struct sockaddr *)&address, probe->address_length))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void ports_leave(struct probe *probe)
{
	while (probe->own_ports)
		close(probe->sockets[--probe->own_ports]);
}

/* The next one of those that are wanted. */
static int port_add(struct probe *probe, int type)
{
	uint16_t number = probe->own_ports ? probe->own_port + probe->own_ports : 0;
	int fd = port_hold(probe, type, number);

	if (fd < 0)
		return fd;
	probe->sockets[probe->own_ports++] = fd;
	return 0;
}

static void first_learn(struct probe *probe)
{
	struct sockaddr_storage address = {};
	socklen_t length = sizeof(address);

	if (!getsockname(probe->sockets[0], (struct sockaddr *)&address, &length))
		probe->own_port = ntohs(*port_of(&address));
}

/* What goes there and what comes back are told apart by it. */
static bool is_range_good(const struct probe *probe, unsigned int wanted)
{
	uint32_t last = probe->own_port + wanted - 1;

	return last <= UINT16_MAX &&
	       (probe->options.port < probe->own_port || probe->options.port > last);
}

static int ports_try(struct probe *probe, int type, unsigned int wanted)
{
	int err = 0;

	while (!err && probe->own_ports < wanted) {
		err = port_add(probe, type);
		if (probe->own_ports != 1)
			continue;
		first_learn(probe);
		if (!is_range_good(probe, wanted))
			err = -EADDRINUSE;
	}
	if (err)
		ports_leave(probe);
	return err;
}

int ports_hold(struct probe *probe, int type)
{
	unsigned int wanted = probe->options.count < PROBE_PORTS ? probe->options.count
								 : PROBE_PORTS;
	int err = -EADDRINUSE;

	for (int i = 0; i < ATTEMPTS && err == -EADDRINUSE; i++)
		err = ports_try(probe, type, wanted);
	if (err)
		return failure("cannot get %u ports to send from: %s", wanted, strerror(-err));
	return DONE;
}

unsigned int port_index(const struct probe *probe, uint16_t sequence)
{
	return (sequence - 1) % probe->own_ports;
}

unsigned int port_find(const struct probe *probe, uint16_t port)
{
	uint16_t index = port - probe->own_port;

	return index < probe->own_ports ? index : probe->own_ports;
}

/* --- errors ---------------------------------------------------------------------------------- */

int port_errors_keep(const struct probe *probe, int fd)
{
	int on = 1;

	if (probe_is_ip4(probe))
		return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

void port_error_forget(int fd)
{
	socklen_t length = sizeof(int);
	int error;

	(void)!getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
}

static const struct sock_extended_err *extended_of(struct msghdr *message)
{
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control))
		if ((control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR) ||
		    (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR))
			return (const void *)CMSG_DATA(control);
	return NULL;
}

/* Who has sent it comes after it. */
static bool error_fill(const struct sock_extended_err *extended, struct port_error *error)
{
	const struct sockaddr *from = SO_EE_OFFENDER(extended);
	socklen_t length = from->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6);

	if (extended->ee_origin != SO_EE_ORIGIN_ICMP && extended->ee_origin != SO_EE_ORIGIN_ICMP6)
		return false;
	error->type = extended->ee_type;
	error->code = extended->ee_code;
	return !getnameinfo(from, length, error->from, sizeof(error->from), NULL, 0,
			    NI_NUMERICHOST);
}

bool port_error_take(int fd, struct port_error *error)
{
	union {
		char bytes[256];
		struct cmsghdr aligned;
	} control;
	struct iovec quoted = { error->quoted, sizeof(error->quoted) };
	ssize_t length;

	for (;;) {
		struct msghdr message = {
			.msg_iov = &quoted,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		const struct sock_extended_err *extended;

		length = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (length < 0)
			return false;
		extended = extended_of(&message);
		error->length = length;
		if (extended && error_fill(extended, error))
			return true;
	}
}
