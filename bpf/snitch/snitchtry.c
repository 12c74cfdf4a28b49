// SPDX-License-Identifier: GPL-2.0-or-later
/* For doctor: this process connects to itself, and its own events have to tell of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "connection.h"
#include "maps.h"
#include "vsh.h"

static const char word[] = "hello";

static int said(const char *what)
{
	return failure("cannot %s: %s", what, strerror(errno));
}

static int listener_open(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (void *)address, sizeof(*address)) || listen(fd, 1) ||
	    getsockname(fd, (void *)address, &length)) {
		fd_close(fd);
		return -1;
	}
	return fd;
}

static int exchange(int client, int server)
{
	char got[sizeof(word)];

	if (send(client, word, sizeof(word), 0) != sizeof(word))
		return said("send");
	if (recv(server, got, sizeof(got), MSG_WAITALL) != sizeof(got))
		return said("receive");
	return DONE;
}

int try_connect(void)
{
	struct sockaddr_in address;
	int listener = listener_open(&address), server = -1, status;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0)
		status = said("listen on loopback");
	else if (client < 0 || connect(client, (void *)&address, sizeof(address)))
		status = said("connect to loopback");
	else if ((server = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		status = said("accept");
	else
		status = exchange(client, server);
	fd_close(client);
	fd_close(server);
	fd_close(listener);
	return status;
}

static unsigned int seen; /* a bit for each kind of event */
static uint64_t sent, received;

static void begin(void)
{
}

static unsigned int event_note(const struct snt_event *event, uint64_t lines)
{
	(void)lines;
	seen |= 1U << event->kind;
	if (event->kind == SNT_ENDED) {
		sent += event->sent;
		received += event->received;
	}
	return 1;
}

static void lost_note(uint64_t events, uint64_t unfollowed)
{
	(void)events;
	(void)unfollowed;
}

const struct snitch_format snitch_try = { begin, event_note, lost_note, NULL, NULL };

int try_judge(void)
{
	static const struct {
		enum snt_kind kind;
		const char *what;
	} wanted[] = {
		{ SNT_CONNECTED, "connects" },
		{ SNT_INCOMING, "is connected to" },
		{ SNT_ENDED, "closes" },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!(seen >> wanted[i].kind & 1))
			return failure("it is not seen that a process %s", wanted[i].what);
	if (sent != sizeof(word) || received != sizeof(word))
		return failure("of %zu bytes %llu were seen on their way out, %llu on their way in",
			       sizeof(word), (unsigned long long)sent,
			       (unsigned long long)received);
	return DONE;
}
