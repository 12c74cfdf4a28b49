#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh --listen traces what others send: all that is asked for, and nothing else.
# vm: ^(a datagram|a connection|a process|a drop|packets of a driver)
#
#   $CLIENT: senders  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  $SERVER: receivers
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Some of it is for another shell; what is set elsewhere looks misspelt:
# shellcheck disable=SC2016,SC2153

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# listen WORDS...: in the background, as "tracer", of the client's packets.
listen() {
	listen_in "$CLIENT" "$@"
}

# tracer_start COMMAND...: until all is attached.
tracer_start() {
	rm -f "$BATS_TEST_TMPDIR/tracer.err" # of an earlier one
	start here tracer "$@"
	busywait 60 is_listening
}

is_listening() {
	grep -qx 'tracepkt.sh: listening' "$BATS_TEST_TMPDIR/tracer.err" 2>/dev/null
}

# listen_in NETNS WORDS...
listen_in() {
	local netns=$1
	shift
	tracer_start "$TRACEPKT" -n "$netns" -j --listen "$@"
}

# listened: ends the tracer. Its output goes to $output, what it says at last to $sum.
listened() {
	stop tracer INT
	listened_all
}

# listened_all: the same of one that ends by itself.
listened_all() {
	[ -z "${STARTED[tracer]-}" ] || finish tracer
	output=$(output_of tracer)
	sum=$(errors_of tracer | tail -n 1)
}

# hops_of NUMBER: "NETNS DEV DIRECTION TYPE" each, the lab's name left out.
hops_of() {
	jq -r --argjson seq "$1" --arg lab "$LAB-" 'select(.event == "hop" and .seq == $seq) |
		[(.netns.name | ltrimstr($lab)), .dev, .direction, .type] | join(" ")' <<<"$output"
}

hops_count() {
	jq -r 'select(.event == "hop") | .seq' <<<"$output" | wc -l
}

# results FILTER: how many results there are that jq selects.
results() {
	jq -s "[.[] | select(.event == \"result\" and ($1))] | length" <<<"$output"
}

@test "a datagram: where it comes by" {
	receiver_start
	listen udp port "$PORT" --first 1
	send victim "$SERVER4" "$PORT" 1
	listened_all
	assert_equal "$(hops_of 1)" "$(printf '%s\n' 'a eth0 out udp' 'b eth0 in udp')"
	# Some kernels tell no tracer of the end of a datagram that was read.
	assert_equal "$(results '.ended == "consumed" or .ended == "unseen"')" 1
	assert_equal "$sum" 'tracepkt.sh: 1 packets: 1 complete, 0 not; 0 events lost'
	assert_equal "$(jq -r 'select(.event == "hop") | .to' <<<"$output" | uniq)" "$SERVER4:$PORT"
}

# fates: "FLAGS:ENDED" of each packet, once. A program that reads within 10 ms of TCP makes "read" of "received"; what TCP
# frees at once some kernels tell of, and others do not.
fates() {
	jq -rs '(map(select(.event == "hop")) | group_by(.seq) | map({ (.[0].seq | tostring): .[0].type }) | add) as $type |
		.[] | select(.event == "result") | "\($type[.seq | tostring]):\(.ended)"' <<<"$output" |
		sed 's/:read$/:received/; s/:consumed$/:freed/; s/:unseen$/:freed/' | LC_ALL=C sort -u | xargs
}

