#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tracepkt.sh prints and writes: each format tells the same hops, and is what it says it is.
# vm: ^a capture holds
#
#   $CLIENT  eth0 192.0.2.1 ---- 192.0.2.2 eth0  $SERVER  right 198.51.100.1 ---- 198.51.100.2 left  $LAB-c
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Some of it is for another shell:
# shellcheck disable=SC2016

load helpers

TARGET=198.51.100.2
HOPS='a eth0 out request
b eth0 in request
b right out request
c left in request
c left out reply
b right in reply
b eth0 out reply
a eth0 in reply'

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	chain_make
}
teardown() {
	test_end
	lab_restore
	[ ! -e "$BATS_TEST_TMPDIR/folder/full" ] || umount "$BATS_TEST_TMPDIR/folder/full" 2>/dev/null || :
}

# --- rows of each format -----------------------------------------------------------------------

# lab_strip: the names of the lab are drawn anew each time.
lab_strip() {
	sed "s/$LAB-//g"
}

# Each makes of an output on stdin "NETNS DEV out|in|VERDICT TYPE" lines.

json_rows() {
	jq -r 'select(.event != "result") | [.netns.name, .dev,
		.direction // (if .rule then "dropped by us: rule \(.rule), loss \(.loss)%" else "dropped: \(.reason) in \(.function)" end),
		.type] | join(" ")' | lab_strip
}

# A row that has no room for its last column goes on in the next line.
text_rows() {
	lab_strip | sed -n '/^ *NETWORK NS/d; /^seq /d; p' |
		awk '/^\[/ { if (row != "") print row; row = $0; next } { sub(/^ +/, " "); row = row $0 } END { print row }' |
		sed -E 's/^\[ *[0-9]+\] ([^ ]+) +[0-9]+ +([^ ]+) +([^ ]+) +([^ ]+) +[0-9]+ +[^ ]+ +[^ ]+ +(.*)$/\1 \2 \3 \4 \5/' |
		sed -E 's/^([^ ]+ [^ ]+) (out|in) ([^ ]+) .*/\1 \2 \3/; s/^([^ ]+ [^ ]+) - ([^ ]+) (dropped.*)/\1 \3 \2/'
}

# capture_rows FILE
capture_rows() {
	local comment type

	tshark -r "$1" -T fields -e frame.comment -e icmp.type 2>/dev/null | while IFS=$'\t' read -r comment type; do
		[[ $comment =~ ^interface\ ([^ ]+),\ namespace\ ([^ ]+),\ hook\ [a-z_]+,\ verdict\ (.*)$ ]] || fail "comment '$comment'"
		case $type in 8) type=request ;; 0) type=reply ;; esac
		printf '%s %s %s %s\n' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}" "$type"
	done | lab_strip
}

# --- one path, every format --------------------------------------------------------------------

@test "table, JSON and capture tell the same hops" {
	run -0 --separate-stderr trace -j -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_equal "$(json_rows <<<"$output")" "$HOPS"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$HOPS"
	run -0 --separate-stderr trace "$TARGET"
	assert_equal "$(text_rows <<<"$output")" "$HOPS"
}

@test "table, JSON and capture tell the same of a loss by a rule, and of one by the kernel" {
	local hops="a eth0 out request
b eth0 in request"

	rule_add command vsh force drop 100%
	run -1 --separate-stderr trace -j -W 200ms -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_equal "$(json_rows <<<"$output")" "a eth0 dropped by us: rule $RULE, loss 100% request"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$(json_rows <<<"$output")"
	run -1 --separate-stderr trace -W 200ms "$TARGET"
	assert_equal "$(text_rows <<<"$output")" "a eth0 dropped by us: rule $RULE, loss 100% request"
	vershitify del "$RULE"
	# b does not forward: the kernel drops
	on_server sysctl -qw net.ipv4.ip_forward=0
	run -1 --separate-stderr trace -j -W 200ms -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_regex "$(json_rows <<<"$output")" "^$hops"$'\n'"b eth0 dropped: [A-Z_]+ in [a-z_0-9]+ request\$"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$(json_rows <<<"$output")"
	assert_equal "$(trace -W 200ms "$TARGET" | text_rows)" "$(json_rows <<<"$output")"
}

# --- the capture -------------------------------------------------------------------------------

