#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Conditions on packets: which of its target's packets a rule takes.
#
# bats sets stderr, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153
# Some of it is for another shell:
# shellcheck disable=SC2016
# vm: ^(each condition|a packet of many|ingress:)

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() { test_end; }

# taken WORDS...: how many packets a rule with these conditions has taken of three sends of the target: 1 of 100 bytes
# over IPv4, 2 of 100 over IPv6, 4 of 1000 over IPv4. What it has not taken has arrived.
taken() {
	rule_add command victim drop 100% "$@"
	send victim -b "$FIRST" -s 100 "$SERVER4" "$PORT" 1
	send victim -b "$((FIRST + 1))" -s 100 "$SERVER6" "$PORT" 2
	send victim -b "$((FIRST + 3))" -s 1000 "$SERVER4" "$PORT" 4
	FIRST=$((FIRST + 7))
	TAKEN=$(counter "$RULE" seen)
	assert_equal "$TAKEN of $* dropped $(counter "$RULE" dropped)" "$TAKEN of $* dropped $TAKEN"
	PASSED=$((PASSED + 7 - TAKEN))
	assert_received victim "$PASSED"
	vershitify del "$RULE"
}

# takes COUNT WORDS...
takes() {
	taken "${@:2}"
	assert_equal "${*:2}: $TAKEN" "${*:2}: $1"
}

@test "each condition takes what it names, and 'not' everything else" {
	FIRST=0 PASSED=0
	receiver_start
	takes 5 dst "$SERVER4"
	takes 5 dst 192.0.2.0/24
	takes 2 dst 2001:db8::/32
	takes 7 dst 2001:db8::/32 dst 192.0.2.0/30
	takes 2 not dst 192.0.2.0/24
	takes 0 not dst 2001:db8::/32 not dst 192.0.2.0/24
	takes 5 src "$CLIENT4"
	takes 0 src "$SERVER4"
	takes 7 proto udp
	takes 7 proto tcp proto 17
	takes 0 proto tcp
	takes 7 not proto tcp
	takes 7 dport "$PORT"
	takes 0 dport 1-$((PORT - 1)) dport $((PORT + 1))-65535
	takes 0 not dport "$PORT"
	takes 0 sport "$PORT"
	takes 7 not sport "$PORT"
	takes 4 size 1028
	takes 3 size 0-200
	takes 1 size 128
	takes 6 not size 128
	takes 7 dscp cs0
	takes 0 dscp ef
	takes 7 not dscp ef
	takes 0 tcp-flags syn
	takes 7 not tcp-flags syn
	takes 1 dst 192.0.2.0/24 dport "$PORT" size 0-200
	send bystander "$SERVER4" "$PORT" 10
	assert_received bystander 10
}

# Eight of a kind, as many as there is room for; the last one counts, too.
@test "a condition takes eight values" {
	local words=() i

	for ((i = 1; i < 8; i++)); do
		words+=(dst "198.51.100.$i" dport "$i")
	done
	FIRST=0 PASSED=0
	receiver_start
	takes 5 "${words[@]}" dst "$SERVER4" dport "$PORT"
	run -2 --separate-stderr vsh add dev eth0 command victim drop 1% "${words[@]}" dst "$SERVER4" dst "$SERVER6"
	assert_equal "$stderr" 'vershitify.sh: dst: a rule takes at most 8 of these'
}

@test "dscp is that of the packet, IPv4 and IPv6" {
	rule_add command ping drop 100% dscp ef
	run ! on_client ping -Q 0xb8 -c 3 -i 0.2 -W 1 "$SERVER4"
	run ! on_client ping -Q 0xb8 -c 3 -i 0.2 -W 1 "$SERVER6"
	assert_counted "$RULE" 6 6
	on_client ping -c 3 -i 0.2 "$SERVER4" >/dev/null
	on_client ping -c 3 -i 0.2 "$SERVER6" >/dev/null
	assert_counted "$RULE" 6 6
}

@test "a packet of many segments has the size of a full one" {
	receiver_start
	rule_add command victim drop 100% size 1028
	send victim -g 10 -s 1000 "$SERVER4" "$PORT" 100
	assert_equal "$(counter "$RULE" dropped egress segments)" 100
	vershitify del "$RULE"
	rule_add command victim drop 100% size 2000-65535
	send victim -b 100 -g 10 -s 1000 "$SERVER4" "$PORT" 100
	assert_counted "$RULE" 0 0
	assert_received victim 100
}

@test "fragments: only the first has a port" {
	receiver_start
	sniffer_start
	rule_add command victim drop 100% dport "$PORT"
	send victim -s 4000 "$SERVER4" "$PORT" 10
	send victim -s 4000 "$SERVER6" "$PORT" 10
	assert_counted "$RULE" 20 20
	assert_equal "$(sniffed fragments)" 40
	assert_received victim 0
}

