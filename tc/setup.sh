# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole set-up and its end, and what makes the way between safe: a lock, and a
# journal that tells the next command what a killed one was doing.

lock_seconds=60

# lock_take: waits for other invocations. The lock is on a folder that outlives our
# own, and goes with file descriptor 8.
lock_take() {
	[ -z "$dry_run" ] || return 0
	exec 8</run
	if ! flock -n 8; then
		flock -w "$lock_seconds" 8 || die "$failed" "another invocation has been busy for $lock_seconds s (fuser /run shows it)"
	fi
	state_ensure
}

state_ensure() {
	[ -d "$state" ] || mkdir -m 0700 "$state" || die "$failed" "cannot make $state"
}

lock_release() {
	state_leave
	exec 8>&-
}

# state_leave: an empty folder of ours is no use to anybody.
state_leave() {
	[ -e "$state/devices" ] || rmdir "$state" 2>/dev/null
}

# journal WORD...: what this command is about to do. Without words: it is done.
journal() {
	[ -z "$dry_run" ] || return 0
	if [ $# -gt 0 ]; then
		printf '%s\n' "$*" >"$state/journal"
	elif [ -e "$state/journal" ]; then
		rm -f "$state/journal"
	fi
}

# change_take: from here to change_end no other invocation changes anything, and a signal has to wait.
change_take() {
	interrupted=
	trap 'interrupted=INT' INT
	trap 'interrupted=TERM' TERM
	trap 'interrupted=HUP' HUP
	trap change_abandon EXIT
	lock_take
	leftovers_settle
}

# change_abandon: for the trap of a command that has taken the lock: nothing was changed, so nothing stays.
change_abandon() {
	[ -n "$dry_run" ] || state_leave
}

# change_end: a signal that came meanwhile takes effect now.
change_end() {
	journal
	lock_release
	trap - EXIT INT TERM HUP
	[ -z "$interrupted" ] || kill -s "$interrupted" $$
}

# setup_is_there: the helper makes all pins in a folder of another name, and renames that.
setup_is_there() {
	[ -d "$pins" ]
}

# tc makes folders for itself the first time it loads a program: remember whether
# they were there.
folders_remember() {
	[ -z "$dry_run" ] || return 0
	for folder in tc ip xdp; do
		[ -e "$bpffs/$folder" ] || printf '%s\n' "$folder" >>"$state/folders"
	done
}

# setup_load: the tracker. The classifier comes with the devices, the cgroup programs
# when a rule needs them.
setup_load() {
	bpffs_ensure && cgroup_ensure || return 1
	setup_is_there || {
		folders_remember
		run "$vsh" load "$objects" || return 1
	}
	cgroup_attach sock_create vsh_sock_create
}

# hook_attach TYPE PROGRAM
hook_attach() {
	[ -e "$pins/$2" ] || run "$vsh" load "$objects" "$2" || return 1
	cgroup_attach "$1" "$2"
}

# plan_line WORD...: carries out one line of "vsh plan".
plan_line() {
	case $1 in
	id) ;;
	hook) map_flush && hook_attach "${2#cg_}" "vsh_$2" ;;
	netns) plan_cookie=$2 ;;
	dev) map_flush && device_attach "$2" "$3" "$plan_cookie" ;;
	# What the programs delete by themselves may be gone already.
	delete)
		case $2 in
		vsh_pids | vsh_owners | vsh_listeners) map_flush && map_delete "$@" ;;
		*) map_edit "$@" ;;
		esac
		;;
	update) map_edit "$@" ;;
	esac
}

# Edits wait for each other, since one bpftool makes them all in less time than it
# takes to start a second one.
map_edits=

# map_edit update|delete MAP WORD...
map_edit() {
	map_action=$1 map_name=$2
	shift 2
	map_line="map $map_action pinned $maps/$map_name $*"
	[ -z "$verbose$dry_run" ] || printf 'bpftool %s\n' "$map_line" >&2
	map_edits=$map_edits$map_line$newline
}

# map_delete delete MAP WORD...
map_delete() {
	map_name=$2
	shift 2
	run_quietly bpftool map delete pinned "$maps/$map_name" "$@"
}

map_flush() {
	[ -n "$map_edits" ] || return 0
	map_batch=$map_edits
	map_edits=
	[ -z "$dry_run" ] || return 0
	map_said=$(printf '%s' "$map_batch" | bpftool batch file - 2>&1 >/dev/null) && return 0
	say "cannot write the maps in $maps: $map_said"
	return 1
}

