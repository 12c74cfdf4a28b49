# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where things are: mounts, network namespaces, their devices.

newline='
'
bpffs=/sys/fs/bpf

# mount_find TYPE: where file systems of this type are mounted, a line each.
mount_find() {
	while read -r _ _ _ mount_root mount_point mount_rest; do
		[ "$mount_root" = / ] || continue
		case $mount_rest in
		*" - $1 "*) mount_unescape "$mount_point" ;;
		esac
	done </proc/self/mountinfo
}

# cgroup_find: sets cgroup_root; empty if cgroup v2 is mounted nowhere.
cgroup_find() {
	cgroup_root=$(mount_find cgroup2)
	cgroup_root=${cgroup_root%%"$newline"*}
}

# mount_unescape PATH: blanks and backslashes are \ooo in mountinfo.
mount_unescape() {
	case $1 in
	*\\*) printf '%b\n' "$(printf '%s' "$1" | sed 's/\\/\\0/g')" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# cgroup_find: sets cgroup_root; empty if cgroup v2 is mounted nowhere.
cgroup_find() {
	cgroup_root=$(mount_find cgroup2)
	cgroup_root=${cgroup_root%%"$newline"*}
}

bpffs_is_mounted() {
	case $newline$(mount_find bpf)$newline in
	*"$newline$bpffs$newline"*) return 0 ;;
	esac
	return 1
}

# netns_choose NAME|pid:N|PATH: sets netns_name, which is how it was said, and netns_file for net().
netns_choose() {
	case $1 in
	pid:*) netns_of_process "${1#pid:}" "$1" ;;
	*/*) netns_of_path "$1" ;;
	'' | . | ..) die 2 "-n $(words_quote "$1"): a network namespace by its name (ip netns list), as pid:N, or by a path" ;;
	*) netns_of_name "$1" ;;
	esac
	netns_name=$1
}

netns_of_name() {
	for netns_file in "/run/netns/$1" "/var/run/netns/$1"; do
		[ ! -e "$netns_file" ] || return 0
	done
	die "$failed" "there is no network namespace $(words_quote "$1") (ip netns list)"
}

# netns_of_process N SAID: without root one may not look at other people's, and gets no further than here.
netns_of_process() {
	case $1 in
	'' | *[!0-9]* | 0*) die 2 "-n $(words_quote "$2"): pid: and the number of a process" ;;
	esac
	netns_file=/proc/$1/ns/net
	[ "$user" != 0 ] || [ -e "$netns_file" ] || die 2 "-n $(words_quote "$2"): there is no process $1"
}

# netns_of_path PATH
netns_of_path() {
	netns_file=$1
	[ -e "$1" ] || die 2 "-n $(words_quote "$1"): there is no such file"
	netns_is_file "$1" ||
		die 2 "-n $(words_quote "$1"): not a network namespace (such as /proc/1/ns/net)"
}

# netns_is_file FILE: a namespace is a file of nsfs. Whether it is one of a network only root can try.
netns_is_file() {
	[ "$(stat -L -f -c %t -- "$1" 2>/dev/null)" = 6e736673 ] || return 1
	[ "$user" != 0 ] || nsenter --net="$1" true 2>/dev/null
}

# netns_inode FILE: what tells one network namespace from another.
netns_inode() {
	stat -L -c %i "$1" 2>/dev/null
}

# netns_cookie FILE: unique until the machine restarts, unlike the inode number.
netns_cookie() {
	"$vsh" -N "$1" cookie
}

# netns_files [FILE...]: "INODE FILE" of each network namespace that can be reached: one of FILE, the caller's,
# those with a name, those that are mounted elsewhere, those of processes.
netns_files() {
	# shellcheck disable=SC2046 # spaces are \040 there
	stat -L -c '%i %n' "$@" /proc/self/ns/net /run/netns/* /var/run/netns/* \
		$(awk '/ - nsfs / && $4 ~ /^net:/ { print $5 }' /proc/self/mountinfo) \
		/proc/[0-9]*/ns/net 2>/dev/null | awk '!known[$1]++'
}

# netns_find INODE COOKIE PATH: a file of that namespace: PATH if it still is one, or
# another name, or that of a process in it. Fails if the namespace is gone.
netns_find() {
	netns_found=$(netns_files "$3" "${netns_held:-/proc/self/ns/net}" | sed -n "s/^$1 //p")
	[ -n "$netns_found" ] && [ "$(netns_cookie "$netns_found")" = "$2" ] || return 1
	printf '%s\n' "$netns_found"
}

# devices_list: of the chosen network namespace.
devices_list() {
	net command ip -o link show | LC_ALL=C awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'
}

# device_name IFINDEX: the name that it has now.
device_name() {
	net command ip -o link show | LC_ALL=C awk -F': ' -v ifindex="$1" '
		$1 == ifindex { sub(/@.*/, "", $2); print $2 }'
}

# device_index DEV
device_index() {
	net command ip -o link show dev "$1" | LC_ALL=C sed 's/:.*//'
}

# pid_namespace_is_first: BPF programs know processes by the numbers that the machine's own pid
# namespace gives them (PROC_PID_INIT_INO, include/linux/proc_ns.h).
pid_namespace_is_first() {
	[ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ]
}

# helper WORD...: the helper in the chosen network namespace.
helper() {
	if [ -n "$netns_name" ]; then
		"$vsh" -N "$netns_file" ${cgroup_root:+-C "$cgroup_root"} "$@"
	else
		"$vsh" ${cgroup_root:+-C "$cgroup_root"} "$@"
	fi
}
