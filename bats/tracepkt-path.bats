#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh prints the path that the test has built, hop for hop, and says where a packet is lost.
# vm: ^(a veth|loopback|a chain|a bridge|a rule's loss at|nftables|addresses are|too large)
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

# --- paths -------------------------------------------------------------------------------------

@test "a veth pair, IPv4 and IPv6" {
	local address

	for address in "$SERVER4" "$SERVER6"; do
		assert_path "$address" 'a eth0 out request' 'b eth0 in request' 'b eth0 out reply' 'a eth0 in reply'
	done
	run -0 trace "$SERVER4"
	assert_line --regexp '^seq 1: answered after 2 devices and 2 namespaces in [0-9.]+ ms$'
}

@test "loopback" {
	assert_path 127.0.0.1 'a lo out request' 'a lo in request' 'a lo out reply' 'a lo in reply'
	assert_path ::1 'a lo out request' 'a lo in request' 'a lo out reply' 'a lo in reply'
}

@test "a chain of four namespaces that route" {
	netns_make c d
	cable b right c left
	cable c right d left
	address b right 198.51.100.1/30 2001:db8:1::1/64
	address c left 198.51.100.2/30 2001:db8:1::2/64
	address c right 198.51.100.5/30 2001:db8:2::1/64
	address d left 198.51.100.6/30 2001:db8:2::2/64
	ip -n "$CLIENT" route add 198.51.100.0/24 via "$SERVER4"
	ip -n "$CLIENT" route add 2001:db8::/32 via "$SERVER6"
	ip -n "$SERVER" route add 198.51.100.4/30 via 198.51.100.2
	ip -n "$SERVER" route add 2001:db8:2::/64 via 2001:db8:1::2
	ip -n "$LAB-c" route add 192.0.2.0/24 via 198.51.100.1
	ip -n "$LAB-c" route add 2001:db8::/64 via 2001:db8:1::1
	ip -n "$LAB-d" route add default via 198.51.100.5
	ip -n "$LAB-d" route add default via 2001:db8:2::1
	on_server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	nsenter --net="/run/netns/$LAB-c" -- sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	for address in 198.51.100.6 2001:db8:2::2; do
		assert_path "$address" \
			'a eth0 out request' 'b eth0 in request' 'b right out request' 'c left in request' \
			'c right out request' 'd left in request' 'd left out reply' 'c right in reply' \
			'c left out reply' 'b right in reply' 'b eth0 out reply' 'a eth0 in reply'
	done
	run -0 trace -j 198.51.100.6
	assert_equal "$(result namespaces)" 4
	assert_equal "$(result devices)" 6
}

@test "a bridge with three namespaces: the path goes through its ports" {
	requires bridge
	netns_make c d e
	ip -n "$LAB-c" link add br0 type bridge
	ip -n "$LAB-c" link set br0 up
	cable c port1 d eth0
	cable c port2 e eth0
	ip -n "$LAB-c" link set port1 master br0
	ip -n "$LAB-c" link set port2 master br0
	address d eth0 198.51.100.1/24
	address e eth0 198.51.100.2/24
	# Neighbours and the bridge's table are filled first: what is not known is flooded.
	nsenter --net="/run/netns/$LAB-d" -- ping -qc 1 -W 5 198.51.100.2
	run -0 --separate-stderr tracepkt -n "$LAB-d" -j 198.51.100.2
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' \
		'd eth0 out request' 'c port1 in request' 'c port2 out request' 'e eth0 in request' \
		'e eth0 out reply' 'c port2 in reply' 'c port1 out reply' 'd eth0 in reply')"
}

