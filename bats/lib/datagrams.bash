# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# datagrams.bash - known workloads: numbered datagrams, who received and who sniffed how many.

# receiver_start [PROGRAM-OPTIONS]: counts what arrives at a fresh port, $PORT, of the server.
receiver_start() {
	port_take
	start server receiver "$PROGRAMS/udpcount" "$@" "$PORT"
	wait_line receiver '^ready$'
}

# Ports are not used twice in a file: nothing of an earlier test can arrive.
port_take() {
	PORT=$(($(cat "$BATS_FILE_TMPDIR/port" 2>/dev/null || echo 20000) + 1))
	echo "$PORT" >"$BATS_FILE_TMPDIR/port"
}

# send COMM [udpsend's words]: from the client, by a process of that name.
send() {
	on_client "$(as "$1" udpsend)" "${@:2}"
}

# sender_start NAME COMM [udpsend's words]: one that waits before each batch.
sender_start() {
	start client "$1" "$(as "$2" udpsend)" -w "${@:3}"
	wait_line "$1" '^ready$'
}

# batch NAME: one more batch, until it is sent.
batch() {
	local before

	before=$(lines_count "$1" '^sent ')
	go "$1"
	wait_line "$1" '^sent ' $((before + 1))
}

# report NAME: what a counting program has counted by now.
report() {
	local before

	before=$(lines_count "$1" '^end$')
	go "$1"
	wait_line "$1" '^end$' $((before + 1))
	awk '/^end$/ { last = text; text = ""; next } { text = text $0 "\n" } END { printf "%s", last }' \
		"$BATS_TEST_TMPDIR/$1.out"
}

# has_line TEXT LINE
has_line() {
	[[ $'\n'$1$'\n' == *$'\n'"$2"$'\n'* ]]
}

# received LABEL [COLUMN [RECEIVER [FILTERED]]]: datagrams of that source, or another column
# of udpcount's: 3 duplicates, 4 hash, 5 first, 6 last, 7 first_ns, 8 last_ns.
# Fails if the receiver itself lost any. Its socket counts as lost what a rule for
# ingress has dropped as well: FILTERED of them.
received() {
	local text

	text=$(report "${3:-receiver}")
	if ! has_line "$text" "overflow ${4:-0}" || ! has_line "$text" 'damaged 0'; then
		echo "the receiver: $text" >&2
		return 1
	fi
	awk -v label="$1" -v column="${2:-2}" '
		$1 == label && NF == 8 { value = $column; found = 1 }
		END { print found ? value : 0 }' <<<"$text"
}

# sniffer_report [SNIFFER]: all that it has counted; fails if it lost any.
sniffer_report() {
	local text

	text=$(report "${1:-sniffer}")
	if ! has_line "$text" 'overflow 0'; then
		echo "the sniffer: $text" >&2
		return 1
	fi
	printf '%s\n' "$text"
}

# sniffed KIND [SNIFFER]: packets of that kind that came in at the sniffer.
sniffed() {
	local text

	text=$(sniffer_report "${2-}") || return
	awk -v kind="$1" '$1 == kind { print $2 }' <<<"$text"
}

# assert_none_since MICROSECONDS: no packet of TCP was sent after that moment of $EPOCHREALTIME.
assert_none_since() {
	local text last

	text=$(sniffer_report)
	last=$(awk '$1 == "tcp_last_us" { print $2 }' <<<"$text")
	((last <= $1)) || fail "a packet of TCP came $((last - $1)) us after the moment; in all there were"$'\n'"$text"
}

# assert_received LABEL COUNT
assert_received() {
	assert_equal "$1 $(received "$1")" "$1 $2"
}

# assert_counted RULE SEEN DROPPED [DIRECTION]: packets.
assert_counted() {
	assert_equal "$(vershitify -s show "$1" | awk -v direction="${4:-egress}" '
		$1 == direction && ($2 == "seen" || $2 == "dropped") { print $2, $3 }')" "seen $2"$'\n'"dropped $3"
}

# sniffer_start [PORT]: counts the packets that reach the server's device.
sniffer_start() {
	start server sniffer "$PROGRAMS/sniff" eth0 "$@"
	wait_line sniffer '^ready$'
}
