#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tracepkt.sh prints and writes: each format tells the same hops, and is what it says it is.
# vm: ^a capture holds|has no name for
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

# Downwards the request, then upwards the reply.
tree_rows() {
	lab_strip | sed -E ':join; N; s/\n {8}([^ ])/ \1/; t join; P; D' | awk '
		/^\[/ { netns = $2; next }
		$3 == "-" { row = netns " " $1; type = $2 == "v" ? "request" : "reply"; sub(/.* [+][0-9.]+ /, row " ") }
		$3 == "dropped" || $3 == "dropped:" { if (type == "request") down[++downs] = $0 " " type; else up[++ups] = $0 " " type; next }
		$2 == "v" || $2 == "^" { device = $1 }
		/^  [^ ]/ && $2 == "v" { down[++downs] = netns " " device " " $3 " request" }
		/^  [^ ]/ && $2 == "^" { up[++ups] = netns " " device " " $3 " reply" }
		/^  [^ ]/ && $6 == "^" { up[++ups] = netns " " device " " $7 " reply" }
		END {
			for (i = 1; i <= downs; i++) print down[i]
			for (i = ups; i; i--) print up[i]
		}'
}

# hops_edges: of rows on stdin, "NETNS DEV -> NETNS DEV|VERDICT TYPE" from each to the next of its type, and in a
# device nothing.
hops_edges() {
	sed -E 's/^([^ ]+ [^ ]+) (out|in) /\1 /' | awk '
		{ type = $NF; sub(/ [a-z]+$/, ""); place = $0 }
		place ~ / dropped/ { sub(/^[^ ]+ [^ ]+ /, "", place) }
		type == before_type { print before " -> " place " " type }
		{ before = place; before_type = type }'
}

dot_edges() {
	lab_strip | awk -F '"' '
		/label="[^"]* \[[0-9]+\]"/ { netns = $2; sub(/ .*/, "", netns) }
		/^\t\tn[0-9]+ / { sub(/^\t\t/, ""); split($0, word, " "); node[word[1]] = $2 ~ /^dropped/ ? $2 : netns " " $2 }
		/^\tn[0-9]+ -> / { sub(/^\t/, ""); split($0, word, " "); split($2, type, " "); print node[word[1]] " -> " node[word[3]] " " type[1] }'
}

# --- one path, every format --------------------------------------------------------------------

@test "table, ladder, JSON, graph and capture tell the same hops" {
	run -0 --separate-stderr trace -j -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_equal "$(json_rows <<<"$output")" "$HOPS"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$HOPS"
	run -0 --separate-stderr trace "$TARGET"
	assert_equal "$(text_rows <<<"$output")" "$HOPS"
	run -0 --separate-stderr trace --tree "$TARGET"
	assert_equal "$(tree_rows <<<"$output")" "$HOPS"
	assert_line --regexp '^seq 1: answered after 4 devices and 3 namespaces in '
	run -0 --separate-stderr trace --dot "$TARGET"
	assert_equal "$(dot_edges <<<"$output")" "$(hops_edges <<<"$HOPS")"
	assert_equal "$(hops_edges <<<"$HOPS" | wc -l)" 6
}

@test "table, ladder, JSON, graph and capture tell the same of a loss by a rule, and of one by the kernel" {
	local hops="a eth0 out request
b eth0 in request"

	rule_add command vsh force drop 100%
	run -1 --separate-stderr trace -j -W 200ms -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_equal "$(json_rows <<<"$output")" "a eth0 dropped by us: rule $RULE, loss 100% request"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$(json_rows <<<"$output")"
	run -1 --separate-stderr trace -W 200ms "$TARGET"
	assert_equal "$(text_rows <<<"$output")" "a eth0 dropped by us: rule $RULE, loss 100% request"
	assert_equal "$(trace --tree -W 200ms "$TARGET" | tree_rows)" "a eth0 dropped by us: rule $RULE, loss 100% request"
	run -1 --separate-stderr trace --dot -W 200ms "$TARGET"
	assert_line --partial "[label=\"dropped by us: rule $RULE, loss 100%\", shape=octagon"
	vershitify del "$RULE"
	# b does not forward: the kernel drops
	on_server sysctl -qw net.ipv4.ip_forward=0
	run -1 --separate-stderr trace -j -W 200ms -w "$BATS_TEST_TMPDIR/packets" "$TARGET"
	assert_regex "$(json_rows <<<"$output")" "^$hops"$'\n'"b eth0 dropped: [A-Z_]+ in [a-z_0-9]+ request\$"
	assert_equal "$(capture_rows "$BATS_TEST_TMPDIR/packets")" "$(json_rows <<<"$output")"
	assert_equal "$(trace -W 200ms "$TARGET" | text_rows)" "$(json_rows <<<"$output")"
	assert_equal "$(trace --tree -W 200ms "$TARGET" | tree_rows)" "$(json_rows <<<"$output")"
	assert_equal "$(trace --dot -W 200ms "$TARGET" | dot_edges)" "$(json_rows <<<"$output" | hops_edges)"
}