# deep_send COUNT: a datagram of the victim's, after so many extension headers (destination options, RFC 8200). A raw
# socket takes the packet whole.
deep_send() {
	on_client "$(as victim "$(command -v bash)")" -c 'python3 -c "$0" "$@"; exit $?' '
import socket, struct, sys
source, target, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
kinds = [60] * count + [17]
body = b"".join(struct.pack("!BBBB4x", kind, 0, 1, 4) for kind in kinds[1:]) + struct.pack("!HHHH", 9, port, 8, 0)
packet = struct.pack("!IHBB", 6 << 28, len(body), kinds[0], 64) + \
	socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + body
socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(packet, (target, 0))
' "$CLIENT6" "$SERVER6" "$PORT" "$1"
}

@test "after more than 8 extension headers of IPv6 a packet has none of the values that are asked for" {
	local words

	port_take
	on_client ping -q -c 1 "$SERVER6" >/dev/null
	for words in "dport $PORT" 'proto udp' "dst $SERVER6" "src $CLIENT6"; do
		# shellcheck disable=SC2086 # two words
		rule_add command victim children drop 100% $words
		deep_send 8
		assert_counted "$RULE" 1 1
		deep_send 9
		assert_counted "$RULE" 1 1
		vershitify del "$RULE"
		# shellcheck disable=SC2086 # two words
		rule_add command victim children drop 100% not $words
		deep_send 8
		assert_counted "$RULE" 0 0
		deep_send 9
		assert_counted "$RULE" 1 1
		vershitify del "$RULE"
	done
}

# --- what people want ------------------------------------------------------------------------------

# listen NAME PORT STEP...: a server that sends what a test wants to see.
listen() {
	start server "$1" "$PROGRAMS/tcp" "$SERVER4" "$2" listen "${@:3}"
	wait_line "$1" '^listen ok'
}

@test "only SYNs: nobody connects anew, and what is connected goes on" {
	port_take
	listen peer "$PORT" accept recv 1000 send 1000 recv 1000
	start client target "$(as victim tcp)" "$SERVER4" "$PORT" connect send 1000 recv 1000 wait send 1000 drain
	wait_line target '^recv 1000'
	rule_add command victim drop 100% tcp-flags syn/syn,ack
	go target
	wait_line target '^drain'
	assert_counted "$RULE" 0 0
	run on_client "$(as victim tcp)" -t 500 "$SERVER4" "$PORT" connect
	assert_output 'connect ETIMEDOUT'
	assert [ "$(counter "$RULE" dropped)" -ge 1 ]
	on_client "$PROGRAMS/tcp" "$SERVER4" "$PORT" connect
}

@test "only the first SYN: it is sent again after a second, and the connection lives" {
	local began=${EPOCHREALTIME/./} took

	port_take
	listen peer "$PORT" accept recv 1000
	rule_add command victim loss first 1 tcp-flags syn/syn,ack
	began=${EPOCHREALTIME/./}
	on_client "$(as victim tcp)" -t 20000 "$SERVER4" "$PORT" connect send 1000 drain >/dev/null
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	wait_line peer '^recv 1000'
	assert_counted "$RULE" 2 1
	((took >= 1000)) || fail "the connection took $took ms"
}

# The second rule takes all packets of the socket up to then: no short cut to it may lead past the first.
@test "only FINs: all data arrives, and the end does not" {
	local fins

	port_take
	listen peer "$PORT" accept recv 5000 eof
	rule_add command victim drop 100% tcp-flags fin
	fins=$RULE
	rule_add command victim drop 0%
	on_client "$(as victim tcp)" "$SERVER4" "$PORT" connect send 5000 close
	busywait 10 dropped_some "$fins"
	wait_line peer '^recv 5000'
	refute grep -q '^eof' "$BATS_TEST_TMPDIR/peer.out"
	vershitify del "$fins"
	wait_line peer '^eof'
}

dropped_some() {
	[ "$(counter "$1" dropped)" -gt 0 ]
}

@test "a prefix is a black hole, and everything beside it is not" {
	ip -n "$SERVER" addr add 198.51.100.1/32 dev lo
	ip -n "$CLIENT" route add 198.51.100.0/24 via "$SERVER4"
	rule_add command ping drop 100% dst 198.51.100.0/24
	run -1 on_client ping -q -c 3 -i 0.2 -W 1 198.51.100.1
	on_client ping -q -c 3 -i 0.2 "$SERVER4" >/dev/null
	on_client "$(as other "$(command -v ping)")" -q -c 3 -i 0.2 198.51.100.1 >/dev/null
	assert_counted "$RULE" 3 3
	ip -n "$CLIENT" route del 198.51.100.0/24
	ip -n "$SERVER" addr del 198.51.100.1/32 dev lo
}

