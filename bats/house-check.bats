#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scripts/check.sh: what it makes of tests that pass, fail, are skipped, hang, die or were never there. The files
# in bats/check/ are tests of that kind; beside them is what a run of them once printed (here.tap, and
# vm.tap of a guest that ended too early), and the report that belongs to it.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

FILES=(bats/{good,bad,slow,dies,setup,teardown,empty,broken}.bats)

setup() {
	CHECK=$TOP/scripts/check
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE/bats"
	cp "$TOP"/bats/check/*.bats "$TREE/bats"
	cd "$TREE" || return
}

# tests [FILTER] FILE...: as check.sh expects them
tests() {
	local file filter=$1
	shift
	for file; do
		FILTER=$filter "${AWK[@]}" -f "$CHECK/tests.awk" "$file"
	done
}

# results RUN WHY LOG FILE...: appends to ./results and ./failures; what is expected is in ./expected.
results() {
	printf '%s\n' "${@:4}" >files
	"${AWK[@]}" -v run="$1" -v end="$2" -v failures=failures -f "$CHECK/results.awk" expected files "$3" >>results
}

# report WHOLE: of ./results and ./steps
report() {
	"${AWK[@]}" -v whole="$1" -v failures=failures -f "$CHECK/report.awk" steps results
}

# recorded: all of the recorded runs, in ./results
recorded() {
	rm -f results failures
	: >failures
	printf 'pass\tbuild\nfail\tlint\nnote\tkernel 6.12: not run, this distribution does not have it\n' >steps
	tests '' "${FILES[@]}" >expected
	results 6.12.0-here 'the run ended with status 0' "$TOP/bats/check/here.tap" "${FILES[@]}"
	{
		tests '^(one|four)' bats/good.bats
		tests '^(one|two)' bats/bad.bats
	} >expected
	results '6.1.0-0-guest vm' 'the guest ran into its time limit of 60 s' "$TOP/bats/check/vm.tap" bats/{good,bad}.bats
}

@test "a recorded run gives the report that belongs to it, in each awk" {
	for AWK in awk 'busybox awk'; do
		read -ra AWK <<<"$AWK"
		recorded
		run -1 report whole
		assert_equal "$output" "$(cat "$TOP/bats/check/report")"
	done
}

@test "a test that was skipped wherever it ran fails a whole check, not a part of one" {
	AWK=(awk)
	printf 'k\tf\t1\tpass\t1\tone\t\nk\tf\t2\tskip\t1\ttwo\tno room\n' >results
	: >steps
	: >failures
	run -1 report whole
	assert_line --regexp '^ +fail, it ran on no kernel at all$'
	assert_line '1 passed, 1 failed, 1 skipped'
	run -0 report ''
	refute_line --partial 'no kernel at all'
	assert_line '1 passed, 0 failed, 1 skipped'
}

@test "a check without a test, and without a step that failed, fails" {
	AWK=(awk)
	printf 'pass\tbuild\n' >steps
	: >results
	: >failures
	run -1 report ''
	assert_line 'fail: no test was run'
	assert_line '1 passed, 1 failed'
}

@test "what a straggler says later is no result" {
	AWK=(awk)
	tests '' bats/good.bats >expected
	sed 's/^::ended.*//' "$TOP/bats/check/here.tap" | grep good.bats >log
	echo '6.12.0-here bats/good.bats: not ok 1 one passes in 5ms' >>log
	results 6.12.0-here '' log bats/good.bats
	assert_equal "$(cut -f 4 results | xargs)" 'pass pass skip skip'
}

# check WORD...: check.sh of this tree, as if no bats had called it.
check() {
	env -i PATH="$(tr : '\n' <<<"$PATH" | grep -v bats-core | paste -sd :)" HOME="$HOME" "${SETTINGS[@]}" \
		"$TREE/scripts/check.sh" "$@" 3>&-
}

# rows: of a report on stdin the files, the verdicts and the sums; not what bats has said, which differs from
# version to version.
rows() {
	grep -E '^(bats/|(pass|fail|skip|note) |[0-9]+ passed, )'
}

@test "check.sh itself comes to the verdicts that were recorded" {
	local recorded

	requires root
	AWK=(awk)
	cp -a "$TOP/scripts" "$TREE"
	printf 'all testprograms sanitize lint:\n' >Makefile
	tests '' "${FILES[@]}" >expected
	results 6.12.0-here '' "$TOP/bats/check/here.tap" "${FILES[@]}"
	printf 'pass\tpackages\npass\tbuild\npass\tlint\n' >steps
	recorded=$(report '' | rows)
	assert_equal "${recorded##*$'\n'}" '9 passed, 13 failed, 2 skipped'

	SETTINGS=(FILE_SECONDS=2)
	run -1 check --no-vm "${FILES[@]}"
	assert_equal "$(rows <<<"$output")" "$recorded"
	assert_equal "${lines[-1]}" "${recorded##*$'\n'}"
	run -0 check --no-vm bats/good.bats
	assert_equal "${lines[-1]}" '5 passed, 0 failed, 2 skipped'

	# in a virtual machine, the tests that are meant for it, unless every test is asked for
	SETTINGS=(VSH_VM=1)
	run -0 check --tap bats/good.bats
	assert_output --partial ' bats/good.bats: 1..2'
	run -0 check --every --tap bats/good.bats
	assert_output --partial ' bats/good.bats: 1..4'
}
