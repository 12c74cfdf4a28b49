# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whether what we open, write or take away is root's alone. /sys/fs/bpf, and /run on some machines, are folders in
# which everybody may make something: with one of our names it would be theirs to remove, rename or swap.

# trust_look PATH...: what is wrong with those that there are, a line each.
trust_look() {
	stat -c '%u %f %n' -- "$@" 2>/dev/null | while read -r trust_owner trust_mode trust_path; do
		trust_mode=$((0x$trust_mode))
		if [ $((trust_mode & 0170000)) = $((0120000)) ]; then
			trust_why="is a symbolic link"
		elif [ "$trust_owner" != 0 ]; then
			trust_why="belongs to user $trust_owner"
		elif [ $((trust_mode & 022)) != 0 ] && ! trust_is_shared "$trust_path" "$trust_mode"; then
			trust_why="can be written by others"
		else
			continue
		fi
		printf '%s %s\n' "$(words_quote "$trust_path")" "$trust_why"
	done
}

# trust_is_shared PATH MODE: a folder where everybody may make something, but not touch what is another's (the sticky bit).
trust_is_shared() {
	case $1 in
	"$bpffs" | /run) [ $(($2 & 01000)) != 0 ] ;;
	*) return 1 ;;
	esac
}

# What a tool opens besides, a pattern.
trust_more=

# trust_look_all: all that is ours, or may become ours. A tool that sets up nothing has neither lock nor pins.
trust_look_all() {
	# shellcheck disable=SC2086 # patterns
	trust_look /run ${lock:+"$lock" "$shared" "$shared.new" "$cgroup_mount"} "$state" "$state"/* \
		"$bpffs" "$bpffs/tc" "$bpffs/tc/globals" $trust_more ${pins:+"$pins-new" "$pins" "$pins"/* "$pins"/*/*}
}

needs_trust() {
	trust_said=$(trust_look_all | head -n 1)
	[ -z "$trust_said" ] || die "$failed" "$trust_said, and is not believed: see what it is, then remove it or give it to root alone"
}

# folder_make PATH: root's, or one that already is. Fails if somebody was faster.
folder_make() {
	if ! mkdir -m 0700 "$1" 2>/dev/null; then
		[ -d "$1" ] && [ -z "$(trust_look "$1")" ]
	fi
}
