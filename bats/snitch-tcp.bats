#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh tcp prints what TCP does: states, retransmissions with their cause, resets, each with its process.
# vm: states|list of drops|resets|SYN
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test; the names of the lab come from elsewhere:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153,SC2034

load helpers
load lib/snitch

setup_file() {
	suite_begin
	# Each segment is a packet of its own, whose number is known.
	ip -n "$CLIENT" link set eth0 gso_max_segs 1
}
teardown_file() { suite_end; }
setup() {
	test_begin
	port_take
}
teardown() { test_end; }

# server_start STEP...
server_start() {
	start server server "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen "$@"
	wait_line server '^listen ok$'
}

# victim_start STEP...
victim_start() {
	start client victim "$(as victim tcp)" -t 60000 "$SERVER4" "$PORT" "$@"
}

# told NAME: of $output, what was told of the processes of that name, a line each.
told() {
	jq -r --arg name "$1" 'select(.process.comm == $name) | [.process.pid, .event,
		(.old // .cause // .reason // empty), (.new // .bytes // empty), (.error // empty)] | join(" ")' <<<"$output"
}

@test "states: both sides of a connection, with names, each with its process" {
	local client server

	watch_start -j tcp --port "$PORT"
	server_start accept recv 1000 eof close
	victim_start connect send 1000 close
	client=$(pid victim) server=$(pid server)
	wait_line watch 'LAST_ACK' 2
	watch_end
	assert_equal "$(told victim)" "$client state CLOSE SYN_SENT
$client state SYN_SENT ESTABLISHED
$client state ESTABLISHED FIN_WAIT1
$client state FIN_WAIT1 FIN_WAIT2
$client state FIN_WAIT2 CLOSE"
	# The listener may go before the last answer has come.
	assert_equal "$(told tcp | grep LISTEN)" "$server state CLOSE LISTEN
$server state LISTEN CLOSE"
	assert_equal "$(told tcp | grep -v LISTEN)" "$server state SYN_RECV ESTABLISHED
$server state ESTABLISHED CLOSE_WAIT
$server state CLOSE_WAIT LAST_ACK
$server state LAST_ACK CLOSE"
}

@test "states as text: TIME PID COMM tcp_set_state: OLD -> NEW, and the connection" {
	start here watch "$SNITCH" -n "$CLIENT" tcp
	busywait 20 grep -qs 'watching' "$BATS_TEST_TMPDIR/watch.err"
	victim_start connect
	wait_line watch 'CLOSE, ECONNREFUSED'
	watch_end
	assert_line --regexp "^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z $(pid victim) victim tcp_set_state: CLOSE -> SYN_SENT, $CLIENT4:0 to $SERVER4:$PORT\$"
	assert_line --regexp "Z $(pid victim) victim tcp_receive_reset, $CLIENT4:[0-9]+ to $SERVER4:$PORT\$"
	assert_line --regexp "Z $(pid victim) victim tcp_set_state: SYN_SENT -> CLOSE, ECONNREFUSED, $CLIENT4:[0-9]+ to $SERVER4:$PORT\$"
}

# causes LIST STEP...: why the victim's segments were sent again, when the packets of LIST get lost.
causes() {
	rule_add command victim drop list "$1"
	watch_start -j tcp --command victim
	server_start accept eof close
	victim_start connect "${@:2}" drain close
	wait_line server '^eof'
	watch_end
	vsh del "$RULE"
	jq -r 'select(.event == "retransmission") | .cause' <<<"$output" | uniq
}

# Packet 1 is the SYN, 2 acknowledges the answer, the data follow.
@test "retransmissions: each cause, provoked by a list of drops, is named right" {
	local ten=(send 100 send 100 send 100 send 100 send 100 send 100 send 100 send 100 send 100 send 100)

	assert_equal "SYN $(causes 1 send 100)" 'SYN RTO'
	port_take
	assert_equal "tail $(causes 3 send 100)" 'tail TLP'
	port_take
	assert_equal "tail and probe $(causes 3,4 send 100 | paste -sd ' ')" 'tail and probe TLP RTO'
	port_take
	assert_equal "middle $(causes 5 "${ten[@]}")" 'middle fast'
}

@test "retransmissions: sequence and bytes are those of the segment that was lost" {
	rule_add command victim drop list 3
	watch_start -j tcp --command victim
	server_start accept eof close
	victim_start connect send 777 drain close
	wait_line server '^eof 777'
	watch_end
	assert_equal "$(jq -c 'select(.event == "retransmission") | .bytes' <<<"$output")" 777
}

@test "resets: sent and received, each by the process whose socket it is" {
	watch_start -j tcp --port "$PORT"
	server_start accept recv 1000 eof
	victim_start connect send 1000 reset
	wait_line watch '"reset_received"'
	watch_end
	assert_equal "$(told victim | grep -c reset_sent) $(told tcp | grep reset_received)" "1 $(pid server) reset_received"
	assert_equal "$(told tcp | grep ' ESTABLISHED CLOSE')" "$(pid server) state ESTABLISHED CLOSE ECONNRESET"
}

@test "who accepts is told from then on, not who listens" {
	local child NETNS=$SERVER

	watch_start -j tcp
	server_start fork accept eof close
	wait_line server '^fork$'
	victim_start connect wait close
	wait_line server '^accept ok$'
	child=$(children_of "$(pid server)")
	go victim
	wait_line watch 'LAST_ACK'
	watch_end
	assert_equal "$(told tcp | grep CLOSE_WAIT | sort -u)" "${child// /} state CLOSE_WAIT LAST_ACK
${child// /} state ESTABLISHED CLOSE_WAIT"
}

@test "what was open before is told of as well" {
	server_start accept wait
	victim_start connect wait close
	wait_line victim '^connect ok$'
	watch_start -j tcp --command victim
	go victim
	wait_line watch 'FIN_WAIT1'
	watch_end
	assert_equal "$(told victim | head -n 1)" "$(pid victim) state ESTABLISHED FIN_WAIT1"
}

@test "command, pid, to and port choose: what is somebody else's is not told" {
	local words NETNS=$CLIENT

	server_start wait
	for words in '--command victim' --pid '--to 192.0.2.2/32' "--port $PORT"; do
		victim_start enter /proc/self/ns/net wait connect close
		wait_line victim '^enter$'
		[ "$words" != --pid ] || words="--pid $(pid victim)"
		# shellcheck disable=SC2086 # words
		watch_start -j tcp $words
		on_client "$(as bystander tcp)" 127.0.0.1 9 connect
		go victim
		wait_line watch 'FIN_WAIT1'
		watch_end
		assert_equal "$words $(jq -r '.process.comm' <<<"$output" | sort -u)" "$words victim"
		finish victim
	done
}

@test "tcp: bad words are refused in one line" {
	local words

	for words in nonsense -x '-i 1' --failed '--pid 0' '--first 0'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr snitch tcp $words
		assert_equal "$words: $output$(wc -l <<<"$stderr")" "$words: 1"
	done
}

# --- what rules drop -----------------------------------------------------------------------------

# drops: of $output, what was told of drops and retransmissions, a line each.
drops() {
	jq -r 'select(.event | IN("dropped", "retransmission", "made_good")) |
		[.event, (.rule // empty), (.direction // .cause), (.bytes // empty), (.again // false | if . then "again" else empty end)] | join(" ")' <<<"$output"
}

# Twice the same segment: the probe is dropped before it is told of as sent.
@test "drops of a rule are told among the rest: what was lost, what it was answered with, and when it had arrived" {
	rule_add command victim drop list 3,4
	watch_start -j tcp --command victim
	server_start accept eof close
	victim_start connect send 777 drain close
	wait_line server '^eof 777'
	watch_end
	assert_equal "$(drops)" "dropped $RULE egress 777
dropped $RULE egress 777 again
retransmission TLP 777
retransmission RTO 777
made_good egress"
	assert_equal "$(jq -s '[.[] | select(.event == "dropped" or .event == "retransmission") | .sequence] | unique | length' <<<"$output")" 1
}

@test "drops of a SYN, and at ingress" {
	rule_add command victim drop list 1
	watch_start -j tcp --command victim
	server_start accept send 100 eof close
	victim_start connect recv 100 close
	wait_line watch 'FIN_WAIT1'
	watch_end
	assert_equal "$(drops)" "dropped $RULE egress 1
retransmission RTO 1
made_good egress"
	vsh del "$RULE"
	port_take
	rule_add command victim direction ingress src "$SERVER4" proto tcp drop list 2
	watch_start -j tcp --command victim
	server_start accept send 100 eof close
	victim_start connect recv 100 close
	wait_line watch 'FIN_WAIT1'
	watch_end
	assert_equal "$(drops)" "dropped $RULE ingress 100
made_good ingress"
}

@test "drops of a rule that is made while it watches are told, too" {
	watch_start -j tcp --command victim
	rule_add command victim drop list 3
	server_start accept eof close
	busywait 20 is_traced
	victim_start connect send 100 drain close
	wait_line watch 'FIN_WAIT1'
	watch_end
	assert_equal "$(drops | head -n 1)" "dropped $RULE egress 100"
}

# Serial numbers begin anew with each set-up: 2 drops, then 1, then 1 again.
@test "a set-up that is made anew while it watches: each drop is told, and nothing as lost" {
	local list

	watch_start -j tcp --command victim
	for list in 3,4 3 3; do
		rule_add command victim drop list "$list"
		server_start accept eof close
		busywait 20 is_traced
		victim_start connect send 100 drain close
		wait_line server '^eof 100'
		finish victim
		vershitify down
		port_take
	done
	watch_end
	assert_equal "$(drops | grep -c '^dropped')" 4
}

# is_traced: rules leave word of what they drop.
is_traced() {
	bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_tracer | jq -e '.[0].formatted.value != 0' >/dev/null
}

@test "a hundred drops and more: each is told" {
	local each=200 sends=() n dropped

	for ((n = 0; n < 1000; n++)); do
		sends+=(send "$each")
	done
	# Of data alone: what comes last, acknowledgements and the end, could be counted and not told any more.
	rule_add command victim drop every 10 per rule size 150-65535
	watch_start -j tcp --command victim
	server_start accept eof close
	victim_start connect "${sends[@]}" drain close
	wait_line server "^eof $((1000 * each))"
	finish victim
	watch_end
	dropped=$(counter "$RULE" dropped)
	assert [ "$dropped" -ge 100 ]
	assert_equal "$(drops | grep -c '^dropped')" "$dropped"
}