# --- for people --------------------------------------------------------------------------------

@test "table and ladder stay below 100 columns, whatever addresses and reasons there are" {
	local format

	address b right 2001:db8:1111:2222:3333:4444:5555:6661/112
	address c left 2001:db8:1111:2222:3333:4444:5555:6662/112
	rule_add command vsh force direction ingress drop 100%
	for format in '' --tree; do
		# shellcheck disable=SC2086 # none or one
		run -0 --separate-stderr tracepkt -n "$SERVER" $format 2001:db8:1111:2222:3333:4444:5555:6662
		[ -n "$format" ] || assert_line --partial ' 2001:db8:1111:2222:3333:4444:5555:6661 -> 2001:db8:1111:2222:3333:4444:5555:6662'
		assert_equal "$(awk 'length >= 100' <<<"$output")" ''
		# shellcheck disable=SC2086
		run -1 --separate-stderr trace -W 200ms $format "$TARGET"
		assert_output --partial 'dropped by us'
		assert_equal "$(awk 'length >= 100' <<<"$output")" ''
	done
}

@test "the ladder shows a translation where it happens, and keeps rungs apart that only one way takes" {
	requires nft
	# the answers come back by another way
	cable a other c other
	address a other 203.0.113.1/24
	address c other 203.0.113.2/24
	ip -n "$LAB-c" route replace 192.0.2.0/24 via 203.0.113.1
	on_client sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.other.rp_filter=0
	run -0 --separate-stderr trace --tree "$TARGET"
	assert_equal "$(tree_rows <<<"$output")" 'a eth0 out request
b eth0 in request
b right out request
c left in request
c other out reply
a other in reply'
	ip -n "$CLIENT" link del other
	ip -n "$LAB-c" route replace 192.0.2.0/24 via 198.51.100.1
	on_server nft 'add table ip vsht; add chain ip vsht post { type nat hook postrouting priority 100; }; add rule ip vsht post oifname right masquerade'
	run -0 --separate-stderr trace --tree "$TARGET"
	assert_equal "$(grep ' now ' <<<"$output")" '    ^ now 198.51.100.2 -> 192.0.2.1
    v now 198.51.100.1 -> 198.51.100.2'
}

@test "colours: on a terminal unless NO_COLOR is set, in a pipe with -color, and nothing else changes" {
	local plain='s/\x1b\[[0-9;]*m//g' numbers='s/[0-9]+\.[0-9]{3}/T/g; s/ +[0-9]+( +[a-z]+[0-9]* )/ P\1/' format

	for format in '' --tree; do
		# shellcheck disable=SC2086 # none or one
		run -0 --separate-stderr trace $format "$TARGET"
		refute_output --partial $'\e'
		assert_equal "$("$TRACEPKT" -n "$CLIENT" -color $format "$TARGET" 3>&- | sed -E "$plain; $numbers")" "$(sed -E "$numbers" <<<"$output")"
		assert_regex "$("$TRACEPKT" -n "$CLIENT" -color $format "$TARGET" 3>&-)" $'\e'
	done
	run -0 env -u NO_COLOR script -qec "$TRACEPKT -n $CLIENT $TARGET" /dev/null 3>&-
	assert_output --partial $'\e'
	run -0 env NO_COLOR=1 script -qec "$TRACEPKT -n $CLIENT $TARGET" /dev/null 3>&-
	refute_output --partial $'\e'
	run -0 env -u NO_COLOR script -qec "$TRACEPKT -n $CLIENT -color=never $TARGET" /dev/null 3>&-
	refute_output --partial $'\e'
	# data have none
	for format in -j --dot; do
		run -0 trace -color $format "$TARGET"
		refute_output --partial $'\e'
	done
}

