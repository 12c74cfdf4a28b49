#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No escapes: thousands of short-lived processes, several at a time, each sending
# its first packet at once. At 100 % none of the target's arrives, and each of the
# bystanders', which start in between.
#
# vm: ^(command|children|ingress)

load helpers

setup_file() {
	suite_begin
	if [ -n "${VSH_VM-}" ]; then export PROCESSES=1000 MEANWHILE=1000; else export PROCESSES=10000 MEANWHILE=3000; fi
}
teardown_file() { suite_end; }
setup() {
	test_begin
	receiver_start
}
teardown() { test_end; }

# storm COUNT PROGRAM-WORDS...: on the client, eight at a time.
storm() {
	run -0 on_client "$PROGRAMS/storm" "$1" 8 "${@:2}"
	assert_output "started $(($1 * $(count_programs "${@:2}"))) failed 0"
}

count_programs() {
	local word n=1

	for word in "$@"; do
		[ "$word" != -- ] || n=$((n + 1))
	done
	echo "$n"
}

@test "command: no first packet of many short-lived processes escapes" {
	rule_add command victim drop 100%
	storm "$PROCESSES" "$(as victim udpsend)" -b %d "$SERVER4" "$PORT" 1 \
		-- "$(as bystander udpsend)" -b %d "$SERVER4" "$PORT" 1
	assert_received bystander "$PROCESSES"
	assert_received victim 0
	assert_counted "$RULE" "$PROCESSES" "$PROCESSES"
}

@test "exe: no first packet of many short-lived processes escapes, over IPv6" {
	rule_add exe "$(as victim udpsend)" drop 100%
	storm $((PROCESSES / 5)) "$(as victim udpsend)" -b %d "$SERVER6" "$PORT" 1 \
		-- "$(as bystander udpsend)" -b %d "$SERVER6" "$PORT" 1
	assert_received bystander $((PROCESSES / 5))
	assert_received victim 0
	assert_counted "$RULE" $((PROCESSES / 5)) $((PROCESSES / 5))
}

@test "children: no first packet of a target's many short-lived children escapes" {
	rule_add command victim children drop 100%
	run -0 on_client "$(as victim storm)" $((PROCESSES / 5)) 8 \
		"$(as child udpsend)" -n victim -b %d "$SERVER4" "$PORT" 1
	storm $((PROCESSES / 10)) "$(as child udpsend)" -n bystander -b %d "$SERVER4" "$PORT" 1
	assert_received bystander $((PROCESSES / 10))
	assert_received victim 0
	assert_counted "$RULE" $((PROCESSES / 5)) $((PROCESSES / 5))
}

@test "fork without exec, threads: no first packet of many short-lived ones escapes" {
	rule_add command victim drop 100%
	storm $((PROCESSES / 10)) "$(as victim udpsend)" -f -b %d "$SERVER4" "$PORT" 1 \
		-- "$(as victim udpsend)" -t worker -b %d "$SERVER4" "$PORT" 1 \
		-- "$(as bystander udpsend)" -f -b %d "$SERVER4" "$PORT" 1
	assert_received bystander $((PROCESSES / 10))
	assert_received victim 0
	assert_counted "$RULE" $((PROCESSES / 5)) $((PROCESSES / 5))
}

@test "run: no first packet of a command's many short-lived descendants escapes" {
	vsh run dev eth0 drop 100% -- "$PROGRAMS/storm" $((PROCESSES / 5)) 8 \
		"$(as victim udpsend)" -b %d "$SERVER4" "$PORT" 1 2>"$BATS_TEST_TMPDIR/said"
	assert_received victim 0
	assert_regex "$(cat "$BATS_TEST_TMPDIR/said")" "$((PROCESSES / 5)) of $((PROCESSES / 5)) packets"
}

@test "ingress: no first packet to many short-lived processes escapes" {
	local n=$((PROCESSES / 20))

	rule_add command victim direction ingress drop 100%
	port_take
	start server echo "$PROGRAMS/udpcount" -e "$PORT"
	wait_line echo '^ready$'
	# each asks once and waits for its answer
	storm "$n" "$(as bystander udpsend)" -a 5000 -b %d "$SERVER4" "$PORT" 1
	run -1 on_client "$PROGRAMS/storm" "$n" 8 "$(as victim udpsend)" -a 50 -b %d "$SERVER4" "$PORT" 1
	assert_output "started $n failed $n"
	assert_equal "$(received victim 2 echo)" "$n"
	assert_equal "$(counter "$RULE" dropped ingress)" "$(counter "$RULE" seen ingress)"
}

