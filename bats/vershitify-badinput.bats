#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bad input: one line that says what is wrong, status 2 (misused) or 1 (what was
# named is not there), and nothing is changed.
#
# A rule of ours is in place all the time, so that "nothing changed" means the
# set-up, the rule and its counters too.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers
load lib/refuse

export COMMAND=vershitify REFUSING=vsh

setup_file() {
	suite_begin
	rule_make
}
teardown_file() { suite_end; }
setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
}
# The rule stays, unless it has come to harm.
teardown() {
	processes_stop
	[ -n "${BATS_TEST_COMPLETED-}" ] || rule_make
}

rule_make() {
	vershitify flush
	rule_add command victim drop 25% seed 7
	state_with_rules >"$BATS_FILE_TMPDIR/with-rule"
}

state_with_rules() {
	system_state
	vershitify -j -s show
}

assert_unchanged() {
	diff "$BATS_FILE_TMPDIR/with-rule" <(state_with_rules) || fail "something has changed (<: before, >: now)"
	refute [ -e pwned ]
}

# words_with OPTION VALUE: to add a whole rule, of which one option is replaced.
words_with() {
	local words=(add dev eth0 command innocent drop 1%) i

	for i in 1 3 5; do
		if [ "${words[i]}" = "$1" ]; then
			words[i + 1]=$2
			printf '%s\0' "${words[@]}"
			return
		fi
	done
	case $1 in
	loss) words=(add dev eth0 command innocent loss "$2") ;;
	exe | pid | cgroup) words=(add dev eth0 drop 1% "$1" "$2") ;;
	*) words+=("$1" "$2") ;;
	esac
	printf '%s\0' "${words[@]}"
}

@test "a word that is no command is refused" {
	local word

	for word in "${ODD_WORDS[@]}" frobnicate addd ADD 1; do
		refused 2 "$word"
	done
	assert_unchanged
}

@test "an option that is none is refused" {
	local word

	for word in -x --frob -interfac --interface=eth0 -jx -- -; do
		refused 2 "$word" show
	done
	assert_unchanged
}

@test "add without its words, or half of them, is refused" {
	refused 2 add
	refused 2 add dev eth0
	refused 2 add dev eth0 command innocent
	refused 2 add dev eth0 drop 1%
	refused 2 add command innocent drop 1%
	refused 2 add dev eth0 children drop 1%
	assert_unchanged
}

@test "each word of a rule needs its value" {
	local word

	for word in dev command exe pid cgroup direction drop loss seed for visible \
		src dst proto sport dport tcp-flags size dscp not 'not dport'; do
		# shellcheck disable=SC2086 # one or two words
		set -- $word
		refused 2 add dev eth0 "$@"
		refused 2 add dev eth0 command innocent drop 1% "$@"
		refused 2 run dev eth0 drop 1% "$@" -- true
	done
	assert_unchanged
}

@test "a word that no rule has is refused" {
	local word

	for word in "${ODD_WORDS[@]}" frob 'drop=1%' --drop device; do
		refused 2 add dev eth0 command innocent drop 1% "$word"
	done
	assert_unchanged
}

@test "words that contradict each other, or come twice, are refused" {
	refused 2 add dev eth0 command innocent pid $$ drop 1%
	refused 2 add dev eth0 command innocent command other drop 1%
	refused 2 add dev eth0 command innocent drop 1% drop 2%
	refused 2 add dev eth0 command innocent drop 1% loss 2%
	refused 2 add dev eth0 command innocent drop 1% seed 1 seed 2
	refused 2 add dev eth0 command innocent drop 1% for 1s for 2s
	refused 2 add dev eth0 command innocent drop 1% direction both direction egress
	refused 2 add dev eth0 command innocent drop 1% visible local visible wire
	refused 2 add dev all dev eth0 command innocent drop 1%
	refused 2 add dev eth0 dev all command innocent drop 1%
	refused 2 add dev eth0 command innocent direction ingress visible local drop 1%
	assert_unchanged
}

@test "drop: what is no percentage is refused" {
	refused_values 2 drop "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 101 100.000001 100.1% 1000% % 5%% 5%5 % 1.1234567 \
		25percent '25 %' -0 -25%
	assert_unchanged
}

@test "times that are none, and one without the other, are refused" {
	refused_values 2 after "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 5 0s 11y 4000d
	refused_values 2 repeat "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 5 0s
	refused 2 add dev eth0 command innocent drop 1% repeat 5s
	refused 2 add dev eth0 command innocent drop 1% repeat 5s off
	refused 2 add dev eth0 command innocent drop 1% repeat 5s 5
	refused 2 add dev eth0 command innocent drop 1% repeat 5s 0s
	refused 2 add dev eth0 command innocent drop 1% repeat 5s 5s 5s
	refused 2 add dev eth0 command innocent drop 1% repeat 5s 5s repeat off
	refused 2 add dev eth0 command innocent drop 1% after ever
	refused 2 add dev eth0 command innocent drop 1% after 1s after 2s
	assert_unchanged
}

