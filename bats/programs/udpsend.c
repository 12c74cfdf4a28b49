// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * udpsend.c - sends numbered datagrams, in every way a process can come by a
 * socket. Prints "ready" when its socket is open (with -w), and
 * "sent N enobufs N eperm N other N" after each batch.
 *
 *   udpsend [options] ADDRESS PORT COUNT
 *
 * What is sent:
 *   -n LABEL  name of the source in the payload (default: name of the program)
 *   -b FIRST  number of the first datagram (default 0); later batches go on
 *   -s BYTES  payload of each (default: as small as it can be)
 *   -g N      N datagrams in one send (UDP segmentation offload)
 *   -a MS     waits so long for an answer; prints "answered" or "unanswered" and
 *             exits with 4 if none has come
 *   -i US     pause of US microseconds after each send
 * By which socket:
 *   -o        a new one for each datagram
 *   -e        one that asks for errors (IP_RECVERR)
 *   -m MARK   one with this SO_MARK; prints "mark N" at the end
 *   -D DEV    one bound to the device
 *   -F FD     an inherited one
 *   -R PATH   one passed through the unix socket PATH; prints "waiting" first
 *   -P PATH   opens one and passes it to PATH, then waits for SIGUSR1 and
 *             sends its own batches on it, as with -w
 *   -X FILE   opens one and executes FILE with it (-F) and the other options
 * By whom:
 *   -t NAME   a thread of this name, which also opens the socket
 *   -T NAME   a thread of this name, with a socket that the first thread opened
 *   -E        with -t or -T: the first thread ends at once, the other goes on
 *   -c NAME   the process, renamed
 *   -f        a child (fork without exec)
 *   -d        an orphaned grandchild (fork twice, setsid)
 * When:
 *   -w        a batch for each SIGUSR1, until it is killed
 *   -W        opens the socket only after a first SIGUSR1; prints "started"
 */
#include "traffic.h"

#include <netinet/udp.h>
#include <pthread.h>
#include <sys/un.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

struct options {
	const char *label, *pass_to, *take_from, *run_file, *thread_opens, *thread_sends, *device;
	long first, bytes, group, pause_us, count, answer_ms;
	int mark, inherited;
	bool each, errors, wait, wait_first, has_mark, first_ends;
	struct sockaddr_storage to;
	socklen_t to_len;
};

struct counts {
	long sent, enobufs, eperm, other;
};

static struct options opt = { .group = 1, .inherited = -1 };
static struct counts counts;
static long next_number;
static char **arguments;

static int socket_open(void)
{
	int one = 1;
	int fd = socket(opt.to.ss_family, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	if (opt.errors &&
	    setsockopt(fd, opt.to.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		       opt.to.ss_family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &one, sizeof(one)))
		die("RECVERR");
	if (opt.has_mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &opt.mark, sizeof(opt.mark)))
		die("SO_MARK");
	if (opt.device &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, opt.device, strlen(opt.device)))
		die("SO_BINDTODEVICE %s", opt.device);
	return fd;
}

static void unix_address(struct sockaddr_un *at, const char *path)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(at->sun_path))
		die("%s: too long", path);
	strcpy(at->sun_path, path);
}

/* One byte and one descriptor, either way. */
static struct msghdr *passing_message(struct iovec *part, char *control, size_t bytes)
{
	static struct msghdr message;
	static char byte = 'x';

	part->iov_base = &byte;
	part->iov_len = 1;
	message = (struct msghdr){
		.msg_iov = part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = bytes,
	};
	return &message;
}

static void socket_pass(const char *path, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part;
	struct msghdr *message = passing_message(&part, control, sizeof(control));
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	struct sockaddr_un at;
	int via = socket(AF_UNIX, SOCK_DGRAM, 0);

	unix_address(&at, path);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	if (connect(via, (void *)&at, sizeof(at)) || sendmsg(via, message, 0) != 1)
		die("cannot pass the socket to %s", path);
	close(via);
}

static int socket_take(const char *path)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part;
	struct msghdr *message = passing_message(&part, control, sizeof(control));
	struct cmsghdr *head;
	struct sockaddr_un at;
	int fd, via = socket(AF_UNIX, SOCK_DGRAM, 0);

	unix_address(&at, path);
	unlink(path);
	if (bind(via, (void *)&at, sizeof(at)))
		die("%s", path);
	say("waiting");
	if (recvmsg(via, message, 0) != 1)
		die("recvmsg");
	head = CMSG_FIRSTHDR(message);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		die("no socket came");
	memcpy(&fd, CMSG_DATA(head), sizeof(int));
	close(via);
	return fd;
}

/* Goes on as another program that finds the socket already open. */
static __attribute__((noreturn)) void socket_inherit(int fd)
{
	char number[16];
	char **words;
	int in, out = 0;

	for (in = 0; arguments[in]; in++)
		;
	words = calloc(in + 3, sizeof(*words));
	snprintf(number, sizeof(number), "%d", fd);
	words[out++] = (char *)opt.run_file;
	words[out++] = "-F";
	words[out++] = number;
	for (in = 1; arguments[in]; in++) {
		if (!strcmp(arguments[in], "-X"))
			in++;
		else if (strcmp(arguments[in], "-W"))
			words[out++] = arguments[in];
	}
	execv(opt.run_file, words);
	die("%s", opt.run_file);
}

