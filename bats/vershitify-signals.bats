#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Signals, and the terminal that some of them come from: what was ignored stays ignored, the command of
# a run gets each signal once, and has the terminal as it would have it without us. What a command in the
# foreground needs in the end is there, also if others take it away meanwhile.
#
#   $CLIENT: vershitify.sh ...  eth0 ---------- eth0  :$SERVER

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# --- ignored signals --------------------------------------------------------------

# start_apart NAME COMMAND...: in a process group of its own.
start_apart() {
	start client "$1" setsid "${@:2}"
}

# stays_through NAME SIGNAL: sent to its whole group.
stays_through() {
	kill -s "$2" -- "-$(pid "$1")"
	sleep 1
	refute ended "$1"
}

@test "HUP that nohup has made it ignore ends neither foreground nor monitor nor pingkiller" {
	local name

	receiver_start
	start_apart front nohup "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line front .
	start_apart watching nohup "$VERSHITIFY" monitor
	start_apart pings nohup "$PINGKILLER" dev eth0
	wait_line pings .
	for name in front watching pings; do
		stays_through "$name" HUP
	done
	send victim "$SERVER4" "$PORT" 10
	wait_line front '^Passed 0 Dropped 10$'
	wait_line watching '^process launched'
	for name in front watching pings; do
		stop "$name" TERM
		assert_equal "$EXIT_STATUS" 0
	done
	assert_equal "$(rules_count)" 0
	assert_received victim 0
}

rules_count() {
	vershitify show | wc -l
}

@test "INT ignored, as in the background jobs of a script: TERM ends it" {
	# shellcheck disable=SC2016
	start_apart front sh -c 'trap "" INT; exec "$@"' sh "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line front .
	stays_through front INT
	stop front TERM
	assert_equal "$EXIT_STATUS $(rules_count)" '0 0'
}

@test "TERM ignored: INT ends it" {
	# shellcheck disable=SC2016
	start_apart front sh -c 'trap "" TERM; exec "$@"' sh "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line front .
	stays_through front TERM
	stop front INT
	assert_equal "$EXIT_STATUS $(rules_count)" '0 0'
}

@test "a signal that was ignored is ignored by the command of a run, and no other" {
	local ignored expected

	for ignored in HUP INT QUIT TERM USR1 'HUP INT' ''; do
		# shellcheck disable=SC2016
		expected=$(on_client env --default-signal sh -c "${ignored:+trap '' $ignored; }"'exec "$@"' sh grep SigIgn /proc/self/status)
		# shellcheck disable=SC2016
		run -0 --separate-stderr on_client env --default-signal sh -c "${ignored:+trap '' $ignored; }"'exec "$@"' sh \
			"$VERSHITIFY" run dev eth0 drop 1% -- grep SigIgn /proc/self/status
		assert_equal "$ignored: $output" "$ignored: $expected"
	done
}

@test "QUIT ends a foreground command as INT does" {
	local name

	start_apart front "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line front .
	start_apart pings "$PINGKILLER" dev eth0
	wait_line pings .
	for name in front pings; do
		stop "$name" QUIT
		assert_equal "$EXIT_STATUS" 0
	done
	assert_equal "$(rules_count)$(pingkiller show)" 0
}

@test "a signal between the look for one and the waiting ends the waiting" {
	local number

	for number in 1 2 3 10 15; do
		run -0 "$PROGRAMS/latesignal" "$number"
		assert_equal "$number $output" "$number ended"
	done
}

# --- a terminal ---------------------------------------------------------------------

