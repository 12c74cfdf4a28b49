// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "page.h"
#include "vsh.h"

#define NOBODY 65534

static bool refused(const char *what)
{
	complain("cannot give up privileges: %s: %s", what, strerror(errno));
	return false;
}

static int capabilities_clear(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capset, &header, none);
}

/* Of each capability that the kernel knows; without CAP_SETPCAP it fails, and there is nothing to give up. */
static void bounds_clear(void)
{
	for (int capability = 0; !prctl(PR_CAPBSET_DROP, capability); capability++)
		;
}

bool privileges_drop(void)
{
	const struct passwd *nobody;

	bounds_clear();
	if (!geteuid()) {
		nobody = getpwnam("nobody");
		if (setgroups(0, NULL))
			return refused("groups");
		if (setresgid(nobody ? nobody->pw_gid : NOBODY, nobody ? nobody->pw_gid : NOBODY,
			      nobody ? nobody->pw_gid : NOBODY))
			return refused("group");
		if (setresuid(nobody ? nobody->pw_uid : NOBODY, nobody ? nobody->pw_uid : NOBODY,
			      nobody ? nobody->pw_uid : NOBODY))
			return refused("user");
	}
	if (capabilities_clear())
		return refused("capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return refused("no_new_privs");
	return true;
}

/* What reading, writing, serving and the C library take. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(accept4),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(fcntl),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Others fail with EPERM: a library that tries more than it needs goes on. */
bool calls_restrict(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(calls[0]); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	err = err ?: seccomp_load(filter);
	seccomp_release(filter);
	if (!err)
		return true;
	errno = -err;
	return refused("seccomp");
}
