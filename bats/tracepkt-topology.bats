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
