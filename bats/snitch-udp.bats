#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh tells of UDP: each flow once, with the right process, bytes and end.
# vm: both ways|cut|short-lived|no room|refused
#
#   $CLIENT  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER
#
# bats sets stderr, and status and output anew in each test; the names of the lab come from elsewhere:
# shellcheck disable=SC2154,SC2030,SC2031,SC2153

load helpers
load lib/snitch

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# of_ends FILTER: of $output, these members of the events "ended", a line each.
of_ends() {
	jq -r 'select(.event == "ended") | ['"$1"'] | join(" ")' <<<"$output"
}

# --- flows -------------------------------------------------------------------------------------

# assert_flow CLIENT-ADDRESS SERVER-ADDRESS, as snitch.sh writes them
assert_flow() {
	local server=$2 alone=${2//[][]/} client receiver

	watch_start -i 600 --udp
	receiver_start -e
	receiver=$(pid receiver) server+=:$PORT
	start client client "$(as victim udpsend)" -s 500 -a 5000 "$alone" "$PORT" 1
	client=$(pid client)
	finish client
	wait_line watch '_disconnect '
	stop receiver
	wait_line watch '_disconnect ' 2
	watch_end
	assert_equal "$(grep -F " $server " <<<"$output" | sed -E 's/ :[0-9]+/ :L/')" "$(printf '%s\n' \
		"syscall_sendto $server $client" "egress_connect $server :L" "egress_traffic $server :L 500" \
		"ingress_traffic $server :L 500" "egress_disconnect $server :L")"
	assert_equal "$(grep -F " $1:" <<<"$output" | sed -E 's/:[0-9]+ /:R /')" "$(printf '%s\n' \
		"ingress_connect $1:R :$PORT" "syscall_recvfrom $1:R $receiver" "egress_traffic $1:R :$PORT 500" \
		"ingress_traffic $1:R :$PORT 500" "egress_disconnect $1:R :$PORT")"
}

@test "IPv4: both sides of a flow, both ways, each with its process" {
	assert_flow "$CLIENT4" "$SERVER4"
}

@test "IPv6: both sides of a flow, both ways, with brackets" {
	assert_flow "[$CLIENT6]" "[$SERVER6]"
}

@test "bytes are the programs' own count: small, cut into fragments, and many in one send" {
	local words to first=0

	watch_start -n "$SERVER" -j -i 600 --udp
	receiver_start
	for words in '-s 48' '-s 60000' '-s 1000 -g 40'; do
		for to in "$SERVER4" "$SERVER6"; do
			# shellcheck disable=SC2086 # words
			send victim -b "$first" $words "$to" "$PORT" 40
			first=$((first + 40))
		done
	done
	busywait 20 lines_are watch '"event":"incoming"' 6
	assert_received victim 240
	stop receiver
	wait_line watch '"event":"ended"' 6
	watch_end
	assert_equal "$(of_ends .received,.sent | sort -n)" "$(printf '%s 0\n' 1920 1920 40000 40000 2400000 2400000)"
}

@test "a socket that sends to several has a flow with each, and all end with it" {
	watch_start -n "$CLIENT" -j -i 600 --udp
	on_client python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1, 41):
    s.sendto(b"x" * port, (sys.argv[1], port))' "$SERVER4"
	wait_line watch '"event":"ended"' 40
	watch_end
	assert_equal "$(of_ends .remote.port,.sent,.ended_by | sort -n)" "$(for i in {1..40}; do echo "$i $i local"; done)"
}

# queue: what the kernel has of the server's socket at $PORT: bytes that wait, and drops.
queue() {
	on_server ss -Huanm "sport = :$PORT" | sed -nE 's/.*skmem:\((r[0-9]+),.*,(d[0-9]+)\).*/\1 \2/p'
}

# is_full_and_settled: some were dropped, and no more come.
is_full_and_settled() {
	local before

	before=$(queue)
	sleep 0.2
	[[ $before =~ d[1-9] && $before = "$(queue)" ]]
}

@test "datagrams that the socket has no room for do not count as received" {
	local count

	port_take
	watch_start -n "$SERVER" -j -i 600 --udp
	# A program that has asked for the least room, and reads only when the other one has sent all.
	start server receiver python3 -uc 'import signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
s.bind((sys.argv[1], int(sys.argv[2])))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
print("ready")
signal.sigwait([signal.SIGUSR1])
s.setblocking(False)
count = 0
try:
    while s.recv(2000): count += 1
except BlockingIOError: print("count", count)
signal.pause()' "$SERVER4" "$PORT"
	wait_line receiver '^ready$'
	send victim -s 1000 "$SERVER4" "$PORT" 100
	busywait 20 is_full_and_settled
	go receiver
	wait_line receiver '^count '
	count=$(output_of receiver | sed -n 's/^count //p')
	assert [ "$count" -gt 0 ]
	assert [ "$count" -lt 100 ]
	stop receiver
	wait_line watch '"event":"ended"'
	watch_end
	assert_equal "$(of_ends .received)" $((count * 1000))
}

