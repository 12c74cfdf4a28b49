#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The original's command line, as it stands: in the foreground, until it is ended.
# vm: ^(one dash|a process that already|each launch|Ctrl-C)
#
#   $CLIENT: vershitify.sh -interface eth0 -command victim -drop 25
#            victim, bystander  eth0 ---------- eth0  receiver  :$SERVER

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# original WORDS...: in the client's namespace, as its user would be there.
original() {
	start client original "$VERSHITIFY" "$@"
	wait_line original .
}

@test "one dash: the line of the original works, announces itself and loses that share" {
	local lost

	receiver_start
	original -interface eth0 -command victim -drop 25
	assert_equal "$(output_of original | head -n 1)" \
		'dropping: dev eth0 command victim direction egress drop 25% - Ctrl-C ends it'
	send victim "$SERVER4" "$PORT" "$PACKETS"
	send bystander "$SERVER4" "$PORT" 1000
	lost=$((PACKETS - $(received victim)))
	assert_binomial "$lost" "$PACKETS" 25
	assert_received bystander 1000
	stop original INT
}

@test "two dashes: the same" {
	receiver_start
	original --interface eth0 --command victim --drop 100
	assert_equal "$(output_of original | head -n 1)" \
		'dropping: dev eth0 command victim direction egress drop 100% - Ctrl-C ends it'
	send victim "$SERVER4" "$PORT" 100
	send bystander "$SERVER4" "$PORT" 100
	assert_received victim 0
	assert_received bystander 100
	stop original INT
}

@test "with -n it works from outside of the namespace" {
	receiver_start
	start here original "$VERSHITIFY" -n "$CLIENT" -interface eth0 -command victim -drop 100
	wait_line original .
	send victim "$SERVER4" "$PORT" 100
	assert_received victim 0
	stop original INT
}

@test "the words stand in any order, with a percent sign or without" {
	receiver_start
	original -drop 100% -command victim -interface eth0
	send victim "$SERVER4" "$PORT" 100
	assert_received victim 0
	stop original INT
}

@test "-drop 0 loses nothing" {
	receiver_start
	original -interface eth0 -command victim -drop 0
	send victim "$SERVER4" "$PORT" $((PACKETS / 10))
	assert_received victim $((PACKETS / 10))
	stop original INT
}

@test "a process that already runs, with its socket open, is found" {
	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	original -interface eth0 -command victim -drop 100
	batch waiting
	assert_received victim 0
	stop original INT
}

@test "each launch of the target is printed with its pid, its parent's name and its own" {
	local number

	receiver_start
	original -interface eth0 -command victim -drop 100
	on_client "$(as launcher storm)" 3 1 "$(as victim udpsend)" "$SERVER4" "$PORT" 1 \
		-- "$(as bystander udpsend)" "$SERVER4" "$PORT" 1
	wait_line original '^process launched: [0-9]+ launcher victim$' 3
	start client waiting "$(as victim udpsend)" -w "$SERVER4" "$PORT" 1
	wait_line waiting '^ready$'
	number=$(pid waiting)
	wait_line original "^process launched: $number "
	stop original INT
	assert_equal "$(lines_count original bystander)" 0
	assert_equal "$(lines_count original '^process launched: ')" 4
}

@test "Passed and Dropped are printed once a second, however many launches there are" {
	local began=$SECONDS

	receiver_start
	original -interface eth0 -command victim -drop 100
	while ((SECONDS - began < 4)); do
		on_client "$(as launcher storm)" 50 1 "$(as victim udpsend)" "$SERVER4" "$PORT" 1
	done
	stop original INT
	(($(lines_count original '^process launched: ') >= 50))
	assert [ "$(lines_count original '^Passed ')" -le $((SECONDS - began + 2)) ]
}

