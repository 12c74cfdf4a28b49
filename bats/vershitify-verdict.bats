#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What happens to the target's packets: how many are lost, which ones, where,
# how it looks to the sender, and that the counters tell exactly that.
# vm: ^(25 %|ingress: (the right|both kinds)|both: each|a packet |loopback with both|visible (wire|local: each|denied: each)|TCP under 1 % loss on|a rule expires)
#
#   $CLIENT                                   $SERVER
#   victim     eth0 .1 --------- .2 eth0      receiver: numbered datagrams
#   the rule   eth1 .1 --------- .2 eth1      (198.51.100.0/24, some tests only)

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() {
	test_end
	if [ -e "/run/netns/$CLIENT" ]; then
		ip -n "$CLIENT" link del eth1 2>/dev/null || :
		ip -n "$CLIENT" link del stack 2>/dev/null || :
	fi
}

# --- how many ----------------------------------------------------------------

# exactness PERCENT: of many packets the right number is lost, and the counters
# are what the receiver got and did not get.
exactness() {
	local dropped

	receiver_start
	rule_add command victim drop "$1%"
	send victim "$SERVER4" "$PORT" "$PACKETS"
	dropped=$(counter "$RULE" dropped)
	assert_binomial "$dropped" "$PACKETS" "$1"
	assert_equal "$(counter "$RULE" seen)" "$PACKETS"
	assert_received victim $((PACKETS - dropped))
}

@test "0 % loses nothing" {
	exactness 0
}

@test "0.1 % is one in a thousand" {
	exactness 0.1
}

@test "1 % is one in a hundred" {
	exactness 1
}

@test "10 % is one in ten" {
	exactness 10
}

@test "25 % is one in four" {
	exactness 25
}

@test "50 % is every other one" {
	exactness 50
}

@test "99.9 % lets one in a thousand pass" {
	exactness 99.9
}

@test "100 % loses everything" {
	exactness 100
}

@test "the loss is right for packets that each have a socket of their own" {
	local dropped n=$((PACKETS / 5))

	receiver_start
	rule_add command victim drop 25%
	send victim -o "$SERVER4" "$PORT" "$n"
	dropped=$(counter "$RULE" dropped)
	assert_binomial "$dropped" "$n" 25
	assert_received victim $((n - dropped))
}

@test "the loss is right with a seed, for one socket and for many" {
	local dropped n=$((PACKETS / 5))

	receiver_start
	rule_add command victim drop 25% seed 1
	send victim "$SERVER4" "$PORT" "$n"
	dropped=$(counter "$RULE" dropped)
	assert_binomial "$dropped" "$n" 25
	assert_received victim $((n - dropped))
	send victim -n many -o "$SERVER4" "$PORT" "$n"
	dropped=$(($(counter "$RULE" dropped) - dropped))
	assert_binomial "$dropped" "$n" 25
	assert_received many $((n - dropped))
}

@test "the first packets of many sockets are lost as often as any others" {
	local dropped n=$((PACKETS / 10))

	receiver_start
	rule_add command victim drop 10% seed 4711
	send victim -o "$SERVER4" "$PORT" "$n"
	dropped=$(counter "$RULE" dropped)
	assert_binomial "$dropped" "$n" 10
}

@test "losses come independently: after a loss the next packet is lost as often as any" {
	local n=$((PACKETS / 2)) lost pairs

	receiver_start
	# Room for all that wait for their other half.
	on_server sysctl -qw net.ipv4.ipfrag_high_thresh=1000000000
	rule_add command victim drop 25%
	# Two fragments a datagram: both arrive with the probability of two independent events.
	send victim -s 2000 "$SERVER4" "$PORT" "$n"
	pairs=$(received victim)
	lost=$(counter "$RULE" dropped)
	assert_equal "$(counter "$RULE" seen)" $((2 * n))
	assert_binomial "$lost" $((2 * n)) 25
	assert_binomial "$pairs" "$n" 56.25
}

# --- which ---------------------------------------------------------------------

