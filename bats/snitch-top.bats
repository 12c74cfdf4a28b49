#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh top: sums by process, remote address and connection, which agree with what was sent.
# vm: totals
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test; the names of the lab come from elsewhere:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load helpers
load lib/snitch

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	port_take
}
teardown() { test_end; }

# traffic: a connection of alice and two of bob are open; alice and bob have sent, and bob a datagram as well.
traffic() {
	local name

	start server server "$PROGRAMS/tcp" -t 60000 "$SERVER4" "$PORT" listen accept recv 5000 accept recv 300 accept recv 20 wait
	wait_line server '^listen ok$'
	start client alice "$(as alice tcp)" "$SERVER4" "$PORT" connect send 5000 wait
	wait_line server '^recv 5000$'
	start client bob "$(as bob tcp)" "$SERVER4" "$PORT" connect send 300 wait
	wait_line server '^recv 300$'
	start client bob2 "$(as bob tcp)" "$SERVER4" "$PORT" connect send 20 wait
	wait_line server '^recv 20$'
	on_client "$(as bob udpsend)" -s 100 "$SERVER4" "$PORT" 1
}

# all_seen: the last object has all that was sent, and nothing of it is new any more.
all_seen() {
	# (without an object "jq -e" may well be content)
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/watch.out" | jq '.all.sent == 5420 and .all.sent_new == 0')" = true ]
}

# last_rows FILTER: of the last object, its rows, a line each.
last_rows() {
	tail -n 1 "$BATS_TEST_TMPDIR/watch.out" | jq -r ".rows[] | $1"
}

@test "by process: totals are those of the connections, open or over" {
	watch_start -n "$CLIENT" -j top -i 0.1
	traffic
	busywait 20 all_seen
	stop watch
	assert_equal "$EXIT_STATUS" 0
	assert_equal "$(last_rows '"\(.process.comm) \(.sent) \(.received) \(.open) \(.ended) \(.failed)"' | sort)" "$(printf '%s\n' \
		'alice 5000 0 1 0 0' 'bob 100 0 0 1 0' 'bob 20 0 1 0 0' 'bob 300 0 1 0 0')"
	assert_equal "$(tail -n 1 "$BATS_TEST_TMPDIR/watch.out" | jq -c .all)" \
		'{"sent":5420,"received":0,"sent_new":0,"received_new":0,"open":3,"ended":1,"failed":0}'
	# What is new is told once.
	assert_equal "$(jq -s 'map(.all.sent_new) | add' "$BATS_TEST_TMPDIR/watch.out")" 5420
	assert_equal "$(jq -s 'map(.rows[].sent_new) | add' "$BATS_TEST_TMPDIR/watch.out")" 5420
}

@test "by remote and by connection, the same totals; sorted as was said" {
	local name

	watch_start -n "$CLIENT" -j top -i 0.1 --by remote
	traffic
	busywait 20 all_seen
	stop watch
	assert_equal "$(last_rows '"\(.remote) \(.sent) \(.open)"')" "$SERVER4 5420 3"
	for name in alice bob bob2 server; do
		stop "$name"
	done
	port_take
	watch_start -n "$CLIENT" -j top -i 0.1 --by connection --sort sent
	traffic
	busywait 20 all_seen
	stop watch
	assert_equal "$(last_rows 'select(.open == 1) | "\(.process.comm) \(.sent) \(.remote.port)"')" \
		"$(printf '%s\n' "alice 5000 $PORT" "bob 300 $PORT" "bob 20 $PORT")"
	assert_equal "$(jq -s 'map(.rows[].sent_new) | add' "$BATS_TEST_TMPDIR/watch.out")" 5420
}

@test "what was open before, and is idle, counts as open from the first table on" {
	traffic
	run -0 --separate-stderr snitch -n "$CLIENT" -j top -i 0.1 --first 1
	assert_equal "$(jq '.all.open' <<<"$output")" 3
	assert_equal "$(jq -r '.rows[] | "\(.process.comm) \(.open)"' <<<"$output" | sort)" "$(printf '%s\n' 'alice 1' 'bob 1' 'bob 1')"
}

@test "by connection, each attempt that fails at once is a row of its own" {
	watch_start -n "$CLIENT" -j top -i 0.1 --by connection
	on_client python3 -c 'import socket
for address in "203.0.113.1", "203.0.113.2":
    print(socket.socket().connect_ex((address, 9)))'
	busywait 20 has_failed 2
	stop watch
	assert_equal "$(jq -r '.rows[] | select(.failed > 0) | "\(.remote.address) \(.failed)"' "$BATS_TEST_TMPDIR/watch.out" | sort -u)" \
		"$(printf '%s\n' '203.0.113.1 1' '203.0.113.2 1')"
}

# has_failed COUNT: so many of the last object.
has_failed() {
	tail -n 1 "$BATS_TEST_TMPDIR/watch.out" | jq -e --argjson count "$1" '.all.failed == $count' >/dev/null
}

@test "not on a terminal: a table an interval, with an empty line between" {
	watch_start -n "$CLIENT" top -i 0.1 --first 3
	busywait 20 ended watch
	finish watch
	assert_equal "$EXIT_STATUS $(lines_count watch '^    SENT/s RECEIVED/s ') $(lines_count watch '^$')" '0 3 2'
	refute grep -q $'\033' "$BATS_TEST_TMPDIR/watch.out"
}

@test "on a terminal: redrawn" {
	# shellcheck disable=SC2016 # for that shell to expand
	run -0 script -qec "$SNITCH -n $CLIENT top -i 0.1 --first 3" /dev/null
	assert_equal "$(grep -c $'\033\[2A\033\[J' <<<"$output")" 2
}
