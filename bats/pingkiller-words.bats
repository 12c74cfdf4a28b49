#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The words of pingkiller.sh: bad ones are refused in one line and change nothing; help, manual page and
# completion have the same ones; names print safely; the small shells run it.
# vm: ^a device whose frames
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Some of it is for another shell; words are read, not lines:
# shellcheck disable=SC2016,SC2013,SC2054

load helpers
load lib/grammar
load lib/refuse

export COMMAND=pingkiller REFUSING=pk VALUES='PERCENT|TIME|RATE|TYPE' RULES=WHAT FEWEST=25
MANUAL=$TOP/scripts/man/pingkiller.8.scd
COMPLETION=$TOP/scripts/completion/pingkiller.bash

setup_file() {
	suite_begin
	[ "$(id -u)" = 0 ] || return 0
	# What must not change is something that works.
	pingkiller -n "$SERVER" dev lo drop 1% background 2>/dev/null 3>&-
	system_state >"$BATS_FILE_TMPDIR/with-device"
}
teardown_file() {
	pingkiller stop
	suite_end
}
setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() {
	test_end
	[ ! -e "/run/netns/$CLIENT" ] || ip -n "$CLIENT" link del other 2>/dev/null || :
}

assert_unchanged() {
	assert_state "$(cat "$BATS_FILE_TMPDIR/with-device")"
	refute [ -e pwned ]
}

# words_with WORD VALUE: to serve a device.
words_with() {
	printf '%s\0' dev eth0 "$1" "$2"
}

@test "-n: what is no network namespace is refused" {
	local word

	mkfifo fifo
	for word in '' . .. pid: pid:x pid:-1 'pid:1 2' pid:0 pid:01 /dev/null ./fifo /run/ /proc/self/ns/mnt \
		pid:4194305 /nonexistent/net '../*'; do
		refused 2 -n "$word" show
		refused 2 -n "$word" dev eth0 background
	done
	for word in no-such-namespace PID:1 $'\e[31mred'; do
		refused 1 -n "$word" show
	done
	assert_unchanged
}

@test "words that are no command, option or part of one are refused" {
	local word

	for word in "${ODD_WORDS[@]}" frobnicate devv DEV 1 eth0; do
		refused 2 "$word"
		refused 2 dev eth0 "$word"
		refused 2 show "$word"
		refused 2 stop "$word"
	done
	for word in -x --frob --interface=eth0 -jx -- -; do
		refused 2 "$word" show
	done
	assert_unchanged
}

@test "each word needs its value, and is said once but for lists" {
	local word

	refused 2 dev
	for word in hook type code src src-file dst dst-file drop loss rate burst rate-all burst-all for sample; do
		refused 2 dev eth0 "$word"
	done
	refused 2 dev eth0 dev lo
	refused 2 dev eth0 drop 1% loss 2%
	refused 2 dev eth0 hook tc hook tc
	refused 2 dev eth0 rate 1/s rate 2/s
	refused 2 dev eth0 for 1s for 1s
	refused 2 dev eth0 sample 1 sample 1
	refused 2 dev eth0 background background
	refused 2 dev eth0 all-icmp all-icmp
	refused 2 dev eth0 all-icmp type echo-request
	refused 2 dev eth0 burst 3
	refused 2 dev eth0 burst-all 3
	refused 2 dev eth0 rate 1/s burst-all 3
	refused 2 dev eth0 rate-all 1/s burst 3
	assert_unchanged
}

@test "values that are none are refused" {
	refused_values 2 hook "${ODD_WORDS[@]}" xdp NATIVE
	refused_values 2 type "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 256 echo ECHO-REQUEST
	refused_values 2 code "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 256
	refused_values 2 drop "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 101 0.5 .5 "$(printf %05000d 0).5" 100.000001 1.1234567
	refused_values 2 rate "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 10 10/ /s 0/s 1000001/s 10/d -1/s 1.5/s 10/s/s
	refused_values 2 rate-all "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 10 10/ /s 0/s 1000001/s 10/d
	refused_values 2 for "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 10 5x 0s -5s
	refused_values 2 sample "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 1000001
	refused 2 dev eth0 rate 1/s burst 0
	refused 2 dev eth0 rate 1/s burst x
	refused 2 dev eth0 rate-all 1/s burst-all 0
	refused 2 dev eth0 type packet-too-big ipv4
	refused 2 dev eth0 type redirect ipv6
	assert_unchanged
}

