// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom a rule must not hit by mistake: those without whom nobody could take it back. */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state.h"

static bool cgroup_contains(const struct vsh_label *label, const char *root, uint32_t pid)
{
	char path[64], text[4096], directory[8192], *line, *end;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	if (text_read(path, text, sizeof(text)) <= 0)
		return false;
	line = strncmp(text, "0::", 3) ? strstr(text, "\n0::") : text;
	if (!line)
		return false;
	line += *line == '\n' ? 4 : 3;
	line[strcspn(line, "\n")] = '\0';
	snprintf(directory, sizeof(directory), "%s%s", root ?: "/sys/fs/cgroup", line);
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

static bool rule_names(const struct vsh_label *label, const char *root, uint32_t pid)
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
		return cgroup_contains(label, root, pid);
	default:
		return false;
	}
}

static int protected_refuse(const struct vsh_label *label, const char *root, uint32_t pid,
			    const char *what)
{
	if (!rule_names(label, root, pid))
		return DONE;
	return failure("refused: the rule would hit %s (pid %u); say \"force\" if you mean it",
		       what, pid);
}

/* Since OpenSSH 9.8 logins are served by sshd-session. */
static bool is_sshd(const char comm[VSH_COMM_LEN])
{
	return !strncmp(comm, "sshd", 4);
}

static int sshd_check(const struct vsh_label *label, const char *root)
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
			status = protected_refuse(label, root, pid, "sshd");
	}
	if (proc)
		closedir(proc);
	return status;
}

int protected_check(const struct vsh_label *label, const char *root)
{
	int status = protected_refuse(label, root, 1, "pid 1");

	for (uint32_t pid = getpid(); status == DONE && pid > 1; pid = process_parent(pid))
		status = protected_refuse(label, root, pid, "one of your own shell's ancestors");
	return status == DONE ? sshd_check(label, root) : status;
}
