#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vershitify.sh - break the network of one program. Words, options and what is said;
# every change of the system is made by tc/.

set -u

speaker=vershitify.sh
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
pretty='' statistics=''

# shellcheck source=tc/looking.sh
. "$library/looking.sh"
# shellcheck source=tc/changing.sh
. "$library/changing.sh"
# shellcheck source=tc/vershitify.sh
. "$library/vershitify.sh"
# shellcheck source=tc/hold-vershitify.sh
. "$library/hold-vershitify.sh"
# shellcheck source=tc/doctor-vershitify.sh
. "$library/doctor-vershitify.sh"
# shellcheck source=tc/play-vershitify.sh
. "$library/play-vershitify.sh"

help() {
	cat <<'END'
Usage: vershitify.sh -interface DEV -command NAME -drop PERCENT
       vershitify.sh [OPTIONS] run RULE [--fail-unmatched] [--timeline] [--svg FILE] -- COMMAND [ARG...]
       vershitify.sh [OPTIONS] add [-n NETNS] RULE
       vershitify.sh [OPTIONS] change ID [dev DEV]... [direction DIR] [drop LOSS] [offset N]
                                         [per WHAT] [HOLD]... [seed N] [WHEN]... [visible HOW]
                                         [connect FAILURE] [bind FAILURE] [send FAILURE] [MATCH]...
       vershitify.sh [OPTIONS] del ID | flush | repair | down
       vershitify.sh [OPTIONS] show [ID] | stats [INTERVAL [COUNT]] | monitor
       vershitify.sh [OPTIONS] play FILE [loop]
       vershitify.sh [OPTIONS] doctor | presets | help
       vershitify.sh [OPTIONS] -b FILE

Drops, delays or alters part of what one program sends or receives, or makes calls on
its sockets fail. To the program it looks like a bad link; nobody else loses a packet
or gets one late.

RULE :=    WHO { dev DEV | dev all }... { drop LOSS | HOLD }...
           [offset N] [per WHAT] [children] [direction DIR] [seed N] [WHEN]...
           [visible HOW] [connect FAILURE] [bind FAILURE] [send FAILURE] [MATCH]... [force]
           (with fail, dev and drop can be left out)
WHO :=     command NAME | exe PATH | pid N | cgroup PATH
           (run: the COMMAND and all its descendants, if no WHO is given)
LOSS :=    PERCENT | random PERCENT [CORRELATION] | burst PERCENT LENGTH |
           gemodel P [R [1-H [1-K]]] | state P13 [P31 [P32 [P23 [P14]]]] |
           gi LOSS [BURST [DENSITY [ISOLATED [GOOD]]]] |
           every N | first N | list RANGE[,RANGE]... (RANGE: a number, or two as in 4-6)
WHAT :=    socket (default) | rule (whose packets a model counts together)
HOLD :=    delay TIME [JITTER] | distribution TABLE | reorder PERCENT | gap N |
           duplicate PERCENT | corrupt PERCENT | limit N | rate RATE [BYTES [48 5]] |
           slot TIME [TIME] [packets N] [bytes N] |
           slot distribution TABLE TIME JITTER [packets N] [bytes N] |
           egress | ingress (what follows is for that direction) | preset PRESET
TABLE :=   uniform (default) | normal | pareto | paretonormal | NAME (one of tc's)
RATE :=    10mbit, 1.5mbps (bytes)
PRESET :=  the name of a link, as "presets" lists them
FAILURE := fail ERRNO [PERCENT] (of that call on a socket) |
           refuse [PERCENT] (connect only: by a reset, as from the peer; needs dev)
ERRNO :=   ECONNREFUSED, ENETUNREACH, ETIMEDOUT, ...
PERCENT := 0 to 100 with up to 6 decimals: 25, 25%, 0.1% (loss is another word for drop)
DIR :=     egress (default) | ingress | both
WHEN :=    after TIME | for TIME | for ever | repeat ON OFF | repeat off
           (it begins later; it ends; it pauses for the time OFF after each time ON)
TIME :=    30s, 500ms, 5m, 1h (ON, OFF too)
MATCH :=   [not] { src PREFIX | dst PREFIX | proto PROTO | sport PORTS | dport PORTS |
           tcp-flags FLAGS | size BYTES | dscp DSCP } | WORD any
           (all have to hold; of several values of one word, one; any: no condition)
PREFIX :=  192.0.2.2, 192.0.2.0/24, 2001:db8::/32
PROTO :=   tcp | udp | icmp | icmp6 | sctp | 0 to 255
PORTS :=   80, 80-90 (BYTES too)
FLAGS :=   fin, syn,ack, syn/syn,ack (of SYN and ACK, only SYN)
DSCP :=    ef | af11 | cs1 | ... | 0 to 63
HOW :=     wire (default: the sender does not know) | local (ENOBUFS) | denied (EPERM)
OPTIONS := -n NETNS     the network namespace: a name, pid:N or a path
           -j           JSON
           -p           JSON, indented
           -s           statistics: processes, sockets, packets, segments, bytes
           -v           show each tc, bpftool and helper command
           --dry-run    only show them
           -b FILE      one command a line; - is standard input
           -color       colours, also into a pipe
           -V           version

Examples:
  vershitify.sh -interface eth0 -command ping -drop 25
  vershitify.sh run dev eth0 drop 25% seed 7 -- curl -sS http://192.0.2.2/
  vershitify.sh add dev eth0 command ping drop 25% for 5m
  vershitify.sh add dev eth0 pid 4242 drop burst 2% 5
  vershitify.sh add dev eth0 command curl delay 100ms 20ms rate 2mbit
  vershitify.sh run dev eth0 preset 3g -- curl -sS http://192.0.2.2/
  vershitify.sh run connect fail ENETUNREACH 50% -- ./retry-test
  vershitify.sh change 1 drop 50%; vershitify.sh -s show; vershitify.sh down
END
}

# helper_show WORD...: with the options that change what the helper prints.
helper_show() {
	helper ${json:+-j} ${statistics:+-s} ${color:+-c} "$@"
}

needs_all() {
	needs_root
	needs_capabilities
	needs_built vershitify.o tracker.o
	needs_pid_namespace
	needs_trust
	needs_place
	cgroup_find
}

# change_begin: from here to change_end no other invocation changes anything.
change_begin() {
	needs_all
	change_take
}

# change_fail: what was done is undone, and what failed has been said.
change_fail() {
	change_end
	exit "$failed"
}

# rule_set_up PLAN: carries out the plan of a new rule, all of it or nothing.
rule_set_up() {
	set_up_id=${1#id }
	set_up_id=${set_up_id%%"$newline"*}
	if journal_begin add "$set_up_id" && setup_load && plan_carry_out "$1" && run "$vsh" scan >/dev/null && [ -z "$interrupted" ]; then
		return 0
	fi
	[ -n "$dry_run" ] || rule_take_back
	return 1
}

# missed_tell: what escapes the new rule from the beginning.
missed_tell() {
	[ -n "$dry_run" ] || "$vsh" missed "$set_up_id" | while IFS='	' read -r _ missed_what; do
		say "note: missed: $missed_what"
	done
}

rule_take_back() {
	if take_back_plan=$("$vsh" plan del "$set_up_id" 2>/dev/null); then
		plan_carry_out "$take_back_plan"
	fi
	setup_trim
}

command_add() {
	change_begin
	rules_repair
	add_plan=$(helper plan add "$@") || exit $?
	rule_set_up "$add_plan" || change_fail
	# Nobody would know what to delete.
	trap '' PIPE
	put '%s\n' "$set_up_id" || {
		[ -n "$dry_run" ] || rule_take_back
		change_fail
	}
	missed_tell
	change_end
}

command_change() {
	change_begin
	rules_repair
	change_plan=$(helper plan change "$@") || exit $?
	rule_change "$change_plan" || change_fail
	change_end
}

# rule_change PLAN
rule_change() {
	plan_carry_out "$1" || {
		setup_trim
		return 1
	}
	# Only where other devices or programs have taken the place of some.
	case $1 in
	*hook\ * | *netns\ *) setup_trim ;;
	esac
}

command_del() {
	change_begin
	del_plan=$(helper plan del "$@") || exit $?
	rule_delete "$del_plan" || change_fail
	change_end
}

# rule_delete PLAN
rule_delete() {
	journal_begin del && plan_carry_out "$1" && setup_trim
}

command_flush() {
	[ $# = 0 ] || die 2 "flush takes no words"
	change_begin
	if [ -n "$netns_name" ]; then
		rules_of_netns_remove || change_fail
	else
		teardown || change_fail
	fi
	change_end
}

# command_down: with -n, in that namespace alone.
command_down() {
	[ $# = 0 ] || die 2 "down takes no words (-n NETNS before it: in that namespace alone)"
	needs_root
	needs_capabilities
	needs_trust
	needs_place
	change_hold
	down_status=0
	if [ -n "$netns_name" ]; then
		devices_detach "$(netns_cookie "$netns_file")" || down_status=1
		rules_of_netns_remove || down_status=1
	else
		{ teardown && holds_find && holds_trim '' && strays_detach && clsact_forget; } || down_status=1
	fi
	change_end
	return "$down_status"
}

# The rules of a namespace go with its devices.
rules_of_netns_remove() {
	setup_is_there || return 0
	plan_carry_out "$(helper plan leave)" && setup_trim
}

# command_repair: fails if a rule is left that does not rule as it should.
command_repair() {
	[ $# = 0 ] || die 2 "repair takes no words"
	change_begin
	rules_repair
	pins_repair
	repair_status=0
	while IFS='	' read -r repair_id repair_standing repair_why _; do
		case $repair_standing in
		'' | expired | 'cgroup gone') continue ;;
		esac
		say "rule $repair_id: $repair_standing${repair_why:+: $repair_why}$(standing_hint "$repair_id" "$repair_standing")"
		repair_status=1
	done <<-END
		$([ -n "$dry_run" ] || ! setup_is_there || helper standing)
	END
	change_end
	return "$repair_status"
}

# standing_hint ID STANDING: what to do about it.
standing_hint() {
	case $2 in
	'device gone') printf ' (change %s dev DEV, or del %s)' "$1" "$1" ;;
	'namespace gone') printf ' (del %s)' "$1" ;;
	esac
}

# look_begin: for commands that look. What has come to the targets meanwhile is tagged.
look_begin() {
	needs_all
	look_take
	[ -n "$dry_run" ] || ! setup_is_there || "$vsh" scan >/dev/null
	lock_release
}

command_show() {
	look_begin
	if [ -z "$json" ] || [ -z "$pretty" ]; then
		helper_show show "$@"
		return
	fi
	command -v jq >/dev/null || die 1 "-p needs jq (package jq)"
	shown=$(helper_show show "$@") || exit
	indented=$(printf '%s\n' "$shown" | jq .) || exit 1
	put '%s\n' "$indented"
}

command_stats() {
	look_begin
	helper_show -t stats "$@"
}

command_monitor() {
	[ $# = 0 ] || die 2 "monitor takes no words"
	needs_root
	needs_capabilities
	needs_built vershitify.o tracker.o
	needs_trust
	needs_place
	cgroup_find
	exec "$vsh" ${json:+-j} ${cgroup_root:+-C "$cgroup_root"} -t listen
}

# foreground_end: a run takes its rule with it, and the last one all the rest.
foreground_end() {
	trap '' HUP INT QUIT TERM
	interrupted=
	netns_recall
	lock_take
	if end_plan=$("$vsh" -O $$ plan reap 2>/dev/null); then
		plan_carry_out "$end_plan"
	fi
	setup_trim
	journal_end
	lock_release
}

# foreground_set_up KIND WORD...: the rule of a foreground run, which ends with it.
foreground_set_up() {
	foreground_kind=$1
	shift
	netns_hold
	rules_repair
	foreground_plan=$(helper -O $$ plan "$foreground_kind" "$@") || {
		foreground_status=$?
		[ "$foreground_status" = 2 ] || foreground_status=$failed
		exit "$foreground_status"
	}
	rule_set_up "$foreground_plan" || change_fail
	missed_tell
	journal_end
	lock_release
	trap - EXIT
}

# command_original FLAG VALUE...: the command line of the program that this one came from.
command_original() {
	change_begin
	foreground_set_up original "$@"
	if [ -n "$dry_run" ]; then
		run "$vsh" -O $$ -t listen "$set_up_id"
		exit 0
	fi
	announce || {
		foreground_end
		exit 1
	}
	"$vsh" ${json:+-j} ${netns_name:+-N "$netns_file"} ${cgroup_root:+-C "$cgroup_root"} -O $$ -t listen "$set_up_id" &
	listener_wait $!
	foreground_end
	[ "$waited_status" = 0 ] || exit 1
}

# announce: says what is going to happen, in the rule's own words.
announce() {
	[ -z "$json" ] || return 0
	announced=$(helper show "$set_up_id") || return 1
	put 'dropping: %s - Ctrl-C ends it\n' "${announced#rule * }"
}

# command_run RULE-WORD... -- COMMAND [ARG...]: the plan reads its words up to "--".
command_run() {
	run_before=0
	for word; do
		run_before=$((run_before + 1))
		[ "$word" != -- ] || break
	done
	if [ "${word:-}" != -- ] || [ "$run_before" = $# ]; then
		die 2 "a command is required (run RULE -- COMMAND [ARG...])"
	fi
	timeline_file "$@"
	change_begin
	[ -n "$dry_run" ] || signals_pipe
	foreground_set_up run "$@"
	fail_unmatched=
	case $newline$foreground_plan$newline in
	*"${newline}fail unmatched$newline"*) fail_unmatched=1 ;;
	esac
	[ -n "$dry_run$json" ] || repeat_tell "$@"
	while [ "$1" != -- ]; do
		shift
	done
	shift
	[ -n "$dry_run" ] || run_older=$(helper ${json:+-j} before "$set_up_id" "$1")
	timeline_start
	run_start "$@"
	run_summary
	timeline_end
	foreground_end
	run_exit
}

# repeat_tell RULE-WORD... -- COMMAND [ARG...]: the line that loses the same packets again, where that is not the
# one that was typed: the plan has drawn a seed.
repeat_tell() {
	local words='' seed="$newline$foreground_plan"

	case $seed in
	*"${newline}seed "*) seed=${seed##*"${newline}seed "} ;;
	*) return 0 ;;
	esac
	while [ "$1" != -- ]; do
		words="$words $(words_quote "$1")"
		shift
	done
	say "note: to lose the same packets again: $speaker$(netns_option) run$words seed ${seed%%"$newline"*} $(words_quote "$@")"
}

# timeline_file RULE-WORD...: what is drawn goes to $timeline_svg.
timeline_file() {
	local word before=''

	timeline_svg=
	for word; do
		[ "$word" != -- ] || break
		[ "$before" != --svg ] || timeline_svg=$word
		before=$word
	done
	[ -z "$timeline_svg" ] || command -v gnuplot >/dev/null || die "$failed" "--svg needs gnuplot (package gnuplot, or gnuplot-nox)"
}

# timeline_start: if the plan has it: the helper that keeps in mind what TCP does, from before COMMAND begins.
timeline_start() {
	local ready='' pipe="$state/timeline.$$"

	timeline_pid=
	case $newline$foreground_plan$newline in
	*"${newline}timeline$newline"*) ;;
	*) return 0 ;;
	esac
	set -- "$vsh" ${json:+-j} ${cgroup_root:+-C "$cgroup_root"} -O $$ timeline "$objects" "$set_up_id"
	case $newline$foreground_plan$newline in
	*"${newline}svg$newline"*) set -- "$@" "$timeline_svg" ;;
	esac
	if [ -n "$dry_run" ]; then
		run "$@"
		return
	fi
	if [ -e "$objects/tcp.o" ] && mkfifo -m 0600 "$pipe"; then
		# Open for both, so that no opening waits, and gone by its name before anything else begins.
		# shellcheck disable=SC2094 # it is a pipe
		{
			rm -f "$pipe"
			umask "$caller_umask"
			"$@" >&4 3<&- 4>&- 7<&- &
			timeline_pid=$!
			umask 077
			exec 4>&-
			read -r ready <&3
		} 4<>"$pipe" 3<"$pipe"
	fi
	[ -n "$ready" ] || timeline_fail
}

