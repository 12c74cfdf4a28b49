#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How a rule stands is looked up: what others have taken away is said, and attached again; names follow
# devices; -n is for the rules of one namespace.
#
#   $CLIENT: victim, bystander   eth0 192.0.2.1 ---------- 192.0.2.2 eth0   $SERVER: receiver
#
# vm: ^(taken away: (clsact|each link|a device)|foreground: the device)
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	ip -n "$SERVER" link del far 2>/dev/null || :
	ip -n "$CLIENT" link del third 2>/dev/null || :
}

# device_make NAME: one more device of the client's, with a peer on the server.
device_make() {
	ip -n "$CLIENT" link add "$1" type veth peer name far netns "$SERVER"
	ip -n "$CLIENT" link set "$1" up
	ip -n "$SERVER" link set far up
}

TURN=0

state() {
	vershitify -j show "$RULE" | jq -r '.[0] | .state + (if .why == "" then "" else ": " + .why end)'
}

# --- what others take away ----------------------------------------------------------------------------

# Of 50 packets each, the victim's are lost and the bystander's are not.
assert_rules() {
	send victim -n "victim$1" "$SERVER4" "$PORT" 50 2>/dev/null || :
	send bystander -n "bystander$1" "$SERVER4" "$PORT" 50
	assert_received "victim$1" 0
	assert_received "bystander$1" 50
}

cgroup_take() {
	bpftool cgroup detach "$(cgroup_root)" "$1" pinned "/sys/fs/bpf/vershitify/$2"
}

# taken WHY COMMAND...: takes something of the rule away; that is said, and repaired.
taken() {
	local why=$1
	shift

	"$@"
	assert_equal "$(state)" "detached: $why"
	assert_regex "$(vershitify show "$RULE")" "\\(detached: $why\\)\$"
	run -1 vsh doctor
	assert_line --regexp "^GONE +rule $RULE: detached: $why: vershitify.sh repair"
	run -0 --separate-stderr vsh repair
	assert_equal "$stderr" "vershitify.sh: note: rule $RULE is attached again ($why)"
	assert_equal "$(state)" active
	run -0 vsh doctor
	assert_rules "$((++TURN))"
}

@test "taken away: clsact, the filter, the cgroup program that tags sockets" {
	receiver_start
	rule_add command victim drop 100%
	assert_rules first
	taken 'no clsact on eth0' on_client tc qdisc del dev eth0 clsact
	taken 'no filter on eth0' on_client tc filter del dev eth0 egress
	taken 'vsh_sock_create is not attached' cgroup_take sock_create vsh_sock_create
	taken 'vsh_sock_create is not attached' rm /sys/fs/bpf/vershitify/vsh_sock_create
	assert_equal "$(bpftool cgroup show "$(cgroup_root)" | grep -c vsh_sock_create)" 1
}

@test "taken away: the cgroup program of visible denied" {
	receiver_start
	rule_add command victim drop 100% visible denied
	taken 'vsh_cg_egress is not attached' cgroup_take egress vsh_cg_egress
}

@test "taken away: the cgroup program of direction ingress" {
	rule_add command victim direction both drop 100%
	cgroup_take ingress vsh_cg_ingress
	assert_equal "$(state)" 'detached: vsh_cg_ingress is not attached'
	run -1 vsh doctor
	vsh repair
	assert_equal "$(state)" active
	port_take
	start client victim "$(as victim udpcount)" "$PORT"
	wait_line victim '^ready$'
	on_server "$(as sender udpsend)" "$CLIENT4" "$PORT" 50
	assert_counted "$RULE" 50 50 ingress
}

@test "taken away: each link of the tracker that a rule cannot do without" {
	local program

	receiver_start
	rule_add command victim drop 100%
	for program in vsh_exec vsh_fork vsh_exit; do
		taken "$program is not pinned" rm "/sys/fs/bpf/vershitify/link_$program"
	done
}

