#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh chooses processes as rules do, and runs a command that it watches.
# vm: run: each|exe|children|cgroup
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test; the names of the lab come from elsewhere:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load helpers
load lib/snitch

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	port_take
}
teardown() { test_end; }

# server_start COUNT: so many connections, one after the other; 30 bytes come back by each.
server_start() {
	local steps=() count=$1

	while ((count--)); do
		steps+=(accept eof send 30 close)
	done
	start server server "$PROGRAMS/tcp" -t 60000 "$SERVER4" "$PORT" listen "${steps[@]}" wait
	wait_line server '^listen ok$'
}

# connect_by COMM BYTES: the words of a client's process of that name, in $WORDS.
connect_by() {
	WORDS=("$(as "$1" tcp)" "$SERVER4" "$PORT" connect send "$2" shut eof close)
}

# exchange_as COMM BYTES: a connection, and a datagram.
exchange_as() {
	local WORDS

	connect_by "$@"
	on_client "${WORDS[@]}"
	on_client "$(as "$1" udpsend)" -s "$2" "$SERVER4" "$PORT" 1
}

# told: by protocol, the bytes of each connection that has ended.
told() {
	jq -r 'select(.event == "ended") | "\(.protocol) \(.sent) \(.process.comm)"' "$BATS_TEST_TMPDIR/watch.out" | sort
}

# assert_told LINE...: in all, when as many connections have ended.
assert_told() {
	wait_line watch '"event":"ended"' $#
	stop watch
	assert_equal "$EXIT_STATUS $(told)" "0 $(printf '%s\n' "$@" | sort)"
}

# --- whose -------------------------------------------------------------------------------------

@test "exe: connections of the file's processes, whatever they are called, and of no others" {
	server_start 2
	watch_start -n "$CLIENT" -j --exe "$(as victim tcp)"
	exchange_as bystander 111
	exchange_as victim 112
	assert_told 'tcp 112 victim'
	watch_start -n "$CLIENT" -j --exe "$(as victim udpsend)"
	on_client "$(as bystander udpsend)" "$SERVER4" "$PORT" 1
	on_client "$(as victim udpsend)" -c renamed -s 113 "$SERVER4" "$PORT" 1
	assert_told 'udp 113 renamed'
}

@test "children: those of a process that is there, and theirs" {
	server_start 3
	connect_by child 113
	# shellcheck disable=SC2016 # for that shell to expand
	start client shell bash -c 'trap go=1 USR1; echo ready; until [ -n "$go" ]; do sleep 0.05; done; ("$@" & wait); "$@"; sleep 600' \
		bash "${WORDS[@]}"
	wait_line shell '^ready$'
	watch_start -n "$CLIENT" -j --children --pid "$(pid shell)"
	exchange_as bystander 111
	go shell
	assert_told 'tcp 113 child' 'tcp 113 child'
}

@test "cgroup: connections of the processes that are in it" {
	local group

	server_start 2
	group=$(cgroup_make group)
	watch_start -n "$CLIENT" -j --cgroup "$group"
	exchange_as bystander 111
	connect_by victim 114
	# shellcheck disable=SC2016 # for that shell to expand
	on_client sh -c 'echo $$ >"$1/cgroup.procs"; shift; "$@"; exec "$0" -s 115 "$2" "$3" 1' "$(as victim udpsend)" "$group" "${WORDS[@]}"
	assert_told 'tcp 114 victim' 'udp 115 victim'
}

@test "the name of a cgroup that is gone when its connection ends is told all the same" {
	local group

	server_start 1
	group=$(cgroup_make gone)
	watch_start -n "$CLIENT" -j
	# shellcheck disable=SC2016 # for that shell to expand
	start client victim sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$group" \
		"$(as victim tcp)" "$SERVER4" "$PORT" connect wait shut eof close
	wait_line watch '"event":"connected"'
	pid victim >"$(cgroup_root)/cgroup.procs"
	busywait 5 rmdir "$group"
	go victim
	wait_line watch '"event":"ended"'
	stop watch
	assert_equal "$(jq -r 'select(.event == "ended") | .process.unit' "$BATS_TEST_TMPDIR/watch.out")" "${group##*/}"
}

@test "whose it is has to be said once, and of somebody" {
	run -2 --separate-stderr snitch --children
	assert_equal "$stderr" 'snitch.sh: "--children" of whom? (--command, --exe, --pid or --cgroup)'
	run -2 --separate-stderr snitch --exe /bin/sh --cgroup /
	run -1 --separate-stderr snitch --exe /nowhere
	assert_equal "$stderr" 'snitch.sh: exe "/nowhere": No such file or directory'
}

