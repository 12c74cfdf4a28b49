# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What commands in the foreground have in common: they wait, signals end them, and what they were given
# has to last until they have cleaned up.

# netns_hold: for a foreground run, by descriptor 5: the name of the chosen namespace can be taken away
# meanwhile.
netns_hold() {
	netns_held=
	[ -n "$netns_name" ] && [ -z "$dry_run" ] || return 0
	command exec 5<"$netns_file" || die "$failed" "cannot open $netns_file"
}

# netns_recall: if that has happened, the chosen namespace is the one that is held.
netns_recall() {
	[ -n "$netns_name" ] && [ "$(netns_inode "$netns_file")" != "$(netns_inode /proc/self/fd/5)" ] || return 0
	netns_held=/proc/$$/fd/5
	netns_file=$netns_held
}

# wait_out PID: until it has ended, whatever signals come meanwhile. Its status goes to $waited_status.
wait_out() {
	while :; do
		wait "$1"
		waited_status=$?
		[ "$waited_status" -gt 128 ] && kill -0 "$1" 2>/dev/null || return 0
	done
}

# listener_wait PID: the same for the helper that prints what happens, which a signal for us ends. By
# USR1, since the signals themselves may be ignored here.
listener_wait() {
	listener_pid=$1 listener_told=
	trap 'listener_told=1; kill -s USR1 "$listener_pid" 2>/dev/null' HUP INT QUIT TERM
	[ -z "$interrupted" ] || kill -s "$interrupted" $$
	wait_out "$1"
	# It may have been told before it listened to signals.
	[ "$waited_status" -le 128 ] || [ -z "$listener_told" ] || waited_status=0
}

# signals_pipe: descriptor 7, on which "vsh run" is told of the signals that this script gets. Called with
# the lock held.
signals_pipe() {
	local pipe="$state/signals"

	rm -f "$pipe"
	if ! mkfifo -m 0600 "$pipe" || ! command exec 7<>"$pipe"; then
		die "$failed" "cannot make $pipe"
	fi
	rm -f "$pipe"
}

# signal_pass SIGNAL
signal_pass() {
	printf '%s\n' "$1" >&7
}
