# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A scenario: rules that come, change and go at their times, and are gone when it is over or a signal ends it. The
# rules are this process's, as those of a run are. Signals only set a mark, also between the steps.

# play_check: each step as it would be carried out now. Nothing has been changed when one is refused.
play_check() {
	local line what words said

	while IFS='	' read -r line _ what _ words; do
		case $what in
		add) set -- add ;;
		change) set -- words ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2016 # for the inner shell
		said=$(play_words "$words" sh -c '"$@" 2>&1 >/dev/null; printf "\n%s" $?' sh "$vsh" \
			${netns_name:+-N "$netns_file"} ${cgroup_root:+-C "$cgroup_root"} -O $$ plan "$1" 2>/dev/null) ||
			die 2 "$(words_quote "$play_file") line $line: unmatched quotes"
		case $said in
		*"${newline}0") ;;
		*)
			play_status=${said##*"$newline"}
			said=${said%"$newline"?}
			die "$play_status" "$(words_quote "$play_file") line $line: ${said#"$speaker: "}"
			;;
		esac
	done <<-END
		$play_steps
	END
}

# play_words WORDS COMMAND...: with the words of a line after its own, quoted as xargs(1) reads them.
play_words() {
	local words="$1"

	shift
	printf '%s\n' "$words" | xargs "$@"
}

# play_plan KIND ID WORDS: what is to be done, as the helper says; add has no ID yet.
play_plan() {
	play_words "$3" "$vsh" ${netns_name:+-N "$netns_file"} ${cgroup_root:+-C "$cgroup_root"} -O $$ \
		plan "$1" ${2:+"$2"}
}

# play_id N: of the Nth rule of the file, which is the one that has this place in the list.
play_id() {
	local wanted="$1"

	# shellcheck disable=SC2086 # numbers
	set -- $play_ids
	shift $((wanted - 1))
	printf '%s\n' "$1"
}

play_add() {
	play_planned=$(play_plan add '' "$1") || return 1
	rule_set_up "$play_planned" || return 1
	play_ids="$play_ids $set_up_id"
	missed_tell
}

play_change() {
	play_planned=$(play_plan change "$(play_id "$1")" "$2") || return 1
	rule_change "$play_planned"
}

play_del() {
	play_planned=$(helper -O $$ plan del "$(play_id "$1")") || return 1
	rule_delete "$play_planned"
}

# play_step WHAT N WORDS: under the lock, as any other command; not if a signal has come while that was waited for.
play_step() {
	local status=0

	[ "$1" != end ] || return 0
	lock_take
	[ -n "$play_over" ] || play_do "$@" || status=1
	journal_end
	lock_release
	return "$status"
}

play_do() {
	"${tool}_settle"
	rules_repair
	case $1 in
	add) play_add "$3" ;;
	change) play_change "$2" "$3" ;;
	del) play_del "$2" ;;
	esac
}

# play_wait NS TEXT: until then, or until a signal comes.
play_wait() {
	[ -z "$play_over" ] || return 0
	"$vsh" -O $$ until "$@" &
	play_waiter=$!
	[ -z "$play_over" ] || play_wake
	# the shell would say which signal has ended it
	wait_out "$play_waiter" 2>/dev/null
	play_waiter=
}

# play_wake: a signal for us ends the wait.
play_wake() {
	[ -z "$play_waiter" ] || kill -s USR1 "$play_waiter" 2>/dev/null || :
}

# play_round BEGINS: all steps once, from this time of the clock on.
play_round() {
	local line at what number words

	play_ids=
	while IFS='	' read -r line at what number words; do
		case $what in
		add) play_now="add $words" ;;
		end) play_now=end ;;
		*) play_now="$what $number${words:+ $words}" ;;
		esac
		play_now=$(words_show "$play_now")
		play_length=$at
		play_wait $(($1 + at)) "$play_now" </dev/null
		[ -z "$play_over" ] || return 0
		say "$((at / 1000000000)).$(printf %03d $((at / 1000000 % 1000))) s: $play_now"
		play_step "$what" "$number" "$words" </dev/null || {
			# a signal from the terminal ends what the step has started, too
			[ -z "$play_over" ] || return 0
			say "$(words_quote "$play_file") line $line failed"
			return 1
		}
	done <<-END
		$play_steps
	END
}

# words_show TEXT: without bytes that a terminal might obey.
words_show() {
	printf '%s' "$1" | LC_ALL=C tr '\000-\037\177' '?'
}

# play_end: the rules go, and all that nobody else needs.
play_end() {
	trap - EXIT
	foreground_end
}

# play FILE [loop]
play() {
	local begins status=0 signal

	play_file=$1 play_over='' play_waiter='' interrupted=''
	netns_hold
	for signal in HUP INT QUIT TERM; do
		# shellcheck disable=SC2064 # now
		trap "play_over=$signal; play_wake" "$signal"
	done
	trap play_end EXIT
	begins=$("$vsh" clock)
	while play_round "$begins" || { status=1 && false; }; do
		if [ -n "$play_over" ] || [ -z "${2-}" ]; then
			break
		fi
		play_restart || {
			status=1
			break
		}
		begins=$((begins + play_length))
	done
	play_end
	return "$status"
}

# play_restart: the next round begins without rules.
play_restart() {
	local status=0

	lock_take
	play_planned=$(helper -O $$ plan reap)
	plan_carry_out "$play_planned" || status=1
	journal_end
	lock_release
	return "$status"
}
