# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Talking, in the name of $speaker, and the one place through which every change of the system goes.

# say WORD...: talk goes to stderr, stdout is data.
say() {
	printf '%s: %s\n' "$speaker" "$*" >&2
}

# die STATUS WORD...: 1 failed, 2 misused, 125 not set up.
die() {
	die_status=$1
	shift
	say "$@"
	exit "$die_status"
}

# put FORMAT WORD...: data, as printf(1) does. Fails, and says so, if it cannot be written.
put() {
	# shellcheck disable=SC2059 # the caller's
	printf "$@" 2>/dev/null && return
	say "cannot write the output"
	return 1
}

# words_quote WORD...: on one line, as a shell reads them back. Bytes that a terminal
# might obey, which no command of ours has, become "?".
words_quote() {
	quote_separator=
	for quote_word; do
		case $quote_word in
		'' | *[!A-Za-z0-9_./:@%+,=-]*)
			quote_word=$(printf '%s.' "$quote_word" | LC_ALL=C tr '\000-\037\177-\377' '?' |
				LC_ALL=C sed "s/'/'\\\\''/g")
			quote_word="'${quote_word%.}'"
			;;
		esac
		printf '%s%s' "$quote_separator" "$quote_word"
		quote_separator=' '
	done
}

# run COMMAND...: carried out, or with --dry-run only shown. What it shows can be
# pasted into a shell.
run() {
	run_show "$@"
	[ -n "$dry_run" ] || "$@"
}

# run_last CMD...: the same, in the place of this shell: its signals are CMD's.
run_last() {
	run_show "$@"
	[ -z "$dry_run" ] || exit 0
	exec "$@"
}

run_show() {
	[ -n "$verbose$dry_run" ] || return 0
	printf '%s\n' "$(words_quote "$@")" >&2
}

# run_quietly COMMAND...: may fail, since what it takes away can be gone already.
run_quietly() {
	run_show "$@"
	[ -n "$dry_run" ] || "$@" >/dev/null 2>&1 || :
}

# run_kept COMMAND...: the last thing that it says of a failure goes to $run_said.
run_kept() {
	run_said=
	run_show "$@"
	[ -z "$dry_run" ] || return 0
	run_said=$("$@" 2>&1 >/dev/null) && return 0
	run_said=$(printf '%s\n' "$run_said" | grep -v '^$' | tail -n 1)
	return 1
}

# run_or WHAT COMMAND...: one line if it fails: what could not be done, and why.
run_or() {
	run_what=$1
	shift
	run_kept "$@" && return 0
	say "$run_what${run_said:+: $run_said}"
	return 1
}

# net_run_or WHAT COMMAND...: the same in the chosen network namespace.
net_run_or() {
	local what="$1"

	shift
	if [ -n "$netns_name" ]; then
		run_or "$what" nsenter --net="$netns_file" "$@"
	else
		run_or "$what" "$@"
	fi
}

# netns_option: for what is said, so that it can be pasted: the option that names the chosen network namespace.
netns_option() {
	[ -z "${netns_wanted:-}" ] || printf ' -n %s' "$(words_quote "$netns_wanted")"
}

# net COMMAND...: the words of COMMAND as they have to be run in the chosen network
# namespace. nsenter, because "ip netns exec" and "tc -n" hide /sys/fs/bpf.
net() {
	net_with=$1
	shift
	if [ -n "$netns_name" ]; then
		"$net_with" nsenter --net="$netns_file" "$@"
	else
		"$net_with" "$@"
	fi
}
