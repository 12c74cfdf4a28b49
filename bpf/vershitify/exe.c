// SPDX-License-Identifier: GPL-2.0-or-later
/* A file that processes execute, named so that no later file is taken for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "file.h"
#include "state.h"

/* "mnt_id:\t23" and "ino:\t4711" of fdinfo: what the kernel itself holds for the
 * file. stat() tells other numbers on overlayfs and btrfs.
 */
static bool fdinfo_number(const char *text, const char *name, unsigned long long *number)
{
	const char *p = strstr(text, name);

	return p && sscanf(p + strlen(name), "%llu", number) == 1;
}

static int mount_device(unsigned long long mount, __u32 *dev)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	unsigned long long id;
	unsigned int major, minor;
	char line[4096];
	int err = -ENODEV;

	if (!mounts)
		return -errno;
	while (err && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%llu %*u %u:%u", &id, &major, &minor) != 3 || id != mount)
			continue;
		*dev = major << 20 | minor;
		err = 0;
	}
	fclose(mounts);
	return err;
}

/* The handle of a file on tmpfs: its generation, and its inode number in two words
 * (shmem_encode_fh() of the kernel).
 */
static bool tmpfs_generation(int fd, __u64 *generation)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} file = { .handle.handle_bytes = MAX_HANDLE_SZ };
	__u32 first;
	int mount;

	if (name_to_handle_at(fd, "", &file.handle, &mount, AT_EMPTY_PATH) ||
	    file.handle.handle_bytes != 3 * sizeof(first))
		return false;
	memcpy(&first, file.handle.f_handle, sizeof(first));
	*generation = first;
	return true;
}

/* From those alone of which it is known that they tell what the kernel has in the inode;
 * others pass the question on (FUSE, eCryptfs), or draw a new one whenever they read the
 * inode (FAT).
 */
static bool file_generation(int fd, __u64 *generation)
{
	__u32 version[2] = {}; /* the type of the call says long, the kernel writes an int */
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return false;
	switch (fs.f_type) {
	case EXT4_SUPER_MAGIC: /* and of ext2 and ext3 */
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		if (ioctl(fd, FS_IOC_GETVERSION, version))
			return false;
		*generation = version[0];
		return true;
	case TMPFS_MAGIC:
		return tmpfs_generation(fd, generation);
	default:
		return false;
	}
}

static void exe_stamp(int fd, const struct stat *st, struct vsh_exe *exe)
{
	if (file_generation(fd, &exe->stamp)) {
		exe->stamp_kind = VSH_GENERATION;
		return;
	}
	exe->stamp_kind = VSH_CTIME;
	exe->stamp = st->st_ctim.tv_sec * 1000000000ULL + st->st_ctim.tv_nsec;
}

/* 0 or -errno. */
int exe_identify(const char *path, struct vsh_exe *exe)
{
	unsigned long long ino, mount;
	char info[64], text[1024];
	struct stat st;
	ssize_t length;
	int fd;

	fd = file_open(path, false);
	if (fd < 0)
		return fd;
	memset(exe, 0, sizeof(*exe));
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	length = text_read(info, text, sizeof(text));
	if (length >= 0 && fstat(fd, &st))
		length = -errno;
	else if (length >= 0)
		exe_stamp(fd, &st, exe);
	close(fd);
	if (length < 0)
		return length;
	if (!fdinfo_number(text, "mnt_id:", &mount) || !fdinfo_number(text, "\nino:", &ino))
		return -EOPNOTSUPP;
	exe->ino = ino;
	return mount_device(mount, &exe->dev);
}
