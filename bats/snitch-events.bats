#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh prints each TCP connection once, with the right process, bytes and end.
# vm: IPv|at once|own count|accepts|each once
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

# server_start STEP...: listens at $SERVER4, or $AT.
server_start() {
	start server server "$PROGRAMS/tcp" "${AT:-$SERVER4}" "$PORT" listen "$@"
	wait_line server '^listen ok$'
}

# client_start STEP...
client_start() {
	start client client "$PROGRAMS/tcp" "${AT:-$SERVER4}" "$PORT" "$@"
}

# lines_of ENDPOINT: of $output, what is about the other side at ENDPOINT, and the local port left out.
lines_of() {
	grep -F " $1" <<<"$output" | sed -E "s/ :[0-9]+/ :L/"
}

# assert_lines_of ENDPOINT LINE...
assert_lines_of() {
	assert_equal "$(lines_of "$1")" "$(printf '%s\n' "${@:2}")"
}

# client_port: of $output, what the only client has got.
client_port() {
	sed -n 's/^egress_connect .* ://p' <<<"$output"
}

# has_syn_sent: there is a connection in the client's namespace that nobody has answered yet.
has_syn_sent() {
	on_client cat /proc/net/tcp | awk '$4 == "02" { found = 1 } END { exit !found }'
}

# silence ADDRESS: what is sent there gets lost.
silence() {
	on_client ip neigh replace "$1" lladdr 02:00:00:00:00:77 dev eth0 nud permanent
}

# has_child NAME
has_child() {
	[ -n "$(children_of "$(pid "$1")")" ]
}

# --- connections -------------------------------------------------------------------------------

# assert_connection AT ENDPOINT-OF-SERVER CLIENT-ADDRESS
assert_connection() {
	local AT=$1 client server

	watch_start -i 600 --port "$PORT"
	server_start accept recv 5000 send 100 eof close
	client_start connect send 5000 recv 100 close
	client=$(pid client) server=$(pid server)
	wait_line watch '_disconnect ' 2
	watch_end
	assert_lines_of "$2" "syscall_connect $2 $client" "egress_connect $2 :L" "egress_traffic $2 :L 5000" \
		"ingress_traffic $2 :L 100" "egress_disconnect $2 :L"
	set -- "$3:$(client_port)"
	assert_lines_of "$1" "ingress_connect $1 :L" "syscall_accept $1 $server" "egress_traffic $1 :L 100" \
		"ingress_traffic $1 :L 5000" "ingress_disconnect $1 :L"
}

@test "IPv4: both sides of a connection, in the original's words, each with its process" {
	assert_connection "$SERVER4" "$SERVER4:$PORT" "$CLIENT4"
}

@test "IPv6: the same, with brackets" {
	assert_connection "$SERVER6" "[$SERVER6]:$PORT" "[$CLIENT6]"
}

@test "traffic is summed while a connection is open, each byte once" {
	watch_start -n "$CLIENT" -i 0.1
	server_start accept recv 1000 wait recv 500 eof
	client_start connect send 1000 wait send 500 close
	wait_line watch '^egress_traffic .* 1000$'
	go server
	go client
	wait_line watch '_disconnect '
	watch_end
	assert_equal "$(awk '/^egress_traffic/ { sum += $4 } END { print sum }' <<<"$output")" 1500
}

@test "bytes are the program's own count, also where segments get lost" {
	local bytes=$((PACKETS * 50)) retransmits told

	rule_add command victim drop 5% seed 7
	watch_start -n "$CLIENT" -j --port "$PORT"
	server_start accept recv "$bytes" send "$bytes" eof
	start client client "$(as victim tcp)" "$SERVER4" "$PORT" connect send "$bytes" recv "$bytes" info wait close
	wait_line client '^info '
	retransmits=$(output_of client | awk '/^info/ { print $3 }')
	vsh del "$RULE"
	go client
	wait_line watch '"event":"ended"'
	watch_end
	assert_equal "$(jq -r 'select(.event == "ended") | [.process.comm, .sent, .received] | join(" ")' <<<"$output")" \
		"victim $bytes $bytes"
	told=$(jq 'select(.event == "ended") | .retransmits' <<<"$output")
	# The FIN can get lost as well.
	assert [ "$told" -ge "$retransmits" ]
}

