#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What escapes although no command has failed: it is counted by reason, and told by show -s, stats, doctor,
# monitor, add and the end of a run. Maps are filled, and memory for options is taken away, on purpose.
#
# vm: ^(no room|no memory|a ring|a process whose)

load helpers

# Processes are followed in all of the machine: the target's name is nobody else's.
setup_file() {
	suite_begin
	export TARGET=vshm$$
}
teardown_file() { suite_end; }
setup() {
	test_begin
	receiver_start
}
teardown() {
	option_memory_back
	test_end
}

tasks_fill() {
	"$PROGRAMS/mapfill" /sys/fs/bpf/tc/globals/vsh_tasks
}

# Of the namespace, in older kernels of the machine.
option_memory_file() {
	if on_client test -e /proc/sys/net/core/optmem_max; then
		on_client "$@" /proc/sys/net/core/optmem_max
	else
		"$@" /proc/sys/net/core/optmem_max
	fi
}

option_memory_take() {
	option_memory_file cat >"$BATS_TEST_TMPDIR/optmem"
	echo 100 | option_memory_file tee >/dev/null
}

option_memory_back() {
	[ ! -e "$BATS_TEST_TMPDIR/optmem" ] || option_memory_file tee <"$BATS_TEST_TMPDIR/optmem" >/dev/null
}

# missed RULE REASON: how often.
missed() {
	vershitify -s show "$1" | awk -v reason="$2" '$1 == "missed" && $2 == reason { n = $3 } END { print n + 0 }'
}

assert_missed() {
	assert_equal "$2 $(missed "$1" "$2")" "$2 $3"
	assert_equal "$(vershitify -j -s show "$1" | jq -c '.[0].missed')" "{\"$2\":$3}"
	assert_regex "$(vershitify stats)" "rule $1 missed $2 $3"
	run -1 vsh doctor
	assert_line --regexp "^MISSED +rule $1: .*: $3\$"
}

@test "nothing missed: nothing is said" {
	rule_add command "$TARGET" drop 100%
	send "$TARGET" "$SERVER4" "$PORT" 7
	assert_received "$TARGET" 0
	refute_regex "$(vershitify -s show)" missed
	refute_regex "$(vershitify stats)" missed
	assert_equal "$(vershitify -j -s show | jq -c '.[0].missed')" '{}'
	run -0 vsh doctor
}

@test "no room for a process: it is counted for its rule, and for no other" {
	rule_add command "$TARGET" drop 100%
	vsh add dev eth0 command other drop 100%
	tasks_fill
	send "$TARGET" "$SERVER4" "$PORT" 7
	send bystander "$SERVER4" "$PORT" 7
	assert_received "$TARGET" 7
	assert_missed "$RULE" process_full 1
	assert_equal "$(missed 2 process_full)" 0
	# the successor of a rule begins with none
	vershitify del "$RULE"
	rule_add command "$TARGET" drop 100%
	assert_equal "$(missed "$RULE" process_full)" 0
}

@test "no room for a child: it is counted" {
	rule_add command "$TARGET" drop 100%
	start client sender "$(as "$TARGET" udpsend)" -W -f -b 0 "$SERVER4" "$PORT" 3
	wait_line sender '^started$'
	tasks_fill
	go sender
	finish sender
	assert_missed "$RULE" process_full 1
}

@test "no room for a running process: add ends, and says so" {
	vsh add dev eth0 command nobody drop 100%
	tasks_fill
	sender_start running "$TARGET" "$SERVER4" "$PORT" 3
	run -0 vsh add dev eth0 command "$TARGET" drop 100%
	assert_line --regexp '^vershitify.sh: note: missed: running processes .*: 1$'
	assert_missed 2 process_running 1
}

@test "no memory for the tag of a new socket: each is counted, here by run, too" {
	rule_add command "$TARGET" drop 100%
	option_memory_take
	send "$TARGET" -o "$SERVER4" "$PORT" 7 # and the socket that it opens in any case
	assert_received "$TARGET" 7
	assert_missed "$RULE" socket_new 8
	option_memory_back
	send "$TARGET" -o "$SERVER4" "$PORT" 3
	assert_received "$TARGET" 7
	assert_missed "$RULE" socket_new 8
	option_memory_take
	run -0 vsh run dev eth0 drop 100% -- "$(as ran udpsend)" "$SERVER4" "$PORT" 1
	assert_line --regexp '^vershitify.sh: missed: sockets that got no memory .*: 1$'
}

@test "no memory for the tag of an open socket: as many as there are, however often one looks" {
	sender_start first "$TARGET" "$SERVER4" "$PORT" 3
	sender_start second "$TARGET" "$SERVER6" "$PORT" 3
	option_memory_take
	run -0 vsh add dev eth0 command "$TARGET" drop 100%
	assert_line --regexp '^vershitify.sh: note: missed: open sockets .*: 2$'
	vershitify show
	assert_missed 1 socket_open 2
	option_memory_back
	assert_equal "$(missed 1 socket_open)" 0
	batch first
	assert_received "$TARGET" 0
}

@test "a ring of io_uring alone has a socket open: it is counted" {
	start client hidden "$(as "$TARGET" hidden)" ring
	start client other "$(as bystander hidden)" ring
	wait_line hidden '^ready$'
	wait_line other '^ready$'
	run -0 vsh add dev eth0 command "$TARGET" drop 100%
	assert_line --regexp '^vershitify.sh: note: missed: sockets open in a ring of io_uring alone: 1$'
	assert_missed 1 socket_fixed 1
	stop hidden
	assert_equal "$(missed 1 socket_fixed)" 0
}

@test "a connection closed with data to send before the rule is counted, one of another namespace is not" {
	start client hidden "$(as "$TARGET" hidden)" closed
	start server other "$(as "$TARGET" hidden)" closed
	wait_line hidden '^ready$'
	wait_line other '^ready$'
	run -0 vsh add dev eth0 command "$TARGET" drop 100%
	assert_line --regexp '^vershitify.sh: note: missed: connections closed before the rule.*: 1$'
	assert_missed 1 closed 1
}

@test "a process whose first thread has ended is found by command, pid and exe" {
	local who

	start client sender "$(as "$TARGET" udpsend)" -t worker -E -w "$SERVER4" "$PORT" 5
	wait_line sender '^ready$'
	for who in "command $TARGET" "pid $(pid sender)" "exe $(as "$TARGET" udpsend)"; do
		# shellcheck disable=SC2086 # words
		rule_add $who drop 100%
		assert_equal "$who $(rule_field "$RULE" processes) $(rule_field "$RULE" sockets)" "$who 1 1"
		batch sender
		assert_received "$TARGET" 0
		vershitify del "$RULE"
	done
}

@test "monitor: a process that there is no room for is missed, not launched" {
	rule_add command "$TARGET" drop 100%
	start here watching "$VERSHITIFY" monitor
	busywait 20 somebody_listens
	tasks_fill
	send "$TARGET" "$SERVER4" "$PORT" 1
	wait_line watching "^missed: rule $RULE: processes .*: 1\$"
	refute_regex "$(output_of watching)" '^process launched'
	stop watching
}
