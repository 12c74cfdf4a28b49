#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh follows a packet through what the kernel can build between two namespaces, and names the place
# and the cause of each kind of loss: one test each.
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# Further namespaces, $LAB-c and so on, are made by the tests that need them.
# vm: ^(VLAN|ipvlan|a bond|ipip|gre|ip6tnl|pingkiller is named)
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
	output=$(tr -s '\n ' ' ' <<<"$output")
	assert_output --regexp ' right out request [-+0-9. ]+ 192.0.2.1 -> 198.51.100.2 \(was 192.0.2.1 -> 192.0.2.80\) '
	assert_output --regexp ' eth0 out reply [-+0-9. ]+ 192.0.2.80 -> 192.0.2.1 \(was 198.51.100.2 -> 192.0.2.1\) '
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

# assert_tunnel NAME: the devices below see it in the tunnel of that name, and it alone has the addresses below.
assert_tunnel() {
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
	run -0 --separate-stderr trace -j 198.51.100.2
	assert_equal "$(jq -r 'select(.event == "hop") | [.dev, .from, .to, .tunnel // "-"] | join(" ")' <<<"$output")" "$(printf '%s\n' \
		'upper 198.51.100.1 198.51.100.2 -' "eth0 192.0.2.1 192.0.2.2 $1" "eth0 192.0.2.1 192.0.2.2 $1" 'upper 198.51.100.1 198.51.100.2 -' \
		'upper 198.51.100.2 198.51.100.1 -' "eth0 192.0.2.2 192.0.2.1 $1" "eth0 192.0.2.2 192.0.2.1 $1" 'upper 198.51.100.2 198.51.100.1 -')"
	refute_output --partial '"was"'
}

@test "vxlan: the echo is found inside, on each device below" {
	requires vxlan
	tunnel_make vxlan id 9 dstport 4789 local FROM remote TO dev eth0
	assert_tunnel vxlan
}

@test "ipip" {
	requires ipip
	tunnel_make ipip local FROM remote TO
	assert_tunnel ipip
}

@test "gre" {
	requires gre
	tunnel_make gre local FROM remote TO key 7
	assert_tunnel gre
}

@test "ip6tnl: IPv4 in IPv6, after an extension header" {
	requires ip6tnl
	tunnel_make ip6tnl mode ipip6 local FROM6 remote TO6 encaplimit 4 dev eth0
	assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
		'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
	run -0 --separate-stderr trace -j 198.51.100.2
	assert_equal "$(jq -r 'select(.event == "hop") | "\(.dev) \(.tunnel)"' <<<"$output" | sort | uniq -c | xargs)" '4 eth0 ipip 4 upper null'
}

@test "XDP programs on both ends: the path goes on in the copies that they are given" {
	pk dev eth0 hook native type 13 background 2>/dev/null
	pingkiller -n "$CLIENT" dev eth0 hook native type 13 background 2>/dev/null
	assert_path "$SERVER4" 'a eth0 out request' 'b eth0 in request' 'b eth0 out reply' 'a eth0 in reply'
	assert_path "$SERVER6" 'a eth0 out request' 'b eth0 in request' 'b eth0 out reply' 'a eth0 in reply'
}

# bridge_make NAME...: a bridge in c, each of these has a port named after it; d is 198.51.100.1, the next ones follow.
bridge_make() {
	local name number=1

	netns_make c "$@"
	ip -n "$LAB-c" link add br0 type bridge
	ip -n "$LAB-c" link set br0 up
	for name; do
		cable c "port-$name" "$name" eth0
		ip -n "$LAB-c" link set "port-$name" master br0
		address "$name" eth0 "198.51.100.$number/24"
		number=$((number + 1))
	done
}

