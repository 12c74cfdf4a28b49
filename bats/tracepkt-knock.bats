#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh --tcp PORT and --udp PORT: a SYN or a datagram of its own in the place of an echo, for where pings are
# filtered: what answers is named, and nobody else's packets are told of.
# vm: ^(a port of TCP|a port of UDP|pings are filtered)
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# Further namespaces, $LAB-c and so on, are made by the tests that need them.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Some of it is for another shell:
# shellcheck disable=SC2016

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	lab_restore
}

# tcp_start: somebody listens at $PORT of the server, over IPv4 and IPv6.
tcp_start() {
	port_take
	start server server "$PROGRAMS/tcp" :: "$PORT" listen accept
	wait_line server '^listen'
}

# assert_hops WORDS HOP...: of a probe with these words, in JSON and in the table.
assert_hops() {
	local words=$1 expected

	shift
	expected=$(printf '%s\n' "$@")
	# shellcheck disable=SC2086 # several words
	run -0 --separate-stderr trace -j $words
	assert_equal "$(hops <<<"$output")" "$expected"
	# shellcheck disable=SC2086
	run -0 --separate-stderr trace $words
	assert_equal "$(awk '/^\[/ { sub(/^.*\] /, ""); print $1, $3, $4, $5 }' <<<"$output" | sed "s/^$LAB-//")" "$expected"
}

@test "a port of TCP that somebody listens at: answered, and the program is not told" {
	local address

	tcp_start
	for address in "$SERVER4" "$SERVER6"; do
		assert_hops "--tcp $PORT $address" 'a eth0 out SYN' 'b eth0 in SYN' 'b eth0 out SYN,ACK' 'a eth0 in SYN,ACK'
		assert_line --regexp '^seq 1: answered \(SYN,ACK\) after 2 devices and 2 namespaces in [0-9.]+ ms$'
		run -0 --separate-stderr trace -j --tcp "$PORT" "$address"
		assert_equal "$(result answer)" SYN,ACK
		assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
	done
	assert_equal "$(lines_count server '^accept')" 0
	assert_equal "$(on_server ss -Htan state syn-recv | wc -l)" 0 # our kernel's reset has ended it
}

@test "a port of TCP that nobody has: refused, which is an answer" {
	local address

	port_take
	for address in "$SERVER4" "$SERVER6"; do
		assert_hops "--tcp $PORT $address" 'a eth0 out SYN' 'b eth0 in SYN' 'b eth0 out RST,ACK' 'a eth0 in RST,ACK'
		assert_line --regexp '^seq 1: refused \(RST\) after 2 devices and 2 namespaces in [0-9.]+ ms$'
		run -0 --separate-stderr trace -j --tcp "$PORT" "$address"
		assert_equal "$(result answer)" RST
		assert_equal "$(result answered)" true
		assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
	done
}

@test "a port of UDP whose program answers, whatever it answers" {
	local address

	receiver_start -e
	for address in "$SERVER4" "$SERVER6"; do
		assert_hops "--udp $PORT $address" 'a eth0 out udp' 'b eth0 in udp' 'b eth0 out udp' 'a eth0 in udp'
		assert_line --regexp '^seq 1: answered \(a datagram\) after 2 devices and 2 namespaces in [0-9.]+ ms$'
		run -0 --separate-stderr trace -j --udp "$PORT" -s 1000 "$address"
		assert_equal "$(result answer)" datagram
	done
	assert_equal "$(jq -r 'select(.event == "hop") | .length' <<<"$output" | sort -u)" 1048 # with its headers
	stop receiver
	receiver_start -b
	for address in "$SERVER4" "$SERVER6"; do
		assert_hops "--udp $PORT $address" 'a eth0 out udp' 'b eth0 in udp' 'b eth0 out udp' 'a eth0 in udp'
	done
}

