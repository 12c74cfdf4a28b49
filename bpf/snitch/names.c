// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "connection.h"
#include "vsh.h"

#define NS_PER_S 1000000000ULL
#define UNITS_MAX 1024
#define NS_PER_MS 1000000ULL
#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h: the handle is the 64-bit id */

static bool is_ip4(const uint8_t address[16])
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address);
}

const char *address_text(char text[INET6_ADDRSTRLEN], const uint8_t address[16])
{
	if (is_ip4(address))
		inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
	return text;
}

const char *endpoint_text(char text[ENDPOINT_LEN], const uint8_t address[16], uint16_t port)
{
	char alone[INET6_ADDRSTRLEN];

	address_text(alone, address);
	snprintf(text, ENDPOINT_LEN, is_ip4(address) ? "%s:%u" : "[%s]:%u", alone, port);
	return text;
}

/* strerrorname_np() is not everywhere. */
const char *errno_name(uint32_t error)
{
	static char number[16];
	static const struct {
		uint32_t error;
		const char *name;
	} names[] = {
		{ EPERM, "EPERM" },
		{ EINTR, "EINTR" },
		{ EBADF, "EBADF" },
		{ EAGAIN, "EAGAIN" },
		{ ENOMEM, "ENOMEM" },
		{ EACCES, "EACCES" },
		{ EINVAL, "EINVAL" },
		{ EPIPE, "EPIPE" },
		{ EPROTO, "EPROTO" },
		{ EMSGSIZE, "EMSGSIZE" },
		{ ENOPROTOOPT, "ENOPROTOOPT" },
		{ EOPNOTSUPP, "EOPNOTSUPP" },
		{ EAFNOSUPPORT, "EAFNOSUPPORT" },
		{ EADDRINUSE, "EADDRINUSE" },
		{ EADDRNOTAVAIL, "EADDRNOTAVAIL" },
		{ ENETDOWN, "ENETDOWN" },
		{ ENETUNREACH, "ENETUNREACH" },
		{ ECONNABORTED, "ECONNABORTED" },
		{ ECONNRESET, "ECONNRESET" },
		{ ENOBUFS, "ENOBUFS" },
		{ ETIMEDOUT, "ETIMEDOUT" },
		{ ECONNREFUSED, "ECONNREFUSED" },
		{ EHOSTDOWN, "EHOSTDOWN" },
		{ EHOSTUNREACH, "EHOSTUNREACH" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(number, sizeof(number), "%u", error);
	return number;
}

/* --- cgroups ---------------------------------------------------------------------------------- */

static int cgroup_root = -1;

void units_begin(const char *root)
{
	cgroup_root = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Finds a folder by its id, as cgroup v2 lets root. */
static ssize_t cgroup_path(uint64_t id, char *path, size_t size)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} file = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64];
	ssize_t length = -1;
	int fd;

	memcpy(file.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cgroup_root, &file.handle, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, size - 1);
	close(fd);
	if (length >= 0)
		path[length] = '\0';
	return length;
}

/* The folder where the hierarchy is mounted is named by who has mounted it. */
static bool is_root(uint64_t id)
{
	struct stat root;

	return !fstat(cgroup_root, &root) && root.st_ino == id;
}

/* Ids are given away once. A cgroup can be gone when the last of its connections ends: what was seen of it before is
 * kept, until another one takes its place.
 */
static struct unit {
	uint64_t cgroup;
	char name[NAME_MAX + 1];
} units[UNITS_MAX];

static void unit_find(struct unit *unit, uint64_t cgroup)
{
	char path[PATH_MAX];

	unit->cgroup = cgroup;
	unit->name[0] = '\0';
	if (!is_root(cgroup) && cgroup_path(cgroup, path, sizeof(path)) > 0)
		snprintf(unit->name, sizeof(unit->name), "%s", strrchr(path, '/') + 1);
}

const char *unit_name(uint64_t cgroup)
{
	struct unit *unit = &units[cgroup % UNITS_MAX];

	if (unit->cgroup != cgroup)
		unit_find(unit, cgroup);
	return unit->name;
}

/* --- time ------------------------------------------------------------------------------------- */

/* Between the clocks. Kept while it is right to a millisecond: two readings of one moment are one text. */
static uint64_t boot_offset_ns(void)
{
	static uint64_t offset;
	struct timespec now;
	uint64_t current;

	clock_gettime(CLOCK_REALTIME, &now);
	current = now.tv_sec * NS_PER_S + now.tv_nsec - boot_now_ns();
	if (current - offset + NS_PER_MS > 2 * NS_PER_MS)
		offset = current;
	return offset;
}

const char *moment_text(char text[MOMENT_LEN], uint64_t boot_ns)
{
	uint64_t ns = boot_offset_ns() + boot_ns;
	time_t seconds = ns / NS_PER_S;
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(text, MOMENT_LEN, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, MOMENT_LEN - length, ".%06uZ",
		 (unsigned int)(ns % NS_PER_S / 1000));
	return text;
}
