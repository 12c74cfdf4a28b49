#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What netem does to packets, in words: what tc is told, what is refused since netem would not do it, presets, and the
# cases of the kernel's own suite (tools/testing/selftests/tc-testing, qdiscs/netem.json) that mean something for one
# process. build/test/hold has the product's parsers and no kernel; tests that begin with "netem: " have both.
# vm: ^netem:
#
#   $CLIENT                                   $SERVER
#   victim     eth0 .1 --------- .2 eth0      receiver: numbered datagrams
#
# bats sets stderr, and status and output anew in each test, datagrams.bash PORT:
# shellcheck disable=SC2154,SC2153

load helpers

HOLD=$PROGRAMS/hold

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() { test_end; }

# told WORDS WANTED...: of what tc is told after WORDS, these lines.
told() {
	local words=$1 line

	shift
	# shellcheck disable=SC2086 # words
	run -0 --separate-stderr "$HOLD" $words
	assert_equal "$words: $stderr" "$words: "
	for line; do
		grep -qxF -e "$line" <<<"$output" || fail "$words: not '$line' but: $output"
	done
}

# refused WORDS MESSAGE: with one line that has the message in it.
refused() {
	# shellcheck disable=SC2086 # words
	run -2 --separate-stderr "$HOLD" $1
	assert_equal "$output" ''
	assert_equal "$(wc -l <<<"$stderr")" 1
	[[ $stderr == *"$2"* ]] || fail "$1: not '$2' but: $stderr"
}

# rows FUNCTION: calls it with the parts of each line of standard input, which has "|" between them.
rows() {
	local line parts

	while IFS= read -r line; do
		IFS='|' read -ra parts <<<"$line"
		mapfile -t parts < <(printf '%s\n' "${parts[@]}" | sed 's/^ *//; s/ *$//')
		"$1" "${parts[@]}"
	done
}

@test "tc is told what was said, with units, and limit" {
	rows told <<-'END'
		delay 100ms limit 50 | egress netem limit 50 delay 100ms
		delay 1.5ms 100us limit 9 | egress netem limit 9 delay 1500us 100us
		delay 2s 1s distribution pareto limit 9 | egress netem limit 9 delay 2s 1s distribution pareto
		delay 1ms reorder 25% limit 9 | egress netem limit 9 delay 1ms reorder 25% gap 1
		reorder 100 gap 5 delay 1ms limit 9 | egress netem limit 9 delay 1ms reorder 100% gap 5
		duplicate 0.000001% corrupt 99.5 limit 9 | egress netem limit 9 duplicate 0.000001% corrupt 99.5%
		slot 800us limit 9 | egress netem limit 9 slot 800us 800us
		slot 1ms 2ms packets 7 limit 9 | egress netem limit 9 slot 1ms 2ms packets 7
		slot distribution normal 5ms 1ms bytes 3000 packets 2 limit 9 | egress netem limit 9 slot distribution normal 5ms 1ms packets 2 bytes 3000
	END
}

@test "a rate is tbf's, with a burst of at least a packet, or of 4 ms; without one nothing is held up" {
	rows told <<-'END'
		rate 10mbit limit 9 | egress netem limit 9 | egress tbf rate 1250000bps burst 5000 limit 5000
		rate 1gbit limit 9 | egress tbf rate 125000000bps burst 500000 limit 500000
		rate 8KBIT limit 9 | egress tbf rate 1000bps burst 3064 limit 3064
		rate 1.5mbps limit 9 | egress tbf rate 1500000bps burst 6000 limit 6000
		rate 1mibit limit 9 | egress tbf rate 131072bps burst 3064 limit 3064
		rate 1mbit 24 limit 9 | egress tbf rate 125000bps burst 3064 limit 3064 overhead 24
		rate 1mbit 10 48 5 limit 9 | egress tbf rate 125000bps burst 3064 limit 3064 overhead 10 linklayer atm
		delay 1ms limit 9 | egress tbf rate 12500000000bps burst 1000000 limit 1000000
	END
}