# lost_with RULE-WORDS...: prints a hash of the numbers that arrive under that rule.
lost_with() {
	local hash

	receiver_start
	rule_add command victim "$@"
	send victim "$SERVER4" "$PORT" 2000 >&2
	hash=$(received victim 4)
	stop receiver
	vershitify del "$RULE" >&2
	printf '%s\n' "$hash"
}

@test "the same seed loses the same packets again" {
	local first

	first=$(lost_with drop 30% seed 7)
	assert_equal "$(lost_with drop 30% seed 7)" "$first"
	assert_equal "$(lost_with seed 7 drop 30%)" "$first"
}

# The socket has sent under the rule of that number before; its packets are counted anew. (The rule for
# nobody keeps what is known of the socket: with the last rule all that would go.)
@test "the same seed loses as many again on a socket that stays open" {
	local counts=''

	receiver_start
	rule_add command nobody drop 0%
	sender_start stream victim "$SERVER4" "$PORT" 1000
	for _ in 1 2 3 4; do
		rule_add command victim drop 30% seed 7
		batch stream
		assert_equal "$(counter "$RULE" seen)" 1000
		counts="$counts $(counter "$RULE" dropped)"
		vershitify del "$RULE"
	done
	# shellcheck disable=SC2086 # words
	assert_equal "$(printf '%s\n' $counts | uniq | wc -l)" 1
}

@test "another seed loses other packets" {
	local first

	first=$(lost_with drop 30% seed 7)
	refute [ "$(lost_with drop 30% seed 8)" = "$first" ]
	refute [ "$(lost_with drop 30% seed 18446744073709551615)" = "$first" ]
}

@test "without a seed each time loses other packets" {
	local first

	first=$(lost_with drop 30%)
	refute [ "$(lost_with drop 30%)" = "$first" ]
}

@test "the second socket of a seeded rule loses other packets than the first" {
	receiver_start
	rule_add command victim drop 30% seed 7
	send victim -n first "$SERVER4" "$PORT" 2000
	send victim -n second "$SERVER4" "$PORT" 2000
	refute [ "$(received first 4)" = "$(received second 4)" ]
}

@test "a seed repeats over 'run', too, whatever the process id" {
	local first

	receiver_start
	vsh run dev eth0 drop 30% seed 7 -- "$(as victim udpsend)" -n first "$SERVER4" "$PORT" 2000
	vsh run dev eth0 drop 30% seed 7 -- "$(as other udpsend)" -n second "$SERVER4" "$PORT" 2000
	first=$(received first 4)
	assert_equal "$(received second 4)" "$first"
	(($(received first) < 2000))
}

@test "a bystander's packets in between do not change what a seed loses" {
	local first

	first=$(lost_with drop 30% seed 7)
	receiver_start
	rule_add command victim drop 30% seed 7
	start client noise "$(as bystander udpsend)" -i 10 "$SERVER4" "$PORT" 20000
	send victim "$SERVER4" "$PORT" 2000
	assert_equal "$(received victim 4)" "$first"
}

@test "no seed loses the first packet of the first socket at any loss" {
	local seed words

	receiver_start
	for seed in 0 1 18446744073709551615; do
		words="drop 0.000001% seed $seed"
		# shellcheck disable=SC2086 # words
		rule_add command victim $words
		send victim "$SERVER4" "$PORT" 1
		assert_equal "$words: $(counter "$RULE" dropped) of $(counter "$RULE" seen)" "$words: 0 of 1"
		vershitify del "$RULE"
	done
}

# --- direction ---------------------------------------------------------------------

# receiving_victim: the target listens on the client; the server sends to it.
receiving_victim() {
	port_take
	start client target "$(as victim udpcount)" "$PORT"
	start client bystander "$(as bystander udpcount)" "$((PORT + 1))"
	wait_line target '^ready$'
	wait_line bystander '^ready$'
	echo $((PORT + 1)) >"$BATS_FILE_TMPDIR/port"
}