# plan_carry_out PLAN: stops at the first failure.
plan_carry_out() {
	plan_rest=$1
	plan_status=0
	set -f
	while [ -n "$plan_rest" ] && [ "$plan_status" = 0 ]; do
		plan_now=${plan_rest%%"$newline"*}
		plan_rest=${plan_rest#"$plan_now"}
		plan_rest=${plan_rest#"$newline"}
		# The words of a plan are hexadecimal numbers and device names.
		# shellcheck disable=SC2086
		plan_line $plan_now || plan_status=1
	done
	map_flush || plan_status=1
	set +f
	return "$plan_status"
}

# helper WORD...: the helper in the chosen network namespace.
helper() {
	if [ -n "$netns_name" ]; then
		"$vsh" -N "$netns_file" ${cgroup_root:+-C "$cgroup_root"} "$@"
	else
		"$vsh" ${cgroup_root:+-C "$cgroup_root"} "$@"
	fi
}

rules_left() {
	[ -n "$("$vsh" show 2>/dev/null)" ]
}

# setup_trim: what no rule needs goes, and all of it with the last rule.
setup_trim() {
	[ -z "$dry_run" ] || return 0
	if ! rules_left; then
		teardown
		return
	fi
	trim_needed=$("$vsh" plan needed)
	devices_trim "$trim_needed"
	cgroups_trim "$trim_needed"
}

# teardown: everything of ours, in every network namespace. Twice is not once too
# often.
teardown() {
	journal down
	devices_detach
	cgroups_detach
	for folder in "$pins" "$pins-new"; do
		[ ! -d "$folder" ] || run rm -rf "$folder"
	done
	set -- "$maps"/vsh_*
	[ ! -e "$1" ] || run rm -f "$@"
	folders_remove
	mounts_remove
	[ -n "$dry_run" ] || rm -f "$state/devices.kept" "$state/folders" "$state/journal"
	[ -n "$dry_run" ] || rmdir "$state" 2>/dev/null || :
}

# folders_remove: those of tc that were not there before, unless used meanwhile.
folders_remove() {
	[ -r "$state/folders" ] && [ -z "$dry_run" ] || return 0
	rmdir "$bpffs/tc/globals" 2>/dev/null
	while read -r folder; do
		if [ -L "$bpffs/$folder" ] && [ ! -d "$bpffs/tc/globals" ]; then
			rm -f "$bpffs/$folder"
		fi
		rmdir "$bpffs/$folder" 2>/dev/null
	done <"$state/folders"
	return 0
}

# bpffs_is_used: by more than the kernel's own two files.
bpffs_is_used() {
	for entry in "$bpffs"/*; do
		case $entry in
		*.debug | "$bpffs/*") ;;
		*) return 0 ;;
		esac
	done
	return 1
}

mounts_remove() {
	if [ -e "$state/mounted-cgroup" ]; then
		run_quietly umount "$state/cgroup"
		[ -n "$dry_run" ] || rmdir "$state/cgroup" 2>/dev/null
		[ -n "$dry_run" ] || rm -f "$state/mounted-cgroup"
	fi
	if [ -e "$state/mounted-bpf" ]; then
		# Kept if somebody else has pinned something there since, or it is elsewhere.
		if [ "$(cat "$state/mounted-bpf")" = "$(netns_inode /proc/self/ns/mnt)" ]; then
			bpffs_is_used || run_quietly umount "$bpffs"
		fi
		[ -n "$dry_run" ] || rm -f "$state/mounted-bpf"
	fi
	return 0
}

# leftovers_settle: what a killed command has left. Called with the lock held.
leftovers_settle() {
	[ -z "$dry_run" ] || return 0
	[ ! -e "$state/journal" ] || journal_settle
	if [ -e "$state/devices" ] && ! setup_is_there; then
		say "note: removing what is left of a set-up without its pins"
		teardown
	fi
	if setup_is_there && reap_plan=$("$vsh" plan reap) && [ -n "$reap_plan" ]; then
		say "note: removing what a killed run has left"
		plan_carry_out "$reap_plan"
		setup_trim
	fi
	# the end of the set-up is the end of its folder
	state_ensure
}

# journal_settle: an interrupted add is taken back, an interrupted down is finished.
journal_settle() {
	read -r settle_what settle_id <"$state/journal" || settle_what=
	if [ "$settle_what" = add ] && setup_is_there; then
		settle_plan=$("$vsh" plan del "${settle_id:-0}" 2>/dev/null) &&
			plan_carry_out "$settle_plan"
	fi
	if [ "$settle_what" = down ]; then
		teardown
	else
		setup_trim
		journal
	fi
}