/* One call of sendmsg: opt.group datagrams. */
static void group_send(int fd, char *payload)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	uint16_t segment = opt.bytes;
	struct iovec part = { payload, opt.bytes * opt.group };
	struct msghdr message = {
		.msg_name = &opt.to,
		.msg_namelen = opt.to_len,
		.msg_iov = &part,
		.msg_iovlen = 1,
	};
	long i;

	for (i = 0; i < opt.group; i++) {
		struct datagram *d = (void *)(payload + i * opt.bytes);

		memcpy(d->magic, MAGIC, sizeof(d->magic));
		strncpy(d->label, opt.label, sizeof(d->label) - 1);
		d->number = next_number++;
		d->bytes = opt.bytes;
		d->sent_ns = now_ns();
	}
	if (opt.group > 1) {
		struct cmsghdr *head;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_UDP;
		head->cmsg_type = UDP_SEGMENT;
		head->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(head), &segment, sizeof(segment));
	}
	if (sendmsg(fd, &message, 0) >= 0)
		counts.sent += opt.group;
	else if (errno == ENOBUFS)
		counts.enobufs += opt.group;
	else if (errno == EPERM)
		counts.eperm += opt.group;
	else
		counts.other += opt.group;
}

static void batch_send(int fd)
{
	char *payload = calloc(opt.group, opt.bytes);
	long done;

	memset(&counts, 0, sizeof(counts));
	for (done = 0; done < opt.count; done += opt.group) {
		int via = opt.each ? socket_open() : fd;

		group_send(via, payload);
		if (opt.each)
			close(via);
		if (opt.pause_us)
			sleep_us(opt.pause_us);
	}
	free(payload);
	say("sent %ld enobufs %ld eperm %ld other %ld", counts.sent, counts.enobufs, counts.eperm,
	    counts.other);
}

static bool answer_wait(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char byte;

	return poll(&p, 1, opt.answer_ms) == 1 && recv(fd, &byte, 1, 0) == 1;
}

static void mark_print(int fd)
{
	socklen_t len = sizeof(int);
	int mark;

	if (getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &len))
		die("SO_MARK");
	say("mark %d", mark);
}

static void batches_send(int fd)
{
	if (!opt.wait) {
		batch_send(fd);
	} else {
		say("ready");
		for (;;) {
			continue_wait();
			batch_send(fd);
		}
	}
	if (opt.has_mark)
		mark_print(fd);
	if (opt.answer_ms && !answer_wait(fd)) {
		say("unanswered");
		exit(4);
	}
	if (opt.answer_ms)
		say("answered");
}

static int socket_get(void)
{
	if (opt.inherited >= 0)
		return opt.inherited;
	return opt.take_from ? socket_take(opt.take_from) : socket_open();
}

static void *thread_main(void *fd)
{
	prctl(PR_SET_NAME, opt.thread_opens ? opt.thread_opens : opt.thread_sends);
	batches_send(fd ? *(int *)fd : socket_get());
	return NULL;
}

static void thread_run(int *fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, fd))
		die("thread");
	if (opt.first_ends)
		pthread_exit(NULL);
	if (pthread_join(thread, NULL))
		die("thread");
}

int main(int argc, char **argv)
{
	bool child = false, orphan = false;
	static int fd; /* outlives the first thread */
	int c;

	arguments = argv;
	opt.label = program_invocation_short_name;
	opt.bytes = sizeof(struct datagram);
	lifetime_limit();
	continue_prepare();
	while ((c = getopt(argc, argv, "n:b:s:g:a:i:oem:D:F:R:P:X:t:T:Ec:fdwW")) != -1) {
		switch (c) {
		case 'n':
			opt.label = optarg;
			break;
		case 'b':
			opt.first = number_parse(optarg, 0, INT_MAX);
			break;
		case 's':
			opt.bytes = number_parse(optarg, sizeof(struct datagram), 65507);
			break;
		case 'g':
			opt.group = number_parse(optarg, 1, 64);
			break;
		case 'a':
			opt.answer_ms = number_parse(optarg, 1, 100000);
			break;
		case 'i':
			opt.pause_us = number_parse(optarg, 0, 10000000);
			break;
		case 'o':
			opt.each = true;
			break;
		case 'e':
			opt.errors = true;
			break;
		case 'm':
			opt.mark = number_parse(optarg, 0, INT_MAX);
			opt.has_mark = true;
			break;
		case 'D':
			opt.device = optarg;
			break;
		case 'F':
			opt.inherited = number_parse(optarg, 0, 1023);
			break;
		case 'R':
			opt.take_from = optarg;
			break;
		case 'P':
			opt.pass_to = optarg;
			break;
		case 'X':
			opt.run_file = optarg;
			break;
		case 't':
			opt.thread_opens = optarg;
			break;
		case 'T':
			opt.thread_sends = optarg;
			break;
		case 'E':
			opt.first_ends = true;
			break;
		case 'c':
			prctl(PR_SET_NAME, optarg);
			break;
		case 'f':
			child = true;
			break;
		case 'd':
			orphan = true;
			break;
		case 'w':
			opt.wait = true;
			break;
		case 'W':
			opt.wait_first = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 3) {
		fprintf(stderr, "usage: udpsend [options] ADDRESS PORT COUNT\n");
		return 2;
	}
	opt.to_len = address_parse(&opt.to, argv[optind], number_parse(argv[optind + 1], 1, 65535));
	opt.count = number_parse(argv[optind + 2], 1, INT_MAX);
	next_number = opt.first;

	if (opt.wait_first) {
		say("started");
		continue_wait();
	}
	if (child)
		fork_here();
	if (orphan)
		fork_away();
	if (opt.thread_opens) {
		thread_run(NULL);
		return 0;
	}
	fd = socket_get();
	if (opt.run_file)
		socket_inherit(fd);
	if (opt.pass_to) {
		socket_pass(opt.pass_to, fd);
		opt.wait = true;
	}
	if (opt.thread_sends)
		thread_run(&fd);
	else
		batches_send(fd);
	return 0;
}
