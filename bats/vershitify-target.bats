#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who is the target: none of its packets escapes, and nobody else loses one.
# vm: ^(command: (a process that already|an established|a thread|a child that never|with .children. descendants)|exe: the file|pid: this|cgroup: (a process|a socket)|several rules: an open|a reused|TCP: (every|no SYN-ACK escapes(, IPv4| with| behind)|a socket that the|an accepted|of a target|an ACK|a reset after the target has closed does not|what the kernel|Fast)|MPTCP: (no packet|subflows that|a server.s subflows|direction|a subflow is)|fragments|packet socket|passed socket: at)
#
#   $CLIENT                                          $SERVER
#   victim, bystander  eth0 ---------- eth0  receiver (numbered datagrams by label),
#   the rule           .1                .2  sniffer (packets by kind), peer
#
# Unless a test says otherwise the rule drops 100 %, so that one packet that
# arrives is one that has escaped.

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() {
	test_end
	mptcp_forbid
	fast_open_forbid
}

# The receiver has all of the bystander's packets and none of the victim's,
# all N of which the rule has seen.
assert_only_victim_lost() {
	send bystander "$SERVER4" "$PORT" 10
	assert_received bystander 10
	assert_received victim 0
	assert_counted "$RULE" "$1" "$1"
}

# --- command -----------------------------------------------------------------

