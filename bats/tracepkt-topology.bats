#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh follows a packet through what the kernel can build between two namespaces, and names the place
# and the cause of each kind of loss: one test each.
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# Further namespaces, $LAB-c and so on, are made by the tests that need them.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	pingkiller stop
	lab_restore
}

# chain_make: c is behind the server: 198.51.100.1 right of b, 198.51.100.2 left of c. The client knows the way.
chain_make() {
	netns_make c
	cable b right c left
	address b right 198.51.100.1/24
	address c left 198.51.100.2/24
	ip -n "$CLIENT" route add 198.51.100.0/24 via "$SERVER4"
	ip -n "$LAB-c" route add 192.0.2.0/24 via 198.51.100.1
	on_server sysctl -qw net.ipv4.ip_forward=1
}

# addresses: of JSON lines on stdin: "NETNS DEV FROM TO [FROM-BEFORE TO-BEFORE]" of each hop.
addresses() {
	jq -r --arg lab "$LAB-" 'select(.event == "hop") |
		[(.netns.name | ltrimstr($lab)), .dev, .from, .to, (.was // empty | .from, .to)] | join(" ")'
}

# --- paths -------------------------------------------------------------------------------------

@test "a translation of addresses: before and after stand in one row, there and back" {
	requires nft
	chain_make
	on_server nft 'add table ip vsht; add chain ip vsht pre { type nat hook prerouting priority -100; }; add rule ip vsht pre ip daddr 192.0.2.80 dnat to 198.51.100.2'
	ip -n "$CLIENT" route add 192.0.2.80 via "$SERVER4"
	run -0 --separate-stderr trace -j 192.0.2.80
	assert_equal "$(addresses <<<"$output")" "$(printf '%s\n' \
		'a eth0 192.0.2.1 192.0.2.80' 'b eth0 192.0.2.1 192.0.2.80' \
		'b right 192.0.2.1 198.51.100.2 192.0.2.1 192.0.2.80' 'c left 192.0.2.1 198.51.100.2' \
		'c left 198.51.100.2 192.0.2.1' 'b right 198.51.100.2 192.0.2.1' \
		'b eth0 192.0.2.80 192.0.2.1 198.51.100.2 192.0.2.1' 'a eth0 192.0.2.80 192.0.2.1')"
	run -0 trace 192.0.2.80
	assert_line --regexp ' right out request .* 192.0.2.1 -> 198.51.100.2 \(was 192.0.2.1 -> 192.0.2.80\)$'
	assert_line --regexp ' eth0 out +reply .* 192.0.2.80 -> 192.0.2.1 \(was 198.51.100.2 -> 192.0.2.1\)$'
}

# stacked_make KIND WORDS...: on both eth0 a device "upper" of that kind, 198.51.100.1 and .2. arp_ignore: the
# device below would answer, too, who has these, and get the packets.
stacked_make() {
	local netns number=1

	for netns in "$CLIENT" "$SERVER"; do
		nsenter --net="/run/netns/$netns" -- sysctl -qw net.ipv4.conf.all.arp_ignore=1
		ip -n "$netns" link add link eth0 name upper type "$@"
		ip -n "$netns" link set upper up
		ip -n "$netns" addr add "198.51.100.$number/24" dev upper
		number=2
	done
}

@test "VLAN devices: the path goes through them and their parents" {
	requires vlan
	stacked_make vlan id 9
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
}

@test "macvlan" {
	requires macvlan
	stacked_make macvlan
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
}

@test "ipvlan" {
	requires ipvlan
	stacked_make ipvlan mode l2
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
}

@test "a bond" {
	requires bond
	netns_make c
	cable a left c right
	ip -n "$CLIENT" link set left down
	ip -n "$CLIENT" link add upper type bond mode active-backup miimon 0
	ip -n "$CLIENT" link set left master upper
	ip -n "$CLIENT" link set upper up
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev upper
	address c right 198.51.100.2/24
	assert_path 198.51.100.2 'a upper out request' 'a left out request' 'c right in request' \
		'c right out reply' 'a left in reply' 'a upper in reply'
}

@test "vxlan: the echo is found inside, on each device below" {
	requires vxlan
	local name number=1 other

	for name in a b; do
		if [ "$name" = a ]; then other=$SERVER4; else other=$CLIENT4; fi
		ip -n "$LAB-$name" link add upper type vxlan id 9 remote "$other" dstport 4789 dev eth0
		ip -n "$LAB-$name" link set upper up
		address "$name" upper "198.51.100.$number/24"
		number=2
	done
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
}

# --- losses of ours ----------------------------------------------------------------------------

# assert_killed HOOK: of IPv4 and IPv6, both ways; what others ping is not told of.
assert_killed() {
	local target

	for target in "$SERVER4" "$SERVER6"; do
		run -1 --separate-stderr trace -j -W 200ms "$target"
		assert_ends "b eth0"
		assert_equal "$(result lost)" request
		assert_regex "$(result pingkiller)" "^hook $1 .*drop 100%"
	done
}

# assert_ends PLACE: one row tells of the end, and the result names the same place: "NETNS DEV".
assert_ends() {
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "drop") | [(.netns.name | ltrimstr($lab)), .dev] | join(" ")' <<<"$output")" "$1"
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "result") | [(.at.netns.name | ltrimstr($lab)), .at.dev] | join(" ")' <<<"$output")" "$1"
}