@test "loss: what is no percentage is refused" {
	refused_values 2 loss "${ODD_WORDS[@]}" 101 -1 abc
	assert_unchanged
}

@test "drop: a bare number between 0 and 1 is refused, with a hint at the percent sign" {
	local value

	for value in 0.1 0.5 .5 0.000001 0.999999; do
		refused 2 add dev eth0 command innocent drop "$value"
		assert_regex "$stderr" '%'
	done
	refused 2 add dev eth0 command innocent drop 0.1
	assert_regex "$stderr" '0\.1%'
	assert_unchanged
}

@test "models: what they cannot be made of is refused, with the reason" {
	local words reason

	while IFS=: read -r words reason; do
		# shellcheck disable=SC2086 # words
		refused 2 add dev eth0 command innocent drop $words
		assert_regex "$stderr" "$reason"
	done <<-'END'
		random:needs a percentage
		random 10% 101%:a percentage from 0 to 100
		random 10% 25% 5%:what is
		10% 100%:never changes
		gemodel:needs 1 to 4 percentages
		gemodel 1% 0%:would never end
		gemodel 100%:would never end
		gemodel 0% 0%:would never end
		gemodel 1% 10ms:a percentage from 0 to 100
		gemodel 1% 0.5:say 0.5%
		gemodel 1 2 3 4 5:what is
		state 60 40 0 100 50:P13 and P14 are more than 100%
		state 1 30 80:P31 and P32 are more than 100%
		state 1 0:would never end
		state 1 50 50 0:would never end
		state 1 50 0 0:would never end
		state 0 0:would never end
		burst 2%:needs a loss in percent and the mean length
		burst 2% 0.5:a number of packets from 1
		burst 67% 2:more than B/\(B\+1\)
		gi 50% 2 40%:less than RHO
		gi 1% 5 50% 2%:a part of the loss
		gi 60% 1:100% together
		gi 10% 20 50%:100% together
		every:needs a number
		every 0:from 1 to 100000000
		every 100000001:from 1 to 100000000
		every 3 offset 3:less than the 3
		every 3 offset x:a number from 0
		first x:needs a number
		first 0:from 1 to 100000000
		first 3 offset 1:is for "drop every N"
		list:needs numbers of packets
		list 3-1:numbers and ranges from 1
		list 0:numbers and ranges from 1
		list 1,,2:numbers and ranges from 1
		list 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17:at most 16
		25% per rule:each is for itself
		every 3 per packet:socket or rule
		pareto 5%:random, gemodel
	END
	assert_unchanged
}

@test "seed: what is no number of 64 bits is refused" {
	refused_values 2 seed "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 18446744073709551616 1.5
	assert_unchanged
}

@test "for: what is no time is refused" {
	refused_values 2 for "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 5x 5min5 -5s s ms 0 0s 99999999999h 18446744073709551615s
	assert_unchanged
}

@test "direction and visible: other words are refused, with the ones that there are" {
	refused_values 2 direction "${ODD_WORDS[@]}" up EGRESS in out egres
	refused 2 add dev eth0 command innocent drop 1% direction up
	assert_regex "$stderr" 'egress.*ingress.*both'
	refused_values 2 visible "${ODD_WORDS[@]}" yes LOCAL
	refused 2 add dev eth0 command innocent drop 1% visible yes
	assert_regex "$stderr" 'wire.*local.*denied'
	assert_unchanged
}

@test "conditions: what is no value of theirs is refused" {
	local word

	for word in "${ODD_WORDS[@]}"; do
		refused 2 add dev eth0 command innocent drop 1% not dst "$word"
		refused 2 add dev eth0 command innocent drop 1% dport "$word"
		refused 2 add dev eth0 command innocent drop 1% tcp-flags "$word"
	done
	for word in src dst; do
		refused_values 2 "$word" 192.0.2 192.0.2.2/33 2001:db8::/129 192.0.2.2/ /24 example.com 192.0.2.1-192.0.2.9
	done
	for word in sport dport size; do
		refused_values 2 "$word" -1 0x10 ٣ 65536 9-8 1-65536 -9 9- 1-2-3 http
	done
	refused_values 2 proto 256 TCP ip 6-17
	refused_values 2 dscp 64 af14 cs8 0-5
	refused_values 2 tcp-flags SYN syn, ,syn syn/ /syn syn/ack syn/syn/ack 'syn|ack' 2
	refused 2 add dev eth0 command innocent drop 1% dport 1 not dport 2
	refused 2 add dev eth0 command innocent drop 1% dport any dport 2
	refused 2 add dev eth0 command innocent drop 1% dport 2 dport any
	refused 2 add dev eth0 command innocent drop 1% not dport any
	refused 2 add dev eth0 command innocent drop 1% not not dport 2
	refused 2 add dev eth0 command innocent drop 1% not drop 2
	assert_unchanged
}

