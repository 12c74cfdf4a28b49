#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh follows each fragment of an echo or a datagram that is too large for a device.
# vm: ^(each fragment|a fragment|a router)
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER  right 198.51.100.1 ---- 198.51.100.2 left  $LAB-c
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

# fragments: of JSON lines on stdin: "NETNS DEV DIRECTION BEGIN-END" of each hop.
fragments() {
	jq -r --arg lab "$LAB-" 'select(.event == "hop") | [(.netns.name | ltrimstr($lab)), .dev, .direction,
		(if .fragment then "\(.fragment.begin)-\(.fragment.end)" else "whole" end)] | join(" ")'
}

# expected RANGE...: each of them on its way there, and back.
expected() {
	local from to range

	for from in a b; do
		for range; do
			to=$([ $from = a ] && echo b || echo a)
			printf '%s\n' "$from eth0 out $range" "$to eth0 in $range"
		done
	done
}

@test "each fragment is followed, to the whole and back" {
	local address ranges

	for address in "$SERVER4" "$SERVER6"; do
		ranges='0-1480 1480-2960 2960-4008'
		[ "$address" = "$SERVER4" ] || ranges='0-1448 1448-2896 2896-4008'
		run -0 --separate-stderr trace -j -s 4000 "$address"
		# shellcheck disable=SC2086 # several words
		assert_equal "$(fragments <<<"$output")" "$(expected $ranges)"
		assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
		assert_equal "$(jq -r 'select(.event == "hop") | .type' <<<"$output" | sort | uniq -c | xargs)" '6 reply 6 request'
		assert_equal "$(result devices)" 2
	done
}

@test "each fragment of a datagram is followed, and an answer's" {
	receiver_start -e
	run -0 --separate-stderr trace -j -s 4000 --udp "$PORT" "$SERVER4"
	assert_equal "$(fragments <<<"$output")" "$(expected 0-1480 1480-2960 2960-4008)"
	assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
}

@test "a fragment that is lost is named, and where" {
	requires nft
	# before the kernel puts them together
	on_server nft 'add table ip vsht; add chain ip vsht raw { type filter hook prerouting priority -450; }; add rule ip vsht raw ip frag-off & 0x1fff == 185 drop'
	run -1 --separate-stderr trace -j -W 300ms -s 4000 "$SERVER4"
	assert_equal "$(jq -r --arg lab "$LAB-" 'select(.event == "drop") | [(.netns.name | ltrimstr($lab)), .dev, .type, .fragment.begin] | join(" ")' <<<"$output")" 'b eth0 request 1480'
	assert_equal "$(result reason)" NETFILTER_DROP
	assert_equal "$(fragments <<<"$output")" "$(expected 0-1480 1480-2960 2960-4008 | head -n 6)"
}

@test "a router that fragments: the fragments are told of from there on" {
	chain_make
	ip -n "$SERVER" link set right mtu 1000
	ip -n "$LAB-c" link set left mtu 1000
	run -0 --separate-stderr trace -j -M dont -s 1400 198.51.100.2
	assert_equal "$(fragments <<<"$output" | head -n 6)" "$(printf '%s\n' 'a eth0 out whole' 'b eth0 in whole' \
		'b right out 0-976' 'c left in 0-976' 'b right out 976-1408' 'c left in 976-1408')"
	assert_equal "$(result answered)" true
	assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
}

@test "others' fragments are not told of" {
	start client flood ping -f -c 3000 -w 20 -s 4000 "$SERVER4"
	run -0 --separate-stderr trace -j -c 20 -i 10ms -s 4000 "$SERVER4"
	stop flood
	assert_equal "$(hops <<<"$output" | wc -l)" 240
}

@test "table, ladder, graph and capture tell of fragments" {
	local packets=$BATS_TEST_TMPDIR/packets

	run -0 --separate-stderr trace -w "$packets" -s 4000 "$SERVER4"
	assert_equal "$(tr -s '\n ' ' ' <<<"$output" | grep -oE '\(fragment [0-9]+-[0-9]+\)' | sort | uniq -c | xargs)" \
		'4 (fragment 0-1479) 4 (fragment 1480-2959) 4 (fragment 2960-4007)'
	# versions of tshark count in bytes or in eights
	assert_equal "$(tshark -r "$packets" -o ip.defragment:FALSE -T fields -e ip.frag_offset 2>/dev/null | sort | uniq -c | awk '{ print $1 }' | xargs)" '4 4 4'
	run -0 --separate-stderr trace --tree -s 4000 "$SERVER4"
	assert_equal "$(grep -c '^    [v^] 3 fragments$' <<<"$output")" 4
	assert_equal "$(grep -cE '^  eth0 ' <<<"$output")" 2
	run -0 --separate-stderr trace --dot -s 4000 "$SERVER4"
	assert_equal "$(grep -cE '^	n[01] -> n[01] \[label="(request|reply) 3 x ' <<<"$output")" 2
	assert_equal "$(grep -c -e '->' <<<"$output")" 2
}