@test "ingress: the right number is lost, and only the target's" {
	local dropped n=$((PACKETS / 2))

	rule_add command victim direction ingress drop 25%
	receiving_victim
	on_server "$PROGRAMS/udpsend" -n four "$CLIENT4" "$PORT" "$n"
	dropped=$(counter "$RULE" dropped ingress)
	assert_binomial "$dropped" "$n" 25
	assert_equal "$(counter "$RULE" seen ingress)" "$n"
	assert_equal "$(received four 2 target "$dropped")" $((n - dropped))
	on_server "$PROGRAMS/udpsend" "$CLIENT4" $((PORT + 1)) 1000
	assert_equal "$(received udpsend 2 bystander)" 1000
}

@test "ingress: 100 % loses everything, IPv4 and IPv6, sockets that were open before included" {
	receiving_victim
	rule_add command victim direction ingress drop 100%
	on_server "$PROGRAMS/udpsend" -n four "$CLIENT4" "$PORT" 1000
	on_server "$PROGRAMS/udpsend" -n six "$CLIENT6" "$PORT" 1000
	assert_counted "$RULE" 2000 2000 ingress
	assert_equal "$(received four 2 target 2000)$(received six 2 target 2000)" 00
	on_server "$PROGRAMS/udpsend" "$CLIENT6" $((PORT + 1)) 1000
	assert_equal "$(received udpsend 2 bystander)" 1000
}

@test "ingress: what the target sends is not touched" {
	receiver_start
	rule_add command victim direction ingress drop 100%
	send victim "$SERVER4" "$PORT" 100
	assert_received victim 100
	assert_counted "$RULE" 0 0 egress
}

@test "egress, the default: what the target receives is not touched" {
	rule_add command victim drop 100%
	receiving_victim
	on_server "$PROGRAMS/udpsend" "$CLIENT4" "$PORT" 100
	assert_equal "$(received udpsend 2 target)" 100
	assert_counted "$RULE" 0 0 ingress
	assert_equal "$(rule_field "$RULE" direction)" egress
}

@test "both: each direction loses its share and is counted apart" {
	local out in n=$((PACKETS / 5))

	rule_add command victim direction both drop 10%
	receiving_victim
	receiver_start
	send victim "$SERVER4" "$PORT" "$n"
	on_server "$PROGRAMS/udpsend" "$CLIENT4" $((PORT - 2)) $((n / 2))
	out=$(counter "$RULE" dropped egress)
	in=$(counter "$RULE" dropped ingress)
	assert_binomial "$out" "$n" 10
	assert_binomial "$in" $((n / 2)) 10
	assert_equal "$(counter "$RULE" seen egress)" "$n"
	assert_equal "$(counter "$RULE" seen ingress)" $((n / 2))
	assert_received victim $((n - out))
	assert_equal "$(received udpsend 2 target "$in")" $((n / 2 - in))
}

# answers_lost: 10 answers to the target, IPv4 and IPv6; a bystander has its own.
answers_lost() {
	run -1 on_client ping -q -c 5 -i 0.01 -W 1 "$SERVER4"
	assert_output --partial ' 0 received'
	run -1 on_client ping -q -c 5 -i 0.01 -W 1 "$SERVER6"
	assert_output --partial ' 0 received'
	run -0 on_client "$(as otherping "$(command -v ping)")" -q -c 5 -i 0.01 "$SERVER4"
	assert_output --partial ' 5 received'
}

@test "ingress: both kinds of ping socket lose their answers" {
	local seen

	rule_add command ping direction ingress drop 100%
	on_client sysctl -qw net.ipv4.ping_group_range='1 0'
	answers_lost
	# A raw socket is handed any ICMP packet until its program has set a filter.
	seen=$(counter "$RULE" seen ingress)
	((seen >= 10)) || fail "only $seen of 10 answers were seen"
	assert_counted "$RULE" "$seen" "$seen" ingress
	# A ping socket is handed its own answers only.
	on_client sysctl -qw net.ipv4.ping_group_range='0 2147483647'
	answers_lost
	assert_counted "$RULE" $((seen + 10)) $((seen + 10)) ingress
	on_client sysctl -qw net.ipv4.ping_group_range='1 0'
}

# --- segments --------------------------------------------------------------------------

