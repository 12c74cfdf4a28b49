# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The way out of "ip netns exec" and of other mount namespaces, to where bpffs, cgroup v2 and our pins are.

# host_enter SCRIPT WORD...: "ip netns exec" gives its command a /sys without bpffs, others give one with another
# bpffs than that of our pins. Go on in the mount namespace outside of it, in the same network namespace and
# folder; file descriptors 9 and 6 keep the way back, for the command of a run. With the
# root directories, since all of that can be in a chroot.
host_enter() {
	host_wanted=$(place_wanted)
	if [ -z "$host_wanted" ] || ! host=$(host_find "$1"); then
		host_wanted=
		bpffs_is_mounted && return 0
		host=$(host_find "$1") || return 0
	fi
	exec 9</proc/self/ns/mnt 6</
	# shellcheck disable=SC2016 # for the inner shell
	VSH_ENTERED=$PWD exec nsenter --mount="$host/ns/mnt" --root="$host/root" --wd="$host/root" -- \
		sh -c 'cd -- "$1" 2>/dev/null || cd /; shift; exec "$@"' sh "$PWD" "$@"
}

# host_find SCRIPT: /proc/PID of pid 1, or of the outermost ancestor whose mount
# namespace may be entered and has this script, and the bpffs $host_wanted if that is set. Fails if that is
# our own.
host_find() {
	host_ancestors=
	host_pid=$$
	while [ "${host_pid:-0}" -gt 0 ]; do
		host_ancestors="$host_pid $host_ancestors"
		host_pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$host_pid/status")
	done
	for host_pid in $host_ancestors; do
		host_file=/proc/$host_pid/ns/mnt
		[ -z "$host_wanted" ] || [ "$(bpffs_number "/proc/$host_pid/mountinfo")" = "$host_wanted" ] || continue
		nsenter --mount="$host_file" --root="/proc/$host_pid/root" test -x "$1" 2>/dev/null || continue
		[ "$(netns_inode "$host_file")" != "$(netns_inode /proc/self/ns/mnt)" ] || return 1
		printf '%s\n' "/proc/$host_pid"
		return 0
	done
	return 1
}