@test "pid: what is no process id is refused, one that nobody has is not there" {
	refused_values 2 pid "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 0 4294967296
	refused 1 add dev eth0 pid "$(cat /proc/sys/kernel/pid_max)" drop 1%
	refused 1 add dev eth0 pid 2147483647 drop 1%
	assert_unchanged
}

@test "command: a name that no process can have is refused" {
	refused 2 add dev eth0 command '' drop 1%
	assert_unchanged
}

@test "exe: a file that is not there, or is none, is refused" {
	refused '1 2' add dev eth0 exe '' drop 1%
	refused 1 add dev eth0 exe /nonexistent drop 1%
	refused 1 add dev eth0 exe /nonexistent/$'\e[31m' drop 1%
	refused '1 2' add dev eth0 exe /tmp drop 1%
	refused '1 2' add dev eth0 exe /dev/null drop 1%
	refused 1 add dev eth0 exe "$(head -c 5000 /dev/zero | tr '\0' x)" drop 1%
	assert_unchanged
}

@test "cgroup: a folder that is not there, or is no control group, is refused" {
	refused '1 2' add dev eth0 cgroup '' drop 1%
	refused 1 add dev eth0 cgroup /nonexistent drop 1%
	refused 1 add dev eth0 cgroup "$(cgroup_root)/nonexistent" drop 1%
	refused '1 2' add dev eth0 cgroup /tmp drop 1%
	refused '1 2' add dev eth0 cgroup "$(cgroup_root)/cgroup.procs" drop 1%
	assert_unchanged
}

@test "dev: a device that is not there is refused with 1" {
	local word

	for word in nonesuch eth1 eth0: ETH0 0 2; do
		refused 1 add dev "$word" command innocent drop 1%
	done
	for word in "${ODD_WORDS[@]}" "$(head -c 5000 /dev/zero | tr '\0' x)" eth0/ .. a/b; do
		refused '1 2' add dev "$word" command innocent drop 1%
		refused '1 2' add dev eth0 dev "$word" command innocent drop 1%
	done
	assert_unchanged
}

@test "dev: more devices than the 16 that a rule can have are refused" {
	local words=() n

	requires bridge
	for n in {1..17}; do
		ip -n "$CLIENT" link add "br$n" type bridge
		words+=(dev "br$n")
	done
	refused 2 add "${words[@]}" command innocent drop 1%
	for n in {1..17}; do ip -n "$CLIENT" link del "br$n"; done
	assert_unchanged
}

@test "-n: a namespace that is not there is refused with 1, a name that none can have with 2" {
	local word

	run --separate-stderr vershitify -n nonesuch show
	assert_equal "$status" 1
	for word in "${ODD_WORDS[@]}" "$(head -c 5000 /dev/zero | tr '\0' x)" a/b . ..; do
		run --separate-stderr vershitify -n "$word" add dev eth0 command innocent drop 1%
		assert [ "$status" = 1 -o "$status" = 2 ]
		assert_equal "$output" ''
		assert_equal "$(wc -l <<<"$stderr")" 1
		refute_regex "$stderr" $'\e'
	done
	run --separate-stderr vershitify -n
	assert_equal "$status" 2
	assert_unchanged
}

@test "change: bad words are refused, and the rule stays as it is" {
	local word

	refused 2 change
	refused 2 change 1
	for word in "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 0 65 1.0; do
		refused 2 change "$word" drop 1%
	done
	refused 2 change 1 drop
	refused 2 change 1 drop 200
	refused 2 change 1 drop 0.5
	refused 2 change 1 command other
	refused 2 change 1 pid 2
	refused 2 change 1 children
	refused 2 change 1 frob 1
	refused 2 change 1 drop 1% seed x
	refused 1 change 1 drop 1% dev nonesuch
	refused 1 change 64 drop 1%
	assert_unchanged
}

@test "del and show: what is no rule's number is refused" {
	local word command

	refused 2 del
	refused 2 del 1 2
	refused 2 show 1 2
	for command in del show; do
		for word in "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 0 65 all; do
			refused 2 "$command" "$word"
		done
		refused 1 "$command" 64
	done
	assert_unchanged
}

