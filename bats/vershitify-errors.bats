#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Errors at the socket: calls of the target that fail, though nothing is wrong with the network.
#
# bats sets stderr and output anew in each test, datagrams.bash PORT; errors are named by what they are called:
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2034
# vm: ^(connect (fail|refuse): (blocking|MPTCP|on)|bind fail: the|send fail: a)

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() {
	test_end
	rm -rf "/sys/fs/bpf/$LAB"
}

# Of errno.h, as bats/programs/calls.c prints them.
EPERM=1 EACCES=13 EMSGSIZE=90 EADDRINUSE=98 ENETUNREACH=101 ETIMEDOUT=110 ECONNREFUSED=111 EHOSTUNREACH=113 EINPROGRESS=115

# listen_here: something that accepts connections at both addresses of the server, on $PORT.
listen_here() {
	port_take
	start server listener4 "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen wait
	start server listener6 "$PROGRAMS/tcp" "$SERVER6" "$PORT" listen wait
	wait_line listener4 '^listen ok'
	wait_line listener6 '^listen ok'
}

# add WORDS...: a rule without a device; its number goes to $RULE.
add() {
	RULE=$(vsh add "$@")
}

# assert_calls RULE CALL SEEN FAILED
assert_calls() {
	assert_equal "$(vershitify -s show "$1" | awk -v call="$2" '$1 == call && $2 == "seen" { print $3, $6 }')" "$3 $4"
	assert_equal "$(rule_field "$1" "calls.$2.seen") $(rule_field "$1" "calls.$2.failed")" "$3 $4"
}

# fails EXPECTED [OPTIONS] HOW ADDRESS PORT: what the target's call returns, and the bystander's, which is 0.
fails() {
	local expected=$1

	shift
	assert_equal "$*: $(on_client "$(as victim calls)" "$@" | paste -sd ' ')" "$*: $expected"
	assert_equal "bystander's $*: $(on_client "$(as bystander calls)" "$@" | awk '{ print $NF }' | paste -sd ' ')" "bystander's $*: 0"
}

# --- connect -------------------------------------------------------------------------------

@test "connect fail: blocking, non-blocking, io_uring and UDP, IPv4 and IPv6, get the error and nobody else does" {
	local address

	listen_here
	add command victim connect fail ECONNREFUSED
	for address in "$SERVER4" "$SERVER6" "::ffff:$SERVER4"; do
		fails "$ECONNREFUSED" connect "$address" "$PORT"
		fails "$ECONNREFUSED $ECONNREFUSED" nonblock "$address" "$PORT"
		fails "$ECONNREFUSED" uring "$address" "$PORT"
		fails "$ECONNREFUSED" udp "$address" "$PORT"
	done
	assert_calls "$RULE" connect 12 12
	assert_counted "$RULE" 0 0
	assert_equal "$(vershitify show "$RULE")" "rule $RULE -n $CLIENT command victim connect fail ECONNREFUSED"
}

@test "connect fail: MPTCP" {
	requires mptcp
	port_take
	on_client sysctl -qw net.mptcp.enabled=1
	on_server sysctl -qw net.mptcp.enabled=1
	start server listener "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen wait
	wait_line listener '^listen ok'
	add command victim connect fail ENETUNREACH bind fail EADDRINUSE proto tcp
	fails "$ENETUNREACH" -m connect "$SERVER4" "$PORT"
	fails "$ENETUNREACH $ENETUNREACH" -m nonblock "$SERVER4" "$PORT"
	fails "$EADDRINUSE" -m bind "$CLIENT4" 0
	assert_calls "$RULE" connect 2 2
	assert_calls "$RULE" bind 1 1
}

@test "connect fail: each error by its name, in small letters too" {
	local name number

	listen_here
	for name in EHOSTUNREACH etimedout ENetUnreach EACCES; do
		number=${name^^}
		add command victim connect fail "$name"
		fails "${!number}" connect "$SERVER4" "$PORT"
		assert_regex "$(vershitify show "$RULE")" " connect fail ${name^^}\$"
		vershitify del "$RULE"
	done
}

