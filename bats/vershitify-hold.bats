#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Held packets: the detour of one program's packets through an ifb.
#
# bats sets stderr, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153
# vm: .

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin standing
	TARGET=$(as victim "$(command -v ping)")
}
teardown() { test_end; }

# rtt PING [WORD...]: the shortest and the longest round trip of its pings, in whole ms.
rtt() {
	on_client "$1" -q -c 5 -i 0.2 -W 5 "${@:2}" "$SERVER4" | sed -n 's|^rtt .* = \([0-9]*\)\.[0-9]*/[^/]*/\([0-9]*\)\..*|\1 \2|p'
}

# assert_rtt MIN PING: none is shorter, and a bystander's would not be as long.
assert_rtt() {
	local shortest longest

	read -r shortest longest <<<"$(rtt "$2")"
	((shortest >= $1 && longest < $1 + 100 * PATIENCE)) || fail "round trips of $shortest to $longest ms, and not of $1"
}

# ifbs: those in the client's namespace.
ifbs() {
	ip -n "$CLIENT" -o link show type ifb | sed 's/^[0-9]*: \([^:]*\):.*/\1/'
}

# steers HOOK: the marks of the filters that steer on the client's device.
steers() {
	on_client tc filter show dev eth0 "$1" pref 4 | sed -n 's/.* handle \(0x56[0-9a-f]*\).*/\1/p'
}

@test "delay: the target's pings take it, the bystander's do not" {
	requires ifb netem
	rule_add command victim delay 200ms
	assert_rtt 200 "$TARGET"
	read -r _ longest <<<"$(rtt ping)"
	((longest < 100)) || fail "a bystander's ping took $longest ms"
	assert_counted "$RULE" 5 0
}

@test "delay: with the rule goes all that held its packets" {
	requires ifb netem
	before=$(system_state)
	rule_add command victim delay 200ms
	assert_equal "$(ifbs)" "vsh$RULE"
	assert_regex "$(steers egress)" .
	vershitify del "$RULE"
	assert_equal "$(ifbs)" ""
	assert_equal "$(steers egress)" ""
	assert_state "$before"
}

@test "delay: refused, and nothing is left, where the kernel has no netem" {
	! qdisc_works netem || skip "this kernel has netem"
	before=$(system_state)
	run -1 --separate-stderr vsh add dev eth0 command victim delay 200ms
	assert_regex "$stderr" 'cannot hold packets: .*CONFIG_NET_SCH_NETEM'
	assert_state "$before"
}