@test "addresses are printed as they are at each device: a translation shows" {
	requires nft
	netns_make c
	cable b right c left
	address b right 198.51.100.1/24
	address c left 198.51.100.2/24
	ip -n "$CLIENT" route add 198.51.100.0/24 via "$SERVER4"
	on_server sysctl -qw net.ipv4.ip_forward=1
	on_server nft 'add table ip vsht; add chain ip vsht post { type nat hook postrouting priority 100; }; add rule ip vsht post oifname right masquerade'
	run -0 trace -j 198.51.100.2
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "hop") | [(.netns.name | ltrimstr($lab)), .dev, .from, .to] | join(" ")' <<<"$output")" "$(printf '%s\n' \
		'a eth0 192.0.2.1 198.51.100.2' 'b eth0 192.0.2.1 198.51.100.2' \
		'b right 198.51.100.1 198.51.100.2' 'c left 198.51.100.1 198.51.100.2' \
		'c left 198.51.100.2 198.51.100.1' 'b right 198.51.100.2 198.51.100.1' \
		'b eth0 198.51.100.2 192.0.2.1' 'a eth0 198.51.100.2 192.0.2.1')"
}

# --- losses ------------------------------------------------------------------------------------

@test "a neighbour that does not answer: lost before any device, by the kernel's word for it" {
	run -1 --separate-stderr trace -j 192.0.2.77
	assert_equal "$(result reason)" NEIGH_FAILED
	assert_equal "$(result error)" 'host unreachable'
}

@test "no route: said by the kernel when it is sent" {
	run -1 trace 203.0.113.1
	assert_line 'seq 1: not sent: Network is unreachable'
}

@test "nftables drops: where, and that it was netfilter" {
	requires nft
	on_server nft 'add table ip vsht; add chain ip vsht in { type filter hook input priority 0; }; add rule ip vsht in icmp type echo-request drop'
	run -1 --separate-stderr trace -j -W 1 "$SERVER4"
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' 'a eth0 out request' 'b eth0 in request')"
	assert_equal "$(result at.netns.name)" "$SERVER"
	assert_equal "$(result at.dev)" eth0
	assert_equal "$(result reason)" NETFILTER_DROP
}

@test "the kernel's symbols are read once, however many packets are dropped" {
	local symbols=$BATS_TEST_TMPDIR/symbols

	ip -n "$CLIENT" neigh replace "$SERVER4" lladdr 02:00:00:00:00:99 nud permanent dev eth0
	# Who opens it a second time waits for ever.
	mkfifo "$symbols"
	start here writer sh -c 'cat /proc/kallsyms >"$0"' "$symbols"
	run -1 --separate-stderr on_client unshare --mount sh -c 'mount --bind "$0" /proc/kallsyms && exec timeout -s KILL "$@"' "$symbols" \
		$((10 * PATIENCE)) "$TRACEPKT" -j -c 3 -i 10ms -W 1 "$SERVER4" 3>&-
	assert_equal "$(jq -r 'select(.event == "drop") | .reason + " " + (.function | sub("[.].*"; ""))' <<<"$output" | sort | uniq -c | xargs)" '3 OTHERHOST ip_rcv_core'
}

@test "what leaves and does not come back is said to have left" {
	on_server sysctl -qw net.ipv4.icmp_echo_ignore_all=1
	run -1 --separate-stderr trace -W 200ms "$SERVER4"
	assert_line --regexp "^seq 1: lost at eth0 of namespace $SERVER: "
}

@test "too large, and not to be fragmented" {
	run -1 trace -s 1473 -M "do" "$SERVER4"
	assert_line 'seq 1: not sent: Message too long'
	run -0 trace -s 1472 -M "do" "$SERVER4"
}

# --- losses of ours ----------------------------------------------------------------------------

@test "a rule's loss at egress is named, with its number" {
	vsh add dev eth0 command nobody drop 1%
	rule_add command vsh force drop 100%
	assert_equal "$RULE" 2
	run -1 --separate-stderr trace -j -W 200ms "$SERVER4"
	assert_equal "$(result at.dev)" eth0
	assert_equal "$(result at.netns.name)" "$CLIENT"
	assert_equal "$(result rule)" 2
	assert_equal "$(result loss)" 100
	run -1 trace -W 200ms "$SERVER6"
	assert_line "seq 1: lost at eth0 of namespace $CLIENT by us: rule 2, loss 100%"
	assert_line --regexp ' dropped by us: rule 2, loss 100%$'
}