@test "the process that accepts is told, not the one that listens" {
	local child

	watch_start -n "$SERVER"
	server_start fork accept eof
	wait_line server '^fork$'
	busywait 20 has_child server
	child=$(children_of "$(pid server)")
	client_start connect close
	wait_line watch '_disconnect '
	watch_end
	assert_line --regexp "^syscall_accept $CLIENT4:[0-9]+ ${child// /}\$"
}

@test "a thread of another name is told by the name of its process" {
	watch_start -n "$CLIENT" -j
	server_start accept eof
	start client client "$(as victim tcp)" "$SERVER4" "$PORT" thread other connect close
	wait_line watch '"event":"ended"'
	watch_end
	assert_equal "$(jq -r '.process | "\(.pid) \(.comm)"' <<<"$output" | uniq)" "$(pid client) victim"
}

@test "short connections of several processes: each once, with its process" {
	local each=$((PACKETS / 500)) name number

	# One that is closed while its last answer comes stays in FIN_WAIT2 for this long.
	on_client sysctl -qw net.ipv4.tcp_fin_timeout=1
	watch_start -n "$CLIENT" -j
	server_start wait
	for number in 1 2 3 4 5; do
		start client "client$number" "$PROGRAMS/tcp" -t 60000 "$SERVER4" "$PORT" connects "$each"
	done
	for number in 1 2 3 4 5; do
		wait_line "client$number" "^connects $each of $each\$"
	done
	wait_line watch '"event":"ended"' $((5 * each))
	watch_end
	for number in 1 2 3 4 5; do
		for name in connected ended; do
			assert_equal "$number $name $(jq -r --arg name "$name" --argjson pid "$(pid "client$number")" \
				'select(.event == $name and .process.pid == $pid) | .connection' <<<"$output" | sort -u | wc -l)" "$number $name $each"
		done
	done
	assert_equal "$(wc -l <<<"$output")" $((10 * each))
}

@test "traffic of what has started it is told of at the end, since its own lines could be that traffic" {
	local count go=$BATS_TEST_TMPDIR/go

	mkfifo "$go"
	server_start accept send 2 wait
	# It is accepted before the watching begins.
	# shellcheck disable=SC2016 # for that shell to expand
	start client parent bash -c 'exec 4<>"/dev/tcp/$1/$2" 5<>"$4"
		read -rn 1 -u 4
		"$3" -i 10ms --port "$2" 4>&- 5>&- &
		while read -ru 5; do printf hello >&4; done' bash "$SERVER4" "$PORT" "$SNITCH" "$go"
	busywait 20 grep -qs 'watching' "$BATS_TEST_TMPDIR/parent.err"
	for count in 1 2; do
		echo >"$go"
		wait_line parent "^ingress_traffic $CLIENT4:[0-9]+ :$PORT 5\$" "$count"
	done
	kill -s TERM "$(children_of "$(pid parent)" | tr -d ' ')"
	wait_line parent '^egress_traffic '
	output=$(output_of parent)
	assert_lines_of "$SERVER4:$PORT" "egress_traffic $SERVER4:$PORT :L 10"
}

# --- what was there before -----------------------------------------------------------------------

@test "a connection that was open before is told of from then on, from both sides" {
	server_start accept recv 1000 wait recv 500 send 30 eof close
	client_start connect send 1000 wait send 500 recv 30 close
	wait_line server '^recv 1000$'
	wait_line client '^send 1000$'
	watch_start -i 600 --port "$PORT"
	go server
	go client
	wait_line watch '_disconnect ' 2
	watch_end
	assert_lines_of "$SERVER4:$PORT" "egress_traffic $SERVER4:$PORT :L 500" "ingress_traffic $SERVER4:$PORT :L 30" \
		"egress_disconnect $SERVER4:$PORT :L"
	assert_lines_of "$CLIENT4:" "$(sed -n 's/^ingress_traffic \('"$CLIENT4"':[0-9]*\) .*/egress_traffic \1 :L 30\ningress_traffic \1 :L 500\ningress_disconnect \1 :L/p' <<<"$output")"
}

