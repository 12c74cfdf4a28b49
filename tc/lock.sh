# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What makes a change safe: one lock for all of our commands, and a journal that tells the next command what a
# killed one was doing. A tool has a state folder, $state, and two functions, which are called with the lock held:
# TOOL_leftovers is true if a killed command of that tool has left something, TOOL_settle takes it away.

# What all tools have in common is recorded under the name of the first.
common=/run/vershitify
lock=$common.lock
lock_seconds=60
locked='' lock_waiter=''

# lock_take: waits for other invocations. The lock is on a file that only root can open, and goes with file
# descriptor 8. Who leaves as the last takes the file away, so that the one that was waited for may be no more.
lock_take() {
	[ -z "$dry_run" ] || return 0
	until [ -n "$locked" ]; do
		{ command exec 8>>"$lock"; } 2>/dev/null || die "$failed" "cannot make $lock (is /run there, and writable?)"
		lock_wait
		! lock_is_current || locked=1
	done
	state_ensure
}

# lock_is_current: is the file that we have locked still the one of that name?
lock_is_current() {
	[ "$(stat -L -c %d:%i /proc/self/fd/8)" = "$(stat -c %d:%i "$lock" 2>/dev/null)" ]
}

# lock_wait: in the background, so that a signal ends it at once. A failure of flock(1) is no proof that somebody is
# busy.
lock_wait() {
	local began said

	flock -n 8 2>/dev/null && return
	began=$(uptime_seconds)
	flock -w "$lock_seconds" 8 </dev/null >/dev/null 2>&1 &
	lock_waiter=$!
	[ -z "${interrupted-}" ] || lock_wake
	while ! wait "$lock_waiter"; do
		[ -z "${interrupted-}" ] || change_yield
		kill -0 "$lock_waiter" 2>/dev/null || break
	done
	lock_waiter=''
	said=$(flock -w 0 8 2>&1) && return
	[ $(($(uptime_seconds) - began)) -lt "$lock_seconds" ] ||
		die "$failed" "another invocation has been busy for $lock_seconds s (fuser $lock shows it)"
	die "$failed" "cannot lock $lock: $(words_quote "${said%%"$newline"*}") (it takes the flock of util-linux)"
}

# lock_wake: nobody waits for the lock any more.
lock_wake() {
	[ -z "$lock_waiter" ] || kill "$lock_waiter" 2>/dev/null || :
}

uptime_seconds() {
	cut -d . -f 1 /proc/uptime
}

state_ensure() {
	folder_make "$state" || die "$failed" "cannot make $state"
}

# lock_release: the file of the lock stays as long as anything of ours is recorded.
lock_release() {
	[ -n "$locked" ] || return 0
	locked=''
	state_leave
	states_are_left || [ -e "$shared" ] || rm -f "$lock"
	exec 8>&-
}

# states_are_left: has any tool something recorded? Those that record have a part named after them beside this file.
states_are_left() {
	local name

	for name in "$library"/doctor-*.sh; do
		name=${name##*/doctor-}
		[ ! -e "$library/$name" ] || [ ! -e "/run/${name%.sh}" ] || return 0
	done
	return 1
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
	file_replace "$state/$1" "$2"
}

# file_replace FILE TEXT: all of it or nothing, whenever this is killed; but where there is no room for a second
# file, what has become shorter is written over the first: what was taken away must not stay recorded.
file_replace() {
	if printf '%s\n' "$2" 2>/dev/null >"$1.new" && mv "$1.new" "$1"; then
		return 0
	fi
	rm -f "$1.new"
	if [ -e "$1" ] && [ "${#2}" -lt "$(stat -c %s "$1")" ] && printf '%s\n' "$2" 2>/dev/null >"$1"; then
		return 0
	fi
	say "cannot write $1 (is there no room on /run?)"
	return 1
}

# change_take: from here to change_end no other invocation changes anything, and a signal has to wait.
change_take() {
	change_hold
	"${tool}_settle"
}

# change_hold: the same, and what a killed command has left stays where it is.
change_hold() {
	signals_hold
	# nothing was changed, so nothing stays
	trap lock_release EXIT
	lock_take
}

# signals_hold: until change_yield, a signal ends only the wait for the lock: flock(1) in the background would outlive
# a shell that it ends.
signals_hold() {
	interrupted=
	trap 'interrupted=INT; lock_wake' INT
	trap 'interrupted=TERM; lock_wake' TERM
	trap 'interrupted=HUP; lock_wake' HUP
	trap 'interrupted=QUIT; lock_wake' QUIT
}

# look_take: for commands that look and list. They never take anything away, nor does anybody else meanwhile.
look_take() {
	signals_hold
	lock_take
	change_yield
	[ -n "$dry_run" ] || ! "${tool}_leftovers" ||
		say "note: a killed command has left something, which the next one that changes anything takes away"
}

# change_end: a signal that came meanwhile takes effect now.
change_end() {
	change_release
	change_yield
}

# change_release: what has changed is done. A signal that came meanwhile is left to change_yield; one that comes from
# now on takes effect.
change_release() {
	journal_end
	lock_release
	trap - EXIT INT TERM HUP QUIT
}

# change_yield: to a signal that has come since signals_hold.
change_yield() {
	trap - EXIT INT TERM HUP QUIT
	[ -z "${interrupted-}" ] || kill -s "$interrupted" $$
}