@test "rules that come and go meanwhile let nothing of another rule's target escape" {
	local n

	rule_add command victim drop 100%
	start client storm "$PROGRAMS/storm" "$MEANWHILE" 8 "$(as victim udpsend)" -b %d "$SERVER4" "$PORT" 1
	n=0
	while ! ended storm; do
		vsh add dev eth0 command "other$n" drop 1% >/dev/null
		vershitify del 2
		n=$((n + 1))
	done
	finish storm
	assert_equal "$EXIT_STATUS" 0
	((n > 3))
	assert_received victim 0
	assert_counted "$RULE" "$MEANWHILE" "$MEANWHILE"
}

# --- on purpose, without rights ------------------------------------------------------------------------
#
# The manual says of each of these whether it leads out (ESCAPING ON PURPOSE).

# nobody NAME SCRIPT [ARG...]: a shell script of a user without rights, in a process of that name on the client.
# $out is a bash redirection to the receiver, $shells a folder with shells of other names.
nobody() {
	local shells=$BATS_TEST_TMPDIR/shells name

	if [ ! -d "$shells" ]; then
		shells=$(mktemp -d)
		ln -s "$shells" "$BATS_TEST_TMPDIR/shells"
		chmod 755 "$shells"
		for name in victim innocent; do
			cp /bin/bash "$shells/$name"
		done
	fi
	shells=$(readlink -f "$BATS_TEST_TMPDIR/shells")
	on_client env -C / out="/dev/udp/$SERVER4/$PORT" shells="$shells" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "$shells/$1" -c "${@:2}"
}

shells_remove() {
	rm -rf "$(readlink -f "$BATS_TEST_TMPDIR/shells")"
}

@test "on purpose: neither a new name nor forks lead a target out" {
	rule_add command victim drop 100%
	# shellcheck disable=SC2016
	nobody victim 'echo innocent >/proc/$$/comm; echo 1 >$out; (echo 2 >$out; (echo 3 >$out) & wait)'
	shells_remove
	assert_counted "$RULE" 3 3
}

@test "on purpose: exec of something else leads a target by name out, but not with children" {
	rule_add command victim drop 100%
	# shellcheck disable=SC2016
	nobody victim 'echo 1 >$out; exec "$shells/innocent" -c "echo 2 >\$out"'
	assert_counted "$RULE" 1 1
	vershitify del "$RULE"
	rule_add command victim children drop 100%
	# shellcheck disable=SC2016
	nobody victim 'echo 1 >$out; "$shells/innocent" -c "echo 2 >\$out"; exec "$shells/innocent" -c "echo 3 >\$out"'
	shells_remove
	assert_counted "$RULE" 3 3
}

@test "on purpose: a user namespace with a network namespace leads nowhere, and a socket taken along is judged" {
	# shellcheck disable=SC2016
	nobody innocent 'unshare -Urn true' || skip "needs user namespaces for users without rights"
	rule_add command victim drop 100%
	# shellcheck disable=SC2016
	nobody victim 'exec 3<>$out; exec unshare -Urn "$shells/victim" -c "
		! echo 1 >\$out || exit 9
		echo 2 >&3"'
	shells_remove
	assert_counted "$RULE" 1 1
}

@test "on purpose: a packet socket takes rights that the target has not" {
	local shells

	rule_add command victim drop 100%
	shells=$(mktemp -d)
	chmod 755 "$shells"
	cp "$PROGRAMS/packetsend" "$shells/victim"
	run on_client setpriv --reuid 65534 --regid 65534 --clear-groups "$shells/victim" eth0 ff:ff:ff:ff:ff:ff "$CLIENT4" "$SERVER4" "$PORT" 1
	rm -r "$shells"
	assert_failure
	assert_output --partial 'Operation not permitted'
	assert_counted "$RULE" 0 0
}

@test "on purpose: a socket from an accomplice leads out until it is found, and no longer" {
	rule_add command victim drop 100%
	# shellcheck disable=SC2016
	nobody innocent 'exec 3<>$out; exec "$shells/victim" -c "echo 1 >&3; echo sent; sleep 4; echo 2 >&3"' >"$BATS_TEST_TMPDIR/said" &
	busywait 10 grep -q sent "$BATS_TEST_TMPDIR/said"
	assert_counted "$RULE" 0 0
	wait $!
	shells_remove
	assert_counted "$RULE" 1 1
}
