# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where things are: bpffs, cgroup v2, network namespaces, our own state.

newline='
'
bpffs=/sys/fs/bpf
maps=$bpffs/tc/globals
pins=$bpffs/vershitify
state=/run/vershitify
# The filter is found, and told from other people's, by these.
# shellcheck disable=SC2034 # not every command has filters
filter_pref=3
# shellcheck disable=SC2034
filter_handle=0x5653

# mount_find TYPE: where file systems of this type are mounted, a line each.
mount_find() {
	while read -r _ _ _ mount_root mount_point mount_rest; do
		[ "$mount_root" = / ] || continue
		case $mount_rest in
		*" - $1 "*) mount_unescape "$mount_point" ;;
		esac
	done </proc/self/mountinfo
}

# mount_unescape PATH: blanks and backslashes are \ooo in mountinfo.
mount_unescape() {
	case $1 in
	*\\*) printf '%b\n' "$(printf '%s' "$1" | sed 's/\\/\\0/g')" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

bpffs_is_mounted() {
	case $newline$(mount_find bpf)$newline in
	*"$newline$bpffs$newline"*) return 0 ;;
	esac
	return 1
}

# bpffs_ensure: a mount of ours is taken down by teardown.
bpffs_ensure() {
	bpffs_is_mounted && return 0
	[ -n "$dry_run" ] || netns_inode /proc/self/ns/mnt >"$state/mounted-bpf"
	run_or "cannot mount $bpffs" mount -t bpf bpf "$bpffs"
}

# cgroup_find: sets cgroup_root; empty if cgroup v2 is mounted nowhere.
cgroup_find() {
	cgroup_root=$(mount_find cgroup2)
	cgroup_root=${cgroup_root%%"$newline"*}
}

cgroup_ensure() {
	cgroup_find
	[ -z "$cgroup_root" ] || return 0
	cgroup_root=$state/cgroup
	run mkdir -p "$cgroup_root"
	[ -n "$dry_run" ] || : >"$state/mounted-cgroup"
	run_or "cannot mount cgroup v2 (is CONFIG_CGROUPS there?)" \
		mount -t cgroup2 cgroup2 "$cgroup_root"
}

# netns_choose NAME: sets netns_name and netns_file for net().
netns_choose() {
	case $1 in
	'' | */* | . | ..) die 2 "-n $(words_quote "$1"): the name of a network namespace (ip netns list)" ;;
	esac
	for netns_file in "/run/netns/$1" "/var/run/netns/$1"; do
		[ -e "$netns_file" ] || continue
		netns_name=$1
		return 0
	done
	die "$failed" "there is no network namespace $(words_quote "$1") (ip netns list)"
}

# netns_inode FILE: what tells one network namespace from another.
netns_inode() {
	stat -L -c %i "$1" 2>/dev/null
}

# netns_cookie FILE: what the kernel never gives to a second namespace.
netns_cookie() {
	"$vsh" -N "$1" cookie
}

# netns_find INODE COOKIE PATH: a file of that namespace: PATH if it still is one, or
# another name, or that of a process in it. Fails if the namespace is gone.
netns_find() {
	for netns_found in "$3" /proc/self/ns/net /run/netns/* /var/run/netns/* /proc/[0-9]*/ns/net; do
		[ "$(netns_inode "$netns_found")" = "$1" ] || continue
		[ "$(netns_cookie "$netns_found")" = "$2" ] || return 1
		printf '%s\n' "$netns_found"
		return 0
	done
	return 1
}

# devices_list: of the chosen network namespace.
devices_list() {
	net command ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'
}

# device_name IFINDEX: the name that it has now.
device_name() {
	net command ip -o link show | awk -F': ' -v ifindex="$1" '
		$1 == ifindex { sub(/@.*/, "", $2); print $2 }'
}

# device_index DEV
device_index() {
	net command ip -o link show dev "$1" | sed 's/:.*//'
}

# pid_namespace_is_first: BPF programs know processes by the numbers that the machine's own pid
# namespace gives them (PROC_PID_INIT_INO, include/linux/proc_ns.h).
pid_namespace_is_first() {
	[ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ]
}

# host_enter SCRIPT WORD...: "ip netns exec" gives its command a /sys without bpffs.
# Go on in the mount namespace outside of it, in the same network namespace and
# folder; file descriptors 9 and 6 keep the way back, for the command of a run. With the
# root directories, since all of that can be in a chroot.
host_enter() {
	bpffs_is_mounted && return 0
	host=$(host_find "$1") || return 0
	exec 9</proc/self/ns/mnt 6</
	# shellcheck disable=SC2016 # for the inner shell
	VSH_ENTERED=$PWD exec nsenter --mount="$host/ns/mnt" --root="$host/root" --wd="$host/root" -- \
		sh -c 'cd -- "$1" 2>/dev/null || cd /; shift; exec "$@"' sh "$PWD" "$@"
}

# host_find SCRIPT: /proc/PID of pid 1, or of the outermost ancestor whose mount
# namespace may be entered and has this script. Fails if that is our own.
host_find() {
	host_ancestors=
	host_pid=$$
	while [ "${host_pid:-0}" -gt 0 ]; do
		host_ancestors="$host_pid $host_ancestors"
		host_pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$host_pid/status")
	done
	for host_pid in $host_ancestors; do
		host_file=/proc/$host_pid/ns/mnt
		nsenter --mount="$host_file" --root="/proc/$host_pid/root" test -x "$1" 2>/dev/null || continue
		[ "$(netns_inode "$host_file")" != "$(netns_inode /proc/self/ns/mnt)" ] || return 1
		printf '%s\n' "/proc/$host_pid"
		return 0
	done
	return 1
}