has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "a reader at the other end of a pipe gets each row as it comes, not at the end" {
	local format

	on_server sysctl -qw net.ipv4.icmp_echo_ignore_all=1
	for format in '' -j; do
		# Longer than anybody waits here: rows that come at the end do not come.
		# shellcheck disable=SC2086 # none or one
		start here tracer bash -c '"$@" | cat' - "$TRACEPKT" -n "$CLIENT" $format -W 1000 "$SERVER4"
		busywait 20 has_lines "$BATS_TEST_TMPDIR/tracer.out" 2
		processes_stop
	done
}

# --- the drawing -------------------------------------------------------------------------------

@test "Graphviz draws what it is told: a cluster for each namespace, a node for each device" {
	local file=$BATS_TEST_TMPDIR/path.svg

	umask 027
	run -0 --separate-stderr trace -c 2 -i 50ms --svg "$file" "$TARGET"
	assert_equal "$stderr" ''
	assert_line --regexp '^seq 2: answered '
	assert_equal "$(grep -c 'class="cluster"' "$file") $(grep -c 'class="node"' "$file") $(grep -c 'class="edge"' "$file")" '3 4 6'
	assert grep -qE '>request 2 x [0-9.]+ to [0-9.]+ ms<' "$file"
	assert_equal "$(stat -c %a "$file")" 640
	run -0 --separate-stderr trace --dot "$TARGET"
	run -0 dot -Tplain <<<"$output"
	assert_equal "$(grep -c '^node' <<<"$output")" 4
}

@test "a drawing and a capture are written also where a signal ends the tracer" {
	local svg=$BATS_TEST_TMPDIR/path.svg packets=$BATS_TEST_TMPDIR/packets.pcapng

	start client tracer "$TOP/build/vsh" trace "$TOP/build" -c 1000 -i 50ms --svg "$svg" -w "$packets" "$TARGET"
	wait_line tracer '^seq 2: answered'
	stop tracer INT
	assert_equal "$(errors_of tracer)" ''
	assert_equal "$(grep -c 'class="node"' "$svg")" 4
	run -0 --separate-stderr capinfos -c "$packets"
}

