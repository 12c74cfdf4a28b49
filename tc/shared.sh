# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What one of our commands makes and others use, too: bpffs, control groups, tc's folders below bpffs, clsact
# on a device. One record for all of it, a line each:
#
#	THING TOOL...
#
# A THING is recorded before it is made, with the tools that use it; what was there before us never is. The
# last tool that leaves a thing takes it away. Called with the lock held, which is one for all tools.

shared=$common.shared

# shared_users THING: fails if it is not ours.
shared_users() {
	local thing users

	[ -r "$shared" ] || return 1
	while read -r thing users; do
		[ "$thing" = "$1" ] || continue
		printf '%s\n' "$users"
		return 0
	done <"$shared"
	return 1
}

# shared_write THING [TOOL...]: its line, in the place of the one that there was; without tools none.
shared_write() {
	local thing="$1"

	shift
	shared_replace "$(
		[ ! -e "$shared" ] || sed "/^$thing /d" "$shared"
		[ $# = 0 ] || printf '%s %s\n' "$thing" "$*"
	)"
}

# shared_replace TEXT: the whole record.
shared_replace() {
	[ -z "$dry_run" ] || return 0
	if [ -z "$1" ]; then
		rm -f "$shared"
		return 0
	fi
	file_replace "$shared" "$1"
}

# shared_edit EDITS: many at once, a line each: "make THING" records a new one, "take THING" one more user if it
# is ours, "leave THING" one less: with the last one it is forgotten. "forget THING": it turned out to be
# somebody else's.
shared_edit() {
	[ -n "$1" ] && [ -z "$dry_run" ] || return 0
	shared_replace "$({
		[ ! -e "$shared" ] || sed 's/^/is /' "$shared"
		printf '%s\n' "$1"
	} | awk -v tool="$tool" '
		function without(list, word) {
			list = " " list " "
			sub(" " word " ", " ", list)
			gsub(/^ +| +$/, "", list)
			return list
		}
		function with(list, word) {
			list = without(list, word)
			return list (list == "" ? "" : " ") word
		}
		!($2 in users) && ($1 == "is" || $1 == "make") { order[++things] = $2 }
		$1 == "is" { users[$2] = $0; sub(/^is [^ ]* /, "", users[$2]) }
		$1 == "make" { users[$2] = tool }
		$1 == "take" && $2 in users { users[$2] = with(users[$2], tool) }
		$1 == "leave" && $2 in users { users[$2] = without(users[$2], tool) }
		$1 == "forget" { users[$2] = "" }
		END {
			for (i = 1; i <= things; i++)
				if (users[order[i]] != "")
					print order[i], users[order[i]]
		}')"
}

# shared_alone: the things that this tool uses, and no other, a line each.
shared_alone() {
	[ ! -r "$shared" ] || sed -n "s/^\([^ ]*\) $tool\$/\1/p" "$shared"
}

# shared_take THING: one more tool uses it. Fails if it is not ours.
shared_take() {
	local users

	users=$(shared_users "$1") || return 1
	case " $users " in
	*" $tool "*) return 0 ;;
	esac
	# shellcheck disable=SC2086 # names of tools are words
	shared_write "$1" $users "$tool"
}

# shared_make THING: it is about to be made.
shared_make() {
	shared_write "$1" "$tool"
}

# shared_leave THING: true if it is ours, this tool has used it, and nobody does any more. It stays recorded
# until shared_gone.
shared_leave() {
	local users others='' user

	users=$(shared_users "$1") || return 1
	case " $users " in
	*" $tool "*) ;;
	*) return 1 ;;
	esac
	for user in $users; do
		[ "$user" = "$tool" ] || others="$others $user"
	done
	[ -n "$others" ] || return 0
	# shellcheck disable=SC2086 # names of tools are words
	shared_write "$1" $others
	return 1
}

# shared_gone THING
shared_gone() {
	shared_write "$1"
}

