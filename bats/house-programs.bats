#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs that people use, against real servers, each beside a copy of itself
# under another name that must not notice anything.
#
#   $CLIENT: ping, curl, iperf3, ...        $SERVER: HTTP, iperf3, name server, ...
#            and other-ping, other-curl ...
#   eth0 192.0.2.1 2001:db8::1 ------------ eth0 192.0.2.2 2001:db8::2
#
# vm: ^(ping|curl: at|an HTTP|dig: at)

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# The bystander: the same program under another name.
other() {
	as "other-$1" "$(command -v "$1")"
}

listens() {
	on_server ss -Hln"$1" sport = ":$PORT" | grep -q .
}

# serve tcp|udp COMMAND...: on the server, until it listens to $PORT.
serve() {
	start server service "${@:2}"
	busywait 10 listens "${1:0:1}"
}

# --- ping ----------------------------------------------------------------------

@test "ping loses what its own statistics say, over IPv4 and IPv6" {
	local address replies

	for address in "$SERVER4" "$SERVER6"; do
		rule_add command ping drop 25%
		run on_client ping -q -c 400 -i 0.002 -W 1 "$address"
		replies=$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$output")
		assert_equal "$((400 - replies))" "$(counter "$RULE" dropped)"
		assert_binomial "$((400 - replies))" 400 25
		run -0 on_client "$(other ping)" -q -c 100 -i 0.002 "$address"
		assert_output --partial '100 received, 0% packet loss'
		vershitify del "$RULE"
	done
}

@test "a ping that runs already loses from the moment of the rule" {
	rule_add command nobody drop 1%
	start client pinging ping -i 0.01 "$SERVER4"
	wait_line pinging 'icmp_seq=5 '
	vsh add dev eth0 command ping drop 100%
	lost() { (($(counter 2 dropped) >= 10)); }
	busywait 5 lost
	stop pinging INT
	assert_equal "$(output_of pinging | sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*/\1 \2/p' |
		awk '{ print $1 - $2 }')" "$(counter 2 dropped)"
}

# --- curl ------------------------------------------------------------------------

http_serve() {
	port_take
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/file"
	serve tcp busybox httpd -f -p "$PORT" -h "$BATS_TEST_TMPDIR"
}

@test "curl: at 100 % no page comes, and another curl gets it, over IPv4 and IPv6" {
	local host

	http_serve
	rule_add command curl drop 100%
	for host in "$SERVER4" "[$SERVER6]"; do
		run -28 on_client curl -sS -m 2 -o /dev/null "http://$host:$PORT/file"
		on_client "$(other curl)" -sS -m 10 -o "$BATS_TEST_TMPDIR/got" "http://$host:$PORT/file"
		cmp "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/got"
	done
	(($(counter "$RULE" dropped) >= 2))
	assert_equal "$(counter "$RULE" dropped)" "$(counter "$RULE" seen)"
}

@test "curl: under loss the page comes whole, after retransmissions" {
	local host

	http_serve
	rule_add command curl direction both drop 10%
	for host in "$SERVER4" "[$SERVER6]"; do
		on_client curl -sS -m 60 -o "$BATS_TEST_TMPDIR/got" "http://$host:$PORT/file"
		cmp "$BATS_TEST_TMPDIR/file" "$BATS_TEST_TMPDIR/got"
	done
	(($(counter "$RULE" dropped egress) + $(counter "$RULE" dropped ingress) > 0))
}

@test "curl under run: its own status, and the loss in the summary" {
	http_serve
	run -28 --separate-stderr vsh run dev eth0 drop 100% -- curl -s -m 1 "http://$SERVER4:$PORT/file"
	# shellcheck disable=SC2154
	assert_regex "$stderr" 'egress: ([0-9]+) of \1 packets'
	run -0 --separate-stderr vsh run dev eth0 drop 0% -- curl -s -m 10 -o /dev/null -w '%{http_code}' "http://$SERVER4:$PORT/file"
	assert_output 200
}

@test "an HTTP server is the target: its answers are lost, another server's are not" {
	local victim_port

	port_take
	victim_port=$PORT
	echo hello >"$BATS_TEST_TMPDIR/file"
	start client victim "$(as busybox-one "$(command -v busybox)")" httpd -f -p "$PORT" -h "$BATS_TEST_TMPDIR"
	port_take
	start client bystander "$(as busybox-two "$(command -v busybox)")" httpd -f -p "$PORT" -h "$BATS_TEST_TMPDIR"
	busywait 10 on_server curl -s -m 1 "http://$CLIENT4:$victim_port/file"
	busywait 10 on_server curl -s -m 1 "http://$CLIENT4:$PORT/file"
	rule_add command busybox-one drop 100%
	run -28 on_server curl -s -m 2 "http://$CLIENT4:$victim_port/file"
	run -0 on_server curl -s -m 10 "http://$CLIENT4:$PORT/file"
	assert_output hello
	run -0 on_server curl -s -m 10 "http://[$CLIENT6]:$PORT/file"
	assert_output hello
}

# --- iperf3 ---------------------------------------------------------------------------

iperf_serve() {
	port_take
	serve tcp iperf3 -s -p "$PORT"
}

seen_at_least() {
	(($(counter "$RULE" seen) >= $1))
}

