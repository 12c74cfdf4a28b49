#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What becomes of a served device: it is moved, deleted, made anew, freed by others, its time ends. pingkiller.sh
# looks that up, says it, and takes away what is left.
# vm: ^(native: a device that is moved|without links)
#
#   $CLIENT: pings   eth0 192.0.2.1 ---------- 192.0.2.2 eth0   $SERVER: pingkiller.sh
#                    eth1 198.51.100.1 ---------- 198.51.100.2 eth1, which comes and goes
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	BEFORE=$(system_state)
	pair_make
}
teardown() {
	test_end
	pingkiller stop
	[ ! -e "/run/netns/$CLIENT" ] || pair_unmake
}

pair_unmake() {
	[ ! -e "$BATS_TEST_TMPDIR/holder" ] || kill "$(cat "$BATS_TEST_TMPDIR/holder")" 2>/dev/null || :
	ip -n "$CLIENT" link del eth1 2>/dev/null || :
}

assert_nothing_left() {
	pair_unmake
	assert_state "$BEFORE"
}

# pair_make: eth1, also anew.
pair_make() {
	ip -n "$CLIENT" link del eth1 2>/dev/null || :
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev eth1
	ip -n "$CLIENT" link set eth1 up
	eth1_up ip -n "$SERVER"
}

# eth1_up IP-COMMAND...: the other end, in whatever namespace.
eth1_up() {
	"$@" addr add 198.51.100.2/24 dev eth1
	"$@" link set eth1 up
}

answers() {
	on_client ping -q -c 1 -W 1 198.51.100.2 >/dev/null
}

pings_pass() {
	busywait 5 answers
}

pings_die() {
	! answers && ! answers
}

# inside COMMAND...: in the namespace that eth1 was moved to.
inside() {
	nsenter -t "$MOVED_TO" -n "$@"
}