@test "connect fail: proto, dst and dport choose, of the address that is connected to" {
	listen_here
	add command victim connect fail ECONNREFUSED dst "$SERVER4" dport "$PORT" proto tcp
	fails "$ECONNREFUSED" connect "$SERVER4" "$PORT"
	fails "$ECONNREFUSED" connect "::ffff:$SERVER4" "$PORT"
	fails 0 connect "$SERVER6" "$PORT"
	fails 0 udp "$SERVER4" "$PORT"
	fails 0 udp "$SERVER4" $((PORT + 1))
	assert_calls "$RULE" connect 2 2
	vershitify del "$RULE"
	add command victim connect fail ECONNREFUSED not dst "$SERVER4"
	fails 0 connect "$SERVER4" "$PORT"
	fails "$ECONNREFUSED" connect "$SERVER6" "$PORT"
}

@test "connect fail: a share fails, the rest connects, and a seed makes the same ones fail" {
	local first second count

	listen_here
	add command victim connect fail ECONNREFUSED 30% seed 7
	first=$(on_client "$(as victim calls)" -n 400 udp "$SERVER4" "$PORT" | paste -sd ' ')
	count=$(grep -ow "$ECONNREFUSED" <<<"$first" | wc -l)
	assert_binomial "$count" 400 30
	assert_equal "$(tr ' ' '\n' <<<"$first" | sort -u | paste -sd ' ')" "0 $ECONNREFUSED"
	assert_calls "$RULE" connect 400 "$count"
	vershitify del "$RULE"
	add command victim connect fail ECONNREFUSED 30% seed 7
	second=$(on_client "$(as victim calls)" -n 400 udp "$SERVER4" "$PORT" | paste -sd ' ')
	assert_equal "$second" "$first"
	vershitify del "$RULE"
	add command victim connect fail ECONNREFUSED 30% seed 8
	second=$(on_client "$(as victim calls)" -n 400 udp "$SERVER4" "$PORT" | paste -sd ' ')
	assert [ "$second" != "$first" ]
	vershitify change "$RULE" connect fail ETIMEDOUT 100%
	fails "$ETIMEDOUT" udp "$SERVER4" "$PORT"
	vershitify change "$RULE" connect fail ETIMEDOUT 0%
	fails 0 udp "$SERVER4" "$PORT"
}

@test "connect fail: a plain share is drawn anew each time" {
	local count

	port_take
	add command victim connect fail EHOSTUNREACH 50%
	count=$(on_client "$(as victim calls)" -n 1000 udp "$SERVER4" "$PORT" | grep -cx "$EHOSTUNREACH")
	assert_binomial "$count" 1000 50
	assert_calls "$RULE" connect 1000 "$count"
}

@test "connect fail: the first rule by number that takes the call decides" {
	listen_here
	add command victim connect fail EACCES dport 1
	add command victim connect fail ETIMEDOUT
	add command victim connect fail EHOSTUNREACH
	fails "$ETIMEDOUT" connect "$SERVER4" "$PORT"
	assert_calls $((RULE - 2)) connect 0 0
	assert_calls $((RULE - 1)) connect 1 1
	assert_calls "$RULE" connect 0 0
	vershitify change $((RULE - 1)) for 1ms
	fails "$EHOSTUNREACH" connect "$SERVER4" "$PORT"
}

@test "connect fail: a rule holds in its namespace, and no longer than it is there" {
	listen_here
	RULE=$(vershitify -n "$SERVER" add command victim connect fail ECONNREFUSED)
	fails 0 connect "$SERVER4" "$PORT"
	run -0 on_server "$(as victim calls)" udp "$CLIENT4" "$PORT"
	assert_output "$ECONNREFUSED"
	vershitify del "$RULE"
	run -0 on_server "$(as victim calls)" udp "$CLIENT4" "$PORT"
	assert_output 0
}

@test "connect fail: a socket that was open before the rule" {
	port_take
	start client target "$(as victim calls)" -w connect "$SERVER4" "$PORT"
	wait_line target '^ready$'
	add pid "$(pid target)" connect fail EHOSTUNREACH
	go target
	wait_line target "^$EHOSTUNREACH\$"
}