@test "a rule's loss at egress is named, where the sender is told of it" {
	local visible

	for visible in local denied; do
		rule_add command vsh force drop 100% visible "$visible"
		run -1 --separate-stderr trace -j -W 200ms "$SERVER4"
		assert_equal "$(result rule)" "$RULE"
		vershitify del "$RULE"
	done
}

@test "a rule's loss at ingress is named" {
	rule_add command vsh force direction ingress drop 100%
	run -1 --separate-stderr trace -j -W 200ms "$SERVER4"
	assert_equal "$(hops <<<"$output" | wc -l)" 4
	assert_equal "$(result lost)" reply
	assert_equal "$(result rule)" "$RULE"
	assert_equal "$(result at.netns.name)" "$CLIENT"
}

@test "a rule's losses of others are not taken for the kernel's end of a packet" {
	rule_add command ping drop 100%
	start client flood ping -f -c 5000 -w 10 -i 0.002 "$SERVER4"
	run -0 --separate-stderr trace -j -c 20 -i 50ms "$SERVER4"
	stop flood
	assert [ "$(counter "$RULE" dropped)" -gt 100 ]
	refute_output --partial '"rule"'
}

@test "two tracers at once: each finds the rule that has dropped its echo" {
	local n

	rule_add command vsh force drop 100%
	for n in one two; do
		start client "$n" "$TRACEPKT" -j -c 20 -i 50ms -W 100ms "$SERVER4"
	done
	for n in one two; do
		finish "$n"
		output=$(output_of "$n")
		assert_equal "$n $(jq "select(.event == \"end\" or .event == \"result\") | .rule" <<<"$output" | sort | uniq -c | tr -s ' ')" "$n  20 $RULE"
	done
}

@test "what is dropped while nobody traces is left nowhere" {
	rule_add command ping drop 100%
	on_client ping -c 3 -i 0.1 -W 1 "$SERVER4" >/dev/null || :
	assert_equal "$(counter "$RULE" dropped)" 3
	assert_equal "$(bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_dropped | jq '[.[] | .formatted.value.address] | add')" 0
}

@test "README: the transcript is what is printed, but for numbers" {
	local numbers='s/[0-9]{10}/N/; s/ +[0-9]+( +eth0)/ P\1/; s/[0-9]+\.[0-9]{3}/T/g'

	run -0 --separate-stderr trace "$SERVER4"
	# The lab's names are longer: addresses may have no room on the line.
	output=$(sed -E ':join; N; s/\n {8,9}([^ ])/ \1/; t join; P; D' <<<"$output")
	assert_equal "$(sed -E "$numbers; s/ +/ /g; s/$LAB-/lab-/" <<<"$output")" \
		"$(sed -n '/tracepkt.sh -n lab-a 192/,/^$/ s/^    //p' "$TOP/README.md" | sed 1d | sed -E "$numbers; s/ +/ /g")"
}

# --- how it is asked ---------------------------------------------------------------------------

@test "several echoes, each with its result" {
	run -0 --separate-stderr trace -j -c 3 -i 100ms "$SERVER4"
	assert_equal "$(result seq)" "$(printf '%s\n' 1 2 3)"
	assert_equal "$(hops <<<"$output" | wc -l)" 12
	assert_equal "$(jq -r 'select(.event == "hop" and .since_first_ns == 0) | .seq' <<<"$output")" "$(printf '%s\n' 1 2 3)"
}

@test "another's pings with the same id and number are not told of" {
	start client flood ping -f -c 20000 -w 20 "$SERVER4"
	run -0 --separate-stderr trace -j -c 5 -i 200ms "$SERVER4"
	assert_equal "$(hops <<<"$output" | wc -l)" 20
	stop flood
}

