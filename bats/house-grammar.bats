#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What reads words by a table (bpf/lib/grammar.c): optional numbers, open lists, "not", groups, and what is
# said about words that are none. The table is the tests' own (bats/fuzz/impairments.h), with words that need
# all of it; build/test/words reads by it and prints what was understood.
# vm: ^optional numbers
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154

load helpers

WORDS=$TOP/build/test/words

# understood WORDS UNDERSTOOD
understood() {
	# shellcheck disable=SC2086
	run -0 --separate-stderr "$WORDS" $1
	assert_equal "$1: $output$stderr" "$1: understood: $2"
}

# refused WORDS MESSAGE
refused() {
	# shellcheck disable=SC2086
	run -2 --separate-stderr "$WORDS" $1
	assert_equal "$1: $output$stderr" "$1: words: $2"
}

NAMES='delay, loss, limit, ecn, tcp, udp, dst, dport, flags'

@test "optional numbers: as many as there are" {
	understood 'delay 100ms' 'delay 100000us'
	understood 'delay 100ms 10ms' 'delay 100000us 10000us'
	understood 'delay 100ms 10ms 25%' 'delay 100000us 10000us 25%'
	understood 'loss 5 .5%' 'loss 5% 0.5%'
	understood 'loss gemodel 1%' 'loss gemodel 1%'
	understood 'loss gemodel 1% 10% 70% 0.1%' 'loss gemodel 1% 10% 70% 0.1%'
	understood 'loss 1 ecn' 'loss 1% ecn 100%'
	understood 'loss 1 ecn 30%' 'loss 1% ecn 30%'
}

@test "optional numbers: a word ends them" {
	understood 'delay 100ms loss 5' 'delay 100000us loss 5%'
	understood 'delay 100ms 10ms loss gemodel 1% 2% tcp' 'delay 100000us 10000us loss gemodel 1% 2% tcp'
	understood 'ecn tcp loss 1' 'loss 1% ecn 100% tcp'
	understood 'delay 1ms not dst 192.0.2.1' 'delay 1000us not dst 192.0.2.1/32'
}

@test "arguments: a missing one is asked for, whatever else is there" {
	refused delay '"delay" needs a time, a jitter and its correlation'
	refused 'loss 1 limit' '"limit" needs a number of packets'
	refused 'loss gemodel' '"loss gemodel" needs a percentage'
	refused 'loss gemodel tcp' '"loss gemodel" needs a percentage'
	refused 'loss 1 dport' '"dport" needs ports and ranges'
	refused 'loss 1 flags' '"flags" needs syn, ack, fin, rst, psh or urg'
}

@test "arguments: those that are needed are taken whatever they look like" {
	refused 'delay loss 5%' 'delay "loss": a time of up to 10 years, as in 30s, 500ms, 5m, 1h'
	refused 'loss not' 'loss "not": a percentage from 0 to 100 with up to 6 decimals'
	refused 'loss -1' 'loss "-1": a percentage from 0 to 100 with up to 6 decimals'
	refused 'delay 1ms -1ms' 'delay "-1ms": a time of up to 10 years, as in 30s, 500ms, 5m, 1h'
}

@test "arguments: a number too many is refused with what the word takes" {
	refused 'delay 100ms 10ms 25% 5' 'what is "5"? ("delay" takes a time, a jitter and its correlation)'
	refused 'loss 1% 2% 3%' \
		'what is "3%"? ("loss" takes a percentage and its correlation, or gemodel and 1 to 4 percentages)'
	refused 'loss gemodel 1% 2% 3% 4% 5%' \
		'what is "5%"? ("loss" takes a percentage and its correlation, or gemodel and 1 to 4 percentages)'
	refused 'loss 1 ecn 1% .5' 'what is ".5"? ("ecn" takes a percentage)'
	refused 'loss 1 tcp +7' 'what is "+7"? ("tcp" takes no value)'
}

@test "lists: in one word and said again, up to the next word" {
	understood 'loss 1 dport 80 443 8000-8010 tcp' \
		'loss 1% tcp dport 80-80 dport 443-443 dport 8000-8010'
	understood 'loss 1 dport 80 tcp dport 443' 'loss 1% tcp dport 80-80 dport 443-443'
	understood 'loss 1 dst 192.0.2.7/24 dst 2001:db8::1/32' 'loss 1% dst 192.0.2.0/24 dst 2001:db8::/32'
	understood 'loss 1 flags syn ack tcp' 'loss 1% tcp flags syn ack'
	understood 'flags syn ack not dst 192.0.2.1 loss 1' 'loss 1% not dst 192.0.2.1/32 flags syn ack'
	refused 'loss 1 dport 80 443 http' "what is \"http\"? ($NAMES)"
	refused 'loss 1 flags syn http' 'flags "http": syn, ack, fin, rst, psh or urg'
	refused 'loss 1 dport 80 443 90-80' 'dport "90-80": a port or a range, as in 80-90'
}

