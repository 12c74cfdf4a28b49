#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The helper where its own compiler watches it: under AddressSanitizer (with its search for leaks) and
# UndefinedBehaviorSanitizer, on good and bad words and at work; and its parsers under libFuzzer.
# What a sanitizer has to say goes to files, since scripts do not show all that a helper prints.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() {
	suite_begin
	[ "$(id -u)" = 0 ] || return 0
	make -s -C "$TOP" sanitize install DESTDIR="$BATS_FILE_TMPDIR" PREFIX=/usr >&2 3>&-
	cp "$TOP/build/asan/vsh" "$BATS_FILE_TMPDIR/usr/lib/vershitify/vsh"
}
teardown_file() { suite_end; }

setup() {
	test_begin
	VERSHITIFY=$BATS_FILE_TMPDIR/usr/sbin/vershitify.sh
	HELPER=$BATS_FILE_TMPDIR/usr/lib/vershitify/vsh
	REPORT=$BATS_TEST_TMPDIR/report
	export ASAN_OPTIONS=exitcode=99:log_path=$REPORT
	export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1:log_path=$REPORT
}
teardown() { test_end; }

assert_no_report() {
	local file

	for file in "$REPORT".*; do
		[ ! -e "$file" ] || fail "$(cat "$file")"
	done
}

# helper WORD...: in the client's namespace
helper() {
	"$HELPER" -N "/run/netns/$CLIENT" -C "$(cgroup_root)" "$@" 3>&-
}

@test "the sanitizers are there: a leak and an overflow are reported" {
	cat >"$BATS_TEST_TMPDIR/wrong.c" <<-'END'
		#include <limits.h>
		#include <stdlib.h>
		static void *volatile last;
		int main(int argc, char **argv)
		{
			(void)argv;
			for (int i = 0; i < 100; i++)
				last = malloc(8);
			return argc > 1 ? INT_MAX + argc : 0;
		}
	END
	# the words that the helper was built with
	run -0 make -s -n -B -C "$TOP" sanitize 3>&-
	# shellcheck disable=SC2046
	cc $(grep -o -m 1 -e '-fsanitize=[^ ]*' -e '-fno-sanitize-recover=[^ ]*' <<<"$output" | sort -u) \
		"$BATS_TEST_TMPDIR/wrong.c" -o "$BATS_TEST_TMPDIR/wrong"
	run -99 "$BATS_TEST_TMPDIR/wrong"
	assert grep -q 'detected memory leaks' "$REPORT".*
	# where this report goes depends on the compiler; the status does not
	run -99 "$BATS_TEST_TMPDIR/wrong" overflow
}

@test "good words: every one is planned, with nothing to report" {
	local words group

	group=$(cgroup_make group)
	while read -r words; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr helper plan add $words
		assert_equal "$words: $stderr" "$words: "
		assert_line --index 0 'id 1'
		assert_line --regexp '^update vsh_rules key hex 00 00 00 00 value hex( [0-9a-f]{2})+$'
	done <<-END
		dev eth0 command ping drop 25
		dev lo dev eth0 command ping loss 0.000001% seed 18446744073709551615
		dev all exe $PROGRAMS/udpsend children drop 100% direction both visible local
		dev eth0 pid $$ force drop 0 direction ingress for 10.5ms
		dev eth0 cgroup $group drop 99.999999% visible denied for 3650d seed 0
		dev eth0 cgroup ${group#"$(cgroup_root)"} drop 1
	END
	run -0 --separate-stderr helper plan add dev eth0 command $'\e[31m\n\\ä\xff"' drop 1
	run -0 --separate-stderr helper plan add dev eth0 command a-name-of-more-than-fifteen drop 1
	assert_regex "$stderr" '15 bytes'
	assert_no_report
}

@test "bad words: every one is refused in one printable line, with nothing to report" {
	local word value huge values

	huge=$(head -c 100000 /dev/zero | tr '\0' 9)
	# shellcheck disable=SC2016 # that nothing is expanded is the point
	values=('' -1 x "$huge" 99999999999999999999999 1e3 0x10 $'\xff\xfe' $'\e[2J' $'a\nb' '$(reboot)' '%s%n' '/' ' 1' '1 ' "${huge//9/0}.5")
	for word in dev command exe pid cgroup direction drop loss seed for visible nonsense; do
		for value in "${values[@]}"; do
			case $word in
			command) [ -z "${value##*/*}" ] || [ -z "$value" ] || continue ;; # nearly all are names
			esac
			run --separate-stderr helper plan add "$word" "$value"
			refuted "$word $value"
		done
		run --separate-stderr helper plan add "$word"
		refuted "$word"
	done
	for value in "${values[@]}"; do
		for word in change del; do
			run --separate-stderr helper plan "$word" "$value" drop 1
			refuted "$word $value"
		done
		run --separate-stderr helper show "$value"
		refuted "show $value"
		run --separate-stderr helper stats 1 "$value"
		refuted "stats 1 $value"
		run --separate-stderr helper listen "$value"
		refuted "listen $value"
	done
	run --separate-stderr helper plan add dev eth0 pid 1 drop 1
	refuted 'pid 1'
	assert_no_report
}