@test "list: connections that are open, each side with its process, all bytes, and who has connected" {
	server_start accept recv 1000 wait
	client_start connect send 1000 wait
	wait_line server '^recv 1000$'
	wait_line client '^send 1000$'
	run -0 snitch -j list --port "$PORT"
	assert_equal "$(jq -r '[.event, .direction, .process.pid, .sent, .received, .duration_ns] | join(" ")' <<<"$output" | sort)" \
		"$(printf '%s\n' "open egress $(pid client) 1000 0 " "open ingress $(pid server) 0 1000 ")"
	run -0 snitch -n "$CLIENT" list
	assert_line --regexp "^[0-9T:.Z-]+ +$(pid client) tcp .* egress +tcp +open +- +1000 +0 .* $CLIENT4:[0-9]+ -> $SERVER4:$PORT\$"
	assert_equal "${#lines[@]}" 2
}

@test "more connections than there is room for at once are all told of when it ends" {
	local crowd name

	crowd=$(as crowd tcp)
	watch_start -j -i 600 --command crowd
	for name in one two three four; do
		port_take
		start server "server-$name" "$crowd" "$SERVER4" "$PORT" listen wait
		wait_line "server-$name" '^listen ok$'
		start client "client-$name" "$crowd" -t 60000 "$SERVER4" "$PORT" keep 4000 wait
		wait_line "client-$name" '^connects 4000 of 4000$'
	done
	# Both sides of each.
	busywait 20 lines_are watch '"event":"incoming"' 16000
	stop watch
	assert_equal "$EXIT_STATUS $(lines_count watch '"event":"open"')" '0 32000'
}

# --- failures ----------------------------------------------------------------------------------

@test "connects that fail at once: refused, and no route, IPv4 and IPv6" {
	local AT error endpoint expected=

	watch_start -n "$CLIENT" --failed
	while read -r AT error endpoint; do
		client_start connect
		wait_line client '^connect '
		expected+="syscall_connect $endpoint:$PORT $(pid client) $error"$'\n'
		finish client
	done <<-END
		$SERVER4 ECONNREFUSED $SERVER4
		$SERVER6 ECONNREFUSED [$SERVER6]
		203.0.113.9 ENETUNREACH 203.0.113.9
		2001:db8:9::9 ENETUNREACH [2001:db8:9::9]
	END
	wait_line watch . 4
	watch_end
	assert_equal "$output" "${expected%$'\n'}"
}

@test "a connect that is never answered times out, or is given up with its process" {
	local pid

	silence 192.0.2.77
	on_client sysctl -qw net.ipv4.tcp_syn_retries=1
	watch_start -n "$CLIENT" --failed
	AT=192.0.2.77 client_start connect
	pid=$(pid client)
	busywait 10 has_syn_sent
	stop client KILL
	wait_line watch "^syscall_connect 192\\.0\\.2\\.77:$PORT $pid given-up\$"
	start client client "$PROGRAMS/tcp" -t 100000 192.0.2.77 "$PORT" connect
	wait_line watch "^syscall_connect 192\\.0\\.2\\.77:$PORT $(pid client) ETIMEDOUT\$"
	on_client sysctl -qw net.ipv4.tcp_syn_retries=6
	watch_end
	assert_equal "$(wc -l <<<"$output")" 2
}

@test "a reset is told on both sides, and who has sent it" {
	watch_start --port "$PORT" --failed
	server_start accept recv 10 reset
	client_start connect send 10 eof
	wait_line watch '_disconnect ' 2
	watch_end
	assert_line --regexp "^egress_disconnect $CLIENT4:[0-9]+ :$PORT reset\$"
	assert_line --regexp "^ingress_disconnect $SERVER4:$PORT :[0-9]+ ECONNRESET\$"
}

# --- which -------------------------------------------------------------------------------------

@test "command, pid, to and port choose: what is somebody else's is not told" {
	local words

	server_start wait
	for words in '--command victim' --pid '--to 192.0.2.2/31' "--port $PORT"; do
		start client victim "$(as victim tcp)" "$SERVER4" "$PORT" enter /proc/self/ns/net wait connect close
		wait_line victim '^enter$' # it has got as far as to be told to go on
		[ "$words" != --pid ] || words="--pid $(pid victim)"
		# shellcheck disable=SC2086 # words
		watch_start -n "$CLIENT" $words
		# Another name, another process, another address and another port.
		on_client "$(as bystander tcp)" 127.0.0.1 9 connect
		go victim
		wait_line watch '_disconnect '
		watch_end
		assert_equal "$words $(grep -c '^syscall' <<<"$output")" "$words 1"
		assert_line "syscall_connect $SERVER4:$PORT $(pid victim)"
		finish victim
	done
}

