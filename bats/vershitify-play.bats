#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Scenarios: rules that come, change and go at the times that a file says.
#
# bats sets stderr, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153
# vm: ^(steps come|a signal)

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# scenario: a file of what comes on standard input.
scenario() {
	cat >"$BATS_TEST_TMPDIR/scenario"
}

# play_start [WORD...]: in the background, as "playing".
play_start() {
	start client playing "$VERSHITIFY" play "$BATS_TEST_TMPDIR/scenario" "$@"
}

# said REGEX: what it tells is talk, and goes to stderr.
said() {
	errors_of playing | grep -qE "$1"
}

rule_is_there() {
	[ -n "$(vershitify show)" ]
}

flows() {
	(($(received victim) > 0))
}

nothing_is_left() {
	assert_equal "$(vershitify show)" ''
	[ ! -e /run/vershitify ] || fail "$(ls /run/vershitify)"
}

@test "steps come at their times, not before, and the rules go with the last" {
	local began

	scenario <<-'END'
		# comment, and an empty line

		0 add dev eth0 command victim drop 100%
		+700ms  change 1 drop 0%
		1400ms del 1
		+300ms end
	END
	receiver_start -g
	# one that comes or goes loses packets itself
	on_client tc qdisc add dev eth0 clsact
	start client flood "$(as victim udpsend)" -i 1000 "$SERVER4" "$PORT" 1000000
	busywait 10 flows
	began=${EPOCHREALTIME/./}
	play_start
	busywait 20 ended playing
	((${EPOCHREALTIME/./} - began >= 1700000))
	stop flood TERM
	assert_equal "$(errors_of playing | cut -d : -f 2- | cut -d ' ' -f 2-4)" \
		$'0.000 s: add\n0.700 s: change\n1.400 s: del\n1.700 s: end'
	# from the first step to the change
	report receiver >/dev/null
	assert_equal "$(output_of receiver | grep -c ^gap)" 1
	on_client tc qdisc del dev eth0 clsact
	nothing_is_left
}

@test "a file's rules have numbers of its own, and others are left alone" {
	local mine

	mine=$(vsh add dev eth0 command other drop 5%)
	scenario <<-'END'
		0 add dev eth0 command one drop 10%
		0 add dev eth0 command 'two words' drop 20%
		0 change 1 drop 11%
		0 change 2 drop 22%
		0 del 1
		1h end
	END
	play_start
	busywait 10 said 'del 1$'
	is_shown() { [ "$(vsh show | cut -d ' ' -f 3-)" = "$1" ]; }
	busywait 10 is_shown "dev eth0 command other direction egress drop 5%
dev eth0 command 'two words' direction egress drop 22%"
	stop playing INT
	assert_equal "$EXIT_STATUS" 0
	assert_equal "$(vsh show)" "rule $mine dev eth0 command other direction egress drop 5%"
	vershitify down
}

@test "a signal ends it at once, and takes its rules away" {
	local signal

	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		1h end
	END
	for signal in INT TERM HUP; do
		play_start
		busywait 10 rule_is_there
		stop playing "$signal"
		assert_equal "$signal $EXIT_STATUS" "$signal 0"
		nothing_is_left
	done
}

@test "SIGKILL: its rules take nothing any more, and the next command takes them away" {
	receiver_start
	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		1h end
	END
	play_start
	busywait 10 rule_is_there
	stop playing KILL
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 10
	vsh add dev eth0 command victim drop 1%
	assert_equal "$(vershitify show | wc -l)" 1
	vershitify down
	nothing_is_left
}

@test "loop: it begins again, at its time and with new rules, until a signal comes" {
	local began

	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		+250ms change 1 drop 50%
		+250ms end
	END
	began=${EPOCHREALTIME/./}
	play_start loop
	rounds() { (($(errors_of playing | grep -c ' 0\.000 s: add') >= $1)); }
	busywait 30 rounds 4
	((${EPOCHREALTIME/./} - began >= 1500000))
	# each round has its one rule
	assert_equal "$(errors_of playing | grep -c 'change 1 drop 50%')" \
		"$(errors_of playing | grep -c 'change 1')"
	stop playing TERM
	assert_equal "$EXIT_STATUS" 0
	nothing_is_left
}