@test "a connection: each packet has its flags and its path, in both directions" {
	port_take
	start server server "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv 1000 shut eof
	wait_line server '^listen'
	tracer_start "$TRACEPKT" -j --listen tcp port "$PORT" host "$SERVER4"
	on_client "$PROGRAMS/tcp" "$SERVER4" "$PORT" connect send 1000 eof close
	finish server
	listened
	assert_equal "$(hops_of 1)" "$(printf '%s\n' 'a eth0 out SYN' 'b eth0 in SYN')"
	assert_equal "$(hops_of 2)" "$(printf '%s\n' 'b eth0 out SYN,ACK' 'a eth0 in SYN,ACK')"
	assert_equal "$(hops_of 3)" "$(printf '%s\n' 'a eth0 out ACK' 'b eth0 in ACK')"
	# each has left one namespace and come to the other one, once
	assert_equal "$(jq -r 'select(.event == "hop") | [.seq, .direction] | join(" ")' <<<"$output" | LC_ALL=C sort | uniq -d)" ''
	assert_equal "$(hops_count)" $((2 * $(results true)))
	# How many packets there are depends on when TCP acknowledges what; all of them are complete.
	assert_equal "$sum" "tracepkt.sh: $(results true) packets: $(results .complete) complete, 0 not; 0 events lost"
	assert_equal "$(results true)" "$(results .complete)"
	assert_equal "$(fates)" 'ACK:freed ACK:received FIN,ACK:freed FIN,ACK:received PSH,ACK:received SYN,ACK:freed SYN:freed'
}

# tracer_first N WORDS...: until N pings and answers have been told of, without -j.
tracer_first() {
	tracer_start "$TRACEPKT" -n "$CLIENT" --listen icmp host "$SERVER4" --first "$1" "${@:2}"
	on_client ping -qc $(($1 / 2)) -i 0.05 -W 5 "$SERVER4" >/dev/null
	listened_all
}

@test "a ladder for each packet, and a graph of all" {
	tracer_first 4 --tree
	assert_equal "$(grep -cE '^  eth0 +v (out|in) ' <<<"$output")" 6
	refute_output --partial '^'
	assert_equal "$(grep -c '^packet [1-4]: ' <<<"$output")" 4
	tracer_first 6 --dot
	assert_output --partial 'label="6 packets"'
	assert_equal "$(grep -c -e '->' <<<"$output")" 1
	assert_output --regexp ' -> n[0-9]+ \[label="3 x [0-9.]+ to [0-9.]+ ms", color=blue\];'
	[ -n "$(command -v dot)" ] || skip "needs graphviz"
	tracer_first 2 --svg "$BATS_TEST_TMPDIR/path.svg"
	assert grep -q '<svg' "$BATS_TEST_TMPDIR/path.svg"
}

@test "a packet that lies in a queue for more than a second is followed" {
	receiver_start
	# the first has what there is at once, each other one waits a second longer
	tc -n "$CLIENT" qdisc add dev eth0 root tbf rate 8kbit burst 1600 limit 100000
	listen udp port "$PORT" --first 4
	send victim -s 1000 "$SERVER4" "$PORT" 4
	listened_all
	tc -n "$CLIENT" qdisc del dev eth0 root
	assert_equal "$(jq -r 'select(.event == "hop") | [.seq, .dev, .direction] | join(" ")' <<<"$output" | sort | xargs)" \
		'1 eth0 in 1 eth0 out 2 eth0 in 2 eth0 out 3 eth0 in 3 eth0 out 4 eth0 in 4 eth0 out'
	assert [ "$(jq -s '[.[] | select(.event == "hop" and .since_last_ns > 1000000000)] | length' <<<"$output")" -ge 1 ]
	assert_equal "$sum" 'tracepkt.sh: 4 packets: 4 complete, 0 not; 0 events lost'
}

@test "others' packets make no event: 100,000 of them between those that do" {
	local PORT1

	receiver_start
	PORT1=$PORT
	receiver_start
	listen udp port "$PORT"
	send victim "$SERVER4" "$PORT" 3
	send bystander "$SERVER4" "$PORT1" 100000
	send victim "$SERVER4" "$PORT" 3
	listened
	assert_equal "$sum" 'tracepkt.sh: 6 packets: 6 complete, 0 not; 0 events lost'
	assert_equal "$(wc -l <<<"$output")" 18
}

