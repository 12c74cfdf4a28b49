#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Killed hard at any moment: the next command copes with what is left, and "down"
# leaves nothing of ours, twice in a row without complaint.
#
# vm: ^(SIGKILL of add|SIGKILL of any|the rule of a foreground|a network namespace that was)

load helpers

setup_file() {
	suite_begin
	# A round is one kill at a random moment.
	if [ -n "${VSH_VM-}" ]; then export ROUNDS=10; else export ROUNDS=100; fi
}
teardown_file() { suite_end; }
setup() {
	test_begin
	vershitify down
	BEFORE=$(system_state)
}
teardown() { test_end; }

# What is ours, in a form that is quick to ask for.
ours() {
	bpftool -j prog show | jq -r '.[] | select(.name // "" | startswith("vsh_")) | .name'
	on_client tc qdisc show dev eth0 clsact
	find /sys/fs/bpf/vershitify /sys/fs/bpf/tc/globals/vsh_* /run/vershitify -mindepth 1 2>/dev/null
	bpftool cgroup show "$(cgroup_root)" | grep -o 'vsh_[a-z_]*'
	processes_left
}

nothing_of_ours() {
	[ -z "$(ours)" ]
}

# A random part of the time that such a command takes, on this machine.
doze() {
	local ms=$((RANDOM * $1 * PATIENCE / 32768))

	sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
}

# The helper that belongs to the wrapper, if it runs at the moment.
helper_of() {
	pgrep -n -P "$1" -x vsh || :
}

# Two times down, in silence, and nothing is left.
down_cleans() {
	local said

	said=$(vershitify down 2>&1) || fail "down failed: $said"
	[ -z "$said" ] || fail "down said: $said"
	busywait 5 nothing_of_ours || fail "left: $(ours)"
	said=$(vershitify down 2>&1) || fail "the second down failed: $said"
	[ -z "$said" ] || fail "the second down said: $said"
}

# killed MILLISECONDS WORDS...: the wrapper of that command dies within that time; every other
# round its helper instead, if there is one.
killed() {
	local ms=$1 helper=
	shift
	start client doomed "$VERSHITIFY" "$@"
	doze "$ms"
	((RANDOM % 2)) || helper=$(helper_of "$(pid doomed)")
	if [ -n "$helper" ]; then
		kill -s KILL "$helper" 2>/dev/null || :
		# without its helper the wrapper ends by itself, or waits for its command
		doze 100
	fi
	stop doomed KILL 2>/dev/null
}

@test "SIGKILL of the foreground command at random moments: down leaves nothing" {
	local round

	for ((round = 0; round < ROUNDS * 3 / 10; round++)); do
		killed 600 -interface eth0 -command victim -drop 25
		down_cleans
	done
	assert_state "$BEFORE"
}

@test "SIGKILL of add at random moments: down leaves nothing" {
	local round

	for ((round = 0; round < ROUNDS * 2 / 10; round++)); do
		killed 400 add dev eth0 dev lo command victim direction both visible denied drop 25%
		down_cleans
	done
	assert_state "$BEFORE"
}

@test "SIGKILL of run at random moments: down leaves nothing, and the command is not harmed" {
	local round words

	for ((round = 0; round < ROUNDS * 2 / 10; round++)); do
		words=(--timeline)
		((round % 2)) || words=()
		killed 600 run dev eth0 drop 25% "${words[@]}" -- sleep 0.7
		# the command of a run that was killed goes on, and is no leftover of ours
		processes_stop
		pkill_marked sleep
		down_cleans
	done
	assert_state "$BEFORE"
}

@test "SIGKILL of down and flush at random moments: the next down finishes it" {
	local round

	for ((round = 0; round < ROUNDS * 2 / 10; round++)); do
		vsh add dev eth0 command victim direction both drop 25% >/dev/null
		if ((round % 2)); then killed 300 down; else killed 300 flush; fi
		down_cleans
	done
	assert_state "$BEFORE"
}

@test "SIGKILL of any command at random moments: the next command works, and acts" {
	local round

	receiver_start
	for ((round = 0; round < ROUNDS / 10; round++)); do
		killed 500 -interface eth0 -command victim -drop 100
		killed 300 add dev eth0 command other drop 100%
		vershitify flush 2>/dev/null
		rule_add command victim drop 100% 2>/dev/null
		send victim "$SERVER4" "$PORT" 10 >/dev/null
		send other -b $((round * 10)) "$SERVER4" "$PORT" 10 >/dev/null
		assert_counted "$RULE" 10 10
		vershitify down
	done
	assert_received victim 0
	assert_received other $((round * 10))
	stop receiver
	assert_state "$BEFORE"
}

@test "the pipe of a run that was killed as it began to watch TCP goes with all the rest" {
	rule_add command victim drop 25%
	mkfifo /run/vershitify/timeline.1
	down_cleans
	assert [ ! -e /run/vershitify ]
	assert_state "$BEFORE"
}

# Processes of this file by name, that have outlived their parents.
pkill_marked() {
	processes_left | while read -r number name _; do
		[ "${name##*/}" != "$1" ] || kill -s KILL "$number" 2>/dev/null || :
	done
}

