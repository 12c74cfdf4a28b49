#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh finds its own packet where nothing of the kernel's tells that it is the same one: in a copy, and in a
# tunnel that is copied. What it looks for are random bytes that the packet carries.
# vm: ^(XDP|a tunnel|IPsec|another ping)
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
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
	ip -n "$CLIENT" xfrm state flush
	ip -n "$CLIENT" xfrm policy flush
	ip -n "$SERVER" xfrm state flush
	ip -n "$SERVER" xfrm policy flush
	lab_restore
}

# copies_make: each end of the cable copies what it receives, to give it to an XDP program.
copies_make() {
	pk dev eth0 hook native type 13 background 2>/dev/null
	pingkiller -n "$CLIENT" dev eth0 hook native type 13 background 2>/dev/null
}

# buffers: of JSON lines on stdin: how many packets the kernel had, by what tells them from each other.
buffers() {
	jq -s '[.[] | select(.event == "hop") | .packet] | unique | length'
}

@test "XDP on both ends of a cable: the path goes on in the copies that it is given" {
	copies_make
	assert_path "$SERVER4" 'a eth0 out request' 'b eth0 in request' 'b eth0 out reply' 'a eth0 in reply'
	assert_path "$SERVER6" 'a eth0 out request' 'b eth0 in request' 'b eth0 out reply' 'a eth0 in reply'
	run -0 --separate-stderr trace -j "$SERVER4"
	assert_equal "$(jq -c 'select(.event == "drop")' <<<"$output")" ''
}

@test "a tunnel, and XDP on both ends of the cable below it: the path goes on inside" {
	local kind words tried=

	for kind in vxlan ipip gre; do
		link_kind_works "$kind" || continue
		words="$kind local FROM remote TO"
		[ $kind != vxlan ] || words+=' id 9 dstport 4789 dev eth0'
		# shellcheck disable=SC2086 # several words
		tunnel_make $words
		copies_make
		assert_path 198.51.100.2 'a upper out request' 'a eth0 out request' 'b eth0 in request' 'b upper in request' \
			'b upper out reply' 'b eth0 out reply' 'a eth0 in reply' 'a upper in reply'
		pingkiller stop
		lab_restore
		tried+=" $kind"
	done
	[ -n "$tried" ] || skip "needs a kernel with tunnels"
}

@test "a TAP device: what a program writes to it is found" {
	requires tap
	start client far "$PROGRAMS/tapecho" tap0
	wait_line far ready
	ip -n "$CLIENT" link set tap0 up
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev tap0
	ip -n "$CLIENT" neigh replace 198.51.100.2 lladdr 02:00:00:00:00:02 nud permanent dev tap0
	assert_path 198.51.100.2 'a tap0 out request' 'a tap0 in reply'
}

# esp_make: all that goes between the two is encrypted by policy, in transport mode.
esp_make() {
	local netns from to out

	for netns in "$CLIENT" "$SERVER"; do
		from=1
		for out in "$CLIENT4 $SERVER4" "$SERVER4 $CLIENT4"; do
			# shellcheck disable=SC2086 # two words
			set -- $out
			ip -n "$netns" xfrm state add src "$1" dst "$2" proto esp spi $from reqid 1 mode transport \
				enc 'cbc(aes)' 0x00112233445566778899aabbccddeeff auth 'hmac(sha1)' 0x00112233445566778899aabbccddeeff00112233 2>/dev/null || return 1
			to=in
			[ "$netns $1" != "$CLIENT $CLIENT4" ] && [ "$netns $1" != "$SERVER $SERVER4" ] || to=out
			ip -n "$netns" xfrm policy add src "$1" dst "$2" dir $to tmpl src "$1" dst "$2" proto esp reqid 1 mode transport
			from=$((from + 1))
		done
	done
}

@test "IPsec by policy: answered, and told of where it is not encrypted" {
	esp_make || skip "needs a kernel with ESP (CONFIG_INET_ESP)"
	on_client ping -qc 1 -W 5 "$SERVER4"
	run -0 --separate-stderr trace -j "$SERVER4"
	assert_equal "$(result answered)" true
	refute_output --partial '"type":"ip 50","packet":0'
}

# filter_id: the id of the echoes that "tracer" sends, as ping -e takes it.
filter_id() {
	local maps map

	maps=$(fdinfo_of tracer map_id | jq -s .)
	map=$(bpftool -j map show | jq --argjson own "$maps" '.[] | select(.name == "tracepkt.rodata" and (.id | IN($own[]))).id')
	bpftool -j map dump id "$map" | jq -r '.[0].formatted.value[".rodata"][] | .filter? | select(. != null).id | (. % 256) * 256 + (. / 256 | floor)'
}

@test "another ping with the same id and number is not told of" {
	# what is sent is not answered, hence waited for when the other one comes
	on_server sysctl -qw net.ipv4.icmp_echo_ignore_all=1
	start server echoes python3 -uc 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready")
while True:
    packet = s.recv(2000)
    if packet[20] == 8: print("echo", packet[24:28].hex())'
	wait_line echoes '^ready$'
	start client tracer "$TOP/build/vsh" -j trace "$TOP/build" -W 5 "$SERVER4"
	wait_line tracer '"direction":"in"'
	run -1 on_client ping -qe "$(filter_id)" -c 1 -W 1 "$SERVER4"
	wait_line echoes '^echo ' 2
	run ! ended tracer # it is still looking
	finish tracer
	# they have indeed the same
	assert_equal "$(output_of echoes | sort -u | wc -l)" 2
	output=$(output_of tracer)
	assert_equal "$(hops <<<"$output")" "$(printf '%s\n' 'a eth0 out request' 'b eth0 in request')"
}