@test "not: it is for the word after it alone" {
	understood 'loss 1% not dst 192.0.2.0/24 dport 80-90' 'loss 1% not dst 192.0.2.0/24 dport 80-90'
	understood 'loss 1% dst 192.0.2.0/24 not dport 80-90' 'loss 1% dst 192.0.2.0/24 not dport 80-90'
	understood 'loss 1% not dst 192.0.2.1 not dst 192.0.2.2 dst 192.0.2.0/24' \
		'loss 1% not dst 192.0.2.1/32 not dst 192.0.2.2/32 dst 192.0.2.0/24'
	understood 'loss 1% not dport 1 2 dport 3' 'loss 1% not dport 1-1 not dport 2-2 dport 3-3'
}

@test "not: repeated, at the end, or before what it does not go with, it is refused" {
	refused 'loss 1 not not dst 192.0.2.1' 'duplicate "not" (it can stand before dst, dport, flags)'
	refused 'loss 1 not' '"not" needs a word after it (it can stand before dst, dport, flags)'
	refused 'loss 1 not tcp' '"not" does not go with every word (it can stand before dst, dport, flags)'
	refused 'loss 1 not http' "what is \"http\"? ($NAMES)"
	refused 'not' '"not" needs a word after it (it can stand before dst, dport, flags)'
}

@test "groups: of some words one has to be said, of others not more than one" {
	refused 'tcp' 'impaired how? (delay TIME [JITTER [CORRELATION]] or loss LOSS)'
	refused '' 'impaired how? (delay TIME [JITTER [CORRELATION]] or loss LOSS)'
	refused 'loss 1 tcp udp' '"udp": only one of tcp and udp is allowed'
	refused 'loss 1 tcp tcp' '"tcp": only one of tcp and udp is allowed'
	understood 'loss 1 delay 1ms' 'delay 1000us loss 1%'
}

@test "a word that is no list is said once, by whichever name" {
	refused 'loss 1 loss 2' 'duplicate "loss"'
	refused 'delay 1ms latency 2ms' 'duplicate "latency"'
	refused 'loss 1 flags syn tcp flags ack' 'duplicate "flags"'
	refused 'loss 1 not flags syn tcp flags ack' 'duplicate "flags"'
}

@test "an unknown word is answered with those of the table, without second names" {
	local known

	refused 'loss 1 http' "what is \"http\"? ($NAMES)"
	refused 'http' "what is \"http\"? ($NAMES)"
	refused 'LOSS 1' "what is \"LOSS\"? ($NAMES)"
	known=$("$WORDS" --table | awk -F '\t' '$5 !~ /alias/ { print $1 }' | paste -sd , | sed 's/,/, /g')
	assert_equal "$NAMES" "$known"
	run -2 --separate-stderr "$WORDS" loss 1 ''
	assert_equal "$stderr" "words: what is \"\"? ($NAMES)"
	run -2 --separate-stderr "$WORDS" loss 1 $'\e[31m'
	assert_equal "$stderr" "words: what is \"\\x1b[31m\"? ($NAMES)"
}

@test "a change: words of what is made are refused, and not among the accepted" {
	understood '--change loss 1' 'loss 1%'
	refused '--change loss 1 limit 7' 'the limit stays'
	refused '--change http' "what is \"http\"? (${NAMES/limit, /})"
}

@test "words with dashes, one or two, and values that have one" {
	understood '--dashed -loss 1 --not -dst 192.0.2.1' 'loss 1% not dst 192.0.2.1/32'
	understood '--dashed --flags syn ack -loss gemodel 1 2' 'loss gemodel 1% 2% flags syn ack'
	refused '--dashed loss 1' "what is \"loss\"? (-${NAMES//, /, -})"
	refused '--dashed -loss -tcp' '-loss "-tcp": a percentage from 0 to 100 with up to 6 decimals'
	refused '--dashed -loss 1 -not' '"not" needs a word after it (it can stand before -dst, -dport, -flags)'
	refused '--dashed -loss 1 ---tcp' "what is \"---tcp\"? (-${NAMES//, /, -})"
}