@test "a packet of many segments has one verdict; packets, segments and bytes are counted" {
	local dropped

	receiver_start
	rule_add command victim drop 25%
	send victim -g 40 -s 1000 "$SERVER4" "$PORT" 40000
	assert_equal "$(counter "$RULE" seen egress packets)" 1000
	assert_equal "$(counter "$RULE" seen egress segments)" 40000
	dropped=$(counter "$RULE" dropped egress packets)
	assert_binomial "$dropped" 1000 25
	assert_equal "$(counter "$RULE" dropped egress segments)" $((dropped * 40))
	assert_received victim $((40000 - dropped * 40))
	# Each segment has Ethernet, IPv4 and UDP headers of its own on the wire.
	assert_equal "$(counter "$RULE" seen egress bytes)" $((40000 * (1000 + 14 + 20 + 8)))
	assert_equal "$(counter "$RULE" dropped egress bytes)" $((dropped * 40 * (1000 + 14 + 20 + 8)))
}

@test "bytes of plain packets are counted as they are on the wire, IPv6 too" {
	receiver_start
	rule_add command victim drop 100%
	send victim -s 500 "$SERVER4" "$PORT" 10
	assert_equal "$(counter "$RULE" dropped egress bytes)" $((10 * (500 + 8 + 20 + 14)))
	send victim -s 500 "$SERVER6" "$PORT" 10
	assert_equal "$(counter "$RULE" dropped egress bytes)" $((10 * (500 + 8 + 20 + 14) + 10 * (500 + 8 + 40 + 14)))
	assert_equal "$(counter "$RULE" dropped egress segments)" 20
}

# --- devices -------------------------------------------------------------------------------

second_cable() {
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev eth1
	ip -n "$SERVER" addr add 198.51.100.2/24 dev eth1
	ip -n "$CLIENT" link set eth1 up
	ip -n "$SERVER" link set eth1 up
}

@test "dev: only packets on the device that is named are lost" {
	second_cable
	receiver_start
	# somebody else's, so that the classifier is on both
	vsh add dev eth1 command other drop 100%
	rule_add command victim drop 100%
	send victim -n eth0 "$SERVER4" "$PORT" 100
	send victim -n eth1 198.51.100.2 "$PORT" 100
	assert_received eth0 0
	assert_received eth1 100
	assert_counted "$RULE" 100 100
}

@test "dev: several devices can be named" {
	second_cable
	receiver_start
	rule_add dev eth1 command victim drop 100%
	send victim "$SERVER4" "$PORT" 100
	send victim -n eth1 198.51.100.2 "$PORT" 50
	assert_received victim 0
	assert_received eth1 0
	assert_counted "$RULE" 150 150
	assert_equal "$(rule_field "$RULE" dev | jq -c sort)" '["eth0","eth1"]'
}

@test "dev: ingress loss is limited to the device, too" {
	second_cable
	rule_add command victim direction ingress drop 100%
	receiving_victim
	on_server "$PROGRAMS/udpsend" -n eth0 "$CLIENT4" "$PORT" 100
	on_server "$PROGRAMS/udpsend" -n eth1 198.51.100.1 "$PORT" 100
	assert_equal "$(received eth0 2 target 100)" 0
	assert_equal "$(received eth1 2 target 100)" 100
	assert_counted "$RULE" 100 100 ingress
}

@test "dev all: every device, loopback included" {
	local id

	second_cable
	receiver_start
	id=$(vsh add dev all command victim drop 100%)
	send victim "$SERVER4" "$PORT" 10
	send victim -n eth1 198.51.100.2 "$PORT" 20
	start client local "$PROGRAMS/udpcount" "$PORT"
	wait_line local '^ready$'
	send victim -n lo 127.0.0.1 "$PORT" 30
	send bystander 127.0.0.1 "$PORT" 30
	assert_received victim 0
	assert_received eth1 0
	assert_equal "$(received lo 2 local)" 0
	assert_equal "$(received bystander 2 local)" 30
	assert_counted "$id" 60 60
}

# judged_once N: N packets were seen, a quarter lost, not more.
judged_once() {
	local dropped

	dropped=$(counter "$RULE" dropped)
	assert_equal "$(counter "$RULE" seen)" "$1"
	assert_binomial "$dropped" "$1" 25
	assert_received victim $(($1 - dropped))
}