@test "capinfos and tshark read a capture without complaint: packets, interfaces, nanoseconds" {
	local file=$BATS_TEST_TMPDIR/packets.pcapng

	run -0 --separate-stderr trace -j -c 3 -i 50ms -w "$file" "$TARGET"
	run -0 --separate-stderr capinfos "$file"
	assert_equal "$stderr" ''
	assert_line --regexp '^Number of packets: +24$'
	assert_line --regexp '^File timestamp precision: +nanoseconds \(9\)$'
	assert_line --regexp '^File encapsulation: +Raw IP$'
	assert_line 'Number of interfaces in file: 4'
	run -0 tshark -r "$file" -T fields -e frame.interface_name -e frame.interface_description
	assert_line --regexp "^left	left of network namespace $LAB-c \\[[0-9]+\\]\$"
	run -0 tshark -r "$file" -Y '_ws.malformed or _ws.expert.severity >= 0x600000'
	refute_output --regexp '^ *[0-9]'
}

@test "times in a capture are those of the rows, of the day" {
	local file=$BATS_TEST_TMPDIR/packets.pcapng before after

	before=$(date +%s)
	run -0 --separate-stderr trace -j -w "$file" "$TARGET"
	after=$(date +%s)
	assert_equal "$(tshark -r "$file" -T fields -e frame.time_delta 2>/dev/null | jq -s 'map(. * 1e9 | round)' -c)" \
		"$(jq -s 'map(select(.event == "hop").time_ns) | [.[1:], .[:-1]] | transpose | [0] + map(.[0] - .[1])' -c <<<"$output")"
	run -0 tshark -r "$file" -c 1 -T fields -e frame.time_epoch
	assert [ "${lines[-1]%.*}" -ge "$((before - 1))" ]
	assert [ "${lines[-1]%.*}" -le "$((after + 1))" ]
}

@test "a capture holds packets whole, or their first 2048 bytes with the length that they had" {
	local file=$BATS_TEST_TMPDIR/packets.pcapng size

	for size in 8 56 1000 1472; do
		run -0 --separate-stderr trace -j -s "$size" -w "$file" "$TARGET"
		assert_equal "$(tshark -r "$file" -T fields -e frame.cap_len -e frame.len -e icmp.checksum.status 2>/dev/null | sort -u)" \
			"$((size + 28))	$((size + 28))	1"
	done
	run -0 --separate-stderr trace -j -s 4000 -w "$file" 127.0.0.1
	assert_equal "$(tshark -r "$file" -T fields -e frame.len 2>/dev/null | sort | uniq -c)" '      4 4028'
	assert_equal "$(tshark -r "$file" -Y 'frame.cap_len < 128 or frame.cap_len > 2048' 2>/dev/null)" ''
}

@test "a capture is written whole or not at all, in the place of a file of that name" {
	local folder=$BATS_TEST_TMPDIR/folder

	mkdir "$folder"
	echo before >"$folder/packets"
	ln "$folder/packets" "$folder/other"
	run -0 trace -w "$folder/packets" "$TARGET"
	run -0 capinfos -c "$folder/packets"
	assert_equal "$(cat "$folder/other")" before
	# where files have no room for it
	mkdir "$folder/full"
	mount -t tmpfs -o size=4k none "$folder/full"
	echo before >"$folder/full/packets"
	run -1 --separate-stderr trace -w "$folder/full/packets" "$TARGET"
	assert_equal "$stderr" "tracepkt.sh: cannot write \"$folder/full/packets\": No space left on device"
	assert_equal "$(cat "$folder/full/packets")" before
	assert_equal "$(ls -A "$folder/full")" packets
	umount "$folder/full"
	assert_equal "$(ls -A "$folder")" "$(printf '%s\n' full other packets)"
}

@test "a capture replaces nothing but files, and follows no link" {
	local folder=$BATS_TEST_TMPDIR/folder

	mkdir "$folder"
	echo before >"$folder/file"
	ln -s file "$folder/link"
	mkfifo "$folder/pipe"
	run -0 --separate-stderr trace -w "$folder/link" "$TARGET"
	assert [ ! -L "$folder/link" ]
	rm "$folder/link"
	for name in pipe . ''; do
		run -1 --separate-stderr trace -w "$folder/$name" "$TARGET"
		refute_output
		assert_equal "$stderr" "tracepkt.sh: cannot write \"$folder/$name\": it is not a regular file"
	done
	run -1 --separate-stderr trace -w "$folder/none/file" "$TARGET"
	assert_equal "$stderr" "tracepkt.sh: cannot write \"$folder/none/file\": No such file or directory"
	assert_equal "$(cat "$folder/file")" before
	assert_equal "$(ls -A "$folder")" "$(printf '%s\n' file pipe)"
}