# terminal STEPS SCRIPT: an interactive shell on a terminal of its own, in the client's namespace, that runs
# SCRIPT; what comes out goes to $printed. STEPS are lines: "wait TEXT" until that is printed, "type TEXT" with
# \n and \xHH, "kill SIGNAL": to the run alone, "pause". "wait" begins after what was waited for before.
terminal() {
	cat >"$BATS_TEST_TMPDIR/terminal.py" <<'END'
import os, pty, select, signal, sys, time

patience = 20 * int(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    os.execvp(sys.argv[3], sys.argv[3:])
text, seen, until = b"", 0, None

def more(seconds):
    global text
    if not select.select([fd], [], [], seconds)[0]:
        return True
    try:
        data = os.read(fd, 4096)
    except OSError:
        return False
    text += data
    return bool(data)

def wait(word):
    global seen
    end = time.time() + patience
    while text.find(word, seen) < 0:
        if time.time() > end or not more(0.1):
            sys.stdout.write(text.decode(errors="replace"))
            sys.exit("never printed: %s" % word)
    seen = text.find(word, seen) + len(word)

def run_pid():
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/%s/cmdline" % entry, "rb").read().split(b"\0")
            session = os.getsid(int(entry))
        except OSError:
            continue
        if session == pid and b"run" in words[2:5] and b"vershitify.sh" in words[1]:
            return int(entry)

for step in sys.argv[2].splitlines():
    verb, _, word = step.strip().partition(" ")
    if verb == "wait":
        wait(word.encode())
    elif verb == "type":
        os.write(fd, word.encode().decode("unicode_escape").encode())
    elif verb == "pause":
        time.sleep(0.5)
    elif verb == "kill":
        os.kill(run_pid(), getattr(signal, "SIG" + word))
end = time.time() + patience
while more(0.1):
    if time.time() > end:
        sys.exit("does not end")
os.waitpid(pid, 0)
sys.stdout.write(text.decode(errors="replace"))
END
	on_client python3 "$BATS_TEST_TMPDIR/terminal.py" "$PATIENCE" "$1" \
		env VSH="$VERSHITIFY run dev eth0 drop 1% --" COUNT="$PROGRAMS/signals" bash --norc --noprofile -c "$2" \
		>"$BATS_TEST_TMPDIR/printed" || fail "$(cat "$BATS_TEST_TMPDIR/printed")"
	# With what the terminal echoes of control characters.
	printed=$(sed 's/\r//g; s/\^[\\CZ]//g' "$BATS_TEST_TMPDIR/printed")
}

# assert_printed REGEX: as a line.
assert_printed() {
	grep -qxE -- "$1" <<<"$printed" || fail "no line '$1' in: $printed"
}

@test "Ctrl-C reaches the command of a run once, wherever its input and output are" {
	local words

	# shellcheck disable=SC2016
	for words in '$VSH $COUNT' 'echo x | $VSH $COUNT' '$VSH $COUNT </dev/null' '$VSH $COUNT | (trap "" INT; cat)'; do
		terminal 'wait ready
			type \x03
			wait INT' "trap : INT; $words; echo status \$?"
		assert_printed 'INT 1'
	done
}

@test "Ctrl-\\ reaches the command of a run once, and the rule goes" {
	# shellcheck disable=SC2016
	terminal 'wait ready
		type \x1c
		wait status' 'trap : QUIT; $VSH $COUNT; echo status $?'
	assert_printed 'QUIT 1'
	assert_printed 'status 3'
	assert_equal "$(rules_count)" 0
}

@test "a signal for a run on a terminal is passed on to its command, once" {
	local signal

	for signal in HUP INT QUIT USR1 USR2 TERM; do
		# shellcheck disable=SC2016
		terminal "wait ready
			kill $signal
			wait status" '$VSH $COUNT; echo status $?'
		assert_printed "$signal 1"
		assert_printed 'status 3'
	done
}

@test "a signal for the whole process group of a run reaches its command once" {
	local signal

	for signal in HUP INT QUIT USR2 TERM; do
		start_apart running "$VERSHITIFY" run dev eth0 drop 1% -- "$PROGRAMS/signals"
		wait_line running '^ready$'
		kill -s "$signal" -- "-$(pid running)"
		finish running
		assert_equal "$EXIT_STATUS $(output_of running | tail -n 1)" "3 $signal 1"
	done
}

@test "a signal for the group and then one for the run are two" {
	start_apart running "$VERSHITIFY" run dev eth0 drop 1% -- "$PROGRAMS/signals"
	wait_line running '^ready$'
	kill -s INT -- "-$(pid running)"
	wait_line running '^caught$'
	kill -s INT "$(pid running)"
	finish running
	assert_equal "$EXIT_STATUS $(output_of running | tail -n 1)" '3 INT 2'
}

@test "Ctrl-Z stops the command of a run, fg continues it" {
	# shellcheck disable=SC2016
	terminal 'wait ready
		type \x1a
		wait Stopped
		wait resuming
		wait COUNT
		pause
		type \x03
		wait status' 'set -m; $VSH $COUNT; jobs; ps -o stat= -C signals; echo resuming; fg; echo status $?'
	assert_printed 'T.*'
	assert_printed 'INT 1'
	assert_printed 'status 3'
}

@test "the command of a run reads the terminal, also when it comes to the foreground later" {
	# shellcheck disable=SC2016
	terminal 'wait ask
		type answer\n
		wait status' '$VSH sh -c "echo ask; read x; echo got \$x"; echo status $?'
	assert_printed 'got answer'
	# shellcheck disable=SC2016
	terminal 'wait in the background
		type answer\n
		wait status' 'set -m; $VSH sh -c "read x; echo got \$x" & sleep 0.1
		until jobs -s | grep -q Stopped; do sleep 0.1; done; echo in the background; fg; echo status $?'
	assert_printed 'got answer'
	assert_printed 'status 0'
}

@test "what a run is piped into has the terminal, too" {
	# shellcheck disable=SC2016
	terminal 'wait ask
		type answer\n
		wait end' '$VSH echo line | sh -c "read l; echo ask; read x </dev/tty; echo \$l \$x end"'
	assert_printed 'line answer end'
}

@test "Ctrl-C ends a script with the run in it, as it does without us" {
	# shellcheck disable=SC2016
	terminal 'wait ready
		type \x03' 'bash -c "for i in 1 2 3; do $VSH sh -c "echo ready; sleep 30"; echo next; done"'
	refute has_line "$printed" next
	assert_equal "$(rules_count)" 0
}

# --- what is taken away meanwhile ------------------------------------------------------

# netns_make: a namespace of the test's own, $SHORT, with a device eth2 that leads to nobody; $UNTIL_DELETED,
# for a shell, waits until the test says that the name is gone.
netns_make() {
	SHORT=$LAB-short
	UNTIL_DELETED="until [ -e '$BATS_TEST_TMPDIR/deleted' ]; do sleep 0.1; done"
	ip netns add "$SHORT"
	ip -n "$SHORT" link add eth2 type veth peer name eth3
	ip -n "$SHORT" link set eth2 up
	ip -n "$SHORT" link set eth3 up
}

@test "the name of its namespace is deleted while a run is at work: the summary comes all the same" {
	local before

	vershitify down
	before=$(system_state)
	netns_make
	start here running "$VERSHITIFY" -n "$SHORT" run dev eth2 direction both drop 1% --fail-unmatched -- \
		sh -c "echo ready; $UNTIL_DELETED"
	wait_line running '^ready$'
	ip netns del "$SHORT"
	touch "$BATS_TEST_TMPDIR/deleted"
	finish running
	assert_equal "$EXIT_STATUS $(errors_of running)" '124 vershitify.sh: no traffic matched'
	assert_state "$before"
}

@test "the name is given to another namespace: the run's own is meant" {
	local before

	netns_make
	start here running "$VERSHITIFY" -n "$SHORT" run dev eth2 drop 100% --fail-unmatched -- \
		sh -c "ip addr add 192.0.2.99/24 dev eth2; ip neigh add 192.0.2.98 lladdr 02:00:00:00:00:01 dev eth2; \
			echo ready; $UNTIL_DELETED; $PROGRAMS/udpsend 192.0.2.98 9 5"
	wait_line running '^ready$'
	ip netns del "$SHORT"
	netns_make
	before=$(state_of_netns "$SHORT")
	touch "$BATS_TEST_TMPDIR/deleted"
	finish running
	assert_equal "$EXIT_STATUS" 0
	assert_equal "$(state_of_netns "$SHORT")" "$before"
	ip netns del "$SHORT"
}

@test "the name of its namespace is deleted: foreground and pingkiller end as always" {
	local before

	vershitify down
	before=$(system_state)
	netns_make
	start here front "$VERSHITIFY" -n "$SHORT" -interface eth2 -command victim -drop 100
	start here pings "$PINGKILLER" -n "$SHORT" dev eth2
	wait_line front .
	wait_line pings .
	ip netns del "$SHORT"
	stop front INT
	assert_equal "$EXIT_STATUS$(errors_of front)" 0
	stop pings INT
	assert_equal "$EXIT_STATUS$(errors_of pings)" 0
	assert_state "$before"
}