@test "limit is computed from rate and delay: half as much again as are on their way" {
	local delay jitter mbit wanted

	while read -r delay jitter mbit; do
		wanted=$(awk -v ms="$((delay + 4 * jitter))" -v mbit="$mbit" 'BEGIN {
			bytes = int((mbit ? mbit : 10000) * 125000 * ms / 1000)
			packets = int((int(bytes * 1.5) + 1499) / 1500)
			print (packets < 1000 ? 1000 : (packets > 100000 ? 100000 : packets)) }')
		run -0 "$HOLD" delay "${delay}ms" "${jitter}ms" ${mbit:+rate "${mbit}mbit"}
		[[ $output == *"netem limit $wanted "* ]] || fail "delay $delay $jitter rate $mbit: not $wanted but $output"
	done <<-'END'
		1 0
		2 1
		10 0
		100 0
		100 20 1000
		400 100 100
		50 0 10
	END
	# below, above and between its ends
	told 'delay 1ms' 'egress netem limit 1250 delay 1ms'
	told 'delay 1us' 'egress netem limit 1000 delay 1us'
	told 'delay 100ms' 'egress netem limit 100000 delay 100ms'
}

@test "for each direction other words, or the same for both" {
	told 'egress delay 1ms limit 5 ingress delay 2ms limit 6' \
		'words egress delay 1ms limit 5 ingress delay 2ms limit 6' \
		'egress netem limit 5 delay 1ms' 'ingress netem limit 6 delay 2ms'
	told 'delay 1ms limit 5 direction both' 'words delay 1ms limit 5' \
		'egress netem limit 5 delay 1ms' 'ingress netem limit 5 delay 1ms'
	told 'limit 5 delay 1ms ingress corrupt 1% direction both' \
		'egress netem limit 5 delay 1ms' 'ingress netem limit 5 delay 1ms corrupt 1%'
	told 'delay 1ms limit 5 direction ingress' 'words delay 1ms limit 5' 'ingress netem limit 5 delay 1ms'
	refute_line --regexp '^egress'
	told 'delay 1ms limit 5' 'egress netem limit 5 delay 1ms'
	refute_line --regexp '^ingress'
	told 'ingress delay 1ms limit 5' 'words delay 1ms limit 5' 'ingress netem limit 5 delay 1ms'
	told 'delay 1ms limit 5 -- direction both' 'ingress netem limit 5 delay 1ms'
	refused 'direction egress ingress delay 1ms' '"ingress" is for direction ingress or both'
	refused 'delay 1ms -- ingress delay 1ms' '"ingress" is for direction ingress or both'
	refused 'direction ingress egress delay 1ms' '"egress" is for direction egress or both'
	refused 'egress delay 1ms delay 2ms' 'duplicate "delay"'
	refused 'egress delay 1ms egress delay 2ms' 'duplicate "egress"'
}

@test "what is printed makes the same rule again" {
	local words again

	while read -r words; do
		# shellcheck disable=SC2086 # words
		run -0 "$HOLD" $words
		again=$output
		# shellcheck disable=SC2046 # words
		run -0 "$HOLD" $(sed -n '1s/^words //p' <<<"$again")
		assert_equal "$output" "$again"
	done <<-'END'
		delay 100ms 10ms distribution normal reorder 2% gap 3 duplicate 1% corrupt 1% rate 3mbit 4 48 5 slot 1ms 2ms packets 3 bytes 4
		rate 1mibit
		slot distribution pareto 1ms 0.1ms
		egress delay 1ms ingress rate 9kbit
		delay 274s 2147ms
		preset 3g
		preset atc-edge-lossy
	END
}

@test "change: all words are new, and netem is told of what is not there any more" {
	rows told <<-'END'
		delay 50ms corrupt 1% limit 9 -- delay 50ms limit 9 | egress netem limit 9 delay 50ms corrupt 0%
		delay 50ms slot 1ms limit 9 -- delay 50ms limit 9 | egress netem limit 9 delay 50ms slot 0ns
		delay 50ms reorder 5% duplicate 1% limit 9 -- delay 50ms limit 9 | egress netem limit 9 delay 50ms
		corrupt 5% limit 9 -- corrupt 1% limit 9 | egress netem limit 9 corrupt 1%
		delay 50ms 5ms distribution normal limit 9 -- delay 60ms 6ms limit 9 | egress netem limit 9 delay 60ms 6ms | egress anew
		slot distribution normal 5ms 1ms limit 9 -- slot 5ms limit 9 | egress netem limit 9 slot 5ms 5ms | egress anew
		delay 50ms limit 9 -- drop 5% | words drop 5% delay 50ms limit 9
	END
	told 'delay 50ms 5ms limit 9 -- delay 60ms 6ms distribution normal limit 9' \
		'egress netem limit 9 delay 60ms 6ms distribution normal'
	refute_line 'egress anew'
	told 'delay 50ms rate 1mbit -- delay 0ms'
	assert_output words
}

