// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh ping attach native|generic DEV PROGRAM LINK   attaches the pinned program to DEV by a
 *                                                   BPF link, pinned as LINK
 * vsh ping freed ID                                 waits until the kernel has freed that program
 *
 * bpftool makes no links for XDP, though it shows and detaches them. A link is the kernel's own
 * record of where the program is: it follows the device into any network namespace.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/if_link.h>
#include "ping.h"
#include "words.h"

/* 0 or -errno. */
static int link_make(int program_fd, int ifindex, __u32 mode, const char *path)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = mode);
	int fd = bpf_link_create(program_fd, ifindex, BPF_XDP, &opts);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	close(fd);
	return err;
}

int ping_attach_command(const struct options *options, int argc, char **argv)
{
	__u32 mode = XDP_FLAGS_DRV_MODE;
	int fd, err;

	(void)options;
	if (argc != 4 || (strcmp(argv[0], "native") && strcmp(argv[0], "generic")))
		return misuse(
			"attach takes native or generic, a device and the pins of program and link");
	if (!strcmp(argv[0], "generic"))
		mode = XDP_FLAGS_SKB_MODE;
	fd = bpf_obj_get(argv[2]);
	if (fd < 0)
		return failure("%s: %s", quoted(argv[2]), strerror(-fd));
	err = link_make(fd, if_nametoindex(argv[1]), mode, argv[3]);
	close(fd);
	return err ? failure("BPF link for device %s: %s", quoted(argv[1]), strerror(-err)) : DONE;
}

/* The kernel frees a program a moment after its last user is gone. */
#define FREED_TRIES 200
#define FREED_PAUSE_NS 10000000

static bool program_exists(__u32 id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd != -ENOENT;
}

int ping_freed_command(const struct options *options, int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = FREED_PAUSE_NS };
	uint64_t id;

	(void)options;
	if (argc != 1 || number_parse(argv[0], UINT32_MAX, &id))
		return misuse("freed takes the id of a program");
	for (int try = 0; program_exists(id); try++) {
		if (try == FREED_TRIES)
			return FAILED;
		nanosleep(&pause, NULL);
	}
	return DONE;
}