@test "an output that cannot be written ends it with status 1" {
	run -1 --separate-stderr bash -c '"$0" -n "$1" "$2" >/dev/full' "$TRACEPKT" "$CLIENT" "$SERVER4"
	assert_equal "${#stderr_lines[@]}" 1
}

@test "bad words are refused in one line, and nothing is sent" {
	local words

	for words in '' '-c' '-c 0' '-c 65536' '-c x' '-i' '-i 0' '-i 1x' '-W -1' '-s 7' '-s 65001' '-M' '-M maybe' '-4 -6 ::1' \
		'-x 192.0.2.2' '192.0.2.2 192.0.2.3' '-c 1 -c 2 192.0.2.2' '--frob 192.0.2.2'; do
		# shellcheck disable=SC2086 # several words
		run -2 --separate-stderr trace $words
		[ -z "$words" ] || assert_equal "${#stderr_lines[@]}" 1
		refute_output
	done
	run -1 --separate-stderr trace nobody.invalid
	assert_equal "${#stderr_lines[@]}" 1
	run -1 --separate-stderr tracepkt -n nowhere "$SERVER4"
	assert_equal "${#stderr_lines[@]}" 1
}

# lost_set: the counters of "tracer" say that three events found no room (struct tpk_counts).
lost_set() {
	local maps map zeros='0 0 0 0 0 0 0 0'

	maps=$(fdinfo_of tracer map_id | jq -s .)
	map=$(bpftool -j map show | jq --argjson own "$maps" '.[] | select(.name == "tracepkt.bss" and (.id | IN($own[]))).id')
	# shellcheck disable=SC2086 # bytes
	bpftool map update id "$map" key 0 0 0 0 value $zeros $zeros 3 0 0 0 0 0 0 0 $zeros $zeros
}

@test "events that were lost are told at the end, with status 1" {
	local before

	start client tracer "$TOP/build/vsh" trace "$TOP/build" -c 10000 -i 100ms "$SERVER4"
	wait_line tracer '^seq 1: answered'
	kill -STOP "$(pid tracer)"
	lost_set
	before=$(lines_count tracer '^seq .* answered')
	kill -CONT "$(pid tracer)"
	wait_line tracer '^seq .* answered' $((before + 2)) # they go on
	stop tracer INT
	assert_equal "$EXIT_STATUS" 1
	assert_equal "$(errors_of tracer)" 'tracepkt.sh: 3 events were lost: paths are not complete'
}

@test "a namespace without a name is called by a process that lives there" {
	start client holder unshare --net sleep 100
	ip -n "$CLIENT" link add inner type veth peer name outer
	ip -n "$CLIENT" link set outer up
	busywait 5 is_called holder sleep # which is when it has entered that namespace
	ip -n "$CLIENT" link set inner netns "$(pid holder)"
	nsenter -t "$(pid holder)" -n sh -c 'ip link set inner up; ip addr add 198.51.100.2/30 dev inner'
	ip -n "$CLIENT" addr add 198.51.100.1/30 dev outer
	run -0 --separate-stderr trace -j 198.51.100.2
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' 'a outer out request' \
		"pid:$(pid holder) inner in request" "pid:$(pid holder) inner out reply" 'a outer in reply')"
	ip -n "$CLIENT" link del outer
}

@test "SIGKILL leaves nothing" {
	local programs

	start client tracer "$TOP/build/vsh" trace "$TOP/build" -c 10000 -i 100ms "$SERVER4"
	wait_line tracer '^seq 1:'
	programs=$(programs_of tracer)
	assert [ "$(wc -l <<<"$programs")" -ge 10 ]
	stop tracer KILL
	# Programs go when the kernel has closed the process's files.
	busywait 10 are_gone "$programs"
}