@test "what netem or tc would take and not do is refused with the reason" {
	rows refused <<-'END'
		delay 100 | delay "100": with a unit
		delay 100ms 10 | delay "10": with a unit
		slot 10 200 | slot "10": with a unit
		rate 20000 | rate "20000": with a unit
		delay 100ms 10ms 25% | netem takes that of a jitter and ignores it
		duplicate 1% 25% | tc does not pass it on
		reorder 25% 50% delay 10ms | takes another share than it is asked for
		corrupt 25% 50% | takes another share than it is asked for
		gap 5 delay 10ms | "gap" is for packets that are reordered
		reorder 25% | "reorder" needs a delay
		reorder 25% rate 1mbit | "reorder" needs a delay
		distribution normal delay 10ms | "distribution" is that of a jitter
		delay 0ms 10ms | a jitter is around a delay, which is 0 here
		delay 300s | a time of up to 274s
		delay 10s 3s | a time of up to 2147ms
		delay 1500ns | in steps of 1us
		delay -1ms | a time of up to 274s
		limit 200 | "limit" is for packets that are held
		rate 1mbit 10 53 5 | only those of ATM
		rate 1mbit 10 48 | only those of ATM
		rate 7kbit | a rate from 8kbit to 100gbit
		rate 50% | a rate from 8kbit to 100gbit
		slot distribution uniform 10ms 5ms | say the times from and to
		slot distribution normal 10ms | needs a time and a jitter
		slot 20ms 10ms | the second time is not below the first
		slot 1ms packets 0 | packets from 1
		slot 0ms packets 5 delay 1ms | for slots that are some time apart
		slot 1ms packets 1 packets 2 | each once
		distribution ../../etc/passwd delay 1ms 1ms | uniform, normal, pareto, paretonormal
		distribution a-name-of-more-than-15-bytes delay 1ms 1ms | uniform, normal, pareto, paretonormal
		delay 1ms ecn | netem marks what it would lose, and losses are not netem's here
		drop 5% preset atc-2g-rural | "preset" stands before the words that change it
		delay 1ms preset 3g | "preset" stands before the words that change it
	END
}

@test "distribution uniform is netem's own: no table is asked for" {
	told 'delay 10ms 5ms distribution uniform limit 9' 'egress netem limit 9 delay 10ms 5ms'
}

# --- cases of the kernel's suite ------------------------------------------------------------

# Its name there, what it tells netem in our words, and what tc is told here. 2b82, a932 and e01a have a loss, which is ours.
cases() {
	cat <<-'END'
		a089 | delay 1ms limit 200 | egress netem limit 200 delay 1ms
		3449 | delay 100ms limit 9 | egress netem limit 9 delay 100ms
		3782 | delay 100ms 10ms distribution normal corrupt 1% limit 9 | egress netem limit 9 delay 100ms 10ms distribution normal corrupt 1%
		2b82 | delay 100ms 10ms distribution normal duplicate 1% limit 9 | egress netem limit 9 delay 100ms 10ms distribution normal duplicate 1%
		a932 | delay 100ms 10ms distribution pareto drop 1% limit 9 | words drop 1% delay 100ms 10ms distribution pareto limit 9 | egress netem limit 9 delay 100ms 10ms distribution pareto
		e01a | delay 100ms 10ms distribution paretonormal drop state 1 limit 9 | words drop state 1% 99% 0% 100% 0% delay 100ms 10ms distribution paretonormal limit 9
		ba29 | drop gemodel 1% | words drop gemodel 1% 99% 100% 0%
		0492 | delay 100ms 10ms reorder 2% gap 100 limit 9 | egress netem limit 9 delay 100ms 10ms reorder 2% gap 100
		7862 | rate 20kbit limit 9 | egress tbf rate 2500bps burst 3064 limit 3064
		7235 | slot 10ns 200ns packets 2000 bytes 9000 limit 9 | egress netem limit 9 slot 10ns 200ns packets 2000 bytes 9000
		5439 | slot distribution pareto 1ms 0.1ms limit 9 | egress netem limit 9 slot distribution pareto 1ms 100us
		5029 | delay 100ms 10ms distribution normal drop 1% limit 9 -- drop 2% | words drop 2% delay 100ms 10ms distribution normal limit 9
		3785 | delay 100ms 10ms distribution normal drop 1% limit 9 -- delay 200ms 10ms limit 9 | words drop 1% delay 200ms 10ms limit 9 | egress anew
	END
}