@test "colours: a packet that has arrived has not that of losses" {
	receiver_start
	tracer_start "$TRACEPKT" -n "$CLIENT" -color --listen udp port "$PORT"
	send victim "$SERVER4" "$PORT" 1
	listened
	assert_equal "$(grep -cF $'\e[36mpacket 1: ' <<<"$output")" 1
	port_take # and nobody listens there
	tracer_start "$TRACEPKT" -n "$CLIENT" -color --listen udp port "$PORT"
	send victim "$SERVER4" "$PORT" 1
	listened
	assert_equal "$(grep -cF $'\e[31mpacket 1: lost ' <<<"$output")" 1
}

# packets_matched WORDS...: how many of the packets below are listened to (and not of those by which the kernel
# looks for neighbours).
packets_matched() {
	listen "$@"
	send victim "$SERVER4" "$PORT" 2 >/dev/null
	send victim "$SERVER6" "$PORT" 3 >/dev/null
	on_client ping -q -c 4 -i 0.01 "$SERVER4" >/dev/null
	on_client ping -q -c 5 -i 0.01 "$SERVER6" >/dev/null
	listened
	jq -rs '[.[] | select(.event == "hop" and .direction == "out" and (.type == "request" or .type == "udp")) | .seq] | length' <<<"$output"
}

@test "each word of a filter takes what it names, and all of them have to" {
	receiver_start
	assert_equal "$(packets_matched udp)" 5
	assert_equal "$(packets_matched udp icmp host "$SERVER4")" 6
	assert_equal "$(packets_matched icmp net 2001:db8::/32)" 5
	assert_equal "$(packets_matched icmp host "$SERVER6")" 5
	assert_equal "$(packets_matched udp host "$SERVER6")" 3
	assert_equal "$(packets_matched net 192.0.2.0/24)" 6
	assert_equal "$(packets_matched host 192.0.2.3)" 0
	assert_equal "$(packets_matched port "$PORT")" 5
	assert_equal "$(packets_matched tcp)" 0
	assert_equal "$(packets_matched port $((PORT + 1)))" 0
}

@test "a process by its name: its sockets of before and after, and nobody else's" {
	receiver_start
	sender_start early victim "$SERVER4" "$PORT" 5
	sender_start stranger other "$SERVER4" "$PORT" 5
	listen command victim
	batch early
	batch stranger
	send victim "$SERVER4" "$PORT" 7
	send other "$SERVER4" "$PORT" 7
	listened
	assert_equal "$sum" 'tracepkt.sh: 12 packets: 12 complete, 0 not; 0 events lost'
}

@test "a process by exe, pid and cgroup" {
	local words group

	receiver_start
	sender_start early victim "$SERVER4" "$PORT" 5
	sender_start stranger other "$SERVER4" "$PORT" 5
	group=$(cgroup_make group)
	pid early >"$group/cgroup.procs"
	for words in "exe $(as victim udpsend)" "pid $(pid early)" "cgroup $group"; do
		# shellcheck disable=SC2086 # several words
		listen $words
		batch stranger
		batch early
		listened
		assert_equal "$sum" 'tracepkt.sh: 5 packets: 5 complete, 0 not; 0 events lost'
	done
}

@test "children count where they are asked for" {
	receiver_start
	listen command parent children
	on_client "$(as parent "$(command -v bash)")" -c "'$(as victim udpsend)' '$SERVER4' '$PORT' 3; :"
	listened
	assert_equal "$sum" 'tracepkt.sh: 3 packets: 3 complete, 0 not; 0 events lost'
	listen command parent
	on_client "$(as parent "$(command -v bash)")" -c "'$(as victim udpsend)' '$SERVER4' '$PORT' 3; :"
	listened
	assert_equal "$sum" 'tracepkt.sh: 0 packets: 0 complete, 0 not; 0 events lost'
}