@test "run: the call fails from the first instruction on, and the summary says so" {
	port_take
	run -0 --separate-stderr vsh run connect fail ETIMEDOUT --fail-unmatched -- "$PROGRAMS/calls" -n 4 udp "$SERVER4" "$PORT"
	assert_output "$(printf "$ETIMEDOUT\n%.0s" 1 2 3 4)"
	assert_equal "$stderr" 'vershitify.sh: connect: 4 of 4 calls failed: 100%; asked for ETIMEDOUT'
	run -124 --separate-stderr vsh run connect fail ETIMEDOUT --fail-unmatched -- true
	run -0 --separate-stderr vsh -j run connect fail ETIMEDOUT 0% -- "$PROGRAMS/calls" udp "$SERVER4" "$PORT"
	assert_equal "$(jq -c '[.calls, .rule.fail, .rule.dev, .rule.direction]' <<<"$stderr")" \
		'[{"connect":{"seen":1,"failed":0}},[{"call":"connect","error":"ETIMEDOUT","percent":0,"on_the_wire":false}],[],null]'
}

# --- bind and send ---------------------------------------------------------------------------

@test "bind fail: the target's binds fail, by address and port, and nobody else's" {
	add command victim bind fail EADDRINUSE src "$CLIENT4" sport 1-30000
	port_take
	fails "$EADDRINUSE" bind "$CLIENT4" "$PORT"
	fails 0 bind "$CLIENT6" "$PORT"
	fails 0 bind "$CLIENT4" 0
	assert_calls "$RULE" bind 1 1
	vershitify del "$RULE"
	add command victim bind fail EACCES src "$CLIENT6"
	fails "$EACCES" bind "$CLIENT6" "$PORT"
}

@test "send fail: a datagram with an address, IPv4 and IPv6; by a connected socket it goes out" {
	receiver_start
	add command victim send fail EMSGSIZE
	fails "$EMSGSIZE" send "$SERVER4" "$PORT"
	fails "$EMSGSIZE" send "$SERVER6" "$PORT"
	fails "$EMSGSIZE" send "::ffff:$SERVER4" "$PORT"
	fails 0 connected "$SERVER4" "$PORT"
	assert_calls "$RULE" send 3 3
}

@test "send fail: what does not fail has arrived, each datagram once" {
	local failed

	receiver_start
	add command victim send fail EPERM 25% seed 3 dport "$PORT"
	failed=$(on_client "$(as victim calls)" -n 1000 send "$SERVER4" $((PORT + 1)) | grep -cx "$EPERM") || :
	assert_equal "$failed" 0
	failed=$(on_client "$(as victim calls)" -n 1000 send "$SERVER4" "$PORT" | grep -cx "$EPERM")
	assert_binomial "$failed" 1000 25
	assert_calls "$RULE" send 1000 "$failed"
}

# --- beside packets --------------------------------------------------------------------------

@test "packets and calls in one rule: each is counted by itself" {
	receiver_start
	rule_add command victim drop 100% connect fail ECONNREFUSED dport "$PORT"
	fails "$ECONNREFUSED" udp "$SERVER4" "$PORT"
	send victim "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 10 10
	assert_calls "$RULE" connect 1 1
	assert_received victim 0
	assert_regex "$(vershitify show "$RULE")" "dev eth0 command victim dport $PORT direction egress drop 100% connect fail ECONNREFUSED\$"
	vershitify change "$RULE" drop 0% send fail EPERM
	fails "$EPERM" send "$SERVER4" "$PORT"
	assert_calls "$RULE" connect 1 1
	assert_calls "$RULE" send 1 1
	assert_counted "$RULE" 10 10
}

@test "change: a rule for calls gets packets, with a device" {
	receiver_start
	add command victim send fail EPERM 0%
	run -2 --separate-stderr vsh change "$RULE" drop 100%
	assert_equal "$stderr" 'vershitify.sh: a device is required (dev DEV|all)'
	vsh change "$RULE" drop 100% dev eth0
	send victim "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 10 10
	assert_calls "$RULE" send 10 0
	assert_received victim 0
}

# --- refused by the peer, as it looks -------------------------------------------------------------

@test "connect refuse: blocking, non-blocking and io_uring, IPv4 and IPv6, are refused by a packet, and nobody else" {
	local address

	listen_here
	add dev eth0 command victim connect refuse
	for address in "$SERVER4" "$SERVER6" "::ffff:$SERVER4"; do
		fails "$ECONNREFUSED" connect "$address" "$PORT"
		fails "$EINPROGRESS $ECONNREFUSED" nonblock "$address" "$PORT"
		fails "$ECONNREFUSED" uring "$address" "$PORT"
		fails 0 udp "$address" "$PORT"
	done
	assert_counted "$RULE" 9 9
	assert_equal "$(rule_field "$RULE" egress.reasons.refused.packets)" 9
	assert_equal "$(vershitify show "$RULE")" "rule $RULE -n $CLIENT dev eth0 command victim direction egress connect refuse"
}