@test "a bridge that floods: each copy is a branch with an end of its own" {
	requires bridge
	bridge_make d e f g
	# Only d is known there: what is for e goes to all.
	ip -n "$LAB-c" link set dev port-e type bridge_slave learning off fdb_flush
	nsenter --net="/run/netns/$LAB-d" -- ping -qc 1 -W 5 198.51.100.2
	run -0 --separate-stderr tracepkt -n "$LAB-d" -j 198.51.100.2
	assert_equal "$(hops <<<"$output" | sort)" "$(printf '%s\n' \
		'c port-d in request' 'c port-d out reply' 'c port-e in reply' 'c port-e out request' 'c port-f out request' \
		'c port-g out request' 'd eth0 in reply' 'd eth0 out request' 'e eth0 in request' 'e eth0 out reply' \
		'f eth0 in request' 'g eth0 in request' | sort)"
	assert_equal "$(drops <<<"$output" | sort)" "$(printf '%s\n' 'f eth0' 'g eth0')"
	assert_equal "$(jq -r 'select(.event == "drop") | .reason' <<<"$output" | sort -u)" OTHERHOST
	assert_equal "$(jq -r 'select(.event == "hop" and .type == "request" and .direction == "in" and .netns.name != null) | .branch' <<<"$output" | sort -u | wc -l)" 3
	assert_equal "$(jq -s '[.[] | select(.type == "request") | .packet] | unique | length' <<<"$output")" 1
}

# --- losses ------------------------------------------------------------------------------------

# drops: of JSON lines on stdin: "NETNS DEV" of each that tells of a drop.
drops() {
	jq -r --arg lab "$LAB-" 'select(.event == "drop") | [(.netns.name // "-" | ltrimstr($lab)), .dev] | join(" ")'
}