@test "messages of unix sockets are no packets, whatever they hold" {
	receiver_start
	listen udp
	on_client "$PROGRAMS/unixdrop" 10
	send victim "$SERVER4" "$PORT" 1
	listened
	assert_equal "$(jq -r 'select(.event == "drop")' <<<"$output")" ''
	assert_equal "$(results true)" 1
}

@test "a drop is told also where a sniffer has read the packet" {
	sniffer_start
	port_take # and nobody listens there
	listen udp port "$PORT"
	send victim "$SERVER4" "$PORT" 3
	assert_equal "$(sniffed udp)" 3
	listened
	assert_equal "$(results '.ended == "dropped"')" 3
}

@test "packets of a driver are not taken for those whose memory they have got" {
	requires tap
	port_take
	start client far "$PROGRAMS/tapecho" tap0 100
	wait_line far ready
	ip -n "$CLIENT" link set tap0 up
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev tap0
	ip -n "$CLIENT" neigh replace 198.51.100.2 lladdr 02:00:00:00:00:02 nud permanent dev tap0
	# What it gets it does not read: each answer has memory of its own.
	sender_start holder holder 198.51.100.2 "$PORT" 1
	start server server "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv 1000000 shut eof
	wait_line server '^listen'
	listen tcp port "$PORT"
	on_client "$PROGRAMS/tcp" "$SERVER4" "$PORT" connect send 1000000 eof close
	finish server
	batch holder
	wait_line far answered
	listened
	assert [ "$(hops_count)" -gt 10 ]
	assert_equal "$(jq -r 'select(.event == "hop" and .dev == "tap0")' <<<"$output")" ''
}

# assert_sum PACKETS: all of them are complete, or counted as not; what is complete has each hop.
assert_sum() {
	local whole

	whole=$(results .complete)
	assert_regex "$sum" "^tracepkt.sh: $1 packets: $whole complete, $(($1 - whole)) not; [0-9]+ events lost\$"
	assert_equal "$(jq -rs '([.[] | select(.event == "result" and .complete) | .seq]) as $whole |
		[.[] | select(.event == "hop")] | group_by(.seq) | map(select(length == 2) | .[0].seq) as $both |
		$whole - $both | length' <<<"$output")" 0
}

@test "10,000 packets at full speed: each is complete, or counted as not" {
	receiver_start
	listen udp port "$PORT"
	send victim "$SERVER4" "$PORT" 10000
	listened
	assert_sum 10000
}

@test "more packets than there is room for: each is complete, or counted as not" {
	receiver_start
	listen udp port "$PORT"
	kill -STOP "$(pid tracer)"
	send victim "$SERVER4" "$PORT" 20000
	kill -CONT "$(pid tracer)"
	listened
	assert_sum 20000
	refute_regex "$sum" ' 0 events lost$'
	assert_equal "$EXIT_STATUS" 1
}

@test "more packets at once than can be followed: those that are not are told, with status 1" {
	receiver_start
	listen udp port "$PORT"
	# What is sent lies in the receiver's queue, and no end comes meanwhile.
	kill -STOP "$(pid receiver)"
	kill -STOP "$(pid tracer)"
	send victim "$SERVER4" "$PORT" 70000
	kill -CONT "$(pid tracer)"
	listened
	assert_equal "$EXIT_STATUS" 1
	assert_regex "$sum" '^tracepkt.sh: [0-9]+ packets were not followed to their end: too many at once$'
	# without -n each end of the cable would count; here the client's alone
	assert_equal "${sum//[^0-9]/}" $((70000 - 65536))
}

@test "what no hook has seen for a second makes room for others" {
	receiver_start
	listen udp port "$PORT"
	kill -STOP "$(pid receiver)"
	send victim "$SERVER4" "$PORT" 60000
	sleep 3
	send victim "$SERVER4" "$PORT" 20000
	listened
	assert_regex "$sum" '^tracepkt.sh: 80000 packets: .* events lost$'
}