@test "flush, down, monitor, doctor: surplus words are refused" {
	local command

	for command in flush down monitor doctor; do
		refused 2 "$command" now
		refused 2 "$command" ''
	done
	assert_unchanged
}

@test "stats: bad intervals and counts are refused" {
	local word

	for word in "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 0 0s; do
		refused 2 stats "$word"
		refused 2 stats 1s "$word"
	done
	refused 2 stats 1 1 1
	assert_unchanged
}

@test "run: without a command, or with bad words, nothing is started" {
	refused '2 125' run
	refused '2 125' run --
	refused '2 125' run dev eth0 drop 1%
	refused '2 125' run dev eth0 drop 1% --
	refused '2 125' run dev eth0 drop 1% touch pwned
	refused '2 125' run dev eth0 drop 101% -- touch pwned
	refused '2 125' run dev eth0 -- touch pwned
	refused '2 125' run drop 1% -- touch pwned
	refused '2 125' run dev eth0 drop 1% --frob -- touch pwned
	refused 125 run dev nonesuch drop 1% -- touch pwned
	assert_unchanged
}

@test "the original's line: each option needs its value, and a good one" {
	local word

	refused 2 -interface
	refused 2 -interface eth0
	refused 2 -interface eth0 -command innocent
	refused 2 -interface eth0 -command innocent -drop
	refused 2 -interface eth0 -drop 25
	refused 2 -command innocent -drop 25
	refused 2 -drop 25 -command
	refused 2 -interface eth0 -command innocent -drop 25 -frob
	refused 2 -interface eth0 -command innocent -drop 25 frob
	refused 2 -interface eth0 -command innocent -drop 25 -drop 26
	for word in "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 101 0.5; do
		refused 2 -interface eth0 -command innocent -drop "$word"
	done
	refused 1 -interface nonesuch -command innocent -drop 25
	refused 2 -interface eth0 -command '' -drop 25
	assert_unchanged
}

@test "-n: what is no network namespace is refused" {
	local word

	mkfifo fifo
	for word in '' . .. pid: pid:x pid:-1 'pid:1 2' pid:0 pid:01 /dev/null ./fifo /run/ /proc/self/ns/mnt \
		pid:4194305 /nonexistent/net '../*'; do
		refused 2 -n "$word" show
		refused 2 -n "$word" add dev eth0 command innocent drop 1%
	done
	for word in no-such-namespace PID:1 $'\e[31mred'; do
		refused 1 -n "$word" show
	done
	assert_unchanged
}

@test "-b: a file that is not there, is no file, or is full of rubbish is refused" {
	refused 2 -b
	refused '1 2' -b ''
	refused 1 -b /nonexistent
	refused '1 2' -b /tmp
	head -c 2000 /dev/urandom | tr '\n#' '..' >rubbish
	echo >>rubbish
	run --separate-stderr vsh -b rubbish
	assert [ "$status" = 1 -o "$status" = 2 ]
	refute_regex "$stderr" $'\e'
	printf 'add dev eth0 command "unclosed drop 1%%\n' >unclosed
	run --separate-stderr vsh -b unclosed
	assert [ "$status" = 1 -o "$status" = 2 ]
	# shellcheck disable=SC2016
	printf '%s\n' 'add dev eth0 command innocent drop $(touch pwned)' 'del `touch pwned`' '; touch pwned' >evil
	run --separate-stderr vsh -b evil
	assert [ "$status" = 1 -o "$status" = 2 ]
	assert_unchanged
}

@test "of a long path a message has the end, of another long word the beginning" {
	local folders

	folders=$(printf '/a folder%.0s' {1..20})
	refused 1 add dev eth0 exe "$folders/needle" command x drop 1%
	assert_regex "$stderr" 'exe "\.\.\..*a folder/needle": '
	refused 1 add dev eth0 cgroup "$folders/needle" drop 1%
	assert_regex "$stderr" '"\.\.\..*a folder/needle"'
	refused 2 add dev eth0 "beginning$(printf 'x%.0s' {1..100})" drop 1%
	assert_regex "$stderr" '"beginningx+\.\.\."'
}

@test "a very long command line is refused in one line" {
	refused 2 add dev eth0 command innocent drop "$(head -c 100000 /dev/zero | tr '\0' 9)"
	assert [ "${#stderr}" -lt 400 ]
	refused '1 2' add dev eth0 command innocent drop 1% "$(head -c 100000 /dev/zero | tr '\0' x)"
	assert [ "${#stderr}" -lt 400 ]
	assert_unchanged
}