@test "command: a new process loses its first packet and all others, over IPv4" {
	receiver_start
	rule_add command victim drop 100%
	send victim "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: a new process loses its first packet and all others, over IPv6" {
	receiver_start
	rule_add command victim drop 100%
	send victim "$SERVER6" "$PORT" 25
	send bystander "$SERVER6" "$PORT" 25
	assert_received bystander 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

@test "command: a name is compared to its end" {
	receiver_start
	rule_add command victim drop 100%
	send victi "$SERVER4" "$PORT" 10
	send victims "$SERVER4" "$PORT" 10
	send Victim "$SERVER4" "$PORT" 10
	assert_received victi 10
	assert_received victims 10
	assert_received Victim 10
	assert_counted "$RULE" 0 0
}

@test "command: a name longer than 15 bytes is matched on 15, which is said" {
	receiver_start
	rule_add command victim-of-our-line drop 100% 2>"$BATS_TEST_TMPDIR/said"
	assert_regex "$(cat "$BATS_TEST_TMPDIR/said")" '15'
	send victim-of-our-line -n victim "$SERVER4" "$PORT" 10
	assert_only_victim_lost 10
}

@test "command: a process that already runs is found, and its later socket with it" {
	receiver_start
	start client waiting "$(as victim udpsend)" -W "$SERVER4" "$PORT" 25
	wait_line waiting '^started$'
	rule_add command victim drop 100%
	go waiting
	wait_line waiting '^sent 25 '
	assert_only_victim_lost 25
}

@test "command: a socket that is already open is found" {
	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	batch waiting
	assert_received victim 25
	rule_add command victim drop 100%
	batch waiting
	assert_received victim 25
	assert_counted "$RULE" 25 25
}

@test "command: an established TCP connection is found" {
	port_take
	start server peer "$PROGRAMS/tcp" :: "$PORT" listen accept recv 100 eof
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" "$SERVER4" "$PORT" connect send 100 wait send 100 wait
	wait_line peer '^recv 100'
	rule_add command victim drop 100%
	sniffer_start "$PORT"
	go target
	wait_line target '^send 100' 2
	# TCP tries again and again: three attempts must be enough to notice an escape
	at_least() { (($(counter "$RULE" dropped) >= 3)); }
	busywait 10 at_least
	assert_equal "$(sniffed tcp)" 0
}

@test "command: a thread under another name, with its own socket, does not escape" {
	receiver_start
	rule_add command victim drop 100%
	send victim -t worker "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: a thread under another name, with the first thread's socket, does not escape" {
	receiver_start
	rule_add command victim drop 100%
	send victim -T worker "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: a running thread under another name, with an open socket, is found" {
	receiver_start
	sender_start waiting victim -t worker "$SERVER4" "$PORT" 25
	rule_add command victim drop 100%
	batch waiting
	assert_only_victim_lost 25
}

@test "command: a target that renames itself stays the target" {
	receiver_start
	rule_add command victim drop 100%
	send victim -c innocent "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: a child that never executes anything does not escape" {
	receiver_start
	rule_add command victim drop 100%
	send victim -f "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: an orphaned grandchild, forked twice, does not escape" {
	receiver_start
	rule_add command victim drop 100%
	start client daemon "$(as victim udpsend)" -d "$SERVER4" "$PORT" 25
	wait_line daemon '^sent 25 '
	assert_only_victim_lost 25
}

@test "command: without 'children' a child that executes another program is free" {
	receiver_start
	rule_add command victim drop 100%
	on_client "$(as victim storm)" 1 0 "$(as bystander udpsend)" "$SERVER4" "$PORT" 25
	assert_received bystander 25
	assert_counted "$RULE" 0 0
}

@test "command: with 'children' a child that executes another program is a target" {
	receiver_start
	rule_add command victim children drop 100%
	on_client "$(as victim storm)" 1 0 "$(as other udpsend)" -n victim "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "command: with 'children' a grandchild is a target, and the child's sibling is not" {
	receiver_start
	rule_add command victim children drop 100%
	on_client "$(as top storm)" 1 0 \
		"$(as victim storm)" 1 0 "$(as middle storm)" 1 0 "$(as leaf udpsend)" -n victim "$SERVER4" "$PORT" 25
	on_client "$(as top storm)" 1 0 "$(as leaf udpsend)" "$SERVER4" "$PORT" 25
	assert_received leaf 25
	assert_only_victim_lost 25
}

@test "command: with 'children' descendants that are alive when the rule comes are included" {
	receiver_start
	start client family "$(as victim storm)" 1 0 "$(as middle storm)" 1 0 "$(as leaf udpsend)" -w -n victim \
		"$SERVER4" "$PORT" 25
	wait_line family '^ready$'
	rule_add command victim children drop 100%
	kill -s USR1 "$(pgrep -P "$(pgrep -P "$(pid family)")")"
	wait_line family '^sent '
	assert_only_victim_lost 25
}

@test "command: a bystander with the same parent, started at the same time, loses nothing" {
	receiver_start
	rule_add command victim drop 100%
	on_client "$PROGRAMS/storm" 50 4 "$(as victim udpsend)" -b %d "$SERVER4" "$PORT" 1 \
		-- "$(as bystander udpsend)" -b %d "$SERVER4" "$PORT" 1
	assert_received bystander 50
	assert_received victim 0
	assert_counted "$RULE" 50 50
}

@test "command: a process of that name in another network namespace loses nothing" {
	port_take
	start client receiver "$PROGRAMS/udpcount" "$PORT"
	wait_line receiver '^ready$'
	rule_add command victim drop 100%
	on_server "$(as victim udpsend)" "$CLIENT4" "$PORT" 25
	assert_received victim 25
	assert_counted "$RULE" 0 0
}

# --- exe -------------------------------------------------------------------------

@test "exe: the file decides, whatever name it is started under" {
	receiver_start
	ln -s "$(as original udpsend)" "$BATS_TEST_TMPDIR/victim"
	rule_add exe "$(as original udpsend)" drop 100%
	on_client "$BATS_TEST_TMPDIR/victim" "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "exe: a copy of the file is another program" {
	receiver_start
	rule_add exe "$(as victim udpsend)" drop 100%
	mkdir "$BATS_TEST_TMPDIR/copy"
	cp "$(as victim udpsend)" "$BATS_TEST_TMPDIR/copy/victim"
	on_client "$BATS_TEST_TMPDIR/copy/victim" "$SERVER4" "$PORT" 25
	assert_received victim 25
	assert_counted "$RULE" 0 0
}

@test "exe: a running process and its open socket are found" {
	receiver_start
	sender_start waiting victim -c renamed "$SERVER4" "$PORT" 25
	rule_add exe "$(as victim udpsend)" drop 100%
	batch waiting
	assert_only_victim_lost 25
}

@test "exe: children count with 'children' only" {
	receiver_start
	rule_add exe "$(as parent storm)" drop 100%
	on_client "$(as parent storm)" 1 0 "$(as child udpsend)" "$SERVER4" "$PORT" 25
	assert_received child 25
	vershitify del "$RULE"
	rule_add exe "$(as parent storm)" children drop 100%
	on_client "$(as parent storm)" 1 0 "$(as child udpsend)" -n victim "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

# --- pid ---------------------------------------------------------------------------

@test "pid: this process and its open socket, and not another one of the same name" {
	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	sender_start other victim -n same-name "$SERVER4" "$PORT" 25
	rule_add pid "$(pid waiting)" drop 100%
	batch waiting
	batch other
	assert_received same-name 25
	assert_only_victim_lost 25
}

@test "pid: the process stays the target when it executes another program" {
	receiver_start
	# shellcheck disable=SC2016
	start client stopped sh -c 'kill -s STOP $$; exec "$@"' sh "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	stopped() { grep -q '^State:.*T' "/proc/$(pid stopped)/status"; }
	busywait 5 stopped
	rule_add pid "$(pid stopped)" drop 100%
	kill -s CONT "$(pid stopped)"
	wait_line stopped '^sent 25 '
	assert_only_victim_lost 25
}

@test "pid: children count with 'children' only" {
	receiver_start
	# shellcheck disable=SC2016
	start client stopped sh -c 'for i in 1 2; do kill -s STOP $$; "$@"; done' \
		sh "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	stopped() { grep -q '^State:.*T' "/proc/$(pid stopped)/status"; }
	busywait 5 stopped
	rule_add pid "$(pid stopped)" drop 100%
	kill -s CONT "$(pid stopped)"
	wait_line stopped '^sent 25 '
	assert_received victim 25
	assert_counted "$RULE" 0 0
	busywait 5 stopped
	vershitify del "$RULE"
	rule_add pid "$(pid stopped)" children drop 100%
	kill -s CONT "$(pid stopped)"
	wait_line stopped '^sent 25 ' 2
	assert_received victim 25
	assert_counted "$RULE" 25 25
}

@test "pid: a process that gets the number later inherits nothing" {
	local number

	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	number=$(pid waiting)
	rule_add pid "$number" drop 100%
	batch waiting
	stop waiting
	on_client "$PROGRAMS/withpid" "$number" "$(as bystander udpsend)" "$SERVER4" "$PORT" 25
	assert_received bystander 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

@test "command: a process that gets the number of a dead target inherits nothing" {
	local number

	receiver_start
	rule_add command victim drop 100%
	sender_start waiting victim "$SERVER4" "$PORT" 25
	number=$(pid waiting)
	batch waiting
	stop waiting KILL
	on_client "$PROGRAMS/withpid" "$number" "$(as bystander udpsend)" "$SERVER4" "$PORT" 25
	assert_received bystander 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

# --- cgroup --------------------------------------------------------------------------

# in_cgroup PATH COMMAND...: on the client.
in_cgroup() {
	# shellcheck disable=SC2016
	on_client sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$@"
}

@test "cgroup: a process that is in it loses, one that is not does not" {
	local group

	receiver_start
	group=$(cgroup_make group)
	rule_add cgroup "$group" drop 100%
	in_cgroup "$group" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	assert_only_victim_lost 25
}

@test "cgroup: groups below it count, the group above does not" {
	local group

	receiver_start
	group=$(cgroup_make above)
	mkdir -p "$group/named/below"
	rule_add cgroup "$group/named" drop 100%
	in_cgroup "$group/named/below" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	in_cgroup "$group" "$(as above udpsend)" "$SERVER4" "$PORT" 25
	assert_received above 25
	assert_only_victim_lost 25
}

@test "cgroup: a running process and its open socket are found" {
	local group

	receiver_start
	group=$(cgroup_make group)
	sender_start waiting victim "$SERVER4" "$PORT" 25
	pid waiting >"$group/cgroup.procs"
	rule_add cgroup "$group" drop 100%
	batch waiting
	assert_only_victim_lost 25
}

@test "cgroup: a socket made there keeps the rule when its process moves out" {
	local group

	receiver_start
	group=$(cgroup_make group)
	rule_add cgroup "$group" drop 100%
	start client waiting sh -c "echo \$\$ >$group/cgroup.procs; exec \"\$@\"" \
		sh "$(as victim udpsend)" -w "$SERVER4" "$PORT" 25
	wait_line waiting '^ready$'
	pid waiting >"$(cgroup_root)/cgroup.procs"
	batch waiting
	assert_only_victim_lost 25
}

# --- several rules ------------------------------------------------------------------------

@test "several rules: the first by number that matches decides, for an open socket too" {
	local first

	receiver_start
	rule_add command victim drop 0%
	first=$RULE
	rule_add command victim drop 100%
	sender_start waiting victim "$SERVER4" "$PORT" 25
	batch waiting
	assert_received victim 25
	assert_counted "$first" 25 0
	assert_counted "$RULE" 0 0
	vershitify del "$first"
	batch waiting
	assert_received victim 25
	assert_counted "$RULE" 25 25
}

@test "several rules: an open socket follows each change of those that come before its own" {
	local first

	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	first=$(vsh add dev lo command victim drop 0%)
	rule_add command victim drop 100%
	batch waiting
	batch waiting
	assert_received victim 0
	vsh change "$first" dev eth0
	batch waiting
	assert_received victim 25
	vsh change "$first" direction ingress
	batch waiting
	assert_received victim 25
	vsh change "$first" direction egress
	batch waiting
	assert_received victim 50
	vsh change "$first" dev lo
	batch waiting
	assert_received victim 50
	vershitify del "$first"
	batch waiting
	assert_equal "$(vsh add dev eth0 command victim drop 0%)" "$first"
	batch waiting
	assert_received victim 75
	assert_counted "$RULE" 125 125
}

@test "several rules: one that names the process in another way counts as well" {
	receiver_start
	sender_start waiting victim "$SERVER4" "$PORT" 25
	rule_add command victim direction ingress drop 100%
	rule_add pid "$(pid waiting)" drop 100%
	batch waiting
	assert_only_victim_lost 25
}

@test "several rules: a rule for another device leaves the packet to the next rule" {
	local first

	receiver_start
	first=$(vsh add dev lo command victim drop 0%)
	rule_add command victim drop 100%
	send victim "$SERVER4" "$PORT" 25
	assert_counted "$first" 0 0
	assert_only_victim_lost 25
}

@test "a reused rule number rules over no socket and no process of its predecessor" {
	local first

	receiver_start
	rule_add command victim drop 100%
	first=$RULE
	sender_start waiting victim "$SERVER4" "$PORT" 25
	start client later "$(as victim udpsend)" -W -n later "$SERVER4" "$PORT" 25
	wait_line later '^started$'
	batch waiting
	assert_received victim 0
	vershitify del "$first"
	rule_add command somebody drop 100%
	assert_equal "$RULE" "$first"
	batch waiting
	go later
	wait_line later '^sent 25 '
	assert_received victim 25
	assert_received later 25
	assert_counted "$RULE" 0 0
}

# --- TCP -----------------------------------------------------------------------------------

# A server that is the target, and a peer in the other namespace. The steps are those of programs/tcp.c.
victim_server() {
	port_take
	start client target "$(as victim tcp)" "$1" "$PORT" listen "${@:2}"
	wait_line target '^listen ok'
}

peer() {
	start server peer "$PROGRAMS/tcp" "$@"
}

counted_at_least() {
	(($(counter "$RULE" "$1") >= $2))
}

# The rule drops all: "target" sends some more, and nothing of it arrives.
assert_none_arrives() {
	sniffer_start "$PORT"
	go target
	busywait 10 counted_at_least dropped 3
	assert_equal "$(sniffed tcp)" 0
}

# The same from now on.
assert_loses_all() {
	vershitify change "$RULE" drop 100%
	stop sniffer
	assert_none_arrives
}

# All that the target has sent by now is counted: no more and no less arrives.
seen_is_sniffed() {
	local seen

	seen=$(counter "$RULE" seen)
	((seen > 0 && seen == $(sniffed tcp)))
}

@test "TCP: every packet of a server's connection is seen once, from the SYN-ACK to the last ACK" {
	local address

	for address in "$CLIENT4" "$CLIENT6"; do
		rule_add command victim drop 0%
		victim_server "$address" accept recv 300000 send 300000 shut eof close
		sniffer_start "$PORT"
		peer "$address" "$PORT" connect send 300000 recv 300000 eof close
		wait_line target '^close'
		wait_line peer '^close'
		busywait 10 seen_is_sniffed
		assert_equal "$(sniffed synack)" 1
		stop sniffer
		vershitify del "$RULE"
	done
}

@test "TCP: every packet of a client's connection is seen once, from the SYN to the last ACK" {
	local address

	for address in "$SERVER4" "$SERVER6"; do
		port_take
		rule_add command victim drop 0%
		peer "$address" "$PORT" listen accept recv 300000 send 300000 eof close
		wait_line peer '^listen ok'
		sniffer_start "$PORT"
		start client target "$(as victim tcp)" "$address" "$PORT" connect send 300000 recv 300000 close
		wait_line target '^close'
		wait_line peer '^close'
		busywait 10 seen_is_sniffed
		assert_equal "$(sniffed syn)" 1
		stop sniffer
		vershitify del "$RULE"
	done
}

@test "TCP: a socket that the target has accepted does not escape" {
	rule_add command victim drop 0%
	victim_server "$CLIENT4" accept wait send 100 wait
	peer -t 20000 "$CLIENT4" "$PORT" connect recv 100
	wait_line target '^accept ok'
	sniffer_start "$PORT"
	vershitify change "$RULE" drop 100%
	go target
	busywait 10 counted_at_least dropped 3
	assert_equal "$(sniffed tcp)" 0
	vershitify change "$RULE" drop 0%
	wait_line peer '^recv 100'
}

@test "TCP: a socket that a child of the target serves does not escape" {
	rule_add command victim drop 0%
	victim_server "$CLIENT4" accept fork send 100 wait
	peer "$CLIENT4" "$PORT" connect recv 100 wait send 100
	wait_line peer '^recv 100'
	sniffer_start "$PORT"
	vershitify change "$RULE" drop 100%
	go peer
	busywait 10 counted_at_least dropped 2
	assert_equal "$(sniffed tcp)" 0
}

@test "TCP: an accepted socket, open before the rule, is found" {
	victim_server "$CLIENT4" accept wait send 100 wait
	peer "$CLIENT4" "$PORT" connect recv 100
	wait_line target '^accept ok'
	rule_add command victim drop 100%
	assert_none_arrives
}

# synacks ADDRESS: at 100 % none of 500 connections comes to be, and without the rule all do.
synacks() {
	rule_add command victim drop 100%
	victim_server "$1" wait
	sniffer_start "$PORT"
	on_server "$PROGRAMS/tcp" -t 1500 "$1" "$PORT" connects 500 >"$BATS_TEST_TMPDIR/none"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/none")" "connects 0 of 500"
	assert_equal "$(sniffed tcp)" 0
	counted_at_least dropped 500
	vershitify del "$RULE"
	on_server "$PROGRAMS/tcp" -t 10000 "$1" "$PORT" connects 500 >"$BATS_TEST_TMPDIR/all"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/all")" "connects 500 of 500"
}

@test "TCP: no SYN-ACK escapes, IPv4" {
	synacks "$CLIENT4"
}

@test "TCP: no SYN-ACK escapes, IPv6" {
	synacks "$CLIENT6"
}

@test "TCP: no SYN-ACK escapes with SYN cookies, which have no socket of their own" {
	local before

	requires syncookies
	before=$(on_client sysctl -n net.ipv4.tcp_syncookies)
	on_client sysctl -qw net.ipv4.tcp_syncookies=2
	synacks "$CLIENT4"
	vershitify flush
	stop target
	stop sniffer
	synacks "$CLIENT6"
	on_client sysctl -qw "net.ipv4.tcp_syncookies=$before"
	(($(on_client nstat -asz TcpExtSyncookiesSent | awk '/Sent/ { print $2 }') >= 1000))
}

# cookies always|by-need: whether the client's listeners answer with SYN cookies.
cookies() {
	case $1 in
	always) on_client sysctl -qw net.ipv4.tcp_syncookies=2 ;;
	by-need) on_client sysctl -qw net.ipv4.tcp_syncookies=1 ;;
	esac
}

# connections ADDRESS PORT: how many of 20 come to be.
connections() {
	on_server "$PROGRAMS/tcp" -t 1500 "$1" "$2" connects 20
}

@test "TCP: no SYN-ACK escapes behind an IPv6 extension header" {
	local kind

	requires syncookies
	port_take
	start client target "$(as victim tcp)" -x "$CLIENT6" "$PORT" listen wait
	wait_line target '^listen ok'
	for kind in by-need always; do
		cookies "$kind"
		assert_equal "$(connections "$CLIENT6" "$PORT")" 'connects 20 of 20'
		rule_add command victim drop 100%
		assert_equal "$(connections "$CLIENT6" "$PORT")" 'connects 0 of 20'
		vershitify del "$RULE"
	done
	cookies by-need
}

@test "TCP: no SYN-ACK escapes from a listener that is bound to the bridge above the rule's device" {
	local address number

	requires bridge
	on_client ip link add port type veth peer name eth1 netns "$SERVER"
	on_client ip link add bridge type bridge
	on_client ip link set port master bridge
	on_client ip addr add 198.51.100.1/24 dev bridge
	on_client ip addr add 2001:db8:1::1/64 dev bridge nodad
	on_client ip link set port up
	on_client ip link set bridge up
	on_server ip addr add 198.51.100.2/24 dev eth1
	on_server ip addr add 2001:db8:1::2/64 dev eth1 nodad
	on_server ip link set eth1 up
	for address in 198.51.100.1 2001:db8:1::1; do
		port_take
		start client target "$(as victim tcp)" -d bridge "$address" "$PORT" listen wait
		wait_line target '^listen ok'
		reached() { [ "$(connections "$address" "$PORT")" = 'connects 20 of 20' ]; }
		busywait 10 reached
		number=$(vsh add dev port command victim drop 100%)
		assert_equal "$(connections "$address" "$PORT")" 'connects 0 of 20'
		(($(counter "$number" dropped) >= 20))
		vershitify del "$number"
		stop target
	done
	on_client ip link del port
	on_client ip link del bridge
}

# redirect FROM TO: what comes to the client for one port goes to the other.
redirect() {
	local family

	for family in ip ip6; do
		on_client nft "add table $family turn { chain c { type nat hook prerouting priority -100; tcp dport $1 redirect to :$2; }; }"
	done
}

redirect_end() {
	on_client nft delete table ip turn
	on_client nft delete table ip6 turn
}

@test "TCP: no SYN-ACK escapes through a redirect, nor is one of the redirect's own port hit" {
	local address kind front target

	requires nft syncookies
	port_take
	front=$PORT
	for address in "$CLIENT4" "$CLIENT6"; do
		victim_server "$address" wait
		target=$PORT
		start client innocent "$(as bystander tcp)" "$address" "$front" listen wait
		wait_line innocent '^listen ok'
		# connections that nobody completes are answered again later: they come last
		for kind in always by-need; do
			cookies "$kind"
			# the bystander answers, with the target's port on the wire
			rule_add command victim drop 100%
			redirect "$target" "$front"
			assert_equal "$(connections "$address" "$target")" 'connects 20 of 20'
			assert_counted "$RULE" 0 0
			redirect_end
			# the other way round
			redirect "$front" "$target"
			assert_equal "$(connections "$address" "$front")" 'connects 0 of 20'
			counted_at_least dropped 20
			redirect_end
			vershitify del "$RULE"
		done
		stop target
		stop innocent
	done
	cookies by-need
}

# connect_from PORT: from that port of the server, until a reset ends it: "ok" or what went wrong.
connect_from() {
	on_server python3 -c '
import socket, struct, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.bind((sys.argv[1], int(sys.argv[2])))
s.settimeout(1.5)
try:
	s.connect((sys.argv[3], int(sys.argv[4])))
	print("ok")
except OSError as error:
	print(error)
' "$@"
}

@test "TCP: a reset after the target has closed does not escape through a redirect, nor is a bystander's hit" {
	local front

	requires nft
	port_take
	front=$PORT
	# the peer's first bytes are read; what comes after the close is answered by the kernel
	rule_add command victim drop 0%
	victim_server "$CLIENT4" accept recv 10 close wait
	redirect "$front" "$PORT"
	peer "$CLIENT4" "$front" connect wait send 10 wait send 10 eof
	wait_line peer '^connect ok'
	go peer
	wait_line target '^close'
	sniffer_start "$front"
	vershitify change "$RULE" drop 100%
	go peer
	busywait 10 counted_at_least dropped 1
	assert_equal "$(sniffed tcp)" 0
	redirect_end
	vershitify del "$RULE"
	stop target
	stop peer
	# the other way round
	rule_add command victim drop 100%
	start client target "$(as victim tcp)" "$CLIENT4" "$PORT" listen wait
	wait_line target '^listen ok'
	start client innocent "$(as bystander tcp)" "$CLIENT4" "$front" listen accept recv 10 close wait
	wait_line innocent '^listen ok'
	redirect "$PORT" "$front"
	peer "$CLIENT4" "$PORT" connect send 10 wait send 10 eof
	wait_line innocent '^close'
	go peer
	wait_line peer '^(eof|send E)'
	assert_counted "$RULE" 0 0
	redirect_end
}

@test "TCP: a bystander with a target's former port and peer answers with its SYN cookies" {
	local pair

	requires syncookies
	for pair in "$SERVER4 $CLIENT4" "$SERVER6 $CLIENT6"; do
		rule_add command victim drop 0%
		victim_server "${pair#* }" accept wait
		assert_equal "$(connect_from "${pair% *}" 40000 "${pair#* }" "$PORT")" ok
		stop target
		start client innocent "$(as bystander tcp)" "${pair#* }" "$PORT" listen wait
		wait_line innocent '^listen ok'
		vershitify change "$RULE" drop 100%
		cookies always
		assert_equal "$(connect_from "${pair% *}" 40000 "${pair#* }" "$PORT")" ok
		cookies by-need
		stop innocent
		vershitify del "$RULE"
	done
}

@test "TCP: another server's SYN-ACKs pass while the target's are dropped" {
	rule_add command victim drop 100%
	victim_server "$CLIENT4" wait
	port_take
	start client innocent "$(as bystander tcp)" "$CLIENT4" "$PORT" listen accept wait
	wait_line innocent '^listen ok'
	run -0 on_server "$PROGRAMS/tcp" "$CLIENT4" "$PORT" connect
	assert_output 'connect ok'
	assert_counted "$RULE" 0 0
}

@test "TCP: what a bystander's raw socket sends with a target's port is the bystander's" {
	listens() { on_client grep -q ':1E61 .* 0A ' /proc/net/tcp; }
	rule_add command victim drop 100%
	start client listening "$(as victim "$(command -v ncat)")" -l "$CLIENT4" 7777
	busywait 5 listens
	on_client python3 -c '
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for i in range(10):
	raw.sendto(struct.pack("!HHIIBBHHH", 7777, 9, i, 0, 0x50, 0x10, 1, 0, 0), (sys.argv[1], 0))
' "$SERVER4"
	assert_counted "$RULE" 0 0
}

# The listener has sent one packet. The socket sends data and a FIN; of the third its successor has to know.
@test "TCP: an ACK sent in TIME_WAIT is its socket's next packet, and neither its first nor its listener's next" {
	rule_add command victim drop list 3
	ack_in_time_wait
	busywait 10 counted_at_least dropped 1
	# The peer's next FIN is answered.
	busywait 10 counted_at_least seen 5
	assert_equal "$(counter "$RULE" dropped)" 1
}

@test "TCP: of a target's rules the first 8 go on counting in TIME_WAIT, the others begin anew" {
	local n

	for n in 1 2 3 4 5 6 7; do
		rule_add command victim dport 1 drop 100%
	done
	rule_add command victim dport 2 drop list 3
	rule_add command victim drop list 3
	ack_in_time_wait
	busywait 10 counted_at_least seen 4
	assert_counted "$RULE" 4 0
	for n in 1 2 3 4 5 6 7 8; do
		vershitify del "$((RULE - n))"
	done
}

# The rule has taken a packet of the listener's and two of the socket's, when the peer closes.
ack_in_time_wait() {
	victim_server "$CLIENT4" accept wait send 100 close wait
	peer "$CLIENT4" "$PORT" connect recv 100 eof wait close wait
	wait_line target '^accept ok'
	go target
	wait_line peer '^eof 0'
	busywait 5 in_time_wait
	assert_counted "$RULE" 3 0
	go peer
	wait_line peer '^close'
}

# The server has had the acknowledgement of its FIN and forgets the socket.
in_time_wait() {
	on_client ss -Htan state fin-wait-2 sport = ":$PORT" | grep -q .
}

@test "TCP: an ACK sent in TIME_WAIT does not escape" {
	local address

	for address in "$CLIENT4" "$CLIENT6"; do
		rule_add command victim drop 0%
		victim_server "$address" accept wait close wait
		peer "$address" "$PORT" connect eof wait close wait
		wait_line target '^accept ok'
		go target
		wait_line peer '^eof 0'
		busywait 5 in_time_wait
		sniffer_start "$PORT"
		vershitify change "$RULE" drop 100%
		go peer
		wait_line peer '^close'
		busywait 10 counted_at_least dropped 3
		assert_equal "$(sniffed tcp)" 0
		vershitify change "$RULE" drop 0%
		# The peer's next FIN gets its answer: they were answers that were lost before.
		answered() { (($(sniffed ack) >= 1)); }
		busywait 20 answered
		vershitify del "$RULE"
		stop sniffer
		stop target
		stop peer
	done
}

# A reset for a connection whose socket is gone. HOW: the step by which the target ends it.
reset_after() {
	local how=$1 address

	for address in "$CLIENT4" "$CLIENT6"; do
		rule_add command victim drop 0%
		victim_server "$address" accept wait "$how" wait
		peer "$address" "$PORT" connect wait send 10 eof
		wait_line target '^accept ok'
		wait_line peer '^connect ok'
		if [ "$how" = close ]; then
			go target
			wait_line target '^close'
			closing() { on_client ss -Htan state fin-wait-2 sport = ":$PORT" | grep -q .; }
			busywait 5 closing
		fi
		sniffer_start "$PORT"
		vershitify change "$RULE" drop 100%
		if [ "$how" = reset ]; then
			go target
			wait_line target '^reset'
		fi
		go peer
		busywait 10 counted_at_least dropped 3
		assert_equal "$(sniffed tcp)" 0
		vershitify change "$RULE" drop 0%
		# The next one arrives: they were resets that were lost before.
		reset() { (($(sniffed rst) >= 1)); }
		busywait 20 reset
		vershitify del "$RULE"
		stop sniffer
		stop target
		stop peer
	done
}

@test "TCP: a reset after the target has closed does not escape" {
	reset_after close
}

@test "TCP: a reset for a connection that the target has aborted does not escape" {
	reset_after reset
}

@test "TCP: what the kernel still sends for a target that was killed does not escape" {
	rule_add command victim drop 0%
	victim_server "$CLIENT4" accept wait send 50000 wait
	peer "$CLIENT4" "$PORT" connect wait
	wait_line target '^accept ok'
	sniffer_start "$PORT"
	vershitify change "$RULE" drop 100%
	go target
	wait_line target '^send 50000'
	stop target KILL
	busywait 10 counted_at_least dropped 4
	assert_equal "$(sniffed tcp)" 0
}

# fast_open_server RULE-WORDS -- COMMAND...: a target's server, and a client whose first packet is a connection
# already, before any SYN-ACK. No cookies (0x4 and 0x200): nobody has asked the listener for one; and no socket
# option (0x400). The rule loses nothing yet.
fast_open_server() {
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	COOKIES=$(on_client sysctl -n net.ipv4.tcp_fastopen)
	on_client sysctl -qw "net.ipv4.tcp_fastopen=$((0x602))"
	on_server sysctl -qw "net.ipv4.tcp_fastopen=$((0x5))"
	port_take
	rule_add drop 0% "${words[@]}"
	start client target "${@:2}" -t 2000 "$CLIENT4" "$PORT" listen accept recv 100 wait recv 100 wait
	wait_line target '^listen ok'
	sniffer_start "$PORT"
}

fast_open_client() {
	start server peer "$PROGRAMS/tcp" -f "$CLIENT4" "$PORT" connect send 100 wait send 100 wait
	wait_line target '^recv 100'
}

fast_open_forbid() {
	[ -n "${COOKIES-}" ] || return 0
	on_client sysctl -qw "net.ipv4.tcp_fastopen=$COOKIES"
	on_server sysctl -qw "net.ipv4.tcp_fastopen=$COOKIES"
}

# The same words: nothing reaches the client, whose SYN was enough for the server.
fast_open_all_lost() {
	fast_open_server "$@"
	vershitify change "$RULE" drop 100%
	fast_open_client
	busywait 10 counted_at_least dropped 2
	assert_equal "$(sniffed tcp)" 0
}

@test "TCP: Fast Open: what a server sends on a connection that begins with data does not escape" {
	fast_open_all_lost command victim -- "$(as victim tcp)"
}

@test "MPTCP: Fast Open: nor what it sends to a client without MPTCP, the first of all" {
	requires mptcp
	fast_open_all_lost command victim -- "$(as victim tcp)" -m
}

@test "MPTCP: Fast Open: nor where a cgroup is the target" {
	local group

	requires mptcp
	group=$(cgroup_make group)
	# shellcheck disable=SC2016
	fast_open_all_lost cgroup "$group" -- sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$(as server tcp)" -m
}

@test "MPTCP: Fast Open: nor what comes in from such a client" {
	requires mptcp
	fast_open_server command victim direction ingress -- "$(as victim tcp)" -m
	fast_open_client
	vershitify change "$RULE" drop 100%
	go peer
	wait_line peer '^send 100' 2
	go target
	wait_line target '^recv 0'
}

# A second address for the client, from which a second subflow may come.
mptcp_allow() {
	ENDPOINT=192.0.2.11 ENDPOINT_PORT=33333
	ip -n "$CLIENT" addr add $ENDPOINT/24 dev eth0
	ip -n "$CLIENT" mptcp limits set subflow 2 add_addr_accepted 2
	ip -n "$SERVER" mptcp limits set subflow 2 add_addr_accepted 2
}

mptcp_forbid() {
	[ -n "${ENDPOINT-}" ] || return 0
	ip -n "$CLIENT" mptcp endpoint flush
	ip -n "$CLIENT" addr del $ENDPOINT/24 dev eth0
}

two_subflows() {
	(($(on_client ss -Htn state established dport = ":$PORT" | wc -l) >= 2))
}

# The kernel asks for a subflow once, and the peer refuses it while it does not take the connection for
# fully established: ask again.
subflow_join() {
	for _ in 1 2 3; do
		ip -n "$CLIENT" mptcp endpoint flush
		ip -n "$CLIENT" mptcp endpoint add $ENDPOINT dev eth0 subflow
		! busywait 2 two_subflows || return 0
	done
	two_subflows
}

@test "MPTCP: no packet of any subflow escapes, and each is seen once" {
	requires mptcp
	mptcp_allow
	port_take
	rule_add command victim drop 0%
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 200000 recv 1000
	wait_line peer '^listen ok'
	sniffer_start "$PORT"
	start client target "$(as victim tcp)" -m "$SERVER4" "$PORT" connect send 100000 wait send 100000 wait send 1000 wait
	wait_line target '^send 100000'
	subflow_join
	go target
	wait_line peer '^recv 200000'
	busywait 10 seen_is_sniffed
	assert_loses_all
}

# The bystander's connection is as open as the target's.
@test "MPTCP: subflows that are open when the rule comes are found, and a bystander's go on" {
	requires mptcp
	mptcp_allow
	port_take
	start server other "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 100000 recv 1000
	wait_line other '^listen ok'
	start client bystander "$(as bystander tcp)" -m "$SERVER4" "$PORT" connect send 100000 wait send 1000 wait
	wait_line other '^recv 100000'
	port_take
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 100000 recv 1000
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" -m "$SERVER4" "$PORT" connect send 100000 wait send 1000 wait
	wait_line peer '^recv 100000'
	subflow_join
	rule_add command victim drop 100%
	assert_none_arrives
	go bystander
	wait_line other '^recv 1000$'
}

@test "MPTCP: a rule that comes later reaches the subflows of a socket that has one already" {
	local first

	requires mptcp
	port_take
	rule_add command victim drop 0%
	first=$RULE
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 1000 recv 100000
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" -m "$SERVER4" "$PORT" connect send 1000 wait send 100000 wait
	wait_line peer '^recv 1000'
	rule_add pid "$(pid target)" drop 100%
	vershitify del "$first"
	assert_none_arrives
}

@test "MPTCP: a server's connection with a client that has no MPTCP does not escape" {
	requires mptcp
	port_take
	rule_add command victim drop 0%
	start client target "$(as victim tcp)" -m "$CLIENT4" "$PORT" listen accept recv 100 send 100000 wait send 1000 wait
	wait_line target '^listen ok'
	sniffer_start "$PORT"
	start server peer "$PROGRAMS/tcp" "$CLIENT4" "$PORT" connect send 100 recv 100000 wait
	wait_line peer '^recv 100000'
	busywait 10 seen_is_sniffed
	assert_loses_all
}

# The kernel itself listens there: no socket of a program's has the port.
@test "MPTCP: a subflow that comes in at a port of the kernel's own does not escape" {
	requires mptcp
	mptcp_allow
	ip -n "$CLIENT" mptcp endpoint add $ENDPOINT port $ENDPOINT_PORT dev eth0 signal
	port_take
	rule_add command victim drop 0%
	start client target "$(as victim tcp)" -m "$CLIENT4" "$PORT" listen accept recv 100000 send 100000 wait send 100000 wait
	wait_line target '^listen ok'
	start server peer "$PROGRAMS/tcp" -m "$CLIENT4" "$PORT" connect send 100000 recv 200000
	wait_line target '^send 100000'
	busywait 10 second_subflow_accepted
	vershitify change "$RULE" drop 100%
	sniffer_start $ENDPOINT_PORT
	go target
	busywait 10 counted_at_least dropped 6
	assert_equal "$(sniffed tcp)" 0
}

second_subflow_accepted() {
	[ -n "$(on_client ss -Htn state established sport = :$ENDPOINT_PORT)" ]
}

@test "MPTCP: a server's subflows do not escape, their SYN-ACKs included" {
	requires mptcp
	port_take
	rule_add command victim drop 0%
	start client target "$(as victim tcp)" -m "$CLIENT4" "$PORT" listen accept recv 100000 send 100000 wait send 1000 wait
	wait_line target '^listen ok'
	sniffer_start "$PORT"
	start server peer "$PROGRAMS/tcp" -m "$CLIENT4" "$PORT" connect send 100000 recv 100000 wait
	wait_line peer '^recv 100000'
	busywait 10 seen_is_sniffed
	assert_equal "$(sniffed synack)" 1
	assert_loses_all
}

# no_connection ADDRESS RULE-WORDS...: neither with MPTCP nor without.
no_connection() {
	local options

	port_take
	rule_add command victim "${@:2}" drop 100%
	start client target "$(as victim tcp)" -m "$1" "$PORT" listen wait
	wait_line target '^listen ok'
	for options in "-m" ""; do
		# shellcheck disable=SC2086 # one word or none
		run -0 on_server "$PROGRAMS/tcp" $options -t 600 "$1" "$PORT" connect
		assert_output 'connect ETIMEDOUT'
	done
	vershitify del "$RULE"
	stop target
}

# Not every kernel shows the hook for "visible denied" the SYN-ACKs of IPv6.
@test "MPTCP: direction ingress and visible denied reach a server from the first SYN on" {
	requires mptcp
	no_connection "$CLIENT4" direction ingress
	no_connection "$CLIENT6" direction ingress
	no_connection "$CLIENT4" visible denied
}

@test "MPTCP: what comes in on an accepted connection does not escape direction ingress" {
	local options

	requires mptcp
	rule_add command victim direction ingress drop 0%
	for options in "-m" ""; do
		port_take
		start client target "$(as victim tcp)" -m -t 1500 "$CLIENT4" "$PORT" listen accept recv 1000 recv 1000
		wait_line target '^listen ok'
		# shellcheck disable=SC2086 # one word or none
		start server peer "$PROGRAMS/tcp" $options "$CLIENT4" "$PORT" connect send 1000 wait send 1000 wait
		wait_line target '^recv 1000'
		vershitify change "$RULE" drop 100%
		go peer
		wait_line target '^recv 0'
		assert [ "$(counter "$RULE" dropped ingress)" -gt 0 ]
		vershitify change "$RULE" drop 0%
		stop target
		stop peer
	done
}

@test "MPTCP: subflows are found in the namespace of the socket, wherever its process has gone" {
	requires mptcp
	port_take
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 1000 recv 1000
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" -m "$SERVER4" "$PORT" connect send 1000 enter "/run/netns/$SERVER" wait send 1000 wait
	wait_line target '^enter'
	wait_line peer '^recv 1000'
	rule_add command victim drop 100%
	assert_none_arrives
}

# Where the kernel tells of it at once, too: the socket has the rule by then, its subflows have not.
@test "MPTCP: the subflows of a socket that a target was passed are found by the next command" {
	requires mptcp
	port_take
	rule_add command victim drop 100%
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 1000 recv 1000
	wait_line peer '^listen ok'
	start client target "$(as victim "$(python3 -c 'import sys; print(sys.executable)')")" -c '
import signal, socket, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
via = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
via.bind(sys.argv[1])
print("waiting", flush=True)
_, fds, _, _ = socket.recv_fds(via, 1, 1)
print("taken", flush=True)
signal.pause()
socket.socket(fileno=fds[0]).send(bytes(i & 255 for i in range(1000)))
signal.pause()
' "$BATS_TEST_TMPDIR/passing"
	wait_line target '^waiting'
	on_client python3 -c '
import socket, sys
given = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
given.connect((sys.argv[2], int(sys.argv[3])))
given.send(bytes(i & 255 for i in range(1000)))
via = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
via.connect(sys.argv[1])
socket.send_fds(via, [b"1"], [given.fileno()])
' "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT"
	wait_line target '^taken'
	wait_line peer '^recv 1000'
	vershitify show
	assert_none_arrives
}

# More than the helper may have files open for.
@test "MPTCP: subflows are found in many namespaces" {
	local i

	requires mptcp
	for ((i = 0; i < 70; i++)); do
		start here "far$i" unshare -n "$(as victim tcp)" -m 127.0.0.1 "$((20000 + i))" listen wait
	done
	for ((i = 0; i < 70; i++)); do
		wait_line "far$i" '^listen ok'
	done
	port_take
	start server peer "$PROGRAMS/tcp" -m "$SERVER4" "$PORT" listen accept recv 1000 recv 1000
	wait_line peer '^listen ok'
	start client target "$(as victim tcp)" -m "$SERVER4" "$PORT" connect send 1000 wait send 1000 wait
	wait_line peer '^recv 1000'
	rule_add command victim drop 100%
	assert_none_arrives
}

# The bystander's second subflow is asked for at an address where the target listens.
@test "MPTCP: a subflow is its connection's, not that of the listener it came in through" {
	requires mptcp
	mptcp_allow
	ip -n "$CLIENT" mptcp endpoint add $ENDPOINT dev eth0 signal
	port_take
	rule_add command victim drop 0%
	start client target "$(as victim tcp)" -m $ENDPOINT "$PORT" listen wait
	wait_line target '^listen ok'
	start client bystander "$(as bystander tcp)" -m "$CLIENT4" "$PORT" listen accept recv 100000 send 100000 wait send 100000 wait
	wait_line bystander '^listen ok'
	start server peer "$PROGRAMS/tcp" -m "$CLIENT4" "$PORT" connect send 100000 recv 200000
	wait_line bystander '^send 100000'
	joined() { [ -n "$(on_client ss -Htn state established src $ENDPOINT sport = ":$PORT")" ]; }
	busywait 10 joined
	vershitify change "$RULE" drop 100%
	go bystander
	wait_line peer '^recv 200000'
	assert_equal "$(counter "$RULE" dropped)" 0
}

# The peer is made by hand, so that its ACK waits for the rule. Its address is nobody's: no kernel answers.
# Meanwhile the SYN-ACK is sent again, after one second, two, four: the rule has to stop those, too, but
# those only that are sent when it is there.
@test "MPTCP: a client's connection that has no MPTCP, and whose handshake the rule comes into, does not escape" {
	local added synacks

	requires mptcp
	port_take
	start client target "$(as victim tcp)" -m "$CLIENT4" "$PORT" listen accept send 1000 wait
	wait_line target '^listen ok'
	device() { ip -n "$1" -o link show eth0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/'; }
	ip -n "$CLIENT" neigh add 192.0.2.99 lladdr "$(device "$SERVER")" dev eth0
	start server peer python3 -c '
import signal, socket, struct, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
def mac(text): return bytes.fromhex(text.replace(":", ""))
def total(data):
	s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
	while s >> 16: s = (s & 0xffff) + (s >> 16)
	return ~s & 0xffff
src, dst = socket.inet_aton("192.0.2.99"), socket.inet_aton(sys.argv[1])
port = int(sys.argv[2])
def frame(seq, ack, flags):
	tcp = struct.pack("!HHIIBBHHH", 5555, port, seq, ack, 0x50, flags, 65000, 0, 0)
	tcp = tcp[:16] + struct.pack("!H", total(src + dst + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
	ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, src, dst)
	ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
	return mac(sys.argv[3]) + mac(sys.argv[4]) + b"\x08\x00" + ip + tcp
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
raw.bind(("eth0", 0x800))
raw.send(frame(1000, 0, 2))
while True:
	got = raw.recv(2000)
	if got[23] == 6 and got[30:34] == src and got[47] & 0x12 == 0x12: break
theirs = struct.unpack("!I", got[38:42])[0]
print("synack", flush=True)
signal.sigwait([signal.SIGUSR1])
raw.send(frame(1001, theirs + 1, 0x10))
print("ack", flush=True)
signal.sigwait([signal.SIGTERM])
' "$CLIENT4" "$PORT" "$(device "$CLIENT")" "$(device "$SERVER")"
	wait_line peer '^synack'
	sniffer_start "$PORT"
	rule_add command victim drop 100%
	added=${EPOCHREALTIME/./}
	synacks=$(counter "$RULE" dropped)
	go peer
	wait_line target '^send 1000'
	# The data, and the data again.
	busywait 10 counted_at_least dropped $((synacks + 2))
	assert_none_since "$added"
	ip -n "$CLIENT" neigh del 192.0.2.99 dev eth0
}

# --- datagrams, fragments, ping ------------------------------------------------------------------

@test "fragments: none of a large datagram's escapes, IPv4 and IPv6" {
	receiver_start
	sniffer_start
	rule_add command victim drop 100%
	send victim -s 4000 "$SERVER4" "$PORT" 20
	send victim -s 4000 "$SERVER6" "$PORT" 20
	assert_equal "$(sniffed fragments)" 0
	assert_counted "$RULE" 120 120
	send bystander -s 4000 "$SERVER4" "$PORT" 20
	assert_equal "$(sniffed fragments)" 60
	assert_received bystander 20
}

@test "fragments: each is judged by itself" {
	local dropped

	receiver_start
	sniffer_start
	rule_add command victim drop 50%
	send victim -s 4000 "$SERVER4" "$PORT" 1000
	dropped=$(counter "$RULE" dropped)
	assert_equal "$(counter "$RULE" seen)" 3000
	assert_binomial "$dropped" 3000 50
	assert_equal "$(sniffed fragments)" $((3000 - dropped))
	# a datagram needs all three of its own
	assert_binomial "$(received victim)" 1000 12.5
}

# pings ADDRESS: a target and a bystander that both ping it.
pings() {
	rule_add command ping drop 100%
	run -1 on_client ping -q -c 10 -i 0.01 -W 1 "$1"
	assert_output --partial '10 packets transmitted, 0 received'
	run -0 on_client "$(as otherping "$(command -v ping)")" -q -c 10 -i 0.01 "$1"
	assert_output --partial '10 packets transmitted, 10 received'
	assert_counted "$RULE" 10 10
	vershitify del "$RULE"
}

@test "ping: a raw socket does not escape" {
	on_client sysctl -qw net.ipv4.ping_group_range='1 0'
	run -0 on_client ping -v -c 1 "$SERVER4"
	assert_output --partial SOCK_RAW
	pings "$SERVER4"
	pings "$SERVER6"
}

@test "ping: a ping socket does not escape" {
	on_client sysctl -qw net.ipv4.ping_group_range='0 2147483647'
	run -0 on_client ping -v -c 1 "$SERVER4"
	assert_output --partial SOCK_DGRAM
	pings "$SERVER4"
	pings "$SERVER6"
	on_client sysctl -qw net.ipv4.ping_group_range='1 0'
}

# --- sockets that come in other ways -----------------------------------------------------------------

server_mac() {
	ip -j -n "$SERVER" link show dev eth0 | jq -r '.[0].address'
}

@test "packet socket: one that is open when the rule comes is found" {
	receiver_start
	start client waiting "$(as victim packetsend)" -w eth0 "$(server_mac)" "$CLIENT4" "$SERVER4" "$PORT" 25
	wait_line waiting '^ready$'
	batch waiting
	assert_received victim 25
	rule_add command victim drop 100%
	batch waiting
	assert_received victim 25
	assert_counted "$RULE" 25 25
}

@test "packet socket: one that a target opens later is a target's" {
	receiver_start
	rule_add command victim drop 100%
	on_client "$(as victim packetsend)" eth0 "$(server_mac)" "$CLIENT4" "$SERVER4" "$PORT" 25
	on_client "$(as bystander packetsend)" eth0 "$(server_mac)" "$CLIENT4" "$SERVER4" "$PORT" 25
	assert_received bystander 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

@test "inherited socket: the next command finds what a target has inherited through exec" {
	receiver_start
	rule_add command victim drop 100%
	start client heir "$(as bystander udpsend)" -X "$(as victim udpsend)" -w "$SERVER4" "$PORT" 25
	wait_line heir '^ready$'
	vershitify show
	batch heir
	assert_only_victim_lost 25
}

@test "inherited socket: while a monitor runs it is found without a command" {
	receiver_start
	rule_add command victim drop 100%
	start here watching "$VERSHITIFY" monitor
	monitor_listens
	start client heir "$(as bystander udpsend)" -X "$(as victim udpsend)" -w "$SERVER4" "$PORT" 25
	wait_line heir '^ready$'
	wait_line watching "^socket tagged: $(pid heir) "
	batch heir
	assert_only_victim_lost 25
}

@test "passed socket: at once, where the kernel loads BPF LSM programs" {
	requires lsm
	receiver_start
	rule_add command victim drop 100%
	start client taker "$(as victim udpsend)" -w -R "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^waiting$'
	start client giver "$(as bystander udpsend)" -P "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^ready$'
	batch taker
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

@test "passed socket: the next command finds what a target was passed" {
	receiver_start
	rule_add command victim drop 100%
	start client taker "$(as victim udpsend)" -w -R "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^waiting$'
	start client giver "$(as bystander udpsend)" -P "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^ready$'
	vershitify show
	batch taker
	assert_received victim 0
	assert_counted "$RULE" 25 25
}

@test "passed socket: one that a target has made stays the target's in other hands" {
	receiver_start
	rule_add command victim drop 100%
	start client taker "$(as bystander udpsend)" -n victim -w -R "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^waiting$'
	start client giver "$(as victim udpsend)" -P "$BATS_TEST_TMPDIR/passing" "$SERVER4" "$PORT" 25
	wait_line taker '^ready$'
	batch taker
	assert_only_victim_lost 25
}

# A monitor that is attached prints a launch of the target; make one until it does.
monitor_listens() {
	launched() {
		"$(as launcher storm)" 1 1 "$(as victim storm)" 1 1 /bin/true >/dev/null
		(($(lines_count watching '^process launched: ') > 0))
	}
	busywait 10 launched
}