# A bridge over the second cable: what it sends crosses both devices.
bridge_make() {
	ip -n "$CLIENT" link add stack type bridge
	second_cable
	ip -n "$CLIENT" addr flush dev eth1
	ip -n "$CLIENT" link set eth1 master stack
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev stack
	ip -n "$CLIENT" link set stack up
	busywait 10 on_client ping -q -c 1 -W 1 198.51.100.2
}

@test "a packet that crosses a bridge and its port is judged once" {
	local n=$((PACKETS / 5)) bridge

	requires bridge
	receiver_start
	bridge_make
	bridge=$(vsh add dev stack dev eth1 command victim drop 25%)
	send victim 198.51.100.2 "$PORT" "$n"
	RULE=$bridge judged_once "$n"
}

@test "a packet that crosses a VLAN and its parent is judged once" {
	local n=$((PACKETS / 5)) vlan

	requires vlan
	receiver_start
	second_cable
	ip -n "$CLIENT" link add link eth1 name stack type vlan id 5
	ip -n "$SERVER" link add link eth1 name stack type vlan id 5
	ip -n "$CLIENT" addr flush dev eth1
	ip -n "$SERVER" addr flush dev eth1
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev stack
	ip -n "$SERVER" addr add 198.51.100.2/24 dev stack
	ip -n "$CLIENT" link set stack up
	ip -n "$SERVER" link set stack up
	vlan=$(vsh add dev stack dev eth1 command victim drop 25%)
	send victim 198.51.100.2 "$PORT" "$n"
	RULE=$vlan judged_once "$n"
}

@test "a packet that crosses a macvlan and its parent is judged once" {
	local n=$((PACKETS / 5)) macvlan

	requires macvlan
	receiver_start
	second_cable
	ip -n "$CLIENT" addr flush dev eth1
	ip -n "$CLIENT" link add link eth1 name stack type macvlan
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev stack
	ip -n "$CLIENT" link set stack up
	macvlan=$(vsh add dev stack dev eth1 command victim drop 25%)
	busywait 10 on_client ping -q -c 1 -W 1 198.51.100.2
	send victim 198.51.100.2 "$PORT" "$n"
	RULE=$macvlan judged_once "$n"
}

@test "loopback with both directions: a packet from target to target is judged once" {
	local n=$((PACKETS / 5)) id in out

	id=$(vsh add dev lo command victim direction both drop 25%)
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	send victim 127.0.0.1 "$PORT" "$n"
	out=$(counter "$id" dropped egress)
	in=$(counter "$id" dropped ingress)
	assert_binomial $((out + in)) "$n" 25
	assert_equal "$(($(counter "$id" seen egress) + $(counter "$id" seen ingress)))" "$n"
	assert_equal "$(received victim 2 receiver "$in")" $((n - out - in))
}

@test "loopback with both directions: a bystander's packets to the target are judged at ingress" {
	local id

	id=$(vsh add dev lo command victim direction both drop 100%)
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	send bystander ::1 "$PORT" 100
	assert_equal "$(received bystander 2 receiver 100)" 0
	assert_counted "$id" 0 0 egress
	assert_counted "$id" 100 100 ingress
}

@test "two rules on stacked devices: a packet that the first has let pass is not the second's" {
	local n=2000 first second

	requires bridge
	receiver_start
	bridge_make
	first=$(vsh add dev stack dev eth1 command victim drop 0%)
	second=$(vsh add dev stack dev eth1 command victim drop 100%)
	send victim 198.51.100.2 "$PORT" "$n"
	assert_received victim "$n"
	assert_counted "$first" "$n" 0
	assert_counted "$second" 0 0
}

@test "two rules, each for one of two stacked devices: both judge a packet" {
	local n=2000 upper lower

	requires bridge
	receiver_start
	bridge_make
	upper=$(vsh add dev stack command victim drop 0%)
	lower=$(vsh add dev eth1 command victim drop 100%)
	send victim 198.51.100.2 "$PORT" "$n"
	assert_received victim 0
	assert_counted "$upper" "$n" 0
	assert_counted "$lower" "$n" "$n"
}