@test "prefixes that are none are refused, in files with the line" {
	local word

	for word in src dst; do
		refused_values 2 "$word" "${ODD_WORDS[@]}" 10.0.0.0/33 10.0.0/8 10.0.0.0/ 10.0.0.0/-1 10.0.0.0/8/8 1:2:3 \
			2001:db8::/129 fe80::1%eth0 eth0 "$(head -c 5000 /dev/zero | tr '\0' 1)"
	done
	refused 2 dev eth0 ipv4 src 2001:db8::/32
	refused 2 dev eth0 ipv6 dst 10.0.0.0/8
	printf '10.0.0.0/8\n\n# fine\n10.0.0.0/8 nonsense\n' >bad
	refused 2 dev eth0 src-file bad
	assert_regex "$stderr" '"bad", line 4: '
	printf '10.0.0.0/8\n192.0.2.0/24\0nonsense\n' >zero
	refused 2 dev eth0 src-file zero
	assert_regex "$stderr" '"zero", line 2: there is a zero byte'
	printf '# nothing\n\n' >empty
	refused 1 dev eth0 src-file empty
	refused 1 dev eth0 src-file /nonexistent
	refused 1 dev eth0 dst-file /tmp
	head -c 3000 /dev/urandom >rubbish
	refused '1 2' dev eth0 src-file rubbish
	seq 0 65536 | awk '{ printf "10.%d.%d.%d\n", $1 / 65536, $1 / 256 % 256, $1 % 256 }' >many
	refused 2 dev eth0 src-file many
	assert_unchanged
}

@test "devices and namespaces that are not there are refused" {
	local word

	for word in nonesuch eth1 eth0: ETH0 0; do
		refused 1 dev "$word"
		refused 1 stats dev "$word"
		refused 1 show dev "$word"
		refused 1 stop dev "$word"
	done
	for word in "${ODD_WORDS[@]}" "$(head -c 5000 /dev/zero | tr '\0' x)" a/b; do
		refused '1 2' dev "$word"
		refused '1 2' stop dev "$word"
	done
	refused 1 stats dev eth0
	assert_regex "$stderr" 'is not served'
	refused 1 stop dev eth0
	assert_regex "$stderr" 'is not served'
	run -1 --separate-stderr pingkiller -n nonesuch show
	run -2 --separate-stderr pingkiller -n ../x show
	run -2 --separate-stderr pingkiller -n
	assert_unchanged
}

@test "stats, show, stop and plot: surplus and bad words are refused" {
	local word

	for word in "${ODD_WORDS[@]}" "${ODD_NUMBERS[@]}" 0 0s; do
		refused 2 stats "$word"
		refused 2 stats 1s "$word"
	done
	refused 2 stats 1 1 1
	refused 2 show dev lo now
	refused 2 stop dev lo now
	refused 2 stop all
	refused 2 plot
	refused 2 plot x.pdf dev lo
	refused 2 plot .svg dev lo
	refused 2 plot x.svg
	refused 2 plot x.svg lo
	refused 1 plot x.svg dev eth0
	refused 1 plot x.svg dev lo
	assert_regex "$stderr" 'no packet was timed yet'
	assert_equal "$(find . -name 'x.*')" ''
	assert_unchanged
}

@test "a device whose frames are not understood is refused" {
	ip -n "$SERVER" tunnel add tun8 mode gre local 192.0.2.2 remote 192.0.2.1 2>/dev/null ||
		skip "needs a kernel with GRE tunnels"
	run -1 --separate-stderr pk dev tun8
	assert_regex "$stderr" 'frames of a kind that is not understood'
	ip -n "$SERVER" tunnel del tun8
}