# shared_things PREFIX: those of ours whose names begin with it.
shared_things() {
	[ ! -r "$shared" ] || sed -n "s/^\($1[^ ]*\) .*/\1/p" "$shared"
}

# --- file systems ----------------------------------------------------------------------------

# Where a mount is seen: other mount namespaces have mounts of their own.
bpffs_thing() {
	printf 'bpffs@%s\n' "$(netns_inode /proc/self/ns/mnt)"
}

bpffs_ensure() {
	local thing

	thing=$(bpffs_thing)
	if bpffs_is_mounted; then
		shared_take "$thing" || :
	else
		shared_make "$thing" && run_or "cannot mount $bpffs" mount -t bpf -o mode=0700 bpf "$bpffs" || return
	fi
	place_record
}

# bpffs_is_used: by more than the kernel's own two files.
bpffs_is_used() {
	local entry

	for entry in "$bpffs"/*; do
		case $entry in
		*.debug | "$bpffs/*") ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# bpffs_leave: kept if somebody else has pinned something there since. What is mounted elsewhere cannot be
# reached from here, and is forgotten.
bpffs_leave() {
	local thing here

	here=$(bpffs_thing)
	for thing in $(shared_things bpffs@); do
		shared_leave "$thing" || continue
		[ "$thing" != "$here" ] || bpffs_is_used || run_quietly umount "$bpffs"
		shared_gone "$thing"
	done
}

cgroup_mount=$common.cgroup

cgroup_ensure() {
	cgroup_find
	if [ -n "$cgroup_root" ]; then
		shared_take cgroup2 || :
		return 0
	fi
	cgroup_root=$cgroup_mount
	shared_make cgroup2 && run mkdir -p "$cgroup_root" &&
		run_or "cannot mount cgroup v2 (is CONFIG_CGROUPS there?)" mount -t cgroup2 cgroup2 "$cgroup_root"
}

cgroup_leave() {
	shared_leave cgroup2 || return 0
	run_quietly umount "$cgroup_mount"
	run_quietly rmdir "$cgroup_mount"
	shared_gone cgroup2
}

# tc makes folders for itself the first time that it loads a program.
folders_take() {
	local folder

	for folder in tc ip xdp; do
		[ -e "$bpffs/$folder" ] || shared_make "folder:$folder" || return
		shared_take "folder:$folder" || :
	done
}

# folders_leave: those that nobody else uses.
folders_leave() {
	local thing folder

	for thing in $(shared_things folder:); do
		shared_leave "$thing" || continue
		folder=$bpffs/${thing#folder:}
		run_quietly rmdir "$folder/globals"
		[ ! -L "$folder" ] || [ -d "$bpffs/tc/globals" ] || run_quietly rm -f "$folder"
		run_quietly rmdir "$folder"
		shared_gone "$thing"
	done
}

# --- clsact ------------------------------------------------------------------------------------

# clsact_take DEV COOKIE IFINDEX
clsact_take() {
	if device_look "$1" && [ "$look_qdisc" = clsact ]; then
		shared_take "clsact@$2-$3" || :
		return 0
	fi
	shared_make "clsact@$2-$3" &&
		net_run_or "cannot attach to device $(words_quote "$1")" tc qdisc add dev "$1" clsact
}

# clsact_leave DEV COOKIE IFINDEX: kept if somebody else has a filter there. DEV is empty if the device is gone.
clsact_leave() {
	local thing="clsact@$2-$3"

	shared_leave "$thing" || return 0
	if [ -n "$1" ] && device_look "$1" && [ "$look_qdisc:$look_others" = clsact:0 ]; then
		net run tc qdisc del dev "$1" clsact || return
	fi
	shared_gone "$thing"
}

# clsact_forget: of a tool that has no record of a device any more, as after it was lost with /run/TOOL.
clsact_forget() {
	local thing

	for thing in $(shared_things clsact@); do
		! shared_leave "$thing" || shared_gone "$thing"
	done
}
