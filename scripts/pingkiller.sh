#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pingkiller.sh - drop pings before anything else of the machine sees them, and tell what
# that costs. Words, options and what is said; every change of the system is made by tc/.

set -u

speaker=pingkiller.sh
self=$0
[ ! -L "$self" ] || self=$(readlink -f "$self")
case $self in
/*) ;;
*) self=$PWD/$self ;;
esac
here=${self%/*}

# In the source tree the parts lie beside this file, installed below lib.
library=$here/../tc
[ -e "$here/../Makefile" ] || library=$here/../lib/vershitify/tc

# shellcheck source=tc/looking.sh
. "$library/looking.sh"
# shellcheck source=tc/changing.sh
. "$library/changing.sh"
# shellcheck source=tc/pingkiller.sh
. "$library/pingkiller.sh"
# shellcheck source=tc/doctor-pingkiller.sh
. "$library/doctor-pingkiller.sh"

help() {
	cat <<'END'
Usage: pingkiller.sh [OPTIONS] dev DEV [WHAT] [background]
       pingkiller.sh [OPTIONS] show [dev DEV]
       pingkiller.sh [OPTIONS] stats [dev DEV] [INTERVAL [COUNT]]
       pingkiller.sh [OPTIONS] plot FILE dev DEV
       pingkiller.sh [OPTIONS] stop [dev DEV]
       pingkiller.sh [OPTIONS] doctor | help

Drops pings that a device receives, before anything else of the machine sees
them, and tells how many there were and how long each took. In the foreground
until Ctrl-C, or with "background" until "stop". Everything else passes.

WHAT :=    [hook HOOK] [{ type TYPE }... | all-icmp] [code N]... [ipv4] [ipv6]
           [{ src PREFIX | src-file FILE }...] [{ dst PREFIX | dst-file FILE }...]
           [rate RATE [burst N]] [rate-all RATE [burst-all N]]
           [drop PERCENT] [for TIME] [sample N]
HOOK :=    auto (default: native, or generic if the driver cannot)
           | native | generic | tc
TYPE :=    a name (echo-request and echo-reply are the default) or a number
RATE :=    10/s, 10/m, 10/h: what is below it passes, for each source (rate) or
           for all of them together (rate-all)
PERCENT := 0 to 100 with up to 6 decimals: 25, 25%, 0.1% (loss is another word for drop)
TIME :=    30s, 500ms, 5m, 1h
OPTIONS := -n NETNS     the network namespace: a name, pid:N or a path
           -j           JSON
           -v           show each tc, bpftool and helper command
           --dry-run    only show them
           -V           version

Examples:
  pingkiller.sh dev eth0
  pingkiller.sh dev eth0 rate 10/s background; pingkiller.sh stats 1
  pingkiller.sh dev eth0 src 192.0.2.0/24 src 2001:db8::/32 drop 25% for 5m
  pingkiller.sh plot times.svg dev eth0; pingkiller.sh stop
END
}

needs_all() {
	needs_root
	needs_capabilities
	needs_built pingkiller.o
	needs_trust
	needs_place
}

# change_begin: from here to change_end no other invocation changes anything.
change_begin() {
	needs_all
	change_take
}

# device_set_up WORD...: all of it or nothing. Leaves the lock taken. Files that the words name are read before
# that, since whose they are can make that last.
device_set_up() {
	needs_all
	plan=$(helper -O $$ ping plan "$@") || exit $?
	change_take
	plan_read
	if bpffs_ensure && device_check; then
		device_serve && [ -z "$interrupted" ] && return
		[ -n "$dry_run" ] || device_release "$plan_key"
	fi
	[ -n "$dry_run" ] || pins_trim
	change_end
	exit 1
}

command_dev() {
	netns_hold
	device_set_up dev "$@"
	if [ -z "$plan_owner" ] || [ -n "$dry_run" ]; then
		change_end
		announce
		return
	fi
	journal_end
	lock_release
	trap - EXIT
	announce || {
		foreground_end
		exit 1
	}
	# No function: the process in the background would be a shell around it.
	"$vsh" ${netns_name:+-N "$netns_file"} ${json:+-j} ping watch dev "$plan_dev" &
	listener_wait $!
	sums_wanted=1
	foreground_end
	[ "$waited_status$sums_status" = 00 ] || exit 1
}

# foreground_end: a run takes its device with it, and the last one all the rest.
foreground_end() {
	trap '' HUP INT QUIT TERM
	interrupted=
	netns_recall
	lock_take
	! record_read "$plan_key" || [ "$record_owner" != $$ ] || device_release "$plan_key"
	pins_trim
	lock_release
	trap - HUP INT QUIT TERM
	sums_tell
}

# announce: says what is going to happen, in the words that say it all.
announce() {
	[ -z "$json$dry_run" ] || return 0
	announce_words=$(helper ping show dev "$plan_dev") || return 1
	if [ -n "$plan_owner" ]; then
		put 'dropping: %s - Ctrl-C ends it\n' "$announce_words"
	else
		say "dropping: ${announce_words% background} until: pingkiller.sh$(netns_option) stop dev $plan_name"
	fi
}

# look_begin: nobody changes anything at that moment.
look_begin() {
	needs_all
	look_take
	lock_release
}

command_show() {
	look_begin
	helper ${json:+-j} ping show "$@"
}

command_stats() {
	look_begin
	helper ${json:+-j} ping stats "$@"
}

# command_plot FILE dev DEV: written whole or not at all.
command_plot() {
	[ $# -gt 0 ] || die 2 "plot needs a file (plot FILE.svg dev DEV, or FILE.png)"
	plot_file=$1
	shift
	case $plot_file in
	*?.svg | *?.png) ;;
	*) die 2 "plot $(words_quote "$plot_file"): a file whose name ends in .svg or .png" ;;
	esac
	needs_root
	command -v gnuplot >/dev/null || die 1 "plot needs gnuplot (package gnuplot, or gnuplot-nox)"
	look_begin
	plot_script=$(helper ping plot "${plot_file##*.}" "$@") || exit
	[ -z "$dry_run" ] || return 0
	# Without settings out of files: a home folder can be somebody else's.
	umask "$caller_umask"
	printf '%s\n' "$plot_script" | helper ping draw "$plot_file" gnuplot --default-settings
}

# command_stop [dev DEV]: of the named namespace, or of all.
command_stop() {
	case $#:${1:-} in
	0: | 2:dev) ;;
	*) die 2 "what is $(words_quote "$*")? (stop [dev DEV])" ;;
	esac
	change_begin
	stop_status=0 sums_wanted=1
	for stop_key in $(stop_keys "$@"); do
		device_release "$stop_key" || stop_status=1
	done
	if [ $# = 0 ] && [ -z "$netns_name" ]; then
		strays_release || stop_status=1
		[ "$stop_status" = 1 ] || clsact_forget
	fi
	[ -n "$dry_run" ] || pins_trim
	change_release
	sums_tell
	change_yield
	[ "$stop_status$sums_status" = 00 ] || exit "$failed"
	# The helper says why if there was nothing of that name.
	[ $# = 0 ] || [ -n "${stop_key:-}" ] || helper ping show "$@" >/dev/null
}

command_doctor() {
	[ $# = 0 ] || die 2 "doctor takes no words"
	[ -n "$tools_lack" ] || needs_root
	needs_built pingkiller.o
	doctor
}

# stop_keys [dev DEV]
stop_keys() {
	stop_cookie=$(netns_cookie "$netns_file")
	for stop_record in $(records); do
		if [ $# = 2 ] || [ -n "$netns_name" ]; then
			[ "${stop_record%-*}" = "$stop_cookie" ] || continue
		fi
		[ $# = 0 ] || stop_is_named "$stop_record" "$2" || continue
		printf '%s\n' "$stop_record"
	done
}

# stop_is_named KEY DEV: by the name that it has now, or had when it was there.
stop_is_named() {
	stop_dev=$(device_name "${1#*-}")
	[ -n "$stop_dev" ] || ! record_read "$1" || stop_dev=$record_dev
	[ "$stop_dev" = "$2" ]
}

[ "$user" != 0 ] || [ -n "${VSH_ENTERED:-}$tools_lack" ] || host_enter "$self" "$@"
unset VSH_ENTERED

while [ $# -gt 0 ]; do
	if ! option_take $# "$@"; then
		case $1 in
		-*) word_refuse options "$1" ;;
		*) break ;;
		esac
	fi
	shift "$option_words"
done

if help_is_asked 'plot 1' "$@"; then
	put '%s\n' "$(help)"
	exit
fi

[ -z "${netns_wanted+set}" ] || netns_choose "$netns_wanted"
[ $# -gt 0 ] || {
	help >&2
	exit 2
}
command=$1
shift
files_private
case $command in
dev | show | stats | plot | stop | doctor) "command_$command" "$@" ;;
list | ls) command_show "$@" ;;
*) word_refuse commands "$command" ;;
esac