# moved_away: eth1 is given to a container, whose network namespace has no name.
moved_away() {
	unshare -n sleep 1000 3>&- &
	MOVED_TO=$!
	echo "$MOVED_TO" >"$BATS_TEST_TMPDIR/holder"
	namespace_is_new() { [ "$(readlink "/proc/$MOVED_TO/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
	busywait 5 namespace_is_new
	ip -n "$SERVER" link set eth1 netns "$MOVED_TO"
	eth1_up inside ip
}

# stop_frees_moved COMMAND...: the device that these words serve is freed by "stop", wherever it is.
stop_frees_moved() {
	"$@" 2>/dev/null
	pings_die
	moved_away
	pings_die
	run -0 pingkiller stop
	assert pings_pass
	assert_nothing_left
}

@test "native: a device that is moved to a namespace without a name is freed by stop" {
	stop_frees_moved pk dev eth1 hook native background
}

@test "generic: a device that is moved to a namespace without a name is freed by stop" {
	stop_frees_moved pk dev eth1 hook generic background
}

@test "tc: a device that is moved leaves nothing, since the kernel takes the filter off" {
	pk dev eth1 hook tc background 2>/dev/null
	pings_die
	moved_away
	assert pings_pass
	run -0 pingkiller stop
	assert_nothing_left
}

@test "XDP is attached by a link, which bpftool shows, and which others cannot switch off" {
	pk dev eth1 hook native background 2>/dev/null
	assert_equal "$(bpftool -j link show pinned /sys/fs/bpf/pingkiller/*-*/pk_link | jq -r .type)" xdp
	run on_server bpftool net detach xdpdrv dev eth1
	pings_die
	rm /sys/fs/bpf/pingkiller/*-*/pk_link
	assert pings_pass
}

@test "what is served from another mount namespace, whose bpffs is its own, is left alone by stop" {
	# shellcheck disable=SC2016 # for the inner shell
	start server holder unshare -m sh -euc 'mount -t tmpfs none /run
		mount -t bpf -o mode=0700 bpf /sys/fs/bpf
		"$0" dev eth1 background 2>/dev/null
		exec sleep 1000' "$PINGKILLER"
	busywait 10 pings_die
	run -0 pingkiller stop
	pings_die
}

# state_of: what show says of eth1, as text and as JSON.
state_of() {
	pingkiller -j show | jq -r '.[0].state'
}

@test "XDP that others have switched off is shown, found by doctor, and repaired by the next start" {
	pk dev eth1 hook native background 2>/dev/null
	bpftool link detach pinned /sys/fs/bpf/pingkiller/*-*/pk_link
	assert pings_pass
	assert_equal "$(state_of)" detached
	run -0 pk show
	assert_output --partial '(detached: what serves it was taken off by somebody else)'
	run -1 pk doctor
	assert_line --regexp '^LOST +eth1: what serves it was taken off by somebody else'
	run -0 --separate-stderr pk dev eth1 hook native background
	assert_regex "$stderr" 'note: device eth1 was served already, but what serves it was taken off.* anew'
	pings_die
	assert_equal "$(state_of)" active
	run -1 pk dev eth1 background
	pk stop
	assert_nothing_left
}

@test "a filter, or clsact, that others have deleted is shown, and repaired by the next start" {
	local what

	for what in 'filter del dev eth1 ingress pref 3' 'qdisc del dev eth1 clsact'; do
		pk dev eth1 hook tc background 2>/dev/null
		assert_equal "$(state_of)" active
		# shellcheck disable=SC2086
		on_server tc $what
		assert pings_pass
		assert_equal "$(state_of)" detached
		run -0 --separate-stderr pk dev eth1 hook tc background
		assert_regex "$stderr" 'served anew'
		pings_die
		pk stop
	done
	assert_nothing_left
}

@test "a device that is gone or moved is shown as such, renamed ones by their new name" {
	pk dev eth1 hook native background 2>/dev/null
	ip -n "$SERVER" link set eth1 down
	ip -n "$SERVER" link set eth1 name other
	assert_equal "$(pingkiller -j show | jq -r '.[0] | .dev + " " + .state')" 'other active'
	ip -n "$SERVER" link set other name eth1
	moved_away
	assert_equal "$(state_of)" moved
	run -1 pingkiller doctor
	assert_line --regexp '^MOVED +eth1: it is in another network namespace'
	pk stop dev eth1
	pair_make
	pk dev eth1 background 2>/dev/null
	pair_make
	assert_equal "$(state_of)" 'device gone'
	run -1 pingkiller doctor
	assert_line --regexp '^LOST +eth1: it was deleted'
	pk stop
}

# made_again: what show prints serves eth1 again, from outside its namespace; the words stay in $output.
made_again() {
	run -0 pingkiller -j show
	jq 'map(del(.owner))' <<<"$output" >"$BATS_TEST_TMPDIR/first"
	run -0 pingkiller show
	pingkiller stop >/dev/null
	pings_pass
	# shellcheck disable=SC2086 # words
	pingkiller $output 2>/dev/null
	assert_equal "$(pingkiller -j show)" "$(jq -c . "$BATS_TEST_TMPDIR/first")"
	pings_die
	pingkiller stop >/dev/null
}

@test "show names the namespace of others first, in words that serve the device again there" {
	pk dev eth1 hook native drop 100% background 2>/dev/null
	made_again
	assert_output "-n $SERVER dev eth1 hook native type echo-request type echo-reply drop 100% sample 64 background"
	assert_equal "$(jq -r '.[0].netns' "$BATS_TEST_TMPDIR/first")" "$SERVER"
	# of a container, and of nobody any more
	moved_away
	inside "$PINGKILLER" dev eth1 hook tc background 2>/dev/null 3>&-
	made_again
	assert_output "-n pid:$MOVED_TO dev eth1 hook tc type echo-request type echo-reply drop 100% sample 64 background"
	inside "$PINGKILLER" dev eth1 hook tc background 2>/dev/null 3>&-
	run -0 inside "$PINGKILLER" show
	assert_output 'dev eth1 hook tc type echo-request type echo-reply drop 100% sample 64 background'
	kill "$MOVED_TO"
	is_gone() { [ "$(state_of)" = 'device gone' ]; }
	busywait 10 is_gone
	run -0 pingkiller show
	assert_output --regexp '^dev eth1 hook tc .* background \(in the network namespace with cookie [0-9]+\) \(device gone: .*\)$'
	assert_equal "$(pingkiller -j show | jq '.[0].netns')" null
}

@test "what has expired is shown, and makes room for the next start" {
	pk dev eth1 for 1ms background 2>/dev/null
	is_expired() { [ "$(state_of)" = expired ]; }
	busywait 5 is_expired
	run -0 --separate-stderr pk dev eth1 background
	assert_regex "$stderr" 'was served already, but its time is over; it is served anew'
	pings_die
}

# run_ends COMMAND...: a foreground run, after that is done to its device: one line, status 1, and nothing left.
run_ends() {
	local hook=$1 line=$2

	shift 2
	start server front "$PINGKILLER" dev eth1 hook "$hook"
	wait_line front '^total: '
	"$@"
	finish front
	assert_equal "$EXIT_STATUS" 1
	run -0 errors_of front
	assert_line --regexp "^pingkiller.sh: device \"eth1\": $line; that ends the run\$"
	assert_nothing_left
	pair_make
}

@test "foreground: it ends, with a word, when its device is deleted, made anew or freed by others" {
	run_ends native 'device gone: it was deleted, .*' ip -n "$CLIENT" link del eth1
	run_ends generic 'device gone: it was deleted, .*' pair_make
	run_ends tc 'device gone: it was deleted, .*' pair_make
	run_ends tc 'detached: what serves it .*' on_server tc qdisc del dev eth1 clsact
	run_ends native 'detached: what serves it .*' sh -c 'bpftool link detach pinned /sys/fs/bpf/pingkiller/*-*/pk_link'
	run_ends native 'detached: what serves it .*' pingkiller stop
}

# written_ms FILE: when it was written last.
written_ms() {
	date -r "$BATS_TEST_TMPDIR/$1" +%s%3N
}

# noticed_after HOOK COMMAND...: to $MS, how long after one of the looks of a run, which come each second and the first
# with its first line, the word is written that ends it, after that is done to its device between two of them.
noticed_after() {
	local hook=$1 look

	shift
	start server front "$PINGKILLER" dev eth1 hook "$hook"
	wait_line front '^total: '
	look=$(written_ms front.out)
	sleep 0.4
	"$@"
	busywait 20 grep -q 'ends the run' "$BATS_TEST_TMPDIR/front.err"
	MS=$((($(written_ms front.err) - look) % 1000))
	finish front
	pair_make
}

# noticed_at_once HOOK COMMAND...: it is between two looks, whichever these are. One of ten times: on a slow machine it
# can be at one by chance.
noticed_at_once() {
	local tries

	for ((tries = 0; tries < 10; tries++)); do
		noticed_after "$@"
		((MS < 200 || MS >= 900)) || return 0
	done
	fail "$*: noticed $MS ms after a look"
}

@test "foreground: what the kernel tells is noticed at once: a device deleted or made anew, clsact or a filter deleted" {
	noticed_at_once native ip -n "$CLIENT" link del eth1
	noticed_at_once tc pair_make
	noticed_at_once tc on_server tc qdisc del dev eth1 clsact
	noticed_at_once tc on_server tc filter del dev eth1 ingress pref 3
}

@test "foreground: a device that is moved is said to be, and is served on until the run ends" {
	start server front "$PINGKILLER" dev eth1 hook native
	wait_line front '^total: '
	moved_away
	busywait 20 grep -q 'device "eth1": moved: ' "$BATS_TEST_TMPDIR/front.err"
	pings_die
	stop front INT
	assert_equal "$EXIT_STATUS" 0
	assert pings_pass
	assert_nothing_left
}

linkless() {
	timeout -k 5 $((30 * PATIENCE)) "$PROGRAMS/linkless" "$PINGKILLER" -n "$SERVER" "$@" 3>&-
}

@test "without links: it says so, serves all the same, and doctor knows" {
	run -0 --separate-stderr linkless dev eth1 hook native background
	assert_regex "$stderr" 'note: attached without a BPF link \(Operation not permitted\)'
	refute [ -e /sys/fs/bpf/pingkiller/*-*/pk_link ]
	pings_die
	pk stop dev eth1
	assert pings_pass
	run -0 linkless doctor
	assert_line --regexp '^replaced generic: attached and detached again, without a BPF link \(Operation not permitted\)'
	assert_line --regexp '^ok +native: attached and detached again'
}

@test "without links: a device that is moved is found in all namespaces" {
	stop_frees_moved linkless dev eth1 hook native background
}

@test "without links: what cannot be found is named, stays recorded, and is removed when it can be" {
	local holder

	linkless dev eth1 hook generic background 2>/dev/null
	moved_away
	# held by a descriptor alone
	sleep 1000 3>&- 9<"/proc/$MOVED_TO/ns/net" &
	holder=$!
	busywait 5 test -e "/proc/$holder/fd/9" # before its namespace has no other holder
	kill "$MOVED_TO"
	echo "$holder" >"$BATS_TEST_TMPDIR/holder"
	run -1 --separate-stderr pingkiller stop
	assert_regex "$stderr" '^pingkiller.sh: program [0-9]+ of [0-9]+-[0-9]+/pk_xdp is still in use, by a device'
	pings_die
	run -0 pingkiller show
	assert_output --partial 'dev eth1'
	MOVED_TO=$holder
	touch "$BATS_TEST_TMPDIR/name"
	mount --bind "/proc/$holder/fd/9" "$BATS_TEST_TMPDIR/name"
	run -0 pingkiller stop
	umount "$BATS_TEST_TMPDIR/name"
	assert pings_pass
	assert_nothing_left
}

# counters_set VALUE: each of eth1's counters, on each processor.
counters_set() {
	local value

	# 88 bytes are no counters
	value=$(printf '%016x\n' "$1" | fold -w2 | tac | sed 's/^/0x/' | tr '\n' ' ')
	# shellcheck disable=SC2046 # words
	bpftool map update pinned /sys/fs/bpf/pingkiller/*-*/pk_stats key 0 0 0 0 \
		value $(head -c 88 /dev/zero | tr '\0' 0 | sed 's/./0 /g') $(yes "$value" | head -n 2130)
}

# assert_fits: each line of $output in 80 columns.
assert_fits() {
	assert_equal "$(awk 'length > 80' <<<"$output")" ''
}

@test "the table fits in 80 columns, whatever the words and the counters are" {
	# shellcheck disable=SC2046 # words
	pk dev eth1 sample 1 rate 10/s burst 1 rate-all 1000/h drop 12.345678% for 10h background \
		$(printf 'src 2001:db8:1234:5678:9abc:def0:1234:%x/128 ' {1..16}) $(printf 'type %d ' {0..99}) 2>/dev/null
	on_client ping -q -c 20 -i 0.01 -W 0.1 198.51.100.2 >/dev/null || :
	run -0 pingkiller stats
	assert_line --regexp '^  ICMP echo-request +20 +1960 +0 +0$'
	assert_line --regexp '^ +[0-9]+ - [0-9]+ +[0-9]+ \*'
	assert_fits
	assert_equal "$(sed '/^ *passed/,$d; s/^    //' <<<"$output" | tr '\n' ' ' | sed 's/ $//; s/ for [0-9.]*s / for /')" \
		"$(pingkiller show | sed 's/ for [0-9.]*s / for /')"
	counters_set 900000000000000000
	run -0 pingkiller stats
	assert_fits
	assert_line --regexp '^  ICMPv6 destination-unreachable +[0-9]+\.[0-9]+[PE] +[0-9]+\.[0-9]+[PE] +[0-9]+\.[0-9]+[PE] +[0-9]+\.[0-9]+[PE]$'
	assert_line --regexp '^ +2147483648 and more +[0-9]+\.[0-9]+[PE] \*'
	run -0 pingkiller stop
	assert_fits
}

@test "foreground: the table fits the screen: what has least becomes one row, what is slowest one slot" {
	local frame

	start server front script -qfc "stty rows 24 cols 80; exec $PINGKILLER dev eth1 sample 1" "$BATS_TEST_TMPDIR/typescript"
	busywait 10 grep -q passed "$BATS_TEST_TMPDIR/typescript"
	counters_set 1
	busywait 10 grep -qE '^  [0-9]+ others ' "$BATS_TEST_TMPDIR/typescript"
	pkill -INT -P "$(pid front)"
	finish front
	frame=$(tr -d '\r' <"$BATS_TEST_TMPDIR/typescript" | awk '/\033\[J/ { frame = "" } { frame = frame $0 "\n" } / others / { seen = 1 } /, after / { print frame; exit }' | sed '/, after /,$d')
	assert_equal "$(grep -c . <<<"$frame")" 23
	# 512 types and 6 kinds of what is none of them
	assert_equal "$(awk '$2 == "others" { others = $1 } /^  (ICMP|IPv|neither|later|malf|too)/ { rows++ } END { print others + rows }' <<<"$frame")" 518
	assert_equal "$(awk '$2 == "others" { rest = $3 } /^  all / { all = $2 } /^  (ICMP|IPv|neither|later|malf|too)/ { for (i = 2; $i !~ /^[0-9]+$/ || $(i + 4) != ""; i++); rest_of += $i } END { print all - rest - rest_of }' <<<"$frame")" 0
}