# --- how it looks to the sender -----------------------------------------------------------------

# sender_sees WORDS...: 1000 packets at 50 %; prints what send() returned and what was dropped.
sender_sees() {
	receiver_start
	rule_add command victim drop 50% "$@"
	run -0 send victim -e "$SERVER4" "$PORT" 1000
	DROPPED=$(counter "$RULE" dropped)
	assert_binomial "$DROPPED" 1000 50
	assert_equal "$(counter "$RULE" seen)" 1000
	assert_received victim $((1000 - DROPPED))
}

@test "visible wire, the default: the sender notices nothing" {
	sender_sees
	assert_output 'sent 1000 enobufs 0 eperm 0 other 0'
	assert_equal "$(rule_field "$RULE" visible)" wire
}

@test "visible local: each loss is ENOBUFS to a sender that asked for errors" {
	sender_sees visible local
	assert_output "sent $((1000 - DROPPED)) enobufs $DROPPED eperm 0 other 0"
	assert_equal "$(rule_field "$RULE" visible)" local
}

@test "visible denied: each loss is EPERM" {
	sender_sees visible denied
	assert_output "sent $((1000 - DROPPED)) enobufs 0 eperm $DROPPED other 0"
	assert_equal "$(rule_field "$RULE" visible)" denied
}

@test "visible denied: 100 % over IPv6, and a bystander beside it" {
	receiver_start
	rule_add command victim drop 100% visible denied
	run -0 send victim "$SERVER6" "$PORT" 100
	assert_output 'sent 0 enobufs 0 eperm 100 other 0'
	run -0 send bystander "$SERVER6" "$PORT" 100
	assert_output 'sent 100 enobufs 0 eperm 0 other 0'
	assert_received victim 0
	assert_received bystander 100
	assert_counted "$RULE" 100 100
}

@test "visible denied: only on the device that is named" {
	second_cable
	receiver_start
	rule_add command victim drop 100% visible denied
	run -0 send victim 198.51.100.2 "$PORT" 100
	assert_output 'sent 100 enobufs 0 eperm 0 other 0'
	assert_received victim 100
}

# transfer [RULE-WORDS...]: 20 MB over TCP, of which 1 % is lost; the sender's own count of retransmissions goes
# to $RETRANSMITTED. The handshake is not touched: a lost SYN waits for its timer and is counted in any case.
transfer() {
	local bytes=20000000

	[ -z "${VSH_VM-}" ] || bytes=4000000
	port_take
	rule_add command victim drop 0% "$@"
	start server peer taskset -c 0 "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv $bytes
	wait_line peer '^listen ok'
	# A tail loss probe is no sign of loss, but is counted as a retransmission.
	on_client sysctl -qw net.ipv4.tcp_early_retrans=0
	# One processor and little in flight: what veth reorders between two, or its queue loses,
	# would be retransmitted too.
	on_server sysctl -qw net.ipv4.tcp_rmem='4096 262144 262144'
	# Small packets: many verdicts.
	ip -n "$CLIENT" link set eth0 gso_max_segs 2
	start client target taskset -c 0 "$(as victim tcp)" "$SERVER4" "$PORT" connect wait send $bytes drain info
	wait_line target '^connect ok'
	vershitify change "$RULE" drop 1%
	go target
	busywait 60 lines_are target '^info' 1
	ip -n "$CLIENT" link set eth0 gso_max_segs 65535
	wait_line peer "^recv $bytes\$"
	assert [ "$(counter "$RULE" dropped)" -gt 0 ]
	RETRANSMITTED=$(output_of target | awk '$1 == "info" { print $3 }')
}

@test "TCP under 1 % loss on the wire retransmits, and the sender's statistics show it" {
	transfer
	(($(counter "$RULE" dropped) / 2 <= RETRANSMITTED))
}

@test "TCP under 1 % loss that is visible locally sends again without counting a retransmission" {
	transfer visible local
	assert_equal "$RETRANSMITTED" 0
}