@test "a rule that has taken the number of one of its own is somebody else's" {
	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		+6s change 1 drop 1%
		+1h end
	END
	play_start
	busywait 10 rule_is_there
	vsh del 1
	assert_equal "$(vsh add dev eth0 command other drop 5%)" 1
	busywait 20 ended playing
	said "rule 1 is somebody else's by now" || fail "$(errors_of playing)"
	assert_equal "$(vsh show)" 'rule 1 dev eth0 command other direction egress drop 5%'
	vershitify down
}

@test "a step that fails ends it, and takes its rules away" {
	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		0 change 1 offset 3
		0 end
	END
	run -1 --separate-stderr vsh play "$BATS_TEST_TMPDIR/scenario"
	assert_regex "$stderr" "$BATS_TEST_TMPDIR/scenario line 2 failed\$"
	nothing_is_left
}

@test "a terminal shows how long it is to the next step" {
	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		1h end
	END
	start client terminal script -qec "$(printf '%q ' "$VERSHITIFY" play "$BATS_TEST_TMPDIR/scenario")" /dev/null
	wait_line terminal '3[56][0-9][0-9] s to: end'
	stop terminal TERM
	nothing_is_played() { [ -z "$(vershitify show)" ]; }
	busywait 10 nothing_is_played
}

# refuses LINE MESSAGE: as the second line of a scenario; nothing has been done then.
refuses() {
	printf '0 add dev eth0 command victim drop 1%%\n%s\n' "$1" | scenario
	run -2 --separate-stderr vsh play "$BATS_TEST_TMPDIR/scenario"
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_regex "$stderr" "^vershitify.sh: \"?$BATS_TEST_TMPDIR/scenario\"? line 2: $2"
	nothing_is_left
}

@test "what is no step is refused before anything is done" {
	refuses 'add dev eth0 command victim drop 1%' 'a time comes first'
	refuses '5 change 1 drop 1%' 'a time comes first'
	refuses '-5s change 1 drop 1%' 'a time comes first'
	refuses '+ change 1 drop 1%' 'a time comes first'
	refuses '1s' 'a step is '
	refuses '1s frob' 'a step is '
	refuses '1s end now' 'a step is '
	refuses '1s change' 'the number of a rule'
	refuses '1s change 2 drop 1%' 'the number of a rule'
	refuses '1s change 0 drop 1%' 'the number of a rule'
	refuses '1s del' 'the number of a rule'
	refuses '1s del 1 2' 'del takes'
	refuses '1s change 1' 'nothing to change'
	refuses '1s change 1 drop 101%' 'drop "?101%'
	refuses '1s change 1 command other' '.* keeps its target'
	refuses '1s add dev eth0 command victim' 'an effect is required'
	refuses "1s add dev eth0 command 'victim drop 1%" 'unmatched quotes'
}

@test "what is no scenario is refused" {
	local file=$BATS_TEST_TMPDIR/scenario

	refused_play() {
		run "-$1" --separate-stderr vsh play "${@:3}"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_regex "$stderr" "$2"
	}
	refused_play 2 'play takes the file'
	refused_play 2 'what is "?twice' "$file" twice
	refused_play 1 'cannot read' /nowhere
	refused_play 1 'not a regular file' "$BATS_TEST_TMPDIR"
	: | scenario
	refused_play 2 'a scenario adds a rule' "$file"
	echo '0 add dev eth0 command victim drop 1%' | scenario
	refused_play 2 'a loop takes some time' "$file" loop
	printf '1s add dev eth0 command victim drop 1%%\n0 end\n' | scenario
	refused_play 2 'line 2: the step before comes later' "$file"
	printf '1s add dev eth0 command victim drop 1%%\n2s del 1\n3s del 1\n' | scenario
	refused_play 2 'line 3: the file has deleted' "$file"
	printf '0 add dev nosuch command victim drop 1%%\n' | scenario
	refused_play 1 'line 1: cannot find device' "$file"
	printf '0 add dev eth0\0 command victim drop 1%%\n' | scenario
	refused_play 2 'line 1: there is a zero byte' "$file"
	nothing_is_left
}

@test "--dry-run prints the steps, and does nothing" {
	scenario <<-'END'
		0 add dev eth0 command victim drop 100%
		+2s change 1 drop 0%
	END
	run -0 --separate-stderr vsh --dry-run play "$BATS_TEST_TMPDIR/scenario"
	assert_equal "$output" $'1\t0\tadd\t1\tdev eth0 command victim drop 100%\n2\t2000000000\tchange\t1\tdrop 0%\n2\t2000000000\tend\t0\t'
	nothing_is_left
}