# timeline_fail: it could not begin, or a signal has come before it had.
timeline_fail() {
	local signal="$interrupted"

	[ -n "$signal" ] || say "cannot watch TCP for --timeline (try: snitch.sh doctor)"
	timeline_end
	foreground_end
	interrupted=$signal
	change_yield
	exit "$failed"
}

# timeline_end: prints it.
timeline_end() {
	[ -n "$timeline_pid" ] || return 0
	kill -s USR1 "$timeline_pid" 2>/dev/null
	wait_out "$timeline_pid"
}

# run_start COMMAND...: under the rule from its first instruction, until it has ended. Signals are passed
# on meanwhile; it keeps standard input.
run_start() {
	case $netns_name in
	'') [ -z "$entered" ] || set -- "$vsh" exec 0 "$@" ;; # a shell would word its failure
	pid:* | */*) set -- nsenter --net="$netns_file" "$vsh" exec 0 "$@" ;;
	*) set -- ip netns exec "$netns_name" "$vsh" exec 0 "$@" ;;
	esac
	if [ -n "$entered" ]; then
		# shellcheck disable=SC2016
		set -- nsenter --mount=/proc/self/fd/9 --root=/proc/self/fd/6 --wd=/proc/self/fd/6 -- \
			sh -c 'exec 9<&- 6<&-; cd -- "$0" && exec "$@"' "$entered" "$@"
	fi
	if [ -n "$dry_run" ]; then
		run "$vsh" exec "$set_up_id" "$@"
		exit 0
	fi
	for run_signal in HUP INT QUIT TERM USR1 USR2; do
		# shellcheck disable=SC2064 # now
		trap "signal_pass $run_signal" "$run_signal"
	done
	[ -z "$interrupted" ] || signal_pass "$interrupted"
	set -- "$vsh" ${cgroup_root:+-C "$cgroup_root"} run "$set_up_id" "$@"
	exec 8<&0
	umask "$caller_umask"
	if [ -n "$netns_name" ]; then
		"$@" <&8 8<&- 5<&- &
	else
		"$@" <&8 8<&- &
	fi
	run_pid=$!
	umask 077
	exec 8<&-
	wait_out "$run_pid"
	run_status=$waited_status
}

run_summary() {
	netns_recall
	# shellcheck disable=SC2086 # numbers
	run_said=$(helper ${json:+-j} summary "$set_up_id" $run_older)
	run_matched=$?
	printf '%s\n' "$run_said" | while read -r line; do
		if [ -n "$json" ]; then
			printf '%s\n' "$line" >&2
		else
			say "$line"
		fi
	done
}

# run_exit: as the command ended, by a signal too.
run_exit() {
	trap - HUP INT QUIT TERM USR1 USR2
	if [ -n "$fail_unmatched" ]; then
		case $run_matched in
		0) ;;
		124) exit 124 ;;
		*) exit 125 ;;
		esac
	fi
	if [ "$run_status" -gt 128 ] && signal=$(kill -l $((run_status - 128)) 2>/dev/null); then
		case $signal in
		STOP | TSTP | TTIN | TTOU | CONT | CHLD | URG | WINCH) ;; # these end nothing
		*) kill -s "$signal" $$ ;;
		esac
	fi
	exit "$run_status"
}

# command_play FILE [loop]
command_play() {
	needs_all
	play_steps=$(helper play "$@") || exit $?
	play_file=$1
	play_check
	if [ -n "$dry_run" ]; then
		put '%s\n' "$play_steps"
		return
	fi
	play "$@"
}

command_presets() {
	[ $# = 0 ] || die 2 "presets takes no words"
	needs_built
	helper_show presets
}

command_doctor() {
	[ $# = 0 ] || die 2 "doctor takes no words"
	[ -n "$tools_lack" ] || needs_root
	needs_built vershitify.o tracker.o
	doctor
}

# command_batch FILE: a command a line, quoted as xargs(1) reads it. Stops at the
# first that fails, as tc -b does.
command_batch() {
	needs_built
	if [ "$1" != - ] && { [ ! -r "$1" ] || { [ ! -f "$1" ] && [ ! -p "$1" ]; }; }; then
		die 1 "cannot read commands from $(words_quote "$1"), which has to be a file or a pipe"
	fi
	[ "$1" = - ] || exec <"$1"
	batch_line=0
	while batch_read; do
		batch_words=${batch_words%%[[:space:]]#*}
		case $batch_words in
		'' | '#'*) continue ;;
		esac
		batch_status=$(batch_run "$batch_words")
		[ "$batch_status" = 0 ] ||
			die "${batch_status:-2}" "line $batch_line failed: $(words_quote "$batch_words")"
	done 4>&1
}

# batch_read: the next line. Fails at the end.
batch_read() {
	batch_line=$((batch_line + 1))
	batch_words=$("$vsh" line "$batch_line") && return
	[ $? = 1 ] || exit 2
	return 1
}

# batch_run LINE: prints the status; what the command prints goes to descriptor 4.
batch_run() {
	# shellcheck disable=SC2016 # for the inner shell
	printf '%s\n' "$1" | xargs sh -c '"$0" "$@" >&4; printf %s $?' "$self" \
		${netns_name:+-n "$netns_name"} ${json:+-j} ${pretty:+-p} ${statistics:+-s} \
		${verbose:+-v} ${dry_run:+--dry-run} ${color:+-color}
}

# is_original WORD: does it begin the original's command line?
is_original() {
	local word="${1#-}" first

	needs_built
	for first in $("$vsh" words --first "$tool"); do
		[ "${word#-}" != "$first" ] || return 0
	done
	return 1
}

# With standard input closed, "exec 8<&0" in run_start would exit the shell.
[ -e /proc/self/fd/0 ] || exec </dev/null
entered=${VSH_ENTERED:-}
unset VSH_ENTERED
[ "$user" != 0 ] || [ -n "$entered$tools_lack" ] || host_enter "$self" "$@"

original=
unset batch
while [ $# -gt 0 ]; do
	if option_take $# "$@" || color_take "$1"; then
		shift "$option_words"
		continue
	fi
	case $1 in
	-b | -batch | --batch)
		needs_value "$1" $#
		batch=$2
		shift
		;;
	-p | -pretty | --pretty) pretty=1 ;;
	-s | -stats | -statistics | --statistics) statistics=1 ;;
	-*)
		is_original "$1" || word_refuse options "$1"
		original=1
		break
		;;
	*) break ;;
	esac
	shift
done

if help_is_asked '' "$@"; then
	put '%s\n' "$(help)"
	exit
fi

# run has its command's status for the rest
[ "${1:-}" != run ] || failed=125
[ -z "${netns_wanted+set}" ] || netns_choose "$netns_wanted"
if [ -n "${batch+set}" ]; then
	[ $# = 0 ] || die 2 "-b FILE takes the commands from FILE"
	command_batch "$batch"
	exit
fi
files_private
if [ -n "$original" ]; then
	command_original "$@"
	exit
fi
[ $# -gt 0 ] || {
	help >&2
	exit 2
}
command=$1
shift
# in the words of a rule of another namespace, as they are shown
if [ "$command:${1:-}" = add:-n ]; then
	needs_value "$1" $#
	[ -z "${netns_wanted+set}" ] || die 2 "-n is said twice"
	netns_choose "$2"
	shift 2
fi
case $command in
run | add | change | del | flush | repair | down | show | stats | monitor | play | presets | doctor) "command_$command" "$@" ;;
delete) command_del "$@" ;;
list | ls) command_show "$@" ;;
*) word_refuse commands "$command" ;;
esac