@test "odd names of devices print safely, in text, in JSON and in a plot" {
	local name count=0 names=('a;b' '$(reboot)' "it's" 'say"hi"' $'\e[31m' 'back\n' $'\xff\xfe' '{"a"}')

	for name in "${names[@]}"; do
		# not every kernel takes every name
		ip -n "$SERVER" link add name "$name" type veth peer name other netns "$CLIENT" 2>/dev/null || continue
		count=$((count + 1))
		ip -n "$SERVER" link set dev "$name" up
		ip -n "$CLIENT" link set other up
		pk dev "$name" sample 1 background 2>said
		on_client "$PROGRAMS/pingflood" other 02:00:00:00:00:01 10
		run -1 env LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f]' said
		pk show dev "$name" >shown
		pk stats dev "$name" >>shown
		run -1 env LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f]' shown
		iconv -f UTF-8 -t UTF-8 shown >/dev/null
		pk -j stats dev "$name" | jq -e .dev >/dev/null
		pk plot plot.svg dev "$name"
		assert grep -q '</svg>' plot.svg
		pk stop dev "$name"
		ip -n "$SERVER" link del "$name"
	done
	assert [ "$count" -ge 6 ]
	assert_unchanged
}

# --- one grammar --------------------------------------------------------------------

completion_words() {
	{
		offered ''
		offered dev lo ''
		offered dev lo hook ''
	} | words_only
}

@test "table, help and manual have the same words, with the same values" {
	assert_one_grammar
}

@test "a word that is not in all of table, help and manual is found" {
	assert_grammar_is_held sample
}

@test "help and completion have the same words and options" {
	assert_same_words help "$(help_words)" completion "$(completion_words)"
}

@test "the words of help are the program's own" {
	local word known

	known=$(help_words)
	run -2 --separate-stderr "$TOP/build/vsh" ping plan nonsense
	for word in $(sed 's/.*? (//; s/)//; s/,/ /g' <<<"$stderr"); do
		assert grep -qxF -e "$word" <<<"$known"
		run "$TOP/build/vsh" ping plan "$word"
		refute_output --partial 'what is'
	done
}

@test "the manual names every type that the program knows, with its numbers" {
	local name four six

	while read -r name four six; do
		assert grep -qE "^\\| +$name\$" "$MANUAL"
		grep -A2 -E "^\\| +$name\$" "$MANUAL" | tr -d '\n' | grep -qE "^\\| +$name: +${four/-1/-}: +${six/-1/-}\$" ||
			fail "$name: the manual has not $four and $six"
	done < <(sed -n 's/^\t{ "\([a-z0-9-]*\)", { \([0-9NOE]*\), \([0-9NOE]*\) } },$/\1 \2 \3/p' "$TOP/bpf/pingkiller/pingtypes.c" |
		sed 's/NONE/-/g')
	assert [ -n "$name" ] || [ "$(grep -c '^| ' "$MANUAL")" -gt 20 ]
}

@test "the manual's numbers are the program's own" {
	local name text number manual

	manual=$(tr -s '\n\t ' ' ' <"$MANUAL")
	while IFS=: read -r name text; do
		number=$(cat "$TOP"/bpf/lib/header.h "$TOP"/bpf/pingkiller/{pingkiller.h,pingwords.c} | sed -n "s/^#define $name \([0-9]*\).*/\1/p")
		[ "$number" -lt 10000 ] || number=$((number / 1000)),$(printf %03d $((number % 1000)))
		grep -qF "${text//N/$number}" <<<"$manual" || fail "$name: the manual has not '${text//N/$number}'"
	done <<-'END'
		PK_PREFIXES_MAX:N prefixes
		PK_SOURCES_MAX:N sources
		HEADER_EXTENSIONS_MAX:N extension headers
		SAMPLE_DEFAULT:one packet in N
		BURST_DEFAULT:(default N)
	END
	for name in pref:filter.sh handle:pingkiller.sh; do
		text=${name%:*}
		assert_equal "$(sed -n "s/^#define PK_FILTER_${text^^} \([0-9a-z]*\).*/\1/p" "$TOP/bpf/pingkiller/pingkiller.h")" \
			"$(sed -n "s/^filter_$text=//p" "$TOP/tc/${name#*:}")"
	done
	assert grep -qF "preference $(sed -n 's/^filter_pref=//p' "$TOP/tc/filter.sh") and handle $(sed -n 's/^filter_handle=//p' "$TOP/tc/pingkiller.sh")" <<<"$manual"
}