# --- run ---------------------------------------------------------------------------------------

@test "run: each connection of the command and its descendants is in the sums, and nobody else's" {
	server_start 3
	connect_by victim 1000
	exchange_as bystander 111
	# shellcheck disable=SC2016 # for that shell to expand
	run -3 --separate-stderr snitch -n "$CLIENT" run -- sh -c '"$@" >&2 & wait; "$@" >&2; "$0" -s 500 "$2" "$3" 4 >&2; echo output; exit 3' \
		"$(as victim udpsend)" "${WORDS[@]}"
	assert_equal "$output" output
	assert_equal "$(sed -n '/CONNS/,$ { s/  */ /g; s/^ //; p }' <<<"$stderr")" "CONNS FAILED SENT RECEIVED RETR PROCESS, PROTOCOL AND REMOTE
2 0 2000 60 0 victim tcp $SERVER4:$PORT
1 0 2000 0 0 victim udp $SERVER4:$PORT
3 0 4000 60 0 in all"
}

@test "run: JSON has each connection, on standard error" {
	server_start 1
	connect_by victim 1000
	run -0 --separate-stderr snitch -n "$CLIENT" -j run --tcp -- "${WORDS[@]}"
	assert_equal "$output" $'connect ok\nsend 1000\nshut\neof 30\nclose'
	assert_equal "$(jq -r 'select(.event == "ended") | [.sent, .received, .process.comm] | join(" ")' <<<"$stderr")" '1000 30 victim'
}

@test "run: the exit status is the command's, also where a signal ends it, or it cannot be run" {
	run -0 snitch run -- true
	run -42 snitch run -- sh -c 'exit 42'
	# shellcheck disable=SC2016 # for that shell to expand
	run -143 snitch run -- sh -c 'kill -s TERM $$'
	run -127 --separate-stderr snitch run -- ./nowhere
	assert_equal "$(head -n 1 <<<"$stderr")" 'snitch.sh: cannot run "./nowhere": No such file or directory'
	run -126 snitch run -- /
	run -2 --separate-stderr snitch run
	run -2 --separate-stderr snitch run true
	assert_equal "$stderr" 'snitch.sh: run takes "--" and a command after its words'
	run -2 --separate-stderr snitch run --pid 1 -- true
	run -2 --separate-stderr snitch run --nonsense -- true
}

@test "run: what the table has no row for is summed in one" {
	run -0 --separate-stderr snitch run --udp -- python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in "127.0.0.1", "127.0.0.2":
    for port in range(1, 33001): s.sendto(b"x", (address, port))'
	assert_equal "$(sed -n '/CONNS/,$ p' <<<"$stderr" | wc -l)" 65539 # with the heading, the others and the sum
	assert_equal "$(awk '/ others$| in all$/ { print $1, $2, $3 }' <<<"$stderr" | sort -n)" $'464 0 464\n66000 0 66000'
}

@test "run: a signal goes to the command" {
	# shellcheck disable=SC2016 # for that shell to expand
	start client watch "$SNITCH" run -- sh -c 'trap "echo got it; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
	wait_line watch '^ready$'
	stop watch TERM
	assert_equal "$EXIT_STATUS $(output_of watch)" "9 ready
got it"
}

@test "run: a signal that comes before the command begins ends it" {
	start here watch "$SNITCH" run -- sh -c 'sleep 5; echo ran'
	busywait 20 pgrep -P "$(pid watch)" -x vsh
	stop watch TERM
	assert_equal "$EXIT_STATUS $(output_of watch)" '143 '
}

@test "run: what was ignored stays so, for the command as well" {
	# shellcheck disable=SC2016 # for that shell to expand
	run -0 --separate-stderr env --ignore-signal=HUP "$SNITCH" run -- sh -c 'kill -s HUP $$; kill -s HUP $PPID; echo goes on'
	assert_equal "$output" 'goes on'
}

@test "run: killed, it leaves nothing but the command" {
	local command programs

	start client watch "$SNITCH" run -- sh -c 'echo $$; exec sleep 600'
	wait_line watch '^[0-9]+$'
	command=$(output_of watch)
	programs=$(programs_of watch)
	assert [ "$(wc -w <<<"$programs")" -ge 5 ]
	stop watch KILL
	busywait 10 are_gone "$programs"
	assert kill "$command"
}