@test "connect refuse: on loopback" {
	port_take
	start client listener4 "$PROGRAMS/tcp" 127.0.0.1 "$PORT" listen wait
	start client listener6 "$PROGRAMS/tcp" ::1 "$PORT" listen wait
	wait_line listener4 '^listen ok'
	wait_line listener6 '^listen ok'
	add dev lo command victim connect refuse
	fails "$ECONNREFUSED" connect 127.0.0.1 "$PORT"
	fails "$EINPROGRESS $ECONNREFUSED" nonblock ::1 "$PORT"
	fails "$ECONNREFUSED" connect ::1 "$PORT"
	assert_counted "$RULE" 3 3
}

@test "connect refuse: MPTCP" {
	requires mptcp
	port_take
	on_client sysctl -qw net.mptcp.enabled=1
	on_server sysctl -qw net.mptcp.enabled=1
	start server listener "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen wait
	wait_line listener '^listen ok'
	add dev eth0 command victim connect refuse
	fails "$ECONNREFUSED" -m connect "$SERVER4" "$PORT"
	fails "$EINPROGRESS $ECONNREFUSED" -m nonblock "$SERVER4" "$PORT"
	assert_counted "$RULE" 2 2
}

@test "connect refuse: what is refused has not reached the server, and a share is refused, repeatably" {
	local first second count

	listen_here
	add dev eth0 command victim connect refuse 30% seed 7 dport "$PORT"
	first=$(on_client "$(as victim calls)" -n 200 connect "$SERVER4" "$PORT" | paste -sd ' ')
	count=$(grep -ow "$ECONNREFUSED" <<<"$first" | wc -l)
	assert_binomial "$count" 200 30
	assert_equal "$(tr ' ' '\n' <<<"$first" | sort -u | paste -sd ' ')" "0 $ECONNREFUSED"
	assert_equal "$(rule_field "$RULE" egress.dropped.packets)" "$count"
	vershitify del "$RULE"
	add dev eth0 command victim connect refuse 30% seed 7 dport "$PORT"
	second=$(on_client "$(as victim calls)" -n 200 connect "$SERVER4" "$PORT" | paste -sd ' ')
	assert_equal "$second" "$first"
	# nothing of those has been on the cable
	vershitify del "$RULE"
	sniffer_start "$PORT"
	add dev eth0 command victim connect refuse
	run -0 on_client "$(as victim calls)" -n 5 nonblock "$SERVER4" "$PORT"
	assert_equal "$(sniffed tcp)" 0
	on_client "$(as bystander calls)" connect "$SERVER4" "$PORT"
	assert [ "$(sniffed tcp)" -ge 2 ]
}

@test "connect refuse: connections that there are go on, and take the rule's loss" {
	listen_here
	port_take
	start server peer "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv 2000
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" "$SERVER4" "$PORT" connect send 1000 drain wait send 1000 drain
	wait_line target '^drain'
	add dev eth0 command victim connect refuse direction both
	fails "$ECONNREFUSED" connect "$SERVER4" "$PORT"
	go target
	wait_line peer '^recv 2000'
	assert_equal "$(rule_field "$RULE" egress.dropped.packets)" 1
	assert_equal "$(rule_field "$RULE" ingress.dropped.packets)" 0
}

# --- what is in the machine ------------------------------------------------------------------

# attached: programs of calls in the root cgroup.
attached() {
	bpftool cgroup show "$(cgroup_root)" | grep -oE 'vsh_(connect|bind|sendmsg)[46]' | sort | paste -sd ' '
}

@test "programs are attached as long as a rule needs them" {
	rule_add command victim drop 1%
	assert_equal "$(attached)" ''
	add command victim connect fail EPERM
	assert_equal "$(attached)" 'vsh_connect4 vsh_connect6'
	vsh change "$RULE" bind fail EPERM
	assert_equal "$(attached)" 'vsh_bind4 vsh_bind6 vsh_connect4 vsh_connect6'
	add command other send fail EPERM
	vershitify del $((RULE - 1))
	assert_equal "$(attached)" 'vsh_sendmsg4 vsh_sendmsg6'
	vershitify del "$RULE"
	assert_equal "$(attached)" ''
}

