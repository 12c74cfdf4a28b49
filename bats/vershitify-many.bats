#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Many devices take as many commands as one: one look at all of them, one tc for all that is to be done. What
# other people do to them between the look and the change is either harmless or taken back. Many processes with
# the same sockets take one walk through these.
#
#   $CLIENT                              $SERVER
#   eth0  ------------ veth ------------ eth0
#   m1 ... mN  -- veth -- n1 ... nN      (both ends in $CLIENT)
#
# Commands are seen by programs of the same names, first in PATH, which do something before the real one.
#
# vm: ^(many processes|a socket that one|many devices|a device that vanishes|a clsact that)

# Much here is for another shell:
# shellcheck disable=SC2016,SC2154

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	mkdir "$BATS_TEST_TMPDIR/bin"
}
teardown() {
	local dev

	[ ! -e "$BATS_TEST_TMPDIR/bpf_stats" ] || cat "$BATS_TEST_TMPDIR/bpf_stats" >/proc/sys/kernel/bpf_stats_enabled
	test_end
	vershitify down
	for dev in $(on_client ip -o link show type veth | sed -n 's/^[0-9]*: \([m#"][^@]*\)@.*/\1/p'); do
		on_client ip link del "$dev"
	done
	on_client tc qdisc del dev lo clsact 2>/dev/null || :
}

# veths FIRST LAST: pairs mI and nI.
veths() {
	local i

	for ((i = $1; i <= $2; i++)); do
		printf 'link add m%s type veth peer name n%s\n' "$i" "$i"
	done | on_client ip -b -
}