@test "pingkiller is named, with its device and words, on each hook" {
	local hook

	for hook in native generic tc; do
		pk dev eth0 hook "$hook" background 2>/dev/null
		assert_killed "$hook"
		run -1 trace -W 200ms "$SERVER4"
		assert_line --regexp " dropped by us: pingkiller on eth0 of $SERVER: hook $hook .* drop 100%"
		assert_line --regexp "^seq 1: lost at eth0 of namespace $SERVER by us: pingkiller, hook $hook .* drop 100%"
		pk stop
	done
}

# kept: how many echoes pingkiller keeps in mind for tracers.
kept() {
	bpftool -j map dump pinned /sys/fs/bpf/pingkiller/*-*/pk_dropped | jq length
}

@test "pingkiller keeps only echoes of those who trace in mind, and nothing when nobody does" {
	pk dev eth0 background 2>/dev/null
	run -1 on_client ping -qc 3 -i 0.01 -W 0.1 "$SERVER4"
	assert_equal "$(kept)" 0
	start client flood ping -f -c 2000 -w 20 -W 0.1 "$SERVER4"
	run -1 --separate-stderr trace -j -c 3 -i 20ms -W 200ms "$SERVER4"
	stop flood
	assert_equal "$(kept)" 3
	assert_equal "$(jq -c 'select(.event == "drop") | .seq' <<<"$output")" "$(printf '%s\n' 1 2 3)"
	assert_equal "$(bpftool -j map dump pinned /sys/fs/bpf/pingkiller/*-*/pk_tracers | jq '.[0].formatted.value.count')" 0
}

@test "two tracers at once: each is told of its own drops" {
	pk dev eth0 background 2>/dev/null
	start client first "$TOP/build/vsh" -j trace "$TOP/build" -c 20 -i 50ms -W 200ms "$SERVER4"
	wait_line first '"event":"result"' # then it is known there, and a second one does not write over it
	start client second "$TOP/build/vsh" -j trace "$TOP/build" -c 20 -i 50ms -W 200ms "$SERVER4"
	finish first
	finish second
	assert_equal "$(output_of first | jq -c 'select(.event == "result" and .pingkiller) | .seq' | wc -l)" 20
	assert_equal "$(output_of second | jq -c 'select(.event == "result" and .pingkiller) | .seq' | wc -l)" 20
}

@test "an answer that pingkiller drops" {
	pingkiller -n "$CLIENT" dev eth0 type echo-reply background 2>/dev/null
	run -1 --separate-stderr trace -j -W 200ms "$SERVER4"
	assert_ends "a eth0"
	assert_equal "$(result lost)" reply
	assert_regex "$(result pingkiller)" ' type echo-reply '
}