@test "a program that somebody has detached is missed, and attached again by repair" {
	add command victim connect fail EPERM
	bpftool cgroup detach "$(cgroup_root)" connect6 pinned /sys/fs/bpf/vershitify/vsh_connect6
	assert_equal "$(rule_field "$RULE" state): $(rule_field "$RULE" why)" 'detached: vsh_connect6 is not attached'
	run vershitify doctor
	assert_output --partial 'GONE     vsh_connect6: detached from'
	vershitify repair
	assert_equal "$(rule_field "$RULE" state)" active
	listen_here
	fails "$EPERM" connect "$SERVER6" "$PORT"
}

@test "an error that another program has set stays, and is not counted" {
	local group

	listen_here
	add command victim connect fail ETIMEDOUT
	fails "$ETIMEDOUT" connect "$SERVER4" "$PORT"
	# those of a cgroup run before those of the cgroups above it
	group=$(cgroup_make group)
	mkdir "/sys/fs/bpf/$LAB"
	"$PROGRAMS/foreign" load connect4 stranger "/sys/fs/bpf/$LAB/stranger"
	bpftool cgroup attach "$group" connect4 pinned "/sys/fs/bpf/$LAB/stranger" multi
	# shellcheck disable=SC2016
	run -0 on_client sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" "$(as victim calls)" connect "$SERVER4" "$PORT"
	assert_output "$EPERM"
	assert_equal "$("$PROGRAMS/foreign" count "/sys/fs/bpf/$LAB/stranger")" 1
	assert_calls "$RULE" connect 1 1
}

# --- what is refused -------------------------------------------------------------------------

# refused WORDS MESSAGE
refused() {
	# shellcheck disable=SC2086
	run -2 --separate-stderr vsh add $1
	assert_equal "$1: $stderr" "$1: vershitify.sh: $2"
}

@test "what cannot be is refused, and nothing is changed" {
	local before all='ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ETIMEDOUT, ECONNRESET, ENETDOWN, EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, ENOBUFS, ENOMEM, EINVAL, EMSGSIZE'

	before=$(vershitify show)
	refused 'command x connect fail EFOO' "connect fail \"EFOO\": one of $all"
	refused 'command x bind fail 98' "bind fail \"98\": one of $all"
	refused 'command x connect fail EINPROGRESS' "connect fail \"EINPROGRESS\": one of $all"
	refused 'command x connect break EPERM' 'connect "break": fail, an error such as ECONNREFUSED, and perhaps a percentage; or refuse, and perhaps a percentage'
	refused 'command x connect fail' "connect fail \"\": one of $all"
	refused 'command x bind fail' '"bind" needs fail, an error such as ECONNREFUSED, and perhaps a percentage'
	refused 'command x bind refuse 5' 'bind "refuse": fail, an error such as ECONNREFUSED, and perhaps a percentage'
	refused 'command x connect refuse' 'a device is required (dev DEV|all)'
	refused 'command x dev lo connect refuse direction ingress' '"connect refuse" is for direction egress or both'
	refused 'command x dev lo connect refuse visible denied' '"connect refuse" does not go with "visible denied"'
	refused 'command x connect fail EPERM 101%' 'connect "101%": a percentage from 0 to 100 with up to 6 decimals'
	refused 'command x connect fail EPERM connect fail EACCES' 'duplicate "connect"'
	run -2 --separate-stderr vsh add command x
	assert_regex "$stderr" '^vershitify.sh: an effect is required \(drop PERCENT.*, connect FAILURE.*, bind .* or send .*\)$'
	refused 'command x dev lo connect fail EPERM' '"dev", "direction", "visible" and the like are of packets: something is to be done to those, too (drop, delay ...)'
	refused 'command x connect fail EPERM sport 1' '"connect fail" goes with the conditions proto, dst and dport: make another rule'
	refused 'command x bind fail EPERM dst 192.0.2.1' '"bind fail" goes with the conditions proto, src and sport: make another rule'
	refused 'command x send fail EPERM tcp-flags syn' '"send fail" goes with the conditions proto, dst and dport: make another rule'
	refused 'command x drop 5%' 'a device is required (dev DEV|all)'
	assert_equal "$(vershitify show)" "$before"
}