@test "the table as text: word, min, max, group, flags, value, what it accepts" {
	run -0 "$WORDS" --table
	assert_line --index 0 $'delay\t1\t3\tdelay\t-\tTIME [JITTER [CORRELATION]]\ta time, a jitter and its correlation'
	assert_line --index 1 $'latency\t1\t3\tdelay\talias\tTIME [JITTER [CORRELATION]]\ta time, a jitter and its correlation'
	assert_line $'limit\t1\t1\tlimit\tnew\tN\ta number of packets'
	assert_line $'udp\t0\t0\ttcp\t-\t-\tno value'
	assert_line $'dport\t1\tmany\tdport\tlist,not\tRANGE\tports and ranges'
	assert_line $'flags\t1\tmany\tflags\tnot\tsyn|ack|fin|rst|psh|urg\tsyn, ack, fin, rst, psh or urg'
	run -0 "$WORDS" --valued
	assert_output 'delay 1
latency 1
loss 1
limit 1
dst 1
dport 1
flags 1'
}

# --- vsh words: the product's tables ---------------------------------------------------

@test "vsh words: of each tool, and of no other" {
	local tool words

	for tool in vershitify pingkiller; do
		run -0 "$TOP/build/vsh" words "$tool"
		assert_line --regexp $'^loss\t1\t[0-9]+\tdrop\talias\tPERCENT(\\|[a-z]+)*\ta percentage'
		# seven columns, none of them empty
		assert_equal "$(awk -F '\t' 'NF != 7 || /\t\t/' <<<"$output")" ''
		words=$(awk -F '\t' '$2 { sub(/^-+/, ""); print $1, $2 }' <<<"$output")
		run -0 "$TOP/build/vsh" words --valued "$tool"
		assert_output "$words"
	done
	for words in '' nonsense --valued '--valued nonsense' 'vershitify --valued' 'vershitify pingkiller' '--first nonsense' '--nonsense vershitify'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr "$TOP/build/vsh" words $words
		assert_equal "$output$stderr" \
			'vsh: a tool is required (words [--valued|--first|--more|--commands|--options] vershitify|pingkiller|tracepkt|snitch)'
	done
}

@test "vsh words: commands, options, and what begins a line with dashes" {
	run -0 "$TOP/build/vsh" words --commands pingkiller
	assert_output "$(printf '%s\n' dev show stats plot stop doctor help)"
	run -0 "$TOP/build/vsh" words --options pingkiller
	assert_output "$(printf '%s\n' -n -j -v --dry-run -V)"
	run -0 "$TOP/build/vsh" words --first vershitify
	assert_output "$(printf '%s\n' interface command drop)"
	run -0 "$TOP/build/vsh" words --first pingkiller
	assert_output ''
}

# --- the scripts' search for "help" -----------------------------------------------------

# helper_make SCRIPT: a helper in a folder of its own, which notes what it is asked.
helper_make() {
	mkdir -p "$BATS_TEST_TMPDIR/objects"
	printf '#!/bin/sh\necho "$*" >>"%s"\n%s\n' "$BATS_TEST_TMPDIR/asked" "$1" >"$BATS_TEST_TMPDIR/objects/vsh"
	chmod +x "$BATS_TEST_TMPDIR/objects/vsh"
}

# help_is_asked SHELL TOOL VALUED WORD...
help_is_asked() {
	local shell=$1

	shift
	# shellcheck disable=SC2016,SC2086
	$shell -uc 'library=$2 speaker=$3.sh
		. "$1/tc/run.sh"
		. "$1/tc/command.sh"
		newline="
"
		shift 3
		help_is_asked "$@"' sh "$TOP" "$BATS_TEST_TMPDIR/objects" "$@"
}

@test "help: it is understood where a word can stand, in every shell" {
	local shell words

	helper_make "exec '$TOP/build/vsh' \"\$@\""
	for shell in dash 'busybox sh' bash; do
		while read -r words; do
			# shellcheck disable=SC2086
			help_is_asked "$shell" vershitify '' $words || fail "$shell: not for '$words'"
		done <<-'END'
			help
			add help
			add children help
			add dev help help
			add dev eth0 command help drop help direction help help
			change 1 drop 50% help
			-interface eth0 -command help help
			--interface --command help
			--drop help --children --help help
			add x[$(reboot)] * help
			stats 1 2 help
		END
		while read -r words; do
			# shellcheck disable=SC2086
			! help_is_asked "$shell" vershitify '' $words || fail "$shell: for '$words'"
		done <<-'END'
			add dev help
			add dev eth0 command help drop 25%
			-interface eth0 -command help
			--drop help
			run dev eth0 drop 1% -- man help
			run dev eth0 drop 1% --svg help -- true
			add command helpful
			show
		END
	done
	help_is_asked dash pingkiller 'plot 1' plot help help
	run ! help_is_asked dash pingkiller 'plot 1' plot help
	run ! help_is_asked dash pingkiller 'plot 1' dev help
	help_is_asked dash pingkiller '' plot help
}