# before TOOL SCRIPT: from now on SCRIPT runs before the real tool, with its words.
before() {
	printf '#!/bin/sh\n%s\nexec %s "$@"\n' "$2" "$(PATH=$PATH:/usr/sbin:/sbin command -v "$1")" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

# once: what "before" does only before the first batch of tc.
once() {
	printf 'case "$*" in\n*"-b "*)\n\t[ -e %s ] || { : >%s; %s; }\n\t;;\nesac\n' \
		"$BATS_TEST_TMPDIR/done" "$BATS_TEST_TMPDIR/done" "$1"
}

vsh_watched() {
	PATH="$BATS_TEST_TMPDIR/bin:$PATH" vsh "$@"
}

# commands_of WORDS...: how many of which tool they take.
commands_of() {
	: >"$BATS_TEST_TMPDIR/count"
	vsh_watched "$@" >/dev/null
	sort "$BATS_TEST_TMPDIR/count" | uniq -c
}

# commands_of_all: adding, looking and removing with the devices that there are.
commands_of_all() {
	commands_of add dev all command victim drop 1%
	commands_of -s show
	commands_of doctor
	commands_of change 1 drop 2%
	commands_of del 1
}

# devices: how many there are; some kernels give each namespace tunnels as well.
devices() {
	on_client ip -o link show | wc -l
}

# clsacts: on how many devices of the client there is one.
clsacts() {
	on_client tc qdisc show | grep -c clsact || :
}

# sharers SOCKETS PROCESSES SCRIPT: called "sharer", with the same sockets, but for what SCRIPT does in the I-th.
sharers() {
	cat >"$BATS_TEST_TMPDIR/sharers.py" <<-END
		import ctypes, os, signal, socket, threading
		def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		parent = os.getpid()
		sockets = [udp() for i in range($1)]
		ready, done = os.pipe()
		for i in range($2 - 1):
		    if os.fork() == 0:
		        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
		        $3
		        os.write(done, b'x')
		        signal.pause()
		left = $2 - 1
		while left:
		    left -= len(os.read(ready, left))
		print("ready", flush=True)
		signal.pause()
	END
	start client sharers "$(as sharer "$(python3 -c 'import sys; print(sys.executable)')")" -S "$BATS_TEST_TMPDIR/sharers.py"
	wait_line sharers '^ready$'
}

# visits PROGRAM COMMAND...: how often the iterator visits something meanwhile.
visits() {
	local program before

	program=$(bpftool -j link show pinned "/sys/fs/bpf/vershitify/link_$1" | jq .prog_id)
	shift
	# for teardown
	[ -e "$BATS_TEST_TMPDIR/bpf_stats" ] || cat /proc/sys/kernel/bpf_stats_enabled >"$BATS_TEST_TMPDIR/bpf_stats"
	echo 1 >/proc/sys/kernel/bpf_stats_enabled
	before=$(bpftool -j prog show id "$program" | jq '.run_cnt // 0')
	"$@" >/dev/null
	echo $(($(bpftool -j prog show id "$program" | jq .run_cnt) - before))
}

found() {
	vsh -j -s show | jq -c '.[0] | [.processes, .sockets]'
}

@test "many processes with the same sockets are all found, by a visit to each socket and not to each descriptor" {
	local visits

	sharers 100 40 'pass'
	vsh add dev eth0 command sharer drop 0%
	assert_equal "$(found)" '[40,100]'
	visits=$(visits vsh_iter_file "$TOP/build/vsh" scan)
	((visits >= 100 && visits < 200)) || fail "$visits visits"
}

@test "many processes with the same sockets: each is counted once, too, where the kernel can only walk through files" {
	sharers 100 40 'one = udp() if i == 7 else 0'
	vsh add dev eth0 command sharer drop 0%
	rm -f /sys/fs/bpf/vershitify/link_vsh_iter_socks
	assert_equal "$(found)" '[40,101]'
}

@test "a socket that one of many such processes has under the number of another is found, too" {
	local visits

	sharers 100 40 'if i in (7, 23): sockets.pop().close(); one = udp() if i == 7 else 0'
	vsh add dev eth0 command sharer drop 0%
	assert_equal "$(found)" '[40,101]'
	visits=$(visits vsh_iter_file "$TOP/build/vsh" scan)
	((visits >= 300 && visits < 400)) || fail "$visits visits"
}

@test "a socket that a thread of one of them has for itself is found, too" {
	sharers 10 5 "$(printf '%s\n' 'def own():' \
		"            ctypes.CDLL(None).unshare(0x400); global one; one = udp(); os.write(done, b'x'); signal.pause()" \
		'        i == 3 and (threading.Thread(target=own, daemon=True).start(), signal.pause())')"
	vsh add dev eth0 command sharer drop 0%
	assert_equal "$(found)" '[5,11]'
}

@test "many devices take as many commands as few, to add, to look at and to remove" {
	local tool few

	for tool in tc ip bpftool nsenter awk sed grep stat cat mv; do
		before "$tool" "echo $tool >>$BATS_TEST_TMPDIR/count"
	done
	veths 1 2
	few=$(commands_of_all)
	assert_regex "$few" '1 tc'
	veths 3 40
	assert_equal "$(commands_of_all)" "$few"
	assert_equal "$(clsacts)" 0
}

@test "many devices share one classifier, and a second rule loads none" {
	veths 1 10
	vsh add dev all command victim drop 1%
	assert_equal "$(clsacts)" "$(devices)"
	assert_equal "$(for dev in eth0 lo m1 n10; do on_client tc filter show dev $dev egress; done |
		sed -n 's/.* \(id [0-9]*\) name vsh_egress.*/\1/p' | sort | uniq -c | awk '{ print $1 }')" 4
	veths 11 12
	run -0 --separate-stderr vsh -v add dev all command other drop 1%
	refute_regex "$stderr" 'vsh load [^ ]+ vsh_egress'
	assert_equal "$(grep -c '^nsenter .*tc filter replace' <<<"$stderr")" 4
	assert_equal "$(clsacts)" "$(devices)"
}