@test "the manual page is made, and looks like one" {
	run -0 scdoc <"$MANUAL"
	assert_line --regexp '^\.TH "pingkiller" "8"'
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' FILES EXAMPLES OVERHEAD LIMITS 'SEE ALSO'; do
		assert_line --regexp "^\\.SH \"?$section\"?\$"
	done
}

@test "completion: devices of the namespace, files, and nothing that was said already" {
	run -0 offered -n "$SERVER" dev ''
	assert_line eth0
	assert_line lo
	run -0 offered -n "$LAB"
	assert_output "$CLIENT
$SERVER"
	run -0 offered dev lo hook tc ''
	refute_line hook
	assert_line type
	run -0 offered dev lo type echo-re
	assert_output 'echo-request
echo-reply'
	run -0 offered dev lo drop ''
	assert_output ''
	touch a.svg
	run -0 offered plot a.
	assert_output a.svg
	run -0 bash -c '. "$0"; complete -p pingkiller pingkiller.sh' "$COMPLETION"
	assert_output 'complete -F _pingkiller pingkiller
complete -F _pingkiller pingkiller.sh'
}

# examples_run FILE COUNT: each line that calls pingkiller.sh is parsed, and nothing is done.
examples_run() {
	local line count=0

	printf '192.0.2.0/24\n' >prefixes
	while read -r line; do
		case $line in *plot*) continue ;; esac
		pingkiller.sh() { pk --dry-run "$@"; }
		run -0 --separate-stderr eval "$(sed -e "s|-n lab |-n $SERVER |; s|/etc/pingkiller/prefixes|prefixes|" -e 's/stats 1$/stats 1ms 2/' <<<"$line")"
		count=$((count + 1))
	done < <(sed -nE 's/(\+\+)?$//; s/^[ \t]*(pingkiller\.sh )/\1/p' "$1")
	assert [ "$count" -ge "$2" ]
	assert_unchanged
}

@test "examples: those of the help text and of the manual" {
	pingkiller help | sed '1,/^Examples:/d' >help-text
	examples_run help-text 3
	sed '1,/^# EXAMPLES/d' "$MANUAL" >manual-text
	examples_run manual-text 6
}

@test "examples: ping-report.sh counts, drops nothing, and is gone" {
	start server report env PATH="${PINGKILLER%/*}:$PATH" "$TOP/scripts/examples/ping-report.sh" eth0 1
	is_served() { pk show dev eth0 >/dev/null 2>&1; }
	busywait 10 is_served
	run -0 on_client ping -q -c 10 -i 0.01 -W 1 "$SERVER4"
	finish report
	assert_equal "$EXIT_STATUS" 0
	run -0 output_of report
	assert_line --regexp '^  ICMP echo-request +10 +980 +0 +0$'
	assert_unchanged
}

@test "small shells: dash and busybox run it" {
	local shell

	for shell in dash 'busybox sh'; do
		# shellcheck disable=SC2086
		run -0 nsenter --net="/run/netns/$SERVER" $shell "$PINGKILLER" dev eth0 rate 10/s src 10.0.0.0/8 background 3>&-
		# shellcheck disable=SC2086
		run -0 $shell "$PINGKILLER" -n "$SERVER" stats dev eth0 3>&-
		assert_output --partial 'rate 10/s'
		# shellcheck disable=SC2086
		run -0 $shell "$PINGKILLER" -n "$SERVER" stop dev eth0 3>&-
		assert_unchanged
	done
}

@test "without root, and without words, it says so" {
	run -2 --separate-stderr pingkiller
	assert_equal "$output" ''
	assert_regex "$stderr" '^Usage: '
	run -0 pingkiller -V
	assert_output --regexp '^pingkiller [0-9.]+$'
	run -0 pingkiller dev eth0 help
	assert_line --index 0 --regexp '^Usage: '
	run -1 --separate-stderr setpriv --reuid 65534 --clear-groups "$PINGKILLER" dev lo
	assert_equal "$stderr" 'pingkiller.sh: only root may do that (sudo pingkiller.sh ...)'
}
