#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vershitify.sh run --timeline tells what TCP has done about what the rule has dropped.
# vm: a row for each
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test; the names of the lab come from elsewhere:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load helpers

setup_file() {
	suite_begin
	# Each segment is a packet of its own, whose number is known.
	ip -n "$CLIENT" link set eth0 gso_max_segs 1
}
teardown_file() { suite_end; }
setup() {
	test_begin
	port_take
}
teardown() { test_end; }

# server_start STEP...
server_start() {
	start server server "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen "$@"
	wait_line server '^listen ok$'
}

# timeline WORDS... -- STEP...: what the run says goes to $stderr, the victim's own words to $output.
timeline() {
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run --separate-stderr vershitify ${JSON:+-j} -n "$CLIENT" run dev eth0 "${words[@]}" --timeline -- \
		"$(as victim tcp)" -t 60000 "$SERVER4" "$PORT" "$@"
}

# rows: of $stderr, those of the time line, with T for each time and L for the local port.
rows() {
	sed -nE 's/^  +[0-9]+\.[0-9]{3} s  //p' <<<"$stderr" | sed -E 's/[0-9]+\.[0-9]{3} s/T/g'
}

@test "a row for each thing that happens, and what followed a drop behind it" {
	server_start accept eof close
	timeline drop list 1,4,5 -- connect send 777 drain close
	assert_equal "$status" 0
	assert_equal "$(rows | head -n 3)" "CLOSE -> SYN_SENT
drop rule 1, egress, 1 bytes -> retransmit T (RTO) -> acknowledged T
SYN_SENT -> ESTABLISHED"
	# a probe of the tail first, where the timers leave it the time
	assert_regex "$(rows | sed -n 4p)" \
		'^drop rule 1, egress, 777 bytes( -> retransmit T \((TLP|RTO)\)(, dropped)?)+ -> acknowledged T$'
	assert_equal "$(rows | tail -n +5 | head -n 1)" 'ESTABLISHED -> FIN_WAIT1'
	assert_regex "$stderr" "victim [0-9]+, $CLIENT4:[0-9]+ to $SERVER4:$PORT:"
	port_take
	server_start accept eof close
	JSON=1 timeline drop list 1,4,5 -- connect send 777 drain close
	assert_equal "$(jq -sc '.[1].timeline[0].drops | map([.again] + [.retransmissions[] | .cause])' <<<"$stderr")" \
		'[[false,"RTO"],[false,"TLP","RTO"],[true,"RTO"]]'
}

@test "in all: what was lost, and what followed" {
	server_start accept eof close
	timeline drop list 1,4,5 -- connect send 777 drain close
	assert_regex "$stderr" '  in all: 3 drops \(1555 bytes; 0 unanswered\), retransmissions: 2 RTO, 0 fast, 1 TLP, 0 other; resets: 0 sent, 0 received; (open|closed); longest stall 1\.[0-9]{3} s'
}

@test "the error that the program gets, resets and what nothing was sent again for" {
	timeline drop 0% -- connect
	assert_output 'connect ECONNREFUSED'
	assert_equal "$(rows)" "CLOSE -> SYN_SENT
reset received
SYN_SENT -> CLOSE, ECONNREFUSED"
	assert_regex "$stderr" 'resets: 0 sent, 1 received; ECONNREFUSED; longest stall 0\.000 s'
	# Packet 2 acknowledges the answer to the SYN, and nothing else.
	server_start accept wait
	timeline drop list 2,3 -- connect send 100 reset
	assert_equal "$(rows | grep '^drop')" "drop rule 1, egress, 0 bytes -> none
drop rule 1, egress, 100 bytes -> none"
	assert_regex "$stderr" '  in all: 2 drops \(100 bytes; 1 unanswered\)'
}

@test "each of a hundred drops and more has its retransmission, as the program's own kernel counts them" {
	local JSON=1 sends=() n own dropped unanswered

	for ((n = 0; n < 1000; n++)); do
		sends+=(send 200)
	done
	# Of data alone: what comes last, acknowledgements and the end, could be counted and not told any more.
	server_start accept recv 200000 wait
	timeline drop every 9 per rule size 150-65535 -- connect "${sends[@]}" drain info
	own=$(awk '/^info/ { print $3 }' <<<"$output")
	dropped=$(jq -s '.[0].egress.dropped.packets' <<<"$stderr")
	assert [ "$dropped" -ge 100 ]
	assert_equal "$(jq -s '.[1].timeline[0] | [.dropped, (.drops | length)] | join(" ")' <<<"$stderr")" "\"$dropped $dropped\""
	# A retransmission of what has arrived, as on a busy machine, needs no other one when it is lost.
	unanswered=$(jq -sc '[.[1].timeline[0].drops[] | select(.bytes > 0 and (.retransmissions | length) == 0)]' <<<"$stderr")
	assert_equal "$(jq 'map(select(.again | not)) | length' <<<"$unanswered")" 0
	assert_equal "$(jq -s '[.[1].timeline[0].drops[] | select(.at_ns as $at | any(.retransmissions[]; .at_ns < $at))] | length' <<<"$stderr")" 0
	assert_equal "$(jq -s '[.[1].timeline[0].retransmissions[]] | add' <<<"$stderr")" "$own"
	assert_equal "$(jq -s '.[1].timeline[0].unanswered' <<<"$stderr")" "$(jq length <<<"$unanswered")"
}