# assert_ends PLACE: one row tells of the end, and the result, which is one, names the same place: "NETNS DEV".
assert_ends() {
	assert_equal "$(drops <<<"$output")" "$1"
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "result") | [(.at.netns.name // "-" | ltrimstr($lab)), .at.dev] | join(" ")' <<<"$output")" "$1"
}

# assert_lost PLACE TARGET [WORDS...]: status 1, and one end there.
assert_lost() {
	run -1 --separate-stderr trace -j -W 200ms "${@:3}" "$2"
	assert_ends "$1"
	assert_equal "$(result answered)" false
}

# neighbour_set MAC: what the client takes the server's for. "": what it is.
neighbour_set() {
	local mac=${1:-$(ip -n "$SERVER" -j link show eth0 | jq -r '.[0].address')}

	ip -n "$CLIENT" neigh replace "$SERVER4" lladdr "$mac" nud permanent dev eth0
}

@test "lost: nftables drops" {
	requires nft
	on_server nft 'add table ip vsht; add chain ip vsht in { type filter hook input priority 0; }; add rule ip vsht in icmp type echo-request drop'
	assert_lost 'b eth0' "$SERVER4"
	assert_equal "$(result reason)" NETFILTER_DROP
}

@test "lost: the queue is full" {
	neighbour_set ''
	tc -n "$CLIENT" qdisc add dev eth0 root bfifo limit 1
	assert_lost 'a eth0' "$SERVER4"
	tc -n "$CLIENT" qdisc del dev eth0 root
	assert_regex "$(result reason)" '^(QDISC_.*|NOT_SPECIFIED)$'
}

@test "lost: the other end of the cable is down" {
	netns_make c
	cable a left c right
	address a left 198.51.100.1/24
	ip -n "$LAB-c" link set right down
	ip -n "$CLIENT" neigh replace 198.51.100.2 lladdr 02:00:00:00:00:99 nud permanent dev left
	assert_lost 'a left' 198.51.100.2
}

@test "lost: the wrong MAC" {
	neighbour_set 02:00:00:00:00:99
	assert_lost 'b eth0' "$SERVER4"
	assert_equal "$(result reason)" OTHERHOST
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' 'a eth0 out request' 'b eth0 in request')"
}

@test "lost: no route, on the way" {
	chain_make
	ip -n "$CLIENT" route add 203.0.113.0/24 via "$SERVER4"
	assert_lost 'b eth0' 203.0.113.1
	assert_equal "$(result error)" 'network unreachable'
	assert_equal "$(result error_from)" "$SERVER4"
}

@test "lost: no route from here" {
	run -1 --separate-stderr trace -j 203.0.113.1
	assert_equal "$(drops <<<"$output")" ''
	assert_equal "$(result send_error)" 'Network is unreachable'
}

@test "lost: rp_filter" {
	chain_make
	ip -n "$CLIENT" addr add 203.0.113.9/32 dev eth0
	ip -n "$CLIENT" route replace 198.51.100.0/24 via "$SERVER4" src 203.0.113.9
	on_server sysctl -qw net.ipv4.conf.eth0.rp_filter=1
	assert_lost 'b eth0' 198.51.100.2
	on_server sysctl -qw net.ipv4.conf.eth0.rp_filter=0
	assert_regex "$(result reason)" '^(IP_RPFILTER|NOT_SPECIFIED)$'
}

@test "lost: the router does not forward" {
	chain_make
	on_server sysctl -qw net.ipv4.ip_forward=0
	assert_lost 'b eth0' 198.51.100.2
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' 'a eth0 out request' 'b eth0 in request')"
}

@test "lost: too large for what comes later, and not to be fragmented" {
	chain_make
	ip -n "$SERVER" link set right mtu 1000
	assert_lost 'b eth0' 198.51.100.2 -s 1200 -M "do"
	assert_equal "$(result error)" 'fragmentation needed'
	run -1 --separate-stderr trace -j -s 1200 -M "do" 198.51.100.2 # by now it is known
	assert_equal "$(result send_error)" 'Message too long'
}

@test "lost: the answer is larger than what the other end of the cable takes" {
	chain_make
	ip -n "$SERVER" link set right mtu 1000
	assert_lost 'c left' 198.51.100.2 -s 1200 -M dont
	assert_equal "$(result lost)" reply
	assert_equal "$(result reason)" "$(jq -r 'select(.event == "drop") | .reason' <<<"$output")"
}

@test "lost: a rule of ours, either way" {
	rule_add command vsh force drop 100%
	assert_lost 'a eth0' "$SERVER4"
	assert_equal "$(result rule)" "$RULE"
	vershitify del "$RULE"
	rule_add command vsh force direction ingress drop 100%
	assert_lost 'a eth0' "$SERVER4"
	assert_equal "$(result rule)" "$RULE"
	assert_equal "$(result lost)" reply
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

@test "pingkiller is named, with its device and words, on each hook" {
	local hook

	for hook in native generic tc; do
		pk dev eth0 hook "$hook" background 2>/dev/null
		assert_killed "$hook"
		run -1 trace -W 200ms "$SERVER4"
		assert_regex "$(tr -s '\n ' ' ' <<<"$output")" " dropped by us: pingkiller on eth0 of $SERVER: hook $hook .* drop 100%"
		assert_regex "$(tr -s '\n ' ' ' <<<"$output")" " seq 1: lost at eth0 of namespace $SERVER by us: pingkiller, hook $hook .* drop 100%"
		pk stop
	done
}

# kept: how many echoes pingkiller keeps in mind for tracers.
kept() {
	bpftool -j map dump pinned /sys/fs/bpf/pingkiller/*-*/pk_dropped | jq length
}

# tracers: for how many.
tracers() {
	bpftool -j map dump pinned /sys/fs/bpf/pingkiller/*-*/pk_tracers | jq '.[0].formatted.value.count'
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
	assert_equal "$(tracers)" 0
}

# The next drop does away with who is over.
no_tracers() {
	on_client ping -qc 1 -W 0.1 "$SERVER4" >/dev/null || :
	[ "$(tracers)" = 0 ]
}

@test "pingkiller keeps nothing any more for one who traces and is killed" {
	pk dev eth0 background 2>/dev/null
	start client killed "$TOP/build/vsh" -j trace "$TOP/build" -c 1000 -i 50ms -W 200ms "$SERVER4"
	wait_line killed '"event":"result"'
	assert_equal "$(tracers)" 1
	stop killed KILL
	busywait 10 no_tracers
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

@test "a drop in a driver's XDP, before there is a packet, has a row as well" {
	requires tap
	start client far "$PROGRAMS/tapecho" tap0
	wait_line far ready
	ip -n "$CLIENT" link set tap0 up
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev tap0
	ip -n "$CLIENT" neigh replace 198.51.100.2 lladdr 02:00:00:00:00:02 nud permanent dev tap0
	run -0 --separate-stderr trace -j 198.51.100.2
	pingkiller -n "$CLIENT" dev tap0 hook native type echo-reply background 2>/dev/null
	assert_lost 'a tap0' 198.51.100.2
	assert_equal "$(result lost)" reply
	assert_regex "$(result pingkiller)" '^hook native type echo-reply '
	assert_equal "$(jq -r 'select(.event == "drop") | .packet' <<<"$output")" 0 # no hook has seen it
}