@test "the rule of a foreground command that was killed stops by itself, without any command" {
	receiver_start
	start client doomed "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line doomed .
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
	stop doomed KILL
	passes() {
		send victim -n after "$SERVER4" "$PORT" 1
		(($(received after) > 0))
	}
	busywait 5 passes
}

@test "the rule of a run that was killed stops by itself, without any command" {
	receiver_start
	start client doomed "$VERSHITIFY" run dev eth0 drop 100% -- "$(as victim udpsend)" -w "$SERVER4" "$PORT" 10
	wait_line doomed '^ready$'
	command=$(pgrep --ns "$(pid doomed)" --nslist net -x victim)
	kill -s USR1 "$command"
	wait_line doomed '^sent ' 1
	assert_received victim 0
	stop doomed KILL
	kill -s USR1 "$command"
	wait_line_of_orphan() { (($(lines_count doomed '^sent ') >= 2)); }
	busywait 5 wait_line_of_orphan
	kill -s KILL "$command"
	assert_received victim 10
}

@test "a rule that was added stays when the shell that added it is gone" {
	receiver_start
	start client adder sh -c "'$VERSHITIFY' add dev eth0 command victim drop 100%; echo added; sleep 100"
	wait_line adder '^added$'
	processes_stop
	receiver_start
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
}

@test "rules of one name that go together leave no trace of the name" {
	rule_add command other drop 0%
	vershitify -n "$SERVER" add dev eth0 command victim drop 0%
	vershitify -n "$SERVER" add dev lo command victim drop 0%
	vershitify -n "$SERVER" down
	receiver_start
	vsh add dev eth0 command nobody drop 100%
	vsh add dev eth0 command nobody drop 100%
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 10
}

@test "rules of others survive when a foreground command is killed" {
	receiver_start
	rule_add command other drop 100%
	start client doomed "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line doomed .
	stop doomed KILL
	vershitify show
	send other "$SERVER4" "$PORT" 10
	assert_received other 0
	vsh add dev eth0 command third drop 100%
	send third "$SERVER4" "$PORT" 10
	send victim "$SERVER4" "$PORT" 10
	assert_received third 0
	assert_received victim 10
	assert_equal "$(vershitify -j show | jq -c '[.[].command]')" '["other","third"]'
}

@test "a network namespace that was removed with rules in it leaves nothing" {
	local before name=$LAB-gone

	ip netns add "$name"
	before=$(system_state)
	nsenter --net="/run/netns/$name" ip link set lo up
	vershitify -n "$name" add dev lo command victim direction both drop 100%
	ip netns del "$name"
	down_cleans
	assert_state "$(grep -v "^netns $name\$" <<<"$before")"
}

# The kernel gives away the number of a namespace again when that is gone for good, which takes it a moment.
numbered() {
	ip netns add "$LAB-new"
	[ "$(stat -L -c %i "/run/netns/$LAB-new")" != "$1" ] || return 0
	ip netns del "$LAB-new"
	return 1
}

@test "a network namespace with the number of a removed one is another one" {
	local number

	ip netns add "$LAB-old"
	ip -n "$LAB-old" link set lo up
	vershitify -n "$LAB-old" add dev lo command victim drop 100%
	number=$(stat -L -c %i "/run/netns/$LAB-old")
	ip netns del "$LAB-old"
	busywait 10 numbered "$number"
	nsenter --net="/run/netns/$LAB-new" tc qdisc add dev lo clsact
	vershitify down
	assert_regex "$(nsenter --net="/run/netns/$LAB-new" tc qdisc show dev lo)" clsact
	ip netns del "$LAB-new"
}

@test "a device with another name since then is found, and a namespace with a blank in its name" {
	ip netns add "$LAB two words"
	ip -n "$LAB two words" link set lo up
	vershitify -n "$LAB two words" add dev lo command victim drop 1%
	rule_add command victim drop 1%
	ip -n "$CLIENT" link set eth0 down
	ip -n "$CLIENT" link set eth0 name wan0
	vershitify down
	refute_regex "$(on_client tc qdisc show)" clsact
	refute_regex "$(nsenter --net="/run/netns/$LAB two words" tc qdisc show)" clsact
	ip netns del "$LAB two words"
	"$TOP/scripts/netlab.sh" down "$LAB"
	"$TOP/scripts/netlab.sh" up "$LAB"
}

@test "pins that somebody has removed: the next rule acts all the same" {
	receiver_start
	rule_add command victim drop 100%
	rm -r /sys/fs/bpf/vershitify
	run -1 vsh doctor
	assert_output --partial 'vershitify.sh down'
	rule_add command victim drop 100%
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_counted "$RULE" 10 10
}

@test "a device that was removed with a rule on it does not stop anything" {
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	rule_add dev eth1 command victim drop 100%
	ip -n "$CLIENT" link del eth1
	receiver_start
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
	vershitify change "$RULE" drop 50%
	run -0 vershitify -s show
	down_cleans
}