@test "first and for: it ends by itself" {
	run -0 --separate-stderr snitch -n "$CLIENT" --for 100ms
	assert_output ''
	server_start wait
	watch_start -n "$CLIENT" --first 2
	client_start connect close
	busywait 20 ended watch
	finish watch
	assert_equal "$EXIT_STATUS $(lines_count watch .)" '0 2'
	watch_start -n "$CLIENT" --first 1
	client_start connect close
	busywait 20 ended watch
	finish watch
	assert_equal "$EXIT_STATUS $(output_of watch | sed -E 's/ .*//')" '0 syscall_connect'
	watch_start -n "$CLIENT" -x --first 1
	client_start connect close
	busywait 20 ended watch
	finish watch
	assert_equal "$EXIT_STATUS $(lines_count watch '^TIME') $(lines_count watch .)" '0 1 2'
}

@test "bad words are refused in one line, with what is accepted" {
	local words

	while read -r words; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr snitch $words
		assert_equal "$words: $output$(wc -l <<<"$stderr")" "$words: 1"
	done <<-END
		nonsense
		--nonsense
		--pid 0
		--pid x
		--port 0
		--port 65536
		--to 192.0.2.0/33
		--to nobody
		--for never
		-i x
		--first 0
		--command a/b
		--failed --failed
		-i 9ms
		list --failed
		list -i 1
		list --for 1
		list --idle 1
		list --by remote
		--sort rate
		top --by nobody
		top --sort size
		top -x
		top --failed
		--tcp --udp
		--direction up
		--idle 0
		doctor nonsense
	END
}

# --- what is left, what is lost ------------------------------------------------------------------

are_gone() {
	local id

	for id; do
		! bpftool prog show id "$id" 2>/dev/null || return 1
	done
}

@test "killed, it leaves nothing" {
	local programs

	watch_start -n "$CLIENT"
	programs=$(cat /proc/"$(pid watch)"/fdinfo/* 2>/dev/null | awk '$1 == "prog_id:" { print $2 }' | sort -u)
	assert [ "$(wc -w <<<"$programs")" -ge 5 ]
	# shellcheck disable=SC2086 # numbers
	run ! are_gone $programs
	stop watch KILL
	# shellcheck disable=SC2086 # likewise
	busywait 10 are_gone $programs
}

# all_closed: in both namespaces nothing is left but what waits for late packets only (TIME_WAIT, and FIN_WAIT2 of what
# its process has closed), which are no connections any more. They have a timer of their own kind.
all_closed() {
	{
		on_client cat /proc/net/tcp
		on_server cat /proc/net/tcp
	} | awk '$4 != "st" && $6 !~ /^03:/ { left = 1 } END { exit left }'
}

@test "events that were lost are counted and told, with status 1" {
	local crowd name lost told

	crowd=$(as crowd tcp)
	watch_start -j --command crowd
	kill -s STOP "$(pid watch)"
	# Each connection has two sides, and each of these two events.
	for name in one two; do
		port_take
		start server "$name" "$crowd" "$SERVER4" "$PORT" listen wait
		wait_line "$name" '^listen ok$'
		run -0 on_client "$crowd" -t 60000 "$SERVER4" "$PORT" connects 4000
		assert_output 'connects 4000 of 4000'
		stop "$name"
	done
	busywait 20 all_closed
	kill -s CONT "$(pid watch)"
	stop watch
	assert_equal "$EXIT_STATUS" 1
	lost=$(jq 'select(.event == "lost") | .events' "$BATS_TEST_TMPDIR/watch.out" | awk '{ sum += $1 } END { print sum + 0 }')
	told=$(jq 'select(.event != "lost" and .event != "traffic") | 1' "$BATS_TEST_TMPDIR/watch.out" | wc -l)
	assert [ "$lost" -gt 0 ]
	assert_equal $((told + lost)) 32000
	run -0 grep -c 'events were lost' "$BATS_TEST_TMPDIR/watch.err"
}

@test "doctor sees a connection of its own" {
	run -0 snitch doctor
	assert_line 'ok       connection: one was seen on loopback, from both sides'
	assert_line 'all well'
}