@test "each case of the kernel's suite, in our words" {
	cases | cut -d '|' -f 2- | rows told
	assert_equal "$(cases | wc -l)" 13
}

# --- presets --------------------------------------------------------------------------------

# words_of KIND DOWN UP LATENCY UP-LATENCY LOSS FACTORS: of a link as its source has it (see links.tsv).
words_of() {
	awk -v kind="$1" -v down="$2" -v up="$3" -v latency="$4" -v other="$5" -v loss="$6" -v factors="$7" '
		function rate(kbit) {
			if (kind == "devtools")
				kbit /= factor[1]
			return kbit "kbit"
		}
		BEGIN {
			split(factors, factor, " ")
			if (kind == "devtools")
				latency /= factor[2]
			if (kind != "each")
				other = latency /= 2
			print "egress delay " other "ms rate " rate(up) " ingress delay " latency "ms rate " rate(down) \
				(loss > 0 ? " drop " loss "%" : "")
		}'
}

@test "presets: each has the figures of its source" {
	local name kind rest fields
	local -a names=()

	while IFS=$'\t' read -r name rest; do
		IFS=$'\t' read -ra fields <<<"$rest"
		# shellcheck disable=SC2046 # words
		run -0 "$HOLD" $(words_of "${fields[@]}")
		kind=$output
		run -0 "$HOLD" preset "$name"
		assert_equal "$name: $output" "$name: $kind"
		names+=("$name")
	done < <(grep -v '^#' "$TOP/bats/links.tsv")
	assert_equal "$(printf '%s\n' "${names[@]}" | sort)" "$("$TOP/build/vsh" presets | awk '{ print $1 }' | sort)"
}

@test "presets: in the direction that was said, and changed by the words after it" {
	told 'preset 3g direction egress' 'egress netem limit 1000 delay 150ms'
	refute_line --regexp '^ingress'
	told 'preset 3g direction ingress delay 5ms' 'ingress netem limit 1000 delay 5ms' \
		'ingress tbf rate 200000bps burst 3064 limit 3064'
	refute_line --regexp '^egress'
	told 'delay 1ms direction ingress -- preset 3g' 'ingress netem limit 1000 delay 150ms'
	refute_line --regexp '^egress'
	told 'preset 3g egress rate 1mbit' 'egress tbf rate 125000bps burst 3064 limit 3064' \
		'ingress tbf rate 200000bps burst 3064 limit 3064'
}

@test "presets: listed, as JSON too, and an unknown one is refused in a line" {
	run -0 --separate-stderr vershitify presets
	assert_equal "$stderr" ''
	assert_line --regexp '^3g  +egress delay 150ms rate 768kbit ingress delay 150ms rate 1600kbit$'
	run -0 jq -r '.[] | select(.name == "atc-edge-lossy").words' <<<"$(vershitify -j presets)"
	assert_output 'egress delay 440ms rate 200kbit ingress delay 400ms rate 240kbit drop 1%'
	run -2 --separate-stderr vershitify presets 3g
	assert_equal "$stderr" 'vershitify.sh: presets takes no words'
	refused 'preset 6g' 'preset "6g": there is none'
}

# In a mount namespace of its own.
with_own_presets() {
	unshare --mount sh -euc 'mount -t tmpfs none /etc/vershitify 2>/dev/null || {
			mount -t tmpfs none /mnt && mkdir -p /mnt/upper /mnt/work &&
				mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work none /etc
			mkdir -p /etc/vershitify
		}
		cat >/etc/vershitify/presets
		exec "$@"' sh "$@"
}

@test "presets: what is too long for a line does not become another" {
	run -0 with_own_presets "$TOP/build/vsh" presets <<<"long $(printf '%600s' 'hidden delay 9ms')"$'\nshort delay 9ms limit 5'
	assert_line --regexp '^short '
	refute_line --regexp '^hidden '
}

@test "presets: the administrator's come first, and can be wrong" {
	run -0 with_own_presets "$HOLD" preset shed <<<$'# mine\n\tshed\tdelay 9ms limit 5'
	assert_line 'egress netem limit 5 delay 9ms'
	run -0 with_own_presets "$HOLD" preset 3g <<<'3g delay 9ms limit 5'
	assert_line 'egress netem limit 5 delay 9ms'
	run -0 with_own_presets "$TOP/build/vsh" presets <<<'3g delay 9ms limit 5'
	assert_equal "$(grep -c '^3g ' <<<"$output")" 1
	assert_line --regexp '^3g  +delay 9ms limit 5$'
	run -0 with_own_presets "$HOLD" preset 4g <<<'3g delay 9ms limit 5'
	run -2 --separate-stderr with_own_presets "$HOLD" preset shed <<<'shed delay 9'
	[[ $stderr == 'hold: delay "9": with a unit'* ]] || fail "$stderr"
	run -2 --separate-stderr with_own_presets "$HOLD" preset shed <<<'shed dev eth0'
	[[ $stderr == 'hold: what is "dev"? (a preset: drop, delay, '* ]] || fail "$stderr"
}

