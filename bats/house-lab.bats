#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# LAB_SHELL: a shell in the laboratory of a test, before the test begins. The tests here write a file of tests
# and have another bats run it.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Commands for another shell:
# shellcheck disable=SC2016

load helpers

setup() {
	local test=@test # at the beginning of a line, bats would take it for one of this file

	requires root
	cat >"$BATS_TEST_TMPDIR/inner.bats" <<-END
		. "$TOP/bats/helpers.bash"
		setup_file() { suite_begin; }
		teardown_file() { suite_end; }
		setup() { test_begin; }
		teardown() { test_end; }
		$test "inner" { cat "$BATS_TEST_TMPDIR/said"; }
	END
	SAID=$BATS_TEST_TMPDIR/said
}

# inner VALUE: the test "inner" with that LAB_SHELL, as if no bats had called it.
inner() {
	env -i PATH="$(tr : '\n' <<<"$PATH" | grep -v bats-core | paste -sd :)" HOME="$HOME" TERM=dumb SAID="$SAID" \
		${1:+"LAB_SHELL=$1"} bats --tap "$BATS_TEST_TMPDIR/inner.bats" 3>&-
}

@test "LAB_SHELL: a command is run in the lab, with the functions of the tests, before the test" {
	run -0 inner 'ip -br -4 addr show eth0 >"$SAID"; on_server ip -br -4 addr show eth0 >>"$SAID"; echo "$CLIENT" >>"$SAID"'
	run -0 cat "$SAID"
	assert_line --index 0 --regexp '^eth0@.* 192\.0\.2\.1/24'
	assert_line --index 1 --regexp '^eth0@.* 192\.0\.2\.2/24'
	assert_line --index 2 --regexp '^vsht-.*-a$'
}

@test "LAB_SHELL: a status other than 0 fails the test, and what is left running is found" {
	echo >"$SAID"
	run -1 inner 'exit 3'
	assert_line --regexp '^not ok 1 inner'
	refute_output --partial 'teardown_file failed'
	run -1 inner 'sleep 1000 & echo "$!" >"$SAID"'
	kill "$(cat "$SAID")"
	assert_line --regexp '^ok 1 inner'
	assert_line --regexp '> process [0-9]+ sleep 1000'
}

@test "without LAB_SHELL there is none" {
	echo >"$SAID"
	run -0 inner ''
	run -0 cat "$SAID"
	assert_output ''
}

@test "LAB_SHELL=1: the shell is on the terminal, and the test begins when it ends" {
	export -f inner
	export BATS_TEST_TMPDIR SAID
	# script types the words below on a terminal of its own
	run -0 env SHELL="$BASH" script -qec "bash -c 'inner 1'" /dev/null <<<'ip -br -4 addr show eth0 >"$SAID"; exit'
	assert_output --partial 'inner: the test begins when this shell ends'
	assert_line --regexp '^ok 1 inner'
	assert grep -q '192\.0\.2\.1/24' "$SAID"
}