@test "help: two arguments of one word, and optional ones" {
	helper_make 'echo "gap 2"; echo "delay 1"'
	run ! help_is_asked dash vershitify '' add gap help help
	help_is_asked dash vershitify '' add gap help help help
	help_is_asked dash vershitify '' add delay 5ms help
	run ! help_is_asked dash vershitify '' add delay help
}

@test "help: the helper is not started unless there is a word 'help'" {
	helper_make 'echo "dev 1"'
	run ! help_is_asked dash vershitify '' add dev eth0 command ping drop 25% for 5m
	run ! help_is_asked dash vershitify '' add dev eth0 command helpful
	refute [ -e "$BATS_TEST_TMPDIR/asked" ]
	help_is_asked dash vershitify '' add dev eth0 help
	assert_equal "$(cat "$BATS_TEST_TMPDIR/asked")" 'words --valued vershitify'
}

@test "help: without a helper the scripts print it, too" {
	local script words

	cp -r "$TOP/scripts" "$TOP/tc" "$BATS_TEST_TMPDIR"
	cp "$TOP/Makefile" "$BATS_TEST_TMPDIR"
	refute [ -e "$BATS_TEST_TMPDIR/build" ]
	for script in vershitify pingkiller; do
		for words in help 'show help' 'dev eth0 drop 5 help'; do
			# shellcheck disable=SC2086
			run -0 --separate-stderr "$BATS_TEST_TMPDIR/scripts/$script.sh" $words 3>&-
			assert_line --index 0 --regexp '^Usage: '
			assert_equal "$stderr" ''
		done
	done
}

# --- completion ---------------------------------------------------------------------------

# offered WITHOUT WORD...: what completion makes of the last word, by the tests' table.
offered() {
	local without=$1

	shift
	# shellcheck disable=SC2016
	bash -c '. "$1"; without=$2; shift 2; COMP_WORDS=("$0" "$@") COMP_CWORD=$# COMPREPLY=()
		_vsh_offer_words any "" 1 "$without"
		echo "${COMPREPLY[*]}"' words "$BATS_TEST_TMPDIR/scripts/completion/vershitify-common.bash" "$without" "$@"
}

# completes WORDS OFFERED: of words after which there is a blank
completes() {
	local words

	read -ra words <<<"$1"
	assert_equal "$1: $(offered '' "${words[@]}" '')" "$1: $2"
}

@test "completion: by the table, with optional numbers, lists and \"not\"" {
	mkdir -p "$BATS_TEST_TMPDIR/scripts" "$BATS_TEST_TMPDIR/build"
	cp -r "$TOP/scripts/completion" "$BATS_TEST_TMPDIR/scripts"
	printf '#!/bin/sh\nexec "%s" --table\n' "$WORDS" >"$BATS_TEST_TMPDIR/build/vsh"
	chmod +x "$BATS_TEST_TMPDIR/build/vsh"
	completes '' 'delay latency loss limit ecn tcp udp dst dport flags not'
	completes 'delay' ''
	completes 'delay 1ms' 'loss limit ecn tcp udp dst dport flags not'
	completes 'delay 1ms 2ms 5% loss' ''
	completes 'latency 1ms loss gemodel 1% 2%' 'limit ecn tcp udp dst dport flags not'
	completes 'loss 1 udp' 'delay latency limit ecn dst dport flags not'
	completes 'loss 1 not' 'dst dport flags'
	completes 'loss delay 1 tcp not dst 192.0.2.1' 'delay latency limit ecn dst dport flags not'
	completes 'flags' 'syn ack fin rst psh urg'
	completes 'flags syn' 'syn ack fin rst psh urg delay latency loss limit ecn tcp udp dst dport not'
	completes 'flags syn ack loss 1 tcp limit 5 ecn delay 1ms dport 1 2' 'dst dport not'
	assert_equal "$(offered new loss 1 '')" 'delay latency ecn tcp udp dst dport flags not'
	assert_equal "$(offered '' loss 1 l)" 'latency limit'
	# shellcheck disable=SC2016 # that nothing is expanded is the point
	assert_equal "$(cd "$BATS_TEST_TMPDIR" && offered '' 'x[$(touch gone)]' @ '*' 'a[0]' t)" tcp
	refute [ -e "$BATS_TEST_TMPDIR/gone" ]
}