@test "a port of UDP that nobody has: refused, by ICMP" {
	local address

	port_take
	for address in "$SERVER4" "$SERVER6"; do
		assert_hops "--udp $PORT $address" 'a eth0 out udp' 'b eth0 in udp' 'b eth0 out unreach' 'a eth0 in unreach'
		assert_line --regexp '^seq 1: refused \(ICMP: port unreachable\) after 2 devices and 2 namespaces in [0-9.]+ ms$'
		run -0 --separate-stderr trace -j --udp "$PORT" "$address"
		assert_equal "$(result answer)" 'port unreachable'
		assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
	done
}

@test "pings are filtered, and a SYN is answered" {
	requires nft
	tcp_start
	on_server nft 'add table ip vsht; add chain ip vsht in { type filter hook input priority 0; }; add rule ip vsht in meta l4proto icmp drop'
	run -1 --separate-stderr trace -j -W 200ms "$SERVER4"
	assert_equal "$(result reason)" NETFILTER_DROP
	run -0 --separate-stderr trace -j --tcp "$PORT" "$SERVER4"
	assert_equal "$(result answer)" SYN,ACK
}

# assert_lost WORDS PLACE: status 1, and one row that tells of the end, there.
assert_lost() {
	# shellcheck disable=SC2086 # several words
	run -1 --separate-stderr trace -j -W 200ms $1
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "drop") | [(.netns.name // "-" | ltrimstr($lab)), .dev] | join(" ")' <<<"$output")" "$2"
	assert_equal "$(result answered)" false
}

@test "lost: a filter of nftables, a rule of ours, no route" {
	local kind

	for kind in tcp udp; do
		port_take
		rule_add command vsh force drop 100%
		assert_lost "--$kind $PORT $SERVER4" 'a eth0'
		assert_equal "$(result rule)" "$RULE"
		vershitify del "$RULE"
		run -1 trace --$kind "$PORT" 203.0.113.1
		assert_line 'seq 1: not sent: Network is unreachable'
	done
	requires nft
	on_server nft 'add table ip vsht; add chain ip vsht in { type filter hook input priority 0; }; add rule ip vsht in meta l4proto { tcp, udp } drop'
	for kind in tcp udp; do
		assert_lost "--$kind $PORT $SERVER4" 'b eth0'
		assert_equal "$(result reason)" NETFILTER_DROP
	done
}

@test "who says that it cannot go on is named" {
	local kind

	chain_make
	ip -n "$CLIENT" route add 203.0.113.0/24 via "$SERVER4"
	for kind in tcp udp; do
		assert_lost "--$kind 7 203.0.113.1" 'b eth0'
		assert_equal "$(result error)" 'network unreachable'
		assert_equal "$(result error_from)" "$SERVER4"
	done
}

@test "a port that is translated on the way: the SYN is followed, and its answer" {
	requires nft
	chain_make
	port_take
	start client hidden nsenter --net="/run/netns/$LAB-c" "$PROGRAMS/tcp" 198.51.100.2 "$PORT" listen accept
	wait_line hidden '^listen'
	on_server nft "add table ip vsht; add chain ip vsht pre { type nat hook prerouting priority -100; }; add rule ip vsht pre tcp dport 80 dnat to 198.51.100.2:$PORT"
	assert_hops "--tcp 80 $SERVER4" 'a eth0 out SYN' 'b eth0 in SYN' 'b right out SYN' 'c left in SYN' \
		'c left out SYN,ACK' 'b right in SYN,ACK' 'b eth0 out SYN,ACK' 'a eth0 in SYN,ACK'
}

# hops_odd: of the probes in $output that do not have four hops.
hops_odd() {
	jq -cs 'map(select(.event == "hop")) | group_by(.seq)[] | select(length != 4)[] | [.seq, .packet, .branch, .netns.name, .dev, .type, .hook, .time_ns]' <<<"$output"
}

@test "more probes than there are ports to send them from: each has its own answer" {
	receiver_start -e
	run -0 --separate-stderr trace -j -c 150 -i 10ms --udp "$PORT" "$SERVER4"
	assert_equal "$(result answered | sort | uniq -c | xargs)" '150 true'
	assert_equal "$(hops_odd)" ''
	tcp_start
	run -0 --separate-stderr trace -j -c 150 -i 10ms --tcp "$PORT" "$SERVER4"
	assert_equal "$(result answer | sort | uniq -c | xargs)" '150 SYN,ACK'
	assert_equal "$(hops_odd)" ''
}

# tracer_port: one of the tracer's that nothing was sent from yet.
tracer_port() {
	on_client ss -Huan state unconnected | awk '{ sub(/.*:/, "", $3); print $3; exit }'
}

# has_read COUNT: programs of the client have read so many datagrams.
has_read() {
	[ "$(on_client awk '/^Udp: [0-9]/ { print $2 }' /proc/net/snmp)" -ge "$1" ]
}

@test "a datagram that comes to a port before its probe is nobody's answer, and is not looked at again and again" {
	local before

	receiver_start -e
	start client tracer "$TOP/build/vsh" -j trace "$TOP/build" -c 2 -i 600 --udp "$PORT" "$SERVER4"
	wait_line tracer '"event":"result"'
	before=$(on_client awk '/^Udp: [0-9]/ { print $2 }' /proc/net/snmp)
	on_server bash -c 'echo stray >"/dev/udp/$0/$1"' "$CLIENT4" "$(tracer_port)"
	busywait 20 has_read $((before + 1))
	assert_equal "$(lines_count tracer '"event":"result"')" 1
	stop tracer
}

@test "others' connections and datagrams to the same port are not told of" {
	receiver_start -e
	start client flood "$(as flood udpsend)" "$SERVER4" "$PORT" 20000
	run -0 --separate-stderr trace -j -c 20 -i 5ms --udp "$PORT" "$SERVER4"
	assert_equal "$(hops <<<"$output" | wc -l)" 80
	finish flood
	port_take # nobody listens there: each connection is refused, and the next one begins
	start client flood bash -c 'while :; do true >"/dev/tcp/$0/$1"; done 2>/dev/null' "$SERVER4" "$PORT"
	run -0 --separate-stderr trace -j -c 20 -i 5ms --tcp "$PORT" "$SERVER4"
	assert_equal "$(hops <<<"$output" | wc -l)" 80
	stop flood
}

@test "ladder, graph and capture tell of a SYN as of an echo" {
	tcp_start
	run -0 --separate-stderr trace --tree --tcp "$PORT" "$SERVER4"
	assert_equal "$(grep -cE '^  eth0 +v (out|in) .* \^ (in|out) ' <<<"$output")" 2
	run -0 --separate-stderr trace --dot -w "$BATS_TEST_TMPDIR/packets" --tcp "$PORT" "$SERVER4"
	assert_equal "$(grep -c ' -> ' <<<"$output")" 2
	assert_equal "$(tshark -r "$BATS_TEST_TMPDIR/packets" -T fields -e tcp.flags 2>/dev/null | xargs)" '0x0002 0x0002 0x0012 0x0012'
	# the checksum, which the kernel has not made
	assert_equal "$(tshark -r "$BATS_TEST_TMPDIR/packets" -o tcp.check_checksum:TRUE -Y tcp.flags==2 -T fields -e tcp.checksum.status 2>/dev/null | sort -u)" 1
}

@test "bad words are refused in one line, and nothing is sent" {
	local words

	for words in '--tcp' '--tcp 0' '--tcp 65536' '--tcp x' '--udp 1x' '--tcp 1 --udp 1' '--tcp 1 --tcp 1' '--tcp 1 -s 8' \
		'--udp 1 -s 9' '--tcp 1 --listen' '--listen tcp --tcp 1' '--listen --udp 1'; do
		# shellcheck disable=SC2086 # several words
		run -2 --separate-stderr trace $words "$SERVER4"
		assert_equal "${#stderr_lines[@]}" 1
		refute_output
	done
}