@test "the answers to a drop are those of the definition, and all that is kept is gone through in no time" {
	run -0 "$PROGRAMS/chains" random 200
	assert_output --regexp '^lines 200 answers [0-9]{5}$'
	run -0 timeout "$((20 * PATIENCE))" "$PROGRAMS/chains" long
	assert_output 'drops 131072 unanswered 0 answers 131072'
}

@test "only targets are told of, and all of COMMAND's descendants" {
	server_start wait
	# shellcheck disable=SC2016 # for that shell to expand
	run -0 --separate-stderr vershitify -n "$CLIENT" run dev eth0 drop 0% --timeline -- \
		bash -c '"$1" "$2" "$3" connect close; ip netns exec "$4" true; true' bash "$(as victim tcp)" "$SERVER4" "$PORT" "$CLIENT"
	assert_equal "$(grep -cE '^[a-z]+ [0-9]+, ' <<<"$stderr")" 1
	assert_regex "$stderr" "victim [0-9]+, $CLIENT4"
	run -3 --separate-stderr vershitify -n "$CLIENT" run dev eth0 drop 0% --timeline -- bash -c 'exit 3'
	assert_regex "$stderr" 'time line: no TCP connection'
	refute_regex "$stderr" 'tcp [0-9]+'
}

@test "--svg draws it" {
	local file=$BATS_TEST_TMPDIR/line.svg

	command -v gnuplot >/dev/null || skip "needs gnuplot"
	server_start accept eof close
	umask 022
	timeline drop list 3 --svg "$file" -- connect send 777 drain close
	assert_equal "$status" 0
	assert_equal "$(stat -c %a "$file")" 644
	run -0 python3 -c 'import sys, xml.etree.ElementTree as tree; print(tree.parse(sys.argv[1]).getroot().tag)' "$file"
	assert_output '{http://www.w3.org/2000/svg}svg'
	run -0 cat "$file"
	assert_output --partial "victim"
	assert_output --partial "$SERVER4:$PORT"
	# A mark of its own and one in the legend: of a drop, and of a probe.
	assert_equal "$(grep -c "href='#gpPt1'" <<<"$output") $(grep -c "href='#gpPt4'" <<<"$output")" '2 2'
}

@test "--timeline and --svg are words of run, and a file has to be named" {
	run -2 vsh add dev eth0 command victim drop 1% --timeline
	assert_output --partial 'what is "--timeline"?'
	run -2 vsh run dev eth0 drop 1% --timeline --timeline -- true
	assert_output --partial 'duplicate "--timeline"'
	run -2 vsh run dev eth0 drop 1% --svg line.png -- true
	assert_output --partial '--svg "line.png": a file whose name ends in .svg'
	assert_equal "$(vershitify -j show)" '[]'
}

@test "killed, it leaves no helper that goes on" {
	local script helper

	start here run "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 1% --timeline -- sh -c 'echo begun $$; exec sleep 60'
	wait_line run '^begun '
	script=$(pid run)
	helper=$(pgrep -P "$script" -f ' timeline ')
	kill -s KILL "$script"
	busywait 20 is_no_process "$helper"
	# COMMAND goes on after its run, as it does without --timeline
	kill "$(output_of run | awk '$1 == "begun" { print $2 }')"
	vershitify down
}

@test "a signal that comes before it watches ends the run as that signal does" {
	local helper

	start here run "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 1% --timeline -- sleep 60
	busywait 20 timeline_has_begun "$(pid run)"
	helper=$(pgrep -P "$(pid run)" -f ' timeline ')
	# It cannot be ready yet: the signal comes first.
	kill -s STOP "$helper"
	sleep 0.2
	kill -s TERM "$(pid run)"
	sleep 0.2
	kill -s CONT "$helper"
	finish run
	assert_equal "$EXIT_STATUS" 143
	refute_regex "$(errors_of run)" 'cannot watch'
	assert_equal "$(vershitify -j show)" '[]'
	is_no_process "$helper"
}

timeline_has_begun() {
	pgrep -P "$1" -f ' timeline ' >/dev/null
}

is_no_process() {
	! kill -0 "$1" 2>/dev/null
}

# but_end: the rows up to the end of a connection, whose two sides race each other; numbers are left out.
but_end() {
	sed -E '/(FIN_WAIT|CLOSE_WAIT|CLOSING|LAST_ACK)/d; s/[0-9]+\.[0-9]{3} s/T/g; s/^ +T/ T/; s/^curl [0-9]+/curl P/; s/:[0-9]{4,5} to/:L to/
		s/[0-9]+ of [0-9]+ packets.*$/N/; s/; (closed|open);/;/; s/\((TLP|RTO)\)/(K)/; s/[0-9] RTO, 0 fast, [0-9] TLP/N/'
}

@test "README: the transcript is what is printed, but for numbers" {
	command -v python3 >/dev/null && command -v curl >/dev/null || skip "needs curl and python3"
	start server server python3 -m http.server --bind "$SERVER4" 80
	busywait 20 on_client curl -s -o /dev/null "http://$SERVER4/"
	run -0 --separate-stderr vershitify -n "$CLIENT" run dev eth0 drop list 1,4 --timeline -- curl -s "http://$SERVER4/"
	assert_equal "$(but_end <<<"$stderr")" "$(sed -n '/^    \$ .*--timeline -- curl/,/^$/ s/^    //p' "$TOP/README.md" | sed 1d | but_end)"
}
