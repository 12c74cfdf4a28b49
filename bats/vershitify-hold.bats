#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Held packets: the detour of one program's packets through an ifb.
#
# bats sets stderr, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153,SC2030,SC2031
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
	on_client "$1" -q -c 5 -i 0.2 -W 20 "${@:2}" "$SERVER4" | sed -n 's|^rtt .* = \([0-9]*\)\.[0-9]*/[^/]*/\([0-9]*\)\..*|\1 \2|p'
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

# netem_packets IFB: how many have gone through its queue.
netem_packets() {
	on_client tc -s -j qdisc show dev "$1" | jq '.[] | select(.kind == "netem").packets'
}

@test "delay: the target's pings take it, the bystander's do not" {
	requires ifb netem
	rule_add command victim delay $((200 * PATIENCE))ms
	assert_rtt $((200 * PATIENCE)) "$TARGET"
	read -r _ longest <<<"$(rtt ping)"
	((longest < 200 * PATIENCE)) || fail "a bystander's ping took $longest ms"
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

@test "delay: what the target sends to connect is held, too" {
	requires ifb netem
	receiver=$(as server tcp)
	port_take
	start server server "$receiver" "$SERVER4" "$PORT" listen accept recv 10 eof
	wait_line server '^listen'
	rule_add command victim delay 300ms
	before=${EPOCHREALTIME/./}
	on_client "$(as victim tcp)" "$SERVER4" "$PORT" connect send 10 drain close
	(((${EPOCHREALTIME/./} - before) / 1000 >= 600)) || fail "SYN and data did not take 300 ms each"
	wait_line server '^recv 10$'
}

@test "loss and delay of one rule: the lost ones first, each packet counted once" {
	requires ifb netem
	rule_add command victim drop every 2 delay 200ms
	read -r received <<<"$(on_client "$TARGET" -q -c 10 -i 0.05 -W 5 "$SERVER4" | sed -n 's/.* \([0-9]*\) received.*/\1/p')"
	assert_equal "$received" 5
	assert_counted "$RULE" 10 5
	assert_equal "$(netem_packets "vsh$RULE")" 5
}

@test "two rules with different delays at once" {
	requires ifb netem
	rule_add command victim delay 100ms
	rule_add command other delay 400ms
	rtt "$(as other "$(command -v ping)")" >"$BATS_TEST_TMPDIR/other" &
	assert_rtt 100 "$TARGET"
	wait $!
	read -r shortest longest <"$BATS_TEST_TMPDIR/other"
	((shortest >= 400 && longest < 500 + 100 * PATIENCE)) || fail "the other's took $shortest to $longest ms"
}

# vlan_make: upper of eth0, with 198.51.100.1 for the client and 198.51.100.2 for the server.
vlan_make() {
	local netns

	for netns in "$CLIENT" "$SERVER"; do
		ip -n "$netns" link add link eth0 name upper type vlan id 7
		ip -n "$netns" link set upper up
	done
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev upper
	ip -n "$SERVER" addr add 198.51.100.2/24 dev upper
}

vlan_remove() {
	local netns

	for netns in "$CLIENT" "$SERVER"; do ip -n "$netns" link del upper; done
}

@test "over a VLAN and its parent: held once, counted once" {
	requires ifb netem vlan
	vlan_make
	on_client ping -q -c 1 -W 5 198.51.100.2
	RULE=$(vsh add dev upper dev eth0 command victim delay $((300 * PATIENCE))ms)
	read -r shortest longest <<<"$(SERVER4=198.51.100.2 rtt "$TARGET")"
	vlan_remove
	((shortest >= 300 * PATIENCE && longest < 600 * PATIENCE)) || fail "round trips of $shortest to $longest ms"
	assert_counted "$RULE" 5 0
}

@test "ingress: datagrams are held, and counted when they arrive" {
	requires ifb netem
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	rule_add command victim direction ingress delay 5s
	on_server "$(as sender udpsend)" "$CLIENT4" "$PORT" 20
	assert_received sender 0
	busywait 20 received_are sender 20
	assert_counted "$RULE" 20 0 ingress
	assert_equal "$(netem_packets "vsh${RULE}in")" 20
	vershitify del "$RULE"
	assert_equal "$(steers ingress)" ""
	assert_equal "$(on_client tc filter show dev eth0 ingress)" ""
}

# received_are LABEL COUNT [RECEIVER]
received_are() {
	[ "$(received "$1" 2 "${3:-receiver}")" = "$2" ]
}

@test "ingress: what is forwarded is not held, though the target has its port" {
	requires ifb netem
	netns_make c
	cable a right c left
	address a right 198.51.100.1/24 2001:db8:1::1/64
	address c left 198.51.100.2/24 2001:db8:1::2/64
	ip -n "$SERVER" route add 198.51.100.0/24 via "$CLIENT4"
	ip -n "$SERVER" route add 2001:db8:1::/64 via "$CLIENT6"
	on_client sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	start here further nsenter "--net=/run/netns/$LAB-c" -- "$PROGRAMS/udpcount" "$PORT"
	wait_line further '^ready$'
	rule_add command victim direction ingress delay 5s
	on_server "$(as others udpsend)" 198.51.100.2 "$PORT" 20
	on_server "$(as sixes udpsend)" 2001:db8:1::2 "$PORT" 20
	busywait 20 received_are others 20 further
	busywait 20 received_are sixes 20 further
	assert_equal "$(netem_packets "vsh${RULE}in")" 0
	on_server "$(as sender udpsend)" "$CLIENT4" "$PORT" 20
	on_server "$(as sender6 udpsend)" "$CLIENT6" "$PORT" 20
	busywait 20 received_are sender 20
	busywait 20 received_are sender6 20
	assert_equal "$(netem_packets "vsh${RULE}in")" 40
	assert_counted "$RULE" 40 0 ingress
	on_client sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	ip -n "$SERVER" route del 198.51.100.0/24
	ip -n "$SERVER" -6 route del 2001:db8:1::/64
	ip netns del "$LAB-c"
}

@test "ingress: over a VLAN and its parent: held once, counted once" {
	requires ifb netem vlan
	vlan_make
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	RULE=$(vsh add dev all command victim direction ingress delay 1s)
	on_server "$(as sender udpsend)" 198.51.100.1 "$PORT" 20
	busywait 20 received_are sender 20
	assert_equal "$(netem_packets "vsh${RULE}in")" 20
	assert_counted "$RULE" 20 0 ingress
	vershitify del "$RULE"
	rule_add command victim direction ingress delay 1s
	on_server "$(as parent udpsend)" 198.51.100.1 "$PORT" 20
	busywait 20 received_are parent 20
	assert_equal "$(netem_packets "vsh${RULE}in")" 20
	assert_counted "$RULE" 0 0 ingress
	vlan_remove
}

@test "limit: what finds the queue full is counted apart, and the sender is not told" {
	requires ifb netem
	receiver_start
	rule_add command victim delay 3s limit 10
	run -0 send victim -e "$SERVER4" "$PORT" 50
	assert_output 'sent 50 enobufs 0 eperm 0 other 0'
	busywait 10 received_are victim 10
	assert_counted "$RULE" 50 0
	assert_regex "$(vershitify -s show "$RULE")" 'egress held 10 packets 0 waiting 40 overflow'
	assert_equal "$(rule_field "$RULE" egress.held.overflow)" 40
}

@test "both: each direction has its own delay" {
	requires ifb netem
	port_take
	start server server "$(as server tcp)" "$SERVER4" "$PORT" listen accept recv 10 send 10 eof
	wait_line server '^listen'
	rule_add command victim egress delay 100ms ingress delay 300ms
	assert_equal "$(ifbs)" "vsh$RULE"$'\n'"vsh${RULE}in"
	before=${EPOCHREALTIME/./}
	on_client "$(as victim tcp)" "$SERVER4" "$PORT" connect send 10 recv 10 close
	(((${EPOCHREALTIME/./} - before) / 1000 >= 800)) || fail "two round trips did not take 400 ms each"
}

@test "the rule holds until its time is over, and the next command takes the rest away" {
	requires ifb netem
	rule_add command victim delay $((200 * PATIENCE))ms for 20s
	assert_rtt $((200 * PATIENCE)) "$TARGET"
	busywait 20 is_over "$RULE"
	read -r _ longest <<<"$(rtt "$TARGET")"
	((longest < 200 * PATIENCE)) || fail "it holds packets for $longest ms after its time"
	assert_equal "$(ifbs)" "vsh$RULE"
	first=$RULE
	rule_add command other drop 1%
	assert_equal "$(ifbs)" ""
	assert_equal "$(steers egress)" ""
	vsh change "$first" after 1ms
	assert_equal "$(ifbs)" "vsh$first"
	assert_regex "$(steers egress)" .
	vershitify del "$first" "$RULE" 2>/dev/null || :
}

is_over() {
	[ "$(rule_field "$1" state)" = expired ]
}

@test "change: another delay, another device, and nothing to hold any more" {
	requires ifb netem
	rule_add command victim delay 400ms
	assert_rtt 400 "$TARGET"
	vsh change "$RULE" delay 100ms
	assert_rtt 100 "$TARGET"
	vsh change "$RULE" dev lo
	read -r _ longest <<<"$(rtt "$TARGET")"
	((longest < 100)) || fail "it holds packets of another device for $longest ms"
	assert_equal "$(ifbs)" "vsh$RULE"
}

@test "SIGKILL of run leaves a detour, which the next command takes away" {
	requires ifb netem
	start here doomed "$VERSHITIFY" -n "$CLIENT" run dev eth0 delay 100ms -- sleep 1000
	busywait 10 ifb_is_up
	busywait 10 runs "$(pid doomed)"
	stop doomed KILL
	kill "$program"
	assert_equal "$(ifbs | wc -l)" 1
	vershitify flush
	assert_equal "$(ifbs)" ""
	rm -f "$BATS_FILE_TMPDIR/standing"
}

# runs PID: its helper has started $program, which goes on alone if both are killed.
runs() {
	local helper

	helper=$(pgrep -P "$1" vsh) && program=$(pgrep -P "$helper" sleep)
}

ifb_is_up() {
	[ -n "$(ip -n "$CLIENT" -o link show type ifb up)" ]
}

@test "an ifb that is down, or gone, is said by show and doctor; repair brings it back" {
	requires ifb netem
	rule_add command victim delay 100ms
	ip -n "$CLIENT" link set "vsh$RULE" down
	assert_regex "$(vershitify show "$RULE")" "detached: vsh$RULE is down"
	run --separate-stderr vsh doctor
	assert_regex "$output" "rule $RULE: detached: vsh$RULE is down"
	vershitify repair
	assert_rtt 100 "$TARGET"
	ip -n "$CLIENT" link del "vsh$RULE"
	assert_regex "$(vershitify show "$RULE")" "detached: vsh$RULE is gone"
	vershitify repair
	assert_rtt 100 "$TARGET"
	on_client tc filter del dev eth0 egress pref 4
	assert_regex "$(vershitify show "$RULE")" "detached: no filter steers to vsh$RULE"
	vershitify repair
	assert_rtt 100 "$TARGET"
	on_client tc qdisc del dev "vsh$RULE" root
	assert_regex "$(vershitify show "$RULE")" "detached: vsh$RULE has lost its queue"
	vershitify repair
	assert_rtt 100 "$TARGET"
}

@test "a lost filter of what comes in, or of one among all devices, is said, and repaired" {
	requires ifb netem
	rule_add command victim direction ingress delay 100ms
	on_client tc filter del dev eth0 ingress pref 4
	assert_regex "$(vershitify show "$RULE")" "detached: no filter marks what is for vsh${RULE}in"
	vershitify repair
	refute_regex "$(vershitify show "$RULE")" detached
	assert_regex "$(on_client tc filter show dev eth0 ingress pref 4)" vsh_ingress
	vershitify del "$RULE"
	RULE=$(vsh add dev all command victim delay 100ms)
	refute_regex "$(vershitify show "$RULE")" detached
	on_client tc filter del dev lo egress pref 4
	assert_regex "$(vershitify show "$RULE")" "detached: no filter steers to vsh$RULE"
	vershitify repair
	SERVER4=127.0.0.1 assert_rtt 100 "$TARGET"
}

@test "others' filters at a preference of ours are left alone, and the rule refused" {
	local hook pref

	requires ifb netem
	on_client tc qdisc add dev eth0 clsact 2>/dev/null || :
	while read -r hook pref; do
		on_client tc filter add dev eth0 "$hook" pref "$pref" matchall action pass
		run -1 --separate-stderr vsh add dev eth0 command victim direction both delay 100ms
		assert_regex "$stderr" "another filter has pref $pref, which is ours \(tc -n $CLIENT filter show dev eth0 $hook\)"
		assert_equal "$(ifbs)" ""
		assert_regex "$(on_client tc filter show dev eth0 "$hook")" matchall
		on_client tc filter del dev eth0 "$hook" pref "$pref"
		assert_equal "$(steers egress)" ""
	done <<-'END'
		egress 4
		ingress 4
		ingress 5
	END
}

@test "others' filters and queues: those before see a packet, those after ours do not see what is held" {
	requires ifb netem
	on_client tc qdisc add dev eth0 clsact 2>/dev/null || :
	on_client tc qdisc replace dev eth0 root handle 77: pfifo limit 77
	on_client tc filter add dev eth0 egress protocol ip pref 1 handle 1 flower ip_proto icmp action continue
	on_client tc filter add dev eth0 egress protocol ip pref 9 handle 1 flower ip_proto icmp action pass
	root=$(on_client tc qdisc show dev eth0 root)
	rule_add command victim delay 100ms
	on_client "$TARGET" -q -c 3 -i 0.2 "$SERVER4"
	on_client ping -q -c 4 -i 0.2 "$SERVER4"
	assert_equal "$(filter_packets 9)" 4
	assert_regex "$(filter_packets 1)" '^(7|10)$'
	assert_equal "$(on_client tc qdisc show dev eth0 root)" "$root"
	vershitify del "$RULE"
	assert_regex "$(on_client tc filter show dev eth0 egress)" 'pref 1 .*pref 9 '
	assert_equal "$(on_client tc qdisc show dev eth0 root)" "$root"
	on_client tc qdisc del dev eth0 root
	on_client tc filter del dev eth0 egress pref 1
	on_client tc filter del dev eth0 egress pref 9
}

# filter_packets PREF: of ICMP, as its action has counted them.
filter_packets() {
	on_client tc -s filter show dev eth0 egress pref "$1" | sed -n 's/.* bytes \([0-9]*\) pkt.*/\1/p'
}

@test "dev all: held on each device, and no ifb is one of them" {
	requires ifb netem
	rule_add command other delay 100ms
	RULE=$(vsh add dev all command victim delay 200ms)
	assert_rtt 200 "$TARGET"
	SERVER4=127.0.0.1 assert_rtt 200 "$TARGET"
	assert_equal "$(ifbs | while read -r ifb; do on_client tc qdisc show dev "$ifb" clsact; done)" ""
}

@test "another device of the name is left alone, and the rule refused" {
	requires ifb netem
	ip -n "$CLIENT" link add vsh2 type ifb
	run -1 --separate-stderr vsh add dev eth0 command victim delay 100ms
	assert_regex "$stderr" 'cannot make vsh2, .*there is another device of that name'
	assert_equal "$(ifbs)" vsh2
	assert_equal "$(steers egress)" ""
	ip -n "$CLIENT" link del vsh2
}

@test "delay: refused, and nothing is left, where the kernel has no netem" {
	! qdisc_works netem || skip "this kernel has netem"
	before=$(system_state)
	run -1 --separate-stderr vsh add dev eth0 command victim delay 200ms
	assert_regex "$stderr" 'cannot hold packets: .*CONFIG_NET_SCH_NETEM'
	assert_state "$before"
}

@test "doctor says beforehand whether packets can be held, and leaves nothing" {
	vershitify down
	rm -f "$BATS_FILE_TMPDIR/standing"
	before=$(system_state)
	run --separate-stderr vsh doctor
	if qdisc_works netem; then
		assert_regex "$output" 'ok +delay, rate \.\.\.: netem, tbf and ifb work'
	else
		assert_regex "$output" 'note +delay, rate \.\.\.: cannot hold packets: .*CONFIG_NET_SCH_NETEM'
	fi
	assert_state "$before"
}

# blocks FILE FENCE [MARK]: the shell commands in the blocks with this fence, or in the one after a line with MARK.
blocks() {
	awk -v fence="$2" -v mark="${3-}" '
		mark != "" && index($0, mark) { marked = 1 }
		/^```$/ && inside { inside = 0; marked = 0; next }
		$0 == fence && (mark == "" || marked) { inside = 1; next }
		inside { print }' "$1"
}

@test "tc/README.md: the detour by hand, which down takes away" {
	requires ifb netem
	vershitify down
	rm -f "$BATS_FILE_TMPDIR/standing"
	cd "$TOP"
	{
		blocks README.md '```sh' 'by hand:' | sed '/^# A rule/,$d'
		blocks tc/README.md '```sh' 'stands for these two lines'
		blocks tc/README.md '```shell'
	} >"$BATS_TEST_TMPDIR/block"
	run -0 on_client sh -ex "$BATS_TEST_TMPDIR/block"
	assert_equal "$(vsh show 1)" "rule 1 dev eth0 command ping direction egress delay 100ms limit 1000"
	assert_rtt 100 ping
	vershitify down
	assert_equal "$(ifbs)" ""
	assert_equal "$(steers egress)" ""
	on_client tc qdisc del dev eth0 clsact
}