@test "taken away: the other pins, which repair makes again" {
	local program

	rule_add command victim drop 1%
	for program in link_vsh_iter_task link_vsh_iter_file link_vsh_set_state; do
		[ -e "/sys/fs/bpf/vershitify/$program" ] || continue
		rm "/sys/fs/bpf/vershitify/$program"
		run -1 vsh doctor
		assert_line --regexp "^GONE +${program#link_}: its pin was taken away"
		run -0 --separate-stderr vsh repair
		assert_equal "$stderr" "vershitify.sh: note: ${program#link_} is loaded again"
		run -0 vsh doctor
	done
}

@test "taken away: a device that was moved away and back is the same, under another name and number, too" {
	local index

	device_make side
	RULE=$(vsh add dev eth0 dev side command victim direction both drop 100%)
	index=$(ip -n "$CLIENT" -o link show side | cut -d : -f 1)
	ip -n "$CLIENT" link set side netns "$SERVER" name visitor
	assert_equal "$(state)" 'device gone: side'
	ip -n "$CLIENT" link add other index "$index" type veth peer name third
	ip -n "$SERVER" link set visitor netns "$CLIENT" name back
	assert_equal "$(state)" 'detached: back was moved away and back'
	run -0 --separate-stderr vsh repair
	assert_equal "$stderr" "vershitify.sh: note: rule $RULE is attached again (back was moved away and back)"
	assert_equal "$(state)" active
	assert_regex "$(vsh show "$RULE")" '^rule [0-9]+ dev eth0 dev back command '
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev back
	ip -n "$CLIENT" link set back up
	ip -n "$CLIENT" neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev back
	send victim 198.51.100.2 9 50
	assert_counted "$RULE" 50 50
	ip -n "$CLIENT" link del other
}

@test "taken away: dev all: what a device of it lost is said and repaired" {
	receiver_start
	RULE=$(vsh add dev all command victim drop 100%)
	taken 'no clsact on eth0' on_client tc qdisc del dev eth0 clsact
}

@test "taken away: the next add, change and run repair it, and say so" {
	local other

	receiver_start
	rule_add command victim drop 100%
	on_client tc qdisc del dev eth0 clsact
	run -0 --separate-stderr vershitify add dev lo command other drop 1%
	other=$output
	assert_equal "$stderr" "vershitify.sh: note: rule $RULE is attached again (no clsact on eth0)"
	on_client tc qdisc del dev eth0 clsact
	run -0 --separate-stderr vershitify change "$other" drop 2%
	assert_equal "$stderr" "vershitify.sh: note: rule $RULE is attached again (no clsact on eth0)"
	assert_rules change
	on_client tc qdisc del dev eth0 clsact
	run -0 --separate-stderr vershitify run dev lo drop 1% -- true
	assert_regex "$stderr" "note: rule $RULE is attached again \\(no clsact on eth0\\)"
	assert_rules run
}

@test "repair: what it cannot do it says, with status 1, and a look changes nothing" {
	device_make side
	RULE=$(vsh add dev side command victim drop 1%)
	ip -n "$CLIENT" link del side
	run -1 --separate-stderr vsh repair
	assert_equal "$stderr" "vershitify.sh: rule $RULE: device gone: side (change $RULE dev DEV, or del $RULE)"
	run -1 vsh doctor
	assert_line --regexp "^GONE +rule $RULE: device gone: side"
	run -2 vershitify repair "$RULE"
	device_make side # another one
	run -1 vsh repair
	assert_equal "$(state)" 'device gone: side'
	vsh change "$RULE" dev side
	run -0 vsh repair
	refute_output
	on_client tc qdisc del dev side clsact
	vsh show
	vsh stats
	vsh doctor || :
	assert_equal "$(state)" 'detached: no clsact on side'
	ip -n "$CLIENT" link del side
}

# --- names ------------------------------------------------------------------------------------------

@test "show names the device as it is called now, and change knows it" {
	device_make old
	RULE=$(vsh add dev old command victim drop 1%)
	ip -n "$CLIENT" link set old down
	ip -n "$CLIENT" link set old name new
	ip -n "$CLIENT" link add old type veth peer name third
	assert_regex "$(vsh show "$RULE")" "^rule $RULE dev new command "
	assert_equal "$(rule_field "$RULE" dev[0])" new
	vsh change "$RULE" direction both
	assert_equal "$(state)" active
	ip -n "$CLIENT" link del new
	assert_regex "$(vsh show "$RULE")" '\(device gone: new\)$'
	ip -n "$CLIENT" link del old
}

