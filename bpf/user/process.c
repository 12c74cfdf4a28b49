// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes, as /proc shows them. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>
#include "vsh.h"

static ssize_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		length = -errno;
	else
		text[length] = '\0';
	close(fd);
	return length;
}

/* All 16 bytes are set. -errno if there is no such process. */
int process_comm(uint32_t pid, char comm[VSH_COMM_LEN])
{
	char path[64], text[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	length = file_read(path, text, sizeof(text));
	if (length < 0)
		return length;
	if (length && text[length - 1] == '\n')
		length--;
	memset(comm, 0, VSH_COMM_LEN);
	memcpy(comm, text, length < VSH_COMM_LEN ? length : VSH_COMM_LEN - 1);
	return 0;
}

/* The process that a thread belongs to; 0: no such thread. */
uint32_t process_tgid(uint32_t tid)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return 0;
	p = strstr(text, "\nTgid:");
	return p ? strtoul(p + strlen("\nTgid:"), NULL, 10) : 0;
}

/* 0: none, or not to be seen. */
uint32_t process_parent(uint32_t pid)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')'); /* comm can hold anything, also parentheses */
	return p && p[1] && p[2] && p[3] ? strtoul(p + 4, NULL, 10) : 0;
}

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

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	memset(exe, 0, sizeof(*exe));
	snprintf(info, sizeof(info), "/proc/self/fdinfo/%d", fd);
	length = file_read(info, text, sizeof(text));
	if (length >= 0 && fstat(fd, &st))
		length = -errno;
	else if (length >= 0 && !S_ISREG(st.st_mode))
		length = -EISDIR;
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

static bool cgroup_contains(const struct vsh_label *label, uint32_t pid)
{
	char path[64], text[4096], directory[8192], *line, *end;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!line)
		return false;
	line += *line == '\n' ? 4 : 3;
	line[strcspn(line, "\n")] = '\0';
	snprintf(directory, sizeof(directory), "%s%s",
		 getenv("VSH_CGROUP_ROOT") ?: "/sys/fs/cgroup", line);
	/* The process's cgroup or one above it. */
	while (!stat(directory, &st)) {
		if (st.st_ino == label->cgroup_id)
			return true;
		end = strrchr(directory, '/');
		if (!end || end == directory)
			break;
		*end = '\0';
	}
	return false;
}

static bool rule_names(const struct vsh_label *label, uint32_t pid)
{
	char comm[VSH_COMM_LEN], path[64];
	struct vsh_exe exe;

	switch (label->who) {
	case VSH_PID:
		return label->pid == pid;
	case VSH_COMMAND:
		return !process_comm(pid, comm) && !memcmp(comm, label->comm.comm, sizeof(comm));
	case VSH_EXE:
		snprintf(path, sizeof(path), "/proc/%u/exe", pid);
		return !exe_identify(path, &exe) && !memcmp(&exe, &label->exe, sizeof(exe));
	case VSH_CGROUP:
		return cgroup_contains(label, pid);
	default:
		return false;
	}
}

static int protected_refuse(const struct vsh_label *label, uint32_t pid, const char *what)
{
	if (!rule_names(label, pid))
		return DONE;
	return failure("refused: the rule would hit %s (pid %u); say \"force\" if you mean it",
		       what, pid);
}

/* Since OpenSSH 9.8 logins are served by sshd-session. */
static bool is_sshd(const char comm[VSH_COMM_LEN])
{
	return !strncmp(comm, "sshd", 4);
}

static int sshd_check(const struct vsh_label *label)
{
	char comm[VSH_COMM_LEN];
	struct dirent *entry;
	int status = DONE;
	DIR *proc;

	if (label->who == VSH_COMMAND && is_sshd(label->comm.comm))
		return failure("refused: the rule would hit sshd; say \"force\" if you mean it");
	proc = opendir("/proc");
	while (proc && status == DONE && (entry = readdir(proc))) {
		uint32_t pid = isdigit((unsigned char)*entry->d_name) ? atoi(entry->d_name) : 0;

		if (pid && !process_comm(pid, comm) && is_sshd(comm))
			status = protected_refuse(label, pid, "sshd");
	}
	if (proc)
		closedir(proc);
	return status;
}

/* Nobody locks himself out by mistake: pid 1, sshd and the ancestors of the
 * caller are refused. DONE, or FAILED with a message.
 */
int protected_check(const struct vsh_label *label)
{
	int status = protected_refuse(label, 1, "pid 1");

	for (uint32_t pid = getpid(); status == DONE && pid > 1; pid = process_parent(pid))
		status = protected_refuse(label, pid, "one of your own shell's ancestors");
	return status == DONE ? sshd_check(label) : status;
}