@test "everything but one port" {
	local port

	receiver_start
	port=$PORT
	port_take
	listen peer "$PORT" accept recv 1000
	rule_add command victim drop 100% not dport "$PORT"
	send victim "$SERVER4" "$port" 10
	assert_counted "$RULE" 10 10
	on_client "$(as victim tcp)" "$SERVER4" "$PORT" connect send 1000 drain >/dev/null
	wait_line peer '^recv 1000'
	assert_counted "$RULE" 10 10
	run ! on_client "$(as victim "$(command -v ping)")" -q -c 1 -W 1 "$SERVER4"
	assert_counted "$RULE" 11 11
}

@test "ingress: answers of one port are lost, those of another are not" {
	local first answer="$((5000 * PATIENCE))" lost="$((500 * PATIENCE))"

	receiver_start -e
	first=$PORT
	port_take
	start server second "$PROGRAMS/udpcount" -e "$PORT"
	wait_line second '^ready$'
	rule_add command victim direction ingress drop 100% proto udp sport "$first"
	run -4 send victim -a "$lost" "$SERVER4" "$first" 1
	assert_output --partial unanswered
	run -4 send victim -a "$lost" "$SERVER6" "$first" 1
	send victim -a "$answer" "$SERVER4" "$PORT" 1
	send bystander -a "$answer" "$SERVER4" "$first" 1
	assert_equal "$(counter "$RULE" dropped ingress) of $(counter "$RULE" seen ingress)" '2 of 2'
}

# --- with other rules, and changes -------------------------------------------------------------------

@test "what a rule does not take goes to the next one" {
	local i port other small

	receiver_start
	port=$((PORT + 1))
	rule_add command victim drop 100% dport "$port"
	other=$RULE
	rule_add command victim drop 100% dport "$PORT" size 0-200
	small=$RULE
	rule_add command victim drop 0%
	start client sender "$(as victim udpsend)" -s 1000 -w "$SERVER4" "$PORT" 10
	wait_line sender '^ready$'
	for ((i = 1; i <= 3; i++)); do
		batch sender
	done
	assert_counted "$RULE" 30 0
	assert_counted "$small" 0 0
	send victim -b 30 -s 100 "$SERVER4" "$PORT" 10
	assert_counted "$small" 10 10
	send victim -b 40 -s 100 "$SERVER4" "$port" 10
	assert_counted "$other" 10 10
	assert_received victim 30
}

@test "change: a condition takes the place of those of its word, 'any' takes them away" {
	receiver_start
	rule_add command victim drop 100% dst "$SERVER6" not size 0-200
	vsh change "$RULE" dst "$SERVER4" dst 198.51.100.0/24
	run -0 vshow
	assert_output --partial ' size 0-200 '
	assert_output --partial ' dst 192.0.2.2 dst 198.51.100.0/24 '
	send victim -s 1000 "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 10 10
	vsh change "$RULE" size any
	send victim -b 10 -s 100 "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 20 20
	vsh change "$RULE" dst any
	send victim -b 20 -s 100 "$SERVER6" "$PORT" 10
	assert_counted "$RULE" 30 30
	run -0 vshow
	refute_output --partial ' dst '
	assert_received victim 0
}

vshow() {
	vsh show "$RULE"
}

@test "what show prints makes the same conditions again, and JSON lists them" {
	local words shown

	rule_add command victim drop 25% proto udp proto 6 not src 2001:db8::/32 dst 192.0.2.7/24 sport 1-2 not dport 9 \
		size 100 dscp ef dscp 5 tcp-flags syn/syn,ack tcp-flags rst
	shown=$(vshow)
	assert_equal "$shown" "rule $RULE dev eth0 command victim proto udp proto tcp sport 1-2 not dport 9 tcp-flags syn/syn,ack \
tcp-flags rst size 100 dscp ef dscp 5 not src 2001:db8::/32 dst 192.0.2.0/24 direction egress drop 25%"
	words=$(vsh -j show "$RULE" | jq -c '[.[0].match[] | [.word, .not, (.values | join(" "))]]')
	assert_equal "$words" '[["proto",false,"udp tcp"],["sport",false,"1-2"],["dport",true,"9"],["tcp-flags",false,"syn/syn,ack rst"],["size",false,"100"],["dscp",false,"ef 5"],["src",true,"2001:db8::/32"],["dst",false,"192.0.2.0/24"]]'
	vershitify del "$RULE"
	read -ra words <<<"${shown#rule * }"
	RULE=$(vsh add "${words[@]}")
	assert_equal "$(vshow)" "$shown"
}