# The failure of a SYN is not told to TCP's send queue, in which it already counts as sent.
@test "visible local: a lost SYN, however, is sent again after its time and counted" {
	syn_lost() { (($(counter "$RULE" dropped) > 0)); }
	port_take
	rule_add command victim drop 100% visible local
	start server peer "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" -t 20000 "$SERVER4" "$PORT" connect info
	busywait 10 syn_lost
	vershitify change "$RULE" drop 0%
	wait_line target '^connect ok'
	wait_line target '^info'
	assert_equal "$(output_of target | awk '$1 == "info" { print $3 }')" "$(counter "$RULE" dropped)"
}

# --- time -----------------------------------------------------------------------------------

@test "a rule expires by itself, in the kernel, after its time and not before" {
	local before after first_ns number

	receiver_start
	# Seconds since the start of the machine: CLOCK_BOOTTIME, which is CLOCK_MONOTONIC
	# unless the machine has slept.
	before=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
	rule_add command victim drop 100% for 700ms
	after=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)
	# A packet each millisecond, until well after the end; no command in between.
	send victim -i 1000 "$SERVER4" "$PORT" 1500
	first_ns=$(received victim 7)
	number=$(received victim 5)
	# /proc/uptime has hundredths of a second
	((first_ns >= before + 700000000 - 10000000))
	((first_ns <= after + 700000000 + 100000000 * PATIENCE))
	# from the first one on all have arrived, and the counters know of the others
	assert_received victim $((1500 - number))
	assert_counted "$RULE" "$number" "$number"
	assert_equal "$(rule_field "$RULE" state)" expired
}

@test "a rule with time left says how much, and one without says nothing" {
	local left

	rule_add command victim drop 100% for 1h
	left=$(rule_field "$RULE" expires_in_ns)
	((left > 3500 * 1000000000 && left <= 3600 * 1000000000))
	assert_equal "$(rule_field "$RULE" state)" active
	rule_add command victim drop 100%
	assert_equal "$(vershitify -j show "$RULE" | jq '.[0] | has("expires_in_ns")')" false
}

@test "what show prints of an expired rule has the whole of its time, and makes it again" {
	local id words

	id=$(vsh add dev eth0 command victim drop 100% for 300ms)
	expired() { [ "$(rule_field "$1" state)" = expired ]; }
	busywait 5 expired "$id"
	run -0 vsh show "$id"
	assert_output "rule $id dev eth0 command victim direction egress drop 100% for 300ms (expired)"
	assert_equal "$(rule_field "$id" for_ns)" 300000000
	words=${output#rule * }
	# shellcheck disable=SC2086 # words
	id=$(vsh add ${words% (expired)})
	busywait 5 expired "$id"
	vsh change "$id" for 90m
	assert_equal "$(rule_field "$id" for_ns)" 5400000000000
}

@test "'change for' gives an expired rule new time" {
	receiver_start
	rule_add command victim drop 100% for 1ms
	expired() { [ "$(rule_field "$RULE" state)" = expired ]; }
	busywait 5 expired
	send victim -n between "$SERVER4" "$PORT" 10
	vershitify change "$RULE" for 1h
	send victim "$SERVER4" "$PORT" 10
	assert_received between 10
	assert_received victim 0
	assert_equal "$(rule_field "$RULE" state)" active
}

@test "an expired rule leaves its packets to the next one" {
	receiver_start
	rule_add command victim drop 0% for 1ms
	expired() { [ "$(rule_field "$RULE" state)" = expired ]; }
	busywait 5 expired
	vsh add dev eth0 command victim drop 100%
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
}

# --- the interval itself --------------------------------------------------------------------------

@test "the interval that these tests use is the binomial distribution's" {
	assert_equal "$(binomial 100 0)" '0 0'
	assert_equal "$(binomial 100 100)" '100 100'
	# 2^-20 is above, 2^-21 below half of a millionth
	assert_equal "$(binomial 20 50)" '0 20'
	assert_equal "$(binomial 21 50)" '1 20'
	# against the normal distribution: 4.89 standard deviations on either side
	assert_equal "$(binomial 1000000 50)" '497554 502446'
	run -1 assert_binomial 24000 100000 25
	run -1 assert_binomial 26000 100000 25
}