# refuted WHAT: the last run has ended with 1 or 2 and one line.
refuted() {
	assert [ "$status" = 1 -o "$status" = 2 ]
	assert_equal "$output" ''
	assert_equal "${1:0:60}: $(wc -l <<<"$stderr")" "${1:0:60}: 1"
	assert_regex "$stderr" '^vershitify\.sh: [^[:cntrl:]]+$'
	assert [ ${#stderr} -lt 400 ]
}

@test "at work: a rule's whole life, with nothing to report" {
	local dropped

	receiver_start
	run -0 --separate-stderr vsh add dev eth0 command victim children direction both drop 50% seed 1 for 1h
	assert_equal "$output:$stderr" 1:
	sender_start stream victim "$SERVER4" "$PORT" 1000
	start here watching "$VERSHITIFY" monitor
	start here json "$VERSHITIFY" -j monitor
	send victim "$SERVER4" "$PORT" 10
	batch stream
	wait_line watching '^lost|^socket tagged|^process launched' 0
	run -0 --separate-stderr vsh -s show
	assert_equal "$stderr" ''
	run -0 --separate-stderr vsh -s -j show 1
	assert_equal "$stderr" ''
	run -0 --separate-stderr vsh stats 10ms 3
	assert_equal "$stderr" ''
	vsh change 1 drop 100% dev lo dev eth0
	dropped=$(received victim)
	batch stream
	assert_received victim "$dropped"
	run -0 vsh run dev eth0 drop 25% seed 7 -- "$(as other udpsend)" "$SERVER4" "$PORT" 100
	run -0 vsh doctor
	stop watching INT
	assert_equal "$EXIT_STATUS" 0
	stop json TERM
	assert_equal "$EXIT_STATUS" 0
	vsh del 1
	vershitify down
	assert_no_report
}

@test "at work: the original's line, with nothing to report" {
	receiver_start
	start client original "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line original '^dropping'
	send victim "$SERVER4" "$PORT" 100
	wait_line original '^Passed 0 Dropped 100$'
	stop original TERM
	assert_equal "$EXIT_STATUS" 0
	assert_received victim 0
	assert_no_report
}

# fuzz [MAKE-WORDS...]: all targets side by side, everything in a folder of its own, which a test may change.
fuzz() {
	env -u ASAN_OPTIONS -u UBSAN_OPTIONS make -s -j -C "$BATS_TEST_TMPDIR/tree" fuzz "$@" 3>&-
}

tree_copy() {
	mkdir "$BATS_TEST_TMPDIR/tree"
	cp -r "$TOP/Makefile" "$TOP/bpf" "$TOP/bats" "$BATS_TEST_TMPDIR/tree"
}

@test "each parser is fuzzed, with a corpus that is kept, and nothing is found" {
	local target

	tree_copy
	run -0 fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-10}"
	for target in "$TOP"/bats/fuzz/*.c; do
		target=$(basename "$target" .c)
		assert [ -n "$(ls "$TOP/bats/fuzz/corpus/$target")" ]
		assert [ -n "$(ls "$BATS_TEST_TMPDIR/tree/build/fuzz/$target.corpus")" ]
	done
	refute_output --partial ERROR
}

@test "fuzzing finds a parser that is wrong by one" {
	tree_copy
	sed -i 's/number > PERCENT_MAX)/number > PERCENT_MAX + 1)/' "$BATS_TEST_TMPDIR/tree/bpf/lib/words.c"
	run ! cmp "$TOP/bpf/lib/words.c" "$BATS_TEST_TMPDIR/tree/bpf/lib/words.c"
	run ! fuzz FUZZ_TARGETS=bats/fuzz/words.c FUZZ_SECONDS=20
	assert_output --partial 'not true: is_percent && value <= 100'
}

@test "fuzzing finds a rule that is not printed as it is" {
	tree_copy
	sed -i 's/rule_visible(rule) != VISIBLE_WIRE/false/' "$BATS_TEST_TMPDIR/tree/bpf/vershitify/rule.c"
	run ! cmp "$TOP/bpf/vershitify/rule.c" "$BATS_TEST_TMPDIR/tree/bpf/vershitify/rule.c"
	run ! fuzz FUZZ_TARGETS=bats/fuzz/rule.c FUZZ_SECONDS=20
	assert_output --partial 'not true: a->hooks == b->hooks'
}

@test "fuzzing finds a prefix that keeps a bit behind its length" {
	tree_copy
	sed -i 's/i < bits_max; i++/i + 1 < bits_max; i++/' "$BATS_TEST_TMPDIR/tree/bpf/lib/words.c"
	run ! cmp "$TOP/bpf/lib/words.c" "$BATS_TEST_TMPDIR/tree/bpf/lib/words.c"
	run ! fuzz FUZZ_TARGETS=bats/fuzz/ping.c FUZZ_SECONDS=20
	assert_output --partial 'not true: address_bit('
}

@test "fuzzing finds a word that can be said twice" {
	tree_copy
	sed -i 's/!(row->flags & ROW_LIST)/false/' "$BATS_TEST_TMPDIR/tree/bpf/lib/grammar.c"
	run ! cmp "$TOP/bpf/lib/grammar.c" "$BATS_TEST_TMPDIR/tree/bpf/lib/grammar.c"
	run ! fuzz FUZZ_TARGETS=bats/fuzz/grammar.c FUZZ_SECONDS=20
	assert_output --regexp 'not true: impairment->|out of bounds'
}

@test "fuzzing finds a rule whose needs nobody has worked out" {
	tree_copy
	sed -i '/^\tneeds_finish(rule);$/d' "$BATS_TEST_TMPDIR/tree/bpf/vershitify/rule.c"
	run ! cmp "$TOP/bpf/vershitify/rule.c" "$BATS_TEST_TMPDIR/tree/bpf/vershitify/rule.c"
	run ! fuzz FUZZ_TARGETS=bats/fuzz/rule.c FUZZ_SECONDS=20
	assert_output --partial 'not true: (rule.needs & ~VSH_SEEDED) == needs'
}