@test "a device that vanishes between the look and the change is no reason to fail, nor to leave a record" {
	veths 1 4
	before tc "$(once 'ip link del m2')"
	run -0 --separate-stderr vsh_watched add dev all command victim drop 1%
	assert_output 1
	assert_equal "$stderr" ''
	assert_equal "$(clsacts)" "$(devices)"
	rm "$BATS_TEST_TMPDIR/done"
	before tc "$(once 'ip link del m3')"
	run -0 vsh_watched flush
	assert_output ''
	assert_equal "$(clsacts)" 0
	refute [ -e /run/vershitify.shared ]
}

@test "of a device that is named, it is a reason" {
	veths 1 2
	before tc "$(once 'ip link del m2')"
	run -1 vsh_watched add dev m1 dev m2 command victim drop 1%
	assert_output 'vershitify.sh: cannot attach to device m2: Cannot find device "m2"'
	assert_equal "$(clsacts)" 0
	assert_equal "$(vershitify show)" ''
	refute [ -e /run/vershitify.shared ]
}

@test "what fails on one device takes back what was done to the others" {
	veths 1 4
	before tc "$(once 'tc qdisc add dev m3 ingress')"
	run -1 vsh_watched add dev all command victim drop 1%
	assert_output 'vershitify.sh: cannot attach to device m3: Error: Exclusivity flag on, cannot modify.'
	assert_equal "$(clsacts)" 0
	assert_equal "$(vershitify show)" ''
	refute [ -e /run/vershitify ]
	refute [ -e /run/vershitify.shared ]
	assert_regex "$(on_client tc qdisc show dev m3)" ingress
}

@test "devices without room change nothing on those that have some" {
	veths 1 4
	on_client tc qdisc add dev m3 ingress
	before tc "$(once "echo >$BATS_TEST_TMPDIR/touched")"
	run -1 vsh_watched add dev all command victim drop 1%
	assert_output "vershitify.sh: device m3: its ingress qdisc leaves no room for clsact (tc -n $CLIENT qdisc replace dev m3 clsact)"
	refute [ -e "$BATS_TEST_TMPDIR/touched" ]
}

@test "a clsact that somebody makes between the look and the change stays his" {
	veths 1 2
	before tc "$(once 'tc qdisc add dev m2 clsact')"
	run -0 --separate-stderr vsh_watched add dev all command victim drop 1%
	assert_equal "$stderr" ''
	run -0 vershitify flush
	assert_output ''
	assert_equal "$(clsacts)" 1
	assert_regex "$(on_client tc qdisc show dev m2)" clsact
	refute [ -e /run/vershitify.shared ]
}

@test "a filter that somebody adds to our clsact keeps it, among many" {
	veths 1 4
	vsh add dev all command victim drop 1%
	on_client tc filter add dev m4 ingress pref 9 protocol ip u32 match u32 0 0 flowid 1:1
	vershitify flush
	assert_equal "$(clsacts)" 1
	assert_regex "$(on_client tc filter show dev m4 ingress)" 'pref 9'
	refute_regex "$(on_client tc filter show dev m4 egress)" vsh_egress
	refute [ -e /run/vershitify.shared ]
}

@test "devices whose names tc cannot read in a batch get the classifier, too, and lose it" {
	local name names=('m#1' 'm"2' '"m3' "m'4" '#m5' 'm*6' 'm\7' 'm$8')

	for name in "${names[@]}"; do
		on_client ip link add "$name" type veth
	done
	run -0 --separate-stderr vsh -v add dev all command victim drop 1%
	for name in "${names[@]}"; do
		assert_regex "$(on_client tc filter show dev "$name" egress)" vsh_egress
	done
	# what is shown can be typed
	grep -E 'tc (qdisc|filter) ' <<<"$stderr" | sed 's/tc qdisc add/tc qdisc replace/' >"$BATS_TEST_TMPDIR/commands"
	sh -e "$BATS_TEST_TMPDIR/commands" 3>&-
	run -0 vershitify down
	assert_output ''
	assert_equal "$(clsacts)" 0
}
