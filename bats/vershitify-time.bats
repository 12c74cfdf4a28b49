#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# When a rule rules: after a time, for a time, with pauses.
#
# A datagram says when it was sent, and the rule in its map when it begins and ends, both by a clock that
# stands still only while the machine sleeps: what was sent after a moment is judged after it. What is
# judged after a moment can have been sent before, and as long before as a busy machine takes ($SLACK_NS).
#
# bats sets stderr, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153
# vm: ^(after|repeat):

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin standing
	SLACK_MS=$((PATIENCE < 5 ? 100 * PATIENCE : 500))
	SLACK_NS=$((SLACK_MS * 1000000))
}
teardown() { test_end; }

# moment FIELD: of the rule's schedule, in ns.
moment() {
	bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_rules |
		jq ".[$((RULE - 1))].formatted.value.schedule.$1"
}

# gaps: what was left out, a line each: numbers, when the datagrams before and after were sent.
gaps() {
	output_of receiver | awk '$1 == "gap" && $2 == "victim" { print $3, $4, $5 }'
}

# flood_start: a datagram each millisecond until the test ends it. A clsact that comes or goes would lose some itself;
# where rules stand between the tests there is one.
flood_start() {
	CLSACT_MADE=
	! on_client tc qdisc add dev eth0 clsact 2>/dev/null || CLSACT_MADE=1
	start client flood "$(as victim udpsend)" -i 1000 "$SERVER4" "$PORT" 1000000
	flows() { (($(received victim) > 0)); }
	busywait 10 flows
}

flood_end() {
	stop flood TERM
	report receiver >/dev/null
	[ -z "$CLSACT_MADE" ] || on_client tc qdisc del dev eth0 clsact
}

has_dropped() {
	(($(counter "$RULE" dropped) > 0))
}

@test "after: everything passes before the time, and nothing after it" {
	local begins

	receiver_start -g
	flood_start
	rule_add command victim drop 100% after "$((7 * SLACK_MS))ms"
	begins=$(moment begins_ns)
	busywait 20 has_dropped
	flood_end
	assert_equal "$(gaps)" ''
	(($(received victim 8) < begins))
}

@test "after: the time of 'for' counts from there" {
	local begins ends before after

	receiver_start -g
	flood_start
	rule_add command victim for "$((4 * SLACK_MS))ms" drop 100% after "$((7 * SLACK_MS))ms"
	begins=$(moment begins_ns) ends=$(moment expires_ns)
	assert_equal $((ends - begins)) $((4 * SLACK_NS))
	passes_again() { (($(received victim 8) > ends)); }
	busywait 20 passes_again
	flood_end
	read -r _ before after <<<"$(gaps)"
	((before < begins && after >= ends - SLACK_NS))
	assert_equal "$(gaps | awk '{ print $1 }')" "$(counter "$RULE" dropped)"
}

@test "repeat: packets are lost while it is on, and pass while it pauses" {
	local begins before after on=$((3 * SLACK_NS)) count=0

	receiver_start -g
	flood_start
	rule_add command victim drop 100% repeat "$((3 * SLACK_MS))ms" "$((2 * SLACK_MS))ms"
	begins=$(moment begins_ns)
	has_paused_twice() {
		report receiver >/dev/null
		(($(gaps | wc -l) >= 2))
	}
	busywait 20 has_paused_twice
	flood_end
	while read -r _ before after; do
		count=$((count + 1))
		# What passed was sent in a pause, or shortly before; and before the rule there was none.
		((count == 1 || (before - begins) % (5 * SLACK_NS) >= on - SLACK_NS))
		(((after - begins) % (5 * SLACK_NS) >= on - SLACK_NS))
	done < <(gaps)
	((count >= 2))
	assert_equal "$(counter "$RULE" seen)" "$(counter "$RULE" dropped)"
}

@test "repeat: what a rule does not take in a pause goes to the next rule" {
	receiver_start
	rule_add command victim drop 0% repeat 1ns 1h
	vsh add dev eth0 command victim drop 100%
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_counted "$RULE" 0 0
}

@test "repeat: at ingress, too" {
	receiver_start -e
	rule_add command victim drop 100% direction ingress repeat 1ns 1h
	run -0 send victim -a 2000 "$SERVER4" "$PORT" 1
	assert_line answered
	vershitify change "$RULE" repeat 1h 1ns
	run -4 send victim -a 200 "$SERVER4" "$PORT" 1
	assert_line unanswered
}

# passes yes|no: do ten datagrams of the target?
passes() {
	SENDS=$((${SENDS:-0} + 1))
	send victim -n "send$SENDS" "$SERVER4" "$PORT" 10
	case $1 in
	yes) assert_received "send$SENDS" 10 ;;
	no) assert_received "send$SENDS" 0 ;;
	esac
}

@test "change: times are given, and taken away" {
	receiver_start
	rule_add command victim drop 100% after 1h
	passes yes
	vershitify change "$RULE" after 1ns
	passes no
	vershitify change "$RULE" repeat 1ns 1h
	passes yes
	vershitify change "$RULE" repeat off for 1h
	passes no
	vershitify change "$RULE" for ever
	assert_equal "$(vershitify -j show "$RULE" | jq '.[0] | has("expires_in_ns")')" false
	passes no
}

@test "change: a new beginning moves the end" {
	local ends

	rule_add command victim drop 100% for 1h
	vershitify change "$RULE" after 1h
	assert_equal $(($(moment expires_ns) - $(moment begins_ns))) 3600000000000
	vershitify change "$RULE" for 2h
	assert_equal $(($(moment expires_ns) - $(moment begins_ns))) 7200000000000
	# a change of something else leaves the times alone
	ends=$(moment expires_ns)
	vershitify change "$RULE" drop 5%
	assert_equal "$(moment expires_ns)" "$ends"
}

@test "show has the words that make the times again, and JSON the numbers" {
	local id

	id=$(vsh add dev eth0 command victim drop 1% after 2h for 3h repeat 10s 500ms)
	run -0 vsh show "$id"
	assert_regex "$output" "^rule $id dev eth0 command victim direction egress drop 1% after 7[12][0-9]{2}\.[0-9]s for 10800\.0s repeat 10s 500ms$"
	run -0 vsh -j show "$id"
	assert_equal "$(jq -c '.[0] | [.after_ns, .for_ns, .on_ns, .off_ns, .on, .begins_in_ns > 7e12]' <<<"$output")" \
		'[7200000000000,10800000000000,10000000000,500000000,false,true]'
	vsh change "$id" after 1ns
	assert_equal "$(vsh -j show "$id" | jq -c '.[0] | [.begins_in_ns, .on]')" '[0,true]'
	run -0 vsh show "$id"
	refute_regex "$output" after
}