# like_it ID: the rule of that number is like the first one.
like_it() {
	vershitify -j show | jq -e --argjson id "$1" '
		map(del(.id)) as $rules | $rules[0] == $rules[$id - 1] and ($rules | length) == $id'
}

@test "what show prints of a rule of another namespace makes it again there, typed and in a batch" {
	local words

	vsh add dev eth0 command victim direction both drop 1% seed 7
	words=$(vershitify show)
	words=${words#rule 1 }
	assert_regex "$words" "^-n $CLIENT dev eth0 "
	# shellcheck disable=SC2086 # as pasted
	vershitify add $words
	like_it 2
	vershitify -b - <<<"add $words"
	like_it 3
	# shellcheck disable=SC2086
	run -2 vershitify -n "$CLIENT" add $words
	assert_output 'vershitify.sh: -n is said twice'
	run -2 vershitify add -n
	run -1 vershitify add -n nowhere dev eth0 command victim drop 1%
	assert_output --partial 'there is no network namespace'
}

@test "-s show breaks lines at 80 columns, further ones are indented; without -s a rule is one line" {
	local dev devs=''

	for dev in a b c d e f g h; do
		ip -n "$CLIENT" link add "${dev}2345678901234" type veth peer name "${dev}-"
		devs="$devs dev ${dev}2345678901234"
	done
	# shellcheck disable=SC2086 # words
	vsh add $devs command 'two words' children direction both drop 12.345678% seed 18446744073709551615 for 1h
	ip -n "$CLIENT" link del a2345678901234
	ip -n "$CLIENT" link del b2345678901234
	run -0 vershitify -s show
	assert_equal "$(awk 'length > 80' <<<"$output")" ''
	assert_regex "$output" "^rule 1 -n $CLIENT dev a2345678901234 "
	assert_regex "$output" $'\n {8}dev [^\n]+\n'
	assert_equal "$(sed '/^    [a-z]/d' <<<"$output" | sed 's/^        //' | paste -sd ' ' | sed 's/ for [^ ]*//')" \
		"$(vershitify show | sed 's/ for [^ ]*//')"
	for dev in a b c d e f g h; do
		ip -n "$CLIENT" link del "${dev}2345678901234" 2>/dev/null || :
	done
}

@test "show names the namespace of a rule, and says that it is gone" {
	local third=$LAB-c cookie

	rule_add command victim drop 1%
	assert_regex "$(vershitify show "$RULE")" "^rule $RULE -n $CLIENT dev "
	assert_equal "$(rule_field "$RULE" netns)" "$CLIENT"
	refute_regex "$(vsh show "$RULE")" netns
	ip netns add "$third"
	RULE=$(vershitify -n "$third" add dev lo command victim drop 1%)
	cookie=$(rule_field "$RULE" netns_cookie)
	ip netns del "$third"
	gone() { [ "$(state)" = 'namespace gone' ]; }
	busywait 5 gone
	assert_regex "$(vershitify show "$RULE")" '\(namespace gone\)$'
	run -1 vershitify doctor
	assert_line "GONE     rule $RULE: its network namespace is gone: del $RULE"
	# one of that name is another one
	ip netns add "$third"
	assert_equal "$(state)" 'namespace gone'
	assert_equal "$(rule_field "$RULE" netns_cookie)" "$cookie"
	vershitify del "$RULE"
	ip netns del "$third"
}

# --- -n --------------------------------------------------------------------------------------------

@test "-n: show, stats, change, del and flush are for the rules of that namespace" {
	local mine theirs before

	rule_add command mine drop 1%
	mine=$RULE
	theirs=$(vershitify -n "$SERVER" add dev eth0 command theirs drop 1%)
	assert_equal "$(vsh -j show | jq -c '[.[].id]')" "[$mine]"
	assert_equal "$(vershitify -n "$SERVER" -j show | jq -c '[.[].id]')" "[$theirs]"
	assert_equal "$(vershitify -j show | jq -c '[.[].id]')" "[$mine,$theirs]"
	assert_equal "$(vsh stats | cut -d ' ' -f 2 | uniq)" "$mine"
	before=$(vershitify -j -s show)
	for words in "show $theirs" "change $theirs drop 2%" "change $theirs dev eth0" "del $theirs"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr vsh $words
		assert_equal "$stderr" "vershitify.sh: rule $theirs is of another network namespace (show without -n tells which)"
		refute_output
	done
	assert_equal "$(vershitify -j -s show)" "$before"
	vsh flush
	assert_equal "$(vershitify -j show | jq -c '[.[].id]')" "[$theirs]"
	run on_client tc filter show dev eth0 egress
	refute_output
	# without -n all are in reach
	vershitify change "$theirs" drop 2%
	vershitify del "$theirs"
}

# --- while it runs ---------------------------------------------------------------------------------

@test "foreground: the device is made anew: it is said at once, and the run ends with status 1" {
	device_make side
	start client original "$VERSHITIFY" -interface side -command victim -drop 100
	wait_line original '^dropping'
	ip -n "$CLIENT" link del side
	device_make side
	finish original
	assert_equal "$EXIT_STATUS" 1
	assert_equal "$(output_of original | tail -n 1)" 'rule 1: device gone: side'
	assert_equal "$(errors_of original)" 'vershitify.sh: rule 1 has no device any more: it ends'
	run -0 vershitify show
	refute_output
	ip -n "$CLIENT" link del side
}

# hears_of_devices: a program called vsh has a netlink socket in the client that the kernel sends to.
hears_of_devices() {
	local family number groups

	while read -r _ family number groups _; do
		[ "$family" != 0 ] || [ "$groups" = 00000000 ] ||
			[ "$(cat "/proc/$number/comm" 2>/dev/null)" != vsh ] || return 0
	done < <(on_client cat /proc/net/netlink)
	return 1
}

@test "foreground: what happens to devices is heard from the kernel, not asked for in turns" {
	start here original "$VERSHITIFY" -n "$CLIENT" -interface eth0 -command victim -drop 100
	busywait 20 somebody_listens
	busywait 5 hears_of_devices
	stop original
	assert_equal "$EXIT_STATUS" 0
	run -1 hears_of_devices
}

@test "foreground: what is taken away is said at once, as is that it is attached again" {
	start here original "$VERSHITIFY" -n "$CLIENT" -j -interface eth0 -command victim -drop 100
	busywait 20 somebody_listens
	on_client tc qdisc del dev eth0 clsact
	wait_line original '^\{"event":"rule_state","id":1,"state":"detached","why":"no clsact on eth0"\}$'
	vershitify repair
	wait_line original '^\{"event":"rule_state","id":1,"state":"active","why":""\}$'
	stop original
	assert_equal "$EXIT_STATUS" 0
}

@test "monitor tells how rules stand" {
	rule_add command victim drop 1%
	start here monitor "$VERSHITIFY" monitor
	busywait 20 somebody_listens
	on_client tc filter del dev eth0 egress
	wait_line monitor "^rule $RULE: detached: no filter on eth0\$"
	vershitify repair
	wait_line monitor "^rule $RULE: active\$"
}

@test "run: that the device is gone is said, and the command goes on to its own end" {
	device_make side
	# shellcheck disable=SC2016 # for sh
	start client running "$VERSHITIFY" run dev side drop 1% -- sh -c 'read -r _ <"$0"; exit 5' "$BATS_TEST_TMPDIR/end"
	mkfifo "$BATS_TEST_TMPDIR/end"
	listens() { [ -n "$(vershitify show)" ]; }
	busywait 5 listens
	ip -n "$CLIENT" link del side
	said() { errors_of running | grep -qx 'vershitify.sh: rule 1: device gone: side'; }
	busywait 5 said
	echo >"$BATS_TEST_TMPDIR/end"
	finish running
	assert_equal "$EXIT_STATUS" 5
}