@test "idle for the time that was said, it has ended; what comes after that is a flow of its own" {
	watch_start -n "$CLIENT" -j --udp --idle 500ms
	receiver_start
	sender_start sender victim -s 100 "$SERVER4" "$PORT" 3
	batch sender
	wait_line watch '"event":"ended"'
	batch sender
	wait_line watch '"event":"ended"' 2
	watch_end
	assert_equal "$(of_ends .ended_by,.sent,.process.comm)" $'idle 300 victim\nidle 300 victim'
	assert_equal "$(jq -r 'select(.event == "ended") | .time == .last_packet' <<<"$output" | uniq)" true
	assert_equal "$(jq -r .connection <<<"$output" | sort -u | wc -l)" 2
}

@test "refused: the other side's answer is the flow's error" {
	watch_start -n "$CLIENT" --udp --failed
	on_client python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 9))
s.send(b"x")
s.settimeout(5)
try: s.recv(1)
except ConnectionRefusedError: print("refused")' "$SERVER4"
	wait_line watch .
	watch_end
	assert_line --regexp "^ingress_disconnect $SERVER4:9 :[0-9]+ ECONNREFUSED\$"
}

@test "refused, it stays so when its socket is told of something that is no error" {
	watch_start -n "$CLIENT" --udp --failed
	on_client python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 9))
s.send(b"x")
try: s.recv(1)
except ConnectionRefusedError: pass
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(("127.0.0.1", 9))
s.setsockopt(socket.SOL_SOCKET, 37, 2 | 16) # SO_TIMESTAMPING: when the kernel has sent it
s.send(b"x")
peer.recv(1)
s.recvmsg(1, 1000, socket.MSG_ERRQUEUE)'
	wait_line watch .
	watch_end
	assert_line --regexp '^ingress_disconnect 127.0.0.1:9 :[0-9]+ ECONNREFUSED$'
}

# --- processes ---------------------------------------------------------------------------------

@test "short-lived processes: each flow is its process's" {
	local count=$((PACKETS / 100))

	watch_start -n "$CLIENT" -j --udp
	receiver_start
	# shellcheck disable=SC2016 # for that shell to expand
	on_client bash -c 'for ((i = 0; i < $4; i++)); do "$1" "$2" "$3" 1 >/dev/null & echo $!; wait $!; done' \
		bash "$(as victim udpsend)" "$SERVER4" "$PORT" "$count" >"$BATS_TEST_TMPDIR/pids"
	wait_line watch '"event":"ended"' "$count"
	watch_end
	assert_equal "$(of_ends .process.pid,.process.comm,.sent)" "$(sed 's/$/ victim 48/' "$BATS_TEST_TMPDIR/pids")"
}

@test "a socket that a process has got from another one is its own when it sends" {
	local socket=$BATS_TEST_TMPDIR/passed

	watch_start -n "$CLIENT" -j --udp
	receiver_start
	start client taker "$(as victim udpsend)" -w -R "$socket" "$SERVER4" "$PORT" 1
	wait_line taker '^waiting$'
	start client giver "$(as giver udpsend)" -P "$socket" "$SERVER4" "$PORT" 1
	wait_line taker '^ready$'
	batch taker
	wait_line watch '"event":"connected"'
	watch_end
	assert_equal "$(jq -r 'select(.event == "connected") | "\(.process.pid) \(.process.comm)"' <<<"$output")" \
		"$(pid taker) victim"
}

@test "one that was open before is its process's, also where it only receives" {
	receiver_start
	watch_start -n "$SERVER" -j --udp
	send victim "$SERVER4" "$PORT" 1
	wait_line watch '"event":"incoming"'
	watch_end
	assert_equal "$(jq -r 'select(.event == "incoming") | .process.pid' <<<"$output")" "$(pid receiver)"
}

# --- which -------------------------------------------------------------------------------------

@test "tcp, udp, direction, command and port choose" {
	local words

	receiver_start
	for words in --tcp '--direction ingress' '--command bystander' '--port 9'; do
		# shellcheck disable=SC2086 # words
		watch_start -n "$CLIENT" --first 1 $words
		send victim "$SERVER4" "$PORT" 1
		stop watch
		assert_equal "$words $EXIT_STATUS $(output_of watch)" "$words 0 "
	done
	for words in --udp '--direction egress' '--command victim' "--port $PORT" "--to $SERVER4"; do
		# shellcheck disable=SC2086 # words
		watch_start -n "$CLIENT" --first 1 $words
		on_client "$(as bystander udpsend)" 127.0.0.1 9 1
		send victim "$SERVER4" "$PORT" 1
		busywait 20 ended watch
		finish watch
		case $words in
		--udp | '--direction egress') assert_equal "$words $EXIT_STATUS $(lines_count watch '^syscall_sendto 127.0.0.1:9 ')" "$words 0 1" ;;
		*) assert_equal "$words $EXIT_STATUS $(lines_count watch "^syscall_sendto $SERVER4:$PORT ")" "$words 0 1" ;;
		esac
	done
}