# --- with netem -----------------------------------------------------------------------------

# queues: of the rule's ifb, as tc shows them.
queues() {
	on_client tc qdisc show dev "vsh$RULE"
}

# What "tc qdisc show" prints for the cases of the kernel's suite, in its own regular expressions: but for where the queue
# is, which is below tbf here.
shown() {
	cat <<-'END'
		a089 | limit 200
		3449 | .*delay 100ms
		3782 | .*delay 100ms  10ms corrupt 1%
		2b82 | .*delay 100ms  10ms duplicate 1%
		a932 | .*delay 100ms  10ms
		e01a | .*delay 100ms  10ms
		0492 | .*reorder 2%
		7235 | .*slot 10ns 200ns packets 2000 bytes 9000
		5439 | .*slot distribution 1ms 100us
		5029 | .*delay 100ms  10ms
		3785 | .*delay 200ms  10ms
	END
}

@test "netem: each case of the kernel's suite is what it is there" {
	local id regex words change

	requires ifb netem
	while IFS='|' read -r id regex; do
		words=$(cases | sed -n "s/^$id*| \([^|]*[^ |]\) *|.*/\1/p")
		change=${words##* -- }
		# shellcheck disable=SC2086 # words
		rule_add command victim ${words% -- *}
		# shellcheck disable=SC2086 # words
		[ "$change" = "$words" ] || vsh change "$RULE" $change
		run -0 queues
		assert_line --regexp "^qdisc netem [0-9a-f]+: parent 1:1 ${regex# }( |\$)"
		vershitify del "$RULE"
		run ! queues
	done < <(shown)
	# 7862 has no netem, and 4502 is what "del" does
	rule_add command victim rate 20kbit
	run -0 queues
	assert_line --regexp '^qdisc tbf 1: root .*rate 20Kbit '
}

# received_now: datagrams of the target, whatever became of others.
received_now() {
	report receiver | awk '$1 == "victim" { count = $2 } END { print count + 0 }'
}

# have_arrived COUNT
have_arrived() {
	[ "$(received_now)" = "$1" ]
}

@test "netem: duplicate: each of the target's datagrams arrives twice, and the bystander's once" {
	requires ifb netem
	receiver_start
	rule_add command victim duplicate 100%
	send victim "$SERVER4" "$PORT" 40
	send bystander "$SERVER4" "$PORT" 40
	busywait 10 have_arrived 40
	assert_equal "$(received victim 3) $(received bystander 3)" '40 0'
	assert_received bystander 40
}

@test "netem: change takes away what it does not name: no datagram is corrupted any more" {
	requires ifb netem
	receiver_start
	rule_add command victim corrupt 100% delay 5ms
	send victim "$SERVER4" "$PORT" 200
	# a bit in the frame's header can be one that nobody looks at
	[ "$(received_now)" -lt 100 ]
	port_take
	receiver_start
	vsh change "$RULE" delay 5ms
	send victim -i 200 "$SERVER4" "$PORT" 2000
	busywait 20 have_arrived 2000
}

@test "netem: corrupt, of what comes in: a checksum that the device has found right is looked at anew" {
	requires ifb netem
	port_take
	start client receiver "$(as victim udpcount)" "$PORT"
	wait_line receiver '^ready$'
	on_server ethtool -K eth0 tx off
	on_client tc qdisc add dev eth0 clsact 2>/dev/null || :
	on_client tc filter add dev eth0 ingress pref 1 handle 1 bpf da obj "$PROGRAMS/believed.o" sec tc
	rule_add command victim direction ingress corrupt 100%
	on_server "$(as sender udpsend)" "$CLIENT4" "$PORT" 200
	busywait 20 have_been_held 200
	on_client tc filter del dev eth0 ingress pref 1
	on_server ethtool -K eth0 tx on
	has_line "$(report receiver)" 'damaged 0'
	assert_regex "$(on_client sed -n 's/^Udp: [0-9]* [0-9]* [0-9]* [0-9]* [0-9]* [0-9]* \([0-9]*\) .*/\1/p' /proc/net/snmp)" '^[1-9]'
}

# have_been_held COUNT: and have gone on.
have_been_held() {
	[[ $(vershitify -s show "$RULE") == *"ingress held $1 packets 0 waiting"* ]]
}

@test "netem: nothing that is held is lost by a change, and nothing of a bystander" {
	local words victim bystander

	requires ifb netem
	receiver_start
	rule_add command victim delay 50ms
	keep_sending victim 3>&- &
	victim=$!
	keep_sending bystander 3>&- &
	bystander=$!
	while read -r words; do
		# shellcheck disable=SC2086 # words
		vsh change "$RULE" $words
	done <<-'END'
		delay 80ms 5ms
		rate 8mbit
		delay 20ms rate 20mbit limit 5000
		delay 20ms reorder 5% gap 3
		slot 2ms 4ms
		delay 30ms
		delay 80ms 5ms distribution normal
	END
	: >"$BATS_TEST_TMPDIR/enough"
	wait "$victim" "$bystander"
	busywait 20 have_arrived "$(cat "$BATS_TEST_TMPDIR/victim.sent")"
	assert_received bystander "$(cat "$BATS_TEST_TMPDIR/bystander.sent")"
	assert_counted "$RULE" "$(cat "$BATS_TEST_TMPDIR/victim.sent")" 0
}

# keep_sending COMM: numbered datagrams until there is a file "enough"; their number goes to COMM.sent.
keep_sending() {
	local sent=0

	until [ -e "$BATS_TEST_TMPDIR/enough" ]; do
		send "$1" -b "$sent" -i 2000 "$SERVER4" "$PORT" 50
		sent=$((sent + 50))
	done
	echo "$sent" >"$BATS_TEST_TMPDIR/$1.sent"
}

@test "netem: a change that tc refuses changes nothing, and its words are said" {
	local before

	requires ifb netem
	rule_add command victim delay 10ms rate 1mbit
	before=$(queues)
	run -1 --separate-stderr vsh change "$RULE" delay 10ms 1ms distribution nosuch rate 8mbit
	assert_regex "$stderr" 'cannot hold packets: .*netem .*distribution nosuch'
	assert_equal "$(queues)" "$before"
	assert_regex "$(vershitify show "$RULE")" 'delay 10ms rate 1mbit'
}

@test "netem: a table that is taken away: what is held then is lost, and nothing after that" {
	requires ifb netem
	receiver_start
	rule_add command victim delay 100s 1ms distribution normal
	send victim "$SERVER4" "$PORT" 20
	vsh change "$RULE" delay 10ms
	send victim -b 20 "$SERVER4" "$PORT" 30
	busywait 20 have_arrived 30
	assert_counted "$RULE" 50 0
}

@test "netem: reorder 100% gap 5 holds four, and lets the fifth pass" {
	requires ifb netem
	rule_add command victim delay 400ms reorder 100% gap 5
	run -0 on_client "$(as victim "$(command -v ping)")" -c 20 -i 0.2 -W 5 "$SERVER4"
	assert_equal "$(sed -n 's/.* time=\([0-9]*\).*/\1/p' <<<"$output" | awk '$1 < 200' | wc -l)" 4
}

@test "netem: a jitter above the delay: what would be below 0 is not held" {
	local fast

	requires ifb netem
	rule_add command victim delay 200ms 400ms
	run -0 on_client "$(as victim "$(command -v ping)")" -c 200 -i 0.02 -W 5 "$SERVER4"
	# a quarter, and what is held for less than 40 ms: 30 % of 200, to 4.5 standard deviations
	fast=$(sed -n 's/.* time=\([0-9]*\).*/\1/p' <<<"$output" | awk '$1 < 40' | wc -l)
	((fast >= 31 && fast <= 89)) || fail "$fast of 200 were not held"
}

@test "netem: a rate holds, and lets through what it says" {
	local begin took

	requires ifb netem
	receiver_start
	rule_add command victim rate 1mbit limit 2000
	begin=${EPOCHREALTIME//./}
	# 500 frames of 1042 bytes, of which three can go at once
	send victim -s 1000 "$SERVER4" "$PORT" 500
	busywait 20 have_arrived 500
	took=$((${EPOCHREALTIME//./} - begin))
	((took > 4168000 * 97 / 100)) || fail "it took $took us"
	((took < 4168000 + 1000000 * PATIENCE)) || fail "it took $took us"
	assert_counted "$RULE" 500 0
}