@test "without Graphviz a drawing is refused in one line, before anything is sent" {
	local folder

	mkdir "$BATS_TEST_TMPDIR/bin"
	for folder in /usr/sbin /sbin /usr/bin /bin; do
		ln -s "$folder"/* "$BATS_TEST_TMPDIR/bin" 2>/dev/null || :
	done
	rm "$BATS_TEST_TMPDIR/bin/dot"
	run -1 --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" "$TOP/build/vsh" trace "$TOP/build" --svg "$BATS_TEST_TMPDIR/path.svg" 127.0.0.1
	refute_output
	assert_equal "$stderr" 'tracepkt.sh: --svg needs dot (package graphviz)'
	assert [ ! -e "$BATS_TEST_TMPDIR/path.svg" ]
	run -1 --separate-stderr trace --svg "$BATS_TEST_TMPDIR/none/path.svg" "$TARGET"
	assert_equal "$stderr" "tracepkt.sh: cannot write \"$BATS_TEST_TMPDIR/none/path.svg\": No such file or directory"
}

@test "standard output has one format" {
	run -2 --separate-stderr trace -j --tree "$TARGET"
	assert_equal "$stderr" 'tracepkt.sh: -j: standard output has one format'
	run -2 --separate-stderr trace --dot --tree "$TARGET"
	assert_equal "$stderr" 'tracepkt.sh: "--tree": only one of -tree and -dot is allowed'
}

# --- odd names ---------------------------------------------------------------------------------

@test "a reason that the kernel has no name for is a number, and never another reason's name" {
	local names number name

	names=$(bpftool -j btf dump file /sys/kernel/btf/vmlinux | jq -r '.types[] | select(.kind == "ENUM" and .name == "skb_drop_reason").values[] | "\(.val) \(.name)"')
	assert [ "$(wc -l <<<"$names")" -gt 20 ]
	while read -r number name; do
		case $name in
		*_SUBSYS_MASK) continue ;; # jq has no room for the number
		*_MAX) name="reason $number" ;;
		*) name=${name#SKB_} name=${name#DROP_REASON_} ;;
		esac
		assert_equal "$("$PROGRAMS/reason" "$number")" "$name"
	done <<<"$names"
	# of no enum, of a subsystem, the mask of subsystems, all bits
	for number in 4000 65536 131075 4294901760 4294967295; do
		run -1 grep "^$number " <<<"$names"
		assert_equal "$("$PROGRAMS/reason" "$number")" "reason $number"
	done
}

@test "control characters in the name of a device do not reach a terminal, and JSON keeps them" {
	local name=$'x\e[1my'

	ip -n "$LAB-c" link set left down
	ip -n "$LAB-c" link set left name "$name"
	ip -n "$LAB-c" addr flush dev "$name"
	ip -n "$LAB-c" link set "$name" up
	ip -n "$LAB-c" addr add 198.51.100.2/24 dev "$name"
	ip -n "$LAB-c" route add 192.0.2.0/24 via 198.51.100.1
	for format in -color=never --tree --dot; do
		run -0 --separate-stderr trace "$format" "$TARGET"
		refute_output --partial $'\e'
		assert_output --partial 'x?[1my'
	done
	run -0 --separate-stderr trace -j "$TARGET"
	assert_equal "$(jq -r --arg name "$name" 'select(.dev == $name).dev' <<<"$output" | wc -l)" 2
}

@test "a namespace whose name is gone is told by its number" {
	local inode

	inode=$(stat -Lc %i "/run/netns/$LAB-c")
	# Without a name or a process it lives on while this is open.
	exec {held}<"/run/netns/$LAB-c"
	ip netns del "$LAB-c"
	run -0 --separate-stderr trace -j "$TARGET"
	assert_equal "$(jq -r 'select(.dev == "left") | "\(.netns.name) \(.netns.inode)"' <<<"$output" | sort -u)" "null $inode"
	run -0 --separate-stderr trace "$TARGET"
	assert_line --regexp "^\[$inode\] - +[0-9]+ +left in "
	run -0 --separate-stderr trace --tree "$TARGET"
	assert_line "[$inode]"
	exec {held}<&-
}

@test "a namespace that is deleted while it is traced: results go on, with its name or number" {
	start client tracer "$TOP/build/vsh" -j trace "$TOP/build" -c 1000 -i 100ms -W 300ms "$TARGET"
	wait_line tracer '"answered":true'
	ip netns del "$LAB-c"
	wait_line tracer '"answered":false'
	stop tracer INT
	assert_equal "$EXIT_STATUS" 1
	assert_equal "$(errors_of tracer)" ''
	# Every line is whole, and every namespace has the name that it had, or none.
	assert_equal "$(jq -r '.netns.name // empty' "$BATS_TEST_TMPDIR/tracer.out" | sort -u | lab_strip)" $'a\nb\nc'
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
	# packets can carry secrets
	assert_equal "$(stat -c %a "$folder/packets")" 600
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

# --- the demonstration -------------------------------------------------------------------------

@test "demo.sh tracepkt shows a path of four devices and a loss by a rule, and leaves nothing" {
	run -0 "$TOP/scripts/demo.sh" tracepkt 3>&-
	assert_line 'yes  there and back through 4 devices in 3 namespaces'
	assert_line 'yes  the answer is lost by that rule, at the last device'
	assert_line 'yes  nothing is left behind'
	refute_line --regexp '^NO '
	assert_equal "$(ip netns list | grep '^demo-')" ''
}

@test "losses by a rule are told where the command is in a namespace by ip netns exec, which hides the pins" {
	rule_add command vsh force drop 100%
	run -1 --separate-stderr ip netns exec "$CLIENT" "$TRACEPKT" -W 200ms "$TARGET" 3>&-
	assert_equal "$stderr" ''
	assert_line "seq 1: lost at eth0 of namespace $CLIENT by us: rule $RULE, loss 100%"
}
