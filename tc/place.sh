# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whether the set-up of this tool is where we look. /run is the same in most mount namespaces, bpffs need not be:
# pins that are not seen here are not pins that are gone. So $state/bpffs records on which one they are, by its
# device number as mountinfo has it, 0:45.

# bpffs_number MOUNTINFO: of what is mounted at $bpffs; nothing if that is no bpffs.
bpffs_number() {
	awk -v point="$bpffs" '$5 == point { number = / - bpf / ? $3 : "" } END { if (number) print number }' "$1" 2>/dev/null
}

# place_record: before the first pin is made.
place_record() {
	local number

	[ -z "$dry_run" ] || return 0
	number=$(bpffs_number /proc/self/mountinfo)
	[ "$(cat "$state/bpffs" 2>/dev/null)" = "$number" ] || record_write bpffs "$number"
}

# place_forget: with the last pin.
place_forget() {
	[ -n "$dry_run" ] || rm -f "$state/bpffs"
}

# place_wanted: the number of the bpffs that has the pins, if the one here is another.
place_wanted() {
	[ -r "$state/bpffs" ] && read -r place_number <"$state/bpffs" || return 0
	[ "$place_number" = "$(bpffs_number /proc/self/mountinfo)" ] || printf '%s\n' "$place_number"
}

# place_elsewhere: a process that sees the pins, if they are not to be seen from here. Fails if they are, and if
# nobody sees them any more: then they are gone.
place_elsewhere() {
	local number

	number=$(place_wanted)
	[ -n "$number" ] || return 1
	number=$(grep -ls " $number / .* - bpf " /proc/[0-9]*/mountinfo | head -n 1)
	number=${number#/proc/}
	[ -n "$number" ] && printf '%s\n' "${number%/mountinfo}"
}

# place_say PID: what keeps us from it.
place_say() {
	local comm=''

	read -r comm 2>/dev/null <"/proc/$1/comm" || :
	printf 'the set-up is pinned on the bpffs of another mount namespace, that of process %s (%s): nsenter --mount=/proc/%s/ns/mnt %s ...\n' \
		"$1" "$(words_quote "$comm")" "$1" "$speaker"
}

# needs_place: for what would take it for gone, or make a second one.
needs_place() {
	place_pid=$(place_elsewhere) || return 0
	die "$failed" "$(place_say "$place_pid")"
}
