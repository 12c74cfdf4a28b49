// SPDX-License-Identifier: GPL-2.0-or-later
/* Words that name processes: command, exe, pid, cgroup. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "state.h"
#include "values.h"
#include "who.h"

int who_command(struct cursor *cursor, struct vsh_label *label)
{
	const char *name = word_next(cursor);

	if (!*name)
		return misuse("command \"\": a name has at least one byte");
	if (strchr(name, '/'))
		return misuse("command %s: a name without \"/\" (exe takes a path)", quoted(name));
	if (strlen(name) > VSH_COMM_LEN - 1)
		complain("note: the kernel keeps 15 bytes of a name; %s is matched as %s",
			 quoted(name), quoted_bytes(name, VSH_COMM_LEN - 1));
	strncpy(label->comm.comm, name, VSH_COMM_LEN - 1);
	label->who = VSH_COMMAND;
	return DONE;
}

/* For show. A path that does not fit is shown by its number instead. */
static void path_set(struct vsh_label *label, const char *path)
{
	char *absolute = realpath(path, NULL);

	if (absolute && strlen(absolute) < sizeof(label->path))
		strcpy(label->path, absolute);
	free(absolute);
}

int who_exe(struct cursor *cursor, struct vsh_label *label)
{
	const char *path = word_next(cursor);
	int err = exe_identify(path, &label->exe);

	if (err)
		return failure("exe %s: %s", quoted(path),
			       err == -EISDIR ? "not a regular file" : strerror(-err));
	path_set(label, path);
	label->who = VSH_EXE;
	return DONE;
}

int who_pid(struct cursor *cursor, struct vsh_label *label)
{
	uint32_t tgid;
	uint64_t pid;
	int status = number_value(cursor, "a number", 1, INT32_MAX, &pid);

	if (status != DONE)
		return status;
	tgid = process_tgid(pid);
	if (!tgid)
		return failure("there is no process %u", (unsigned int)pid);
	if (tgid != pid)
		return failure("%u is a thread of process %u: say pid %u", (unsigned int)pid, tgid,
			       tgid);
	label->pid = pid;
	label->who = VSH_PID;
	return DONE;
}

#define CGROUP_ROOT_INODE 1

/* The kernel's paths begin at the root of the hierarchy, which is not what a cgroup
 * namespace shows as its own. 0: the path is not below that root.
 */
static uint32_t cgroup_path_begin(const struct vsh_label *label, const char *root)
{
	char *absolute = root ? realpath(root, NULL) : NULL;
	size_t length = absolute ? strlen(absolute) : 0;
	struct stat st;

	if (!length || stat(absolute, &st) || st.st_ino != CGROUP_ROOT_INODE ||
	    strncmp(label->path, absolute, length) || label->path[length] != '/')
		length = 0;
	free(absolute);
	return length;
}

int who_cgroup(struct cursor *cursor, struct vsh_label *label, const char *cgroup_root)
{
	const char *path = word_next(cursor);
	char below[4096];
	struct statfs fs;
	struct stat st;

	/* As the file system has it, or as /proc/PID/cgroup does. */
	if (cgroup_root && (statfs(path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)) {
		if (snprintf(below, sizeof(below), "%s/%s", cgroup_root, path) >=
		    (int)sizeof(below))
			return misuse("cgroup %s: too long", quoted(path));
		path = below;
	}
	if (!*path || stat(path, &st) || statfs(path, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
	    !S_ISDIR(st.st_mode))
		return failure("there is no cgroup (v2) %s", quoted(path));
	label->cgroup_id = st.st_ino;
	path_set(label, path);
	label->cgroup_at = cgroup_path_begin(label, cgroup_root);
	label->who = VSH_CGROUP;
	return DONE;
}