@test "Passed and Dropped are printed when they changed, and end with what has happened" {
	local last

	receiver_start
	original -interface eth0 -command victim -drop 50
	send victim "$SERVER4" "$PORT" 1000
	wait_line original '^Passed [0-9]+ Dropped [0-9]+$'
	send victim -b 1000 "$SERVER4" "$PORT" 500
	counted() { output_of original | awk '$1 == "Passed" { n = $2 + $4 } END { exit n != 1500 }'; }
	busywait 10 counted
	stop original INT
	last=$(output_of original | grep '^Passed' | tail -n 1)
	assert_equal "$last" "Passed $(received victim) Dropped $((1500 - $(received victim)))"
	# nothing changed after that: nothing more was printed
	assert_equal "$(grep -c -Fx "$last" "$BATS_TEST_TMPDIR/original.out")" 1
}

@test "Passed and Dropped are printed at most once a second" {
	local lines began=$SECONDS

	receiver_start
	original -interface eth0 -command victim -drop 50
	# traffic all the time, for some seconds
	send victim -i 1000 "$SERVER4" "$PORT" 3000
	stop original INT
	lines=$(lines_count original '^Passed ')
	((lines >= 2 && lines <= SECONDS - began + 1))
}

@test "the last counts are printed at the end, too" {
	receiver_start
	original -interface eth0 -command victim -drop 100
	send victim "$SERVER4" "$PORT" 123
	stop original INT
	assert_equal "$(output_of original | grep '^Passed' | tail -n 1)" 'Passed 0 Dropped 123'
}

@test "while it runs the rule is shown like any other" {
	original -interface eth0 -command victim -drop 25
	run -0 vsh show
	assert_output --regexp '^rule 1 dev eth0 command victim direction egress drop 25%'
	stop original INT
	run -0 vershitify show
	assert_output ''
}

# ended_by SIGNAL: everything is as it was before the line was typed.
ended_by() {
	local before

	receiver_start
	before=$(system_state)
	original -interface eth0 -command victim -drop 100
	refute [ "$(system_state)" = "$before" ]
	send victim -n during "$SERVER4" "$PORT" 10
	stop original "$1"
	assert_state "$before"
	send victim -n after "$SERVER4" "$PORT" 10
	assert_received during 0
	assert_received after 10
}

@test "Ctrl-C (INT) ends it, and leaves nothing" {
	ended_by INT
	assert_equal "$EXIT_STATUS" 0
}

@test "TERM ends it, and leaves nothing" {
	ended_by TERM
}

@test "HUP ends it, and leaves nothing" {
	ended_by HUP
}

@test "a closed output ends it, and leaves nothing" {
	local before

	receiver_start
	before=$(system_state)
	# head goes after the first line; the next line finds nobody
	# shellcheck disable=SC2016
	start client original sh -c '"$@" | head -n 1' sh "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line original .
	gone() {
		send victim "$SERVER4" "$PORT" 1
		ended original
	}
	busywait 15 gone
	assert_state "$before"
}

@test "two of them share the device; the one that ends takes nothing from the other" {
	receiver_start
	original -interface eth0 -command victim -drop 100
	start client second "$VERSHITIFY" -interface eth0 -command other -drop 100
	wait_line second .
	send victim "$SERVER4" "$PORT" 10
	send other "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_received other 0
	stop original INT
	send victim "$SERVER4" "$PORT" 10
	send other "$SERVER4" "$PORT" 10
	assert_received victim 10
	assert_received other 0
	stop second INT
	send other "$SERVER4" "$PORT" 10
	assert_received other 10
}

@test "a rule that was there before stays when it ends" {
	receiver_start
	rule_add command other drop 100%
	original -interface eth0 -command victim -drop 100
	stop original INT
	send other "$SERVER4" "$PORT" 10
	send victim "$SERVER4" "$PORT" 10
	assert_received other 0
	assert_received victim 10
}

@test "a mark that the target has set itself stays, and does not free it" {
	receiver_start
	original -interface eth0 -command victim -drop 100
	run -0 send victim -m 4711 "$SERVER4" "$PORT" 10
	assert_output --partial 'mark 4711'
	run -0 send victim -m 0 "$SERVER4" "$PORT" 10
	assert_output --partial 'mark 0'
	assert_received victim 0
	stop original INT
}