@test "iperf3: the loss of UDP that its server reports is the rule's, another iperf3 has none" {
	local address dropped seconds=3

	[ -z "${VSH_VM-}" ] || seconds=12
	iperf_serve
	for address in "$SERVER4" "$SERVER6"; do
		# Its control connection and first datagram get through, then a thousand or so under loss, and the
		# last ones again: iperf3 does not miss what nothing comes after.
		rule_add command iperf3 drop 0%
		start client target iperf3 -c "$address" -p "$PORT" -u -b 8M -l 1000 -t "$seconds" -J
		busywait 20 seen_at_least 300
		vershitify change "$RULE" drop 20%
		busywait 20 seen_at_least 1300
		vershitify change "$RULE" drop 0%
		finish target
		dropped=$(counter "$RULE" dropped)
		((dropped > 100))
		assert_equal "$(output_of target | jq .end.sum.lost_packets)" "$dropped"
		vershitify del "$RULE"
		rule_add command iperf3 drop 20%
		run -0 --separate-stderr on_client "$(other iperf3)" -c "$address" -p "$PORT" -u -b 8M -l 1000 -t 1 -J
		assert_equal "$(jq .end.sum.lost_packets <<<"$output")" 0
		assert_counted "$RULE" 0 0
		vershitify del "$RULE"
	done
}

@test "iperf3: TCP under loss retransmits, another iperf3 beside it does not" {
	local first

	iperf_serve
	first=$PORT
	port_take
	start server second iperf3 -s -p "$PORT"
	busywait 10 listens t
	rule_add command iperf3 drop 1%
	start client bystander "$(other iperf3)" -c "$SERVER6" -p "$PORT" -t 1 -b 50M -J
	run -0 --separate-stderr on_client iperf3 -c "$SERVER6" -p "$first" -n 20M -J
	(($(jq .end.sum_sent.retransmits <<<"$output") > 0))
	finish bystander
	assert_equal "$EXIT_STATUS $(output_of bystander | jq .end.sum_sent.retransmits)" '0 0'
}

# --- ncat, socat, dig --------------------------------------------------------------------

@test "ncat: at 100 % no line arrives over TCP, and another ncat's does" {
	local address

	rule_add command ncat drop 100%
	for address in "$SERVER4" "$SERVER6"; do
		port_take
		serve tcp ncat -lk "$address" "$PORT"
		run -1 on_client ncat -w 1 "$address" "$PORT" <<<'of the target'
		on_client "$(other ncat)" --send-only "$address" "$PORT" <<<'of the bystander'
		wait_line service '^of the bystander$'
		assert_equal "$(output_of service)" 'of the bystander'
		stop service
	done
}

@test "ncat: at 100 % no datagram arrives, and another ncat's does" {
	local address

	rule_add command ncat drop 100%
	for address in "$SERVER4" "$SERVER6"; do
		port_take
		serve udp ncat -lu "$address" "$PORT"
		on_client ncat -u --send-only "$address" "$PORT" <<<'of the target'
		on_client "$(other ncat)" -u --send-only "$address" "$PORT" <<<'of the bystander'
		wait_line service '^of the bystander$'
		assert_equal "$(output_of service)" 'of the bystander'
		stop service
	done
	assert_counted "$RULE" 2 2
}

@test "socat: at 100 % nothing arrives by TCP or UDP, and another socat's does" {
	local family address

	rule_add command socat drop 100%
	for family in 4 6; do
		address=$SERVER4
		[ $family = 4 ] || address=[$SERVER6]
		port_take
		serve udp socat -u "UDP$family-RECV:$PORT" STDOUT
		on_client socat -u STDIN "UDP$family-SENDTO:$address:$PORT" <<<'of the target'
		on_client "$(other socat)" -u STDIN "UDP$family-SENDTO:$address:$PORT" <<<'of the bystander'
		wait_line service '^of the bystander$'
		assert_equal "$(output_of service)" 'of the bystander'
		stop service
		port_take
		serve tcp socat -u "TCP$family-LISTEN:$PORT,fork" STDOUT
		run -1 on_client socat -u STDIN "TCP$family:$address:$PORT,connect-timeout=1" <<<'of the target'
		on_client "$(other socat)" -u STDIN "TCP$family:$address:$PORT" <<<'of the bystander'
		wait_line service '^of the bystander$'
		assert_equal "$(output_of service)" 'of the bystander'
		stop service
	done
}

@test "dig: at 100 % no name is found, and another dig finds it" {
	local address

	port_take
	serve udp "$PROGRAMS/dnsd" "$PORT"
	rule_add command dig drop 100%
	for address in "$SERVER4" "$SERVER6"; do
		run -9 on_client dig +short +time=1 +tries=2 -p "$PORT" "@$address" www.example
		run -0 on_client "$(other dig)" +short +time=5 -p "$PORT" "@$address" www.example
		assert_output 192.0.2.53
	done
	assert_counted "$RULE" 4 4
}

@test "dig: a lost answer is asked for again" {
	port_take
	serve udp "$PROGRAMS/dnsd" "$PORT"
	rule_add command dig direction ingress drop 100% for 1500ms
	run -0 on_client dig +short +time=1 +tries=4 -p "$PORT" "@$SERVER4" www.example
	assert_line 192.0.2.53
	(($(counter "$RULE" dropped ingress) >= 1))
}