# numbers_hide: of rows on stdin, and all blanks but one. The lab's names are longer than README's, so that addresses
# may have no room on the line.
numbers_hide() {
	sed -E ':join; N; s/\n {8,9}([^ ])/ \1/; t join; P; D' |
		sed -E "s/[0-9]{10}/N/; s/^(\S+ \S+) +[0-9]+( +eth0)/\1 P\2/; s/[0-9]+\.[0-9]{3}/T/g; s/:[0-9]{5}\b/:P/g; s/ +/ /g; s/$LAB-/lab-/"
}

@test "README: the transcript is what is printed and said, but for numbers" {
	tracer_start "$TRACEPKT" -n "$CLIENT" --listen tcp port 8080 --first 2
	run -0 on_client "$PROGRAMS/tcp" "$SERVER4" 8080 connect
	assert_output 'connect ECONNREFUSED'
	listened_all
	assert_equal "$(printf '%s\n' 'tracepkt.sh: listening' "$output" "$sum" | numbers_hide)" \
		"$(sed -n '/tracepkt.sh -n lab-a --listen/,/^$/ s/^    //p' "$TOP/README.md" | sed 1d | numbers_hide)"
}

@test "two tracers do not see each other's pings, nor does one that listens to something else" {
	start here second "$TRACEPKT" -n "$CLIENT" -j -c 20 -i 20ms "$SERVER4"
	listen udp
	run -0 --separate-stderr tracepkt -n "$CLIENT" -j -c 20 -i 20ms "$SERVER4"
	assert_equal "$(hops_count)" 80
	finish second
	output=$(output_of second)
	assert_equal "$(hops_count)" 80
	listened
	assert_equal "$output" ''
	assert_equal "$sum" 'tracepkt.sh: 0 packets: 0 complete, 0 not; 0 events lost'
}

@test "SIGKILL leaves nothing" {
	local programs

	listen command victim
	programs=$(programs_of tracer)
	assert [ "$(wc -l <<<"$programs")" -gt 10 ] # also those that know the process
	stop tracer KILL
	# Programs go when the kernel has closed the process's files.
	busywait 20 are_gone "$programs"
}

@test "--for ends it" {
	start here tracer "$TRACEPKT" -n "$CLIENT" --listen icmp --for 200ms
	listened_all
	assert_equal "$EXIT_STATUS" 0
}

@test "bad words are refused in one line" {
	local words

	for words in '--listen nonsense' '--listen host' '--listen host 192.0.2.0/24' '--listen host x' '--listen net 192.0.2.0/33' \
		'--listen port 0' '--listen port 65536' '--listen port x' '--listen tcp tcp' '--listen host ::1 net ::/0' \
		'--listen pid 1x' '--listen children' '--listen command a/b' '--listen command a pid 1' '--listen --first 0' \
		'--listen --first x' '--listen --for 0' '--listen -c 1' '-c 1 --listen' '--first 1 192.0.2.2' '--for 1 192.0.2.2' \
		'--listen --listen' '--listen icmp -x' '--listen udp 5'; do
		# shellcheck disable=SC2086 # several words
		run -2 --separate-stderr tracepkt $words
		assert_equal "${#stderr_lines[@]}" 1
		refute_output
	done
	for words in 'pid 4194304' 'exe /nonexistent' 'cgroup /nonexistent'; do
		# shellcheck disable=SC2086 # several words
		run -1 --separate-stderr tracepkt --listen $words
		assert_equal "${#stderr_lines[@]}" 1
	done
}

@test "every word of the tables is in help and manual" {
	local word help

	help=$(tracepkt help)
	for word in $("$TOP/build/vsh" words tracepkt | sed -E 's/\t.*//; s/^.$/-&/; s/^[^-]/--&/') \
		$("$TOP/build/vsh" words --more tracepkt | sed 's/\t.*//'); do
		assert grep -qE -e "(^|[^a-z-])$word([^a-z]|$)" <<<"$help"
		assert grep -qF -e "*$word*" "$TOP/scripts/man/tracepkt.8.scd"
	done
}
