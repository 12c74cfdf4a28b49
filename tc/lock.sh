# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What makes a change safe: one lock for all of our commands, and a journal that tells the next command what a
# killed one was doing. A tool has a state folder, $state, and a function TOOL_settle, which is called with the
# lock held and takes away what a killed command of that tool has left.

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

# state_leave: removes the folder if nothing is recorded in it.
state_leave() {
	rmdir "$state" 2>/dev/null
}

# journal_begin WORD...: what this command is about to do.
journal_begin() {
	record_write journal "$*"
}

# journal_end: it is done.
journal_end() {
	[ -n "$dry_run" ] || [ ! -e "$state/journal" ] || rm -f "$state/journal"
}

# record_write FILE TEXT: all of it or nothing, whenever this is killed. What cannot be recorded must not be
# begun.
record_write() {
	[ -z "$dry_run" ] || return 0
	if printf '%s\n' "$2" 2>/dev/null >"$state/$1.new" && mv "$state/$1.new" "$state/$1"; then
		return 0
	fi
	rm -f "$state/$1.new"
	say "cannot write $state/$1 (is there no room on /run?)"
	return 1
}

# change_take: from here to change_end no other invocation changes anything, and a signal has to wait.
change_take() {
	interrupted=
	trap 'interrupted=INT' INT
	trap 'interrupted=TERM' TERM
	trap 'interrupted=HUP' HUP
	trap 'interrupted=QUIT' QUIT
	trap change_abandon EXIT
	lock_take
	"${tool}_settle"
}

# change_abandon: for the trap of a command that has taken the lock: nothing was changed, so nothing stays.
change_abandon() {
	[ -n "$dry_run" ] || state_leave
}

# change_end: a signal that came meanwhile takes effect now.
change_end() {
	journal_end
	lock_release
	trap - EXIT INT TERM HUP QUIT
	[ -z "$interrupted" ] || kill -s "$interrupted" $$
}
