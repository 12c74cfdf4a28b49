#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Static reach: what the verifier has to go through before it accepts a program, and how large the program
# gets, on each kernel. bats/verifier.tsv keeps the figures; `make verifier RENEW=1` renews them.
# vm: ^the verifier
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

VERIFIER=$TOP/bats/verifier.sh
KEPT=$TOP/bats/verifier.tsv

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# Other machines have other kernels; those of the virtual machines have to be there.
requires_figures() {
	local series

	series=$(uname -r | grep -oE '^[0-9]+\.[0-9]+')
	grep -q "^$series	" "$KEPT" && return
	[ -z "${VSH_VM-}" ] || fail "no figures are kept for kernel $series"
	skip "no figures are kept for kernel $series (make verifier RENEW=1)"
}

# assert_as_kept OBJECT...
assert_as_kept() {
	local release object program insns

	"$VERIFIER" here "$@" >"$BATS_TEST_TMPDIR/now" 3>&-
	run -0 "$VERIFIER" compare "$KEPT" "$BATS_TEST_TMPDIR/now"
	assert_output ''
	release=$(uname -r)
	for object; do
		object=${object##*/}
		assert grep -q "	$object	" "$BATS_TEST_TMPDIR/now"
		while IFS=$'\t' read -r _ _ program insns _; do
			[ "$insns" = refused ] ||
				assert grep -q '^processed [0-9]* insns' "$TOP/build/check/verifier/$release/${object%.o}/$program.log"
		done < <(grep "	$object	" "$BATS_TEST_TMPDIR/now")
	done
}

@test "the verifier accepts every program, for no more than a quarter above what it was" {
	requires_figures
	assert_as_kept "$TOP"/build/*.o
}

@test "a program that has got more complicated is noticed" {
	local source=$BATS_TEST_TMPDIR/tree

	requires_figures
	mkdir "$source"
	cp -a "$TOP"/{Makefile,bpf} "$source"
	# every process that starts is looked at twice
	sed -i 's/^\tnew.mask |= named | exe_mask(bprm->file);$/&\n\tnew.own |= comm_mask(task) | pid_mask(tgid);\n\tnew.own |= cgroup_mask(task->cgroups->dfl_cgrp, config);/' \
		"$source/bpf/vershitify/tracker.bpf.c"
	run ! cmp "$source/bpf/vershitify/tracker.bpf.c" "$TOP/bpf/vershitify/tracker.bpf.c"
	run -0 make -s -C "$source" build/tracker.o 3>&-
	"$VERIFIER" here "$source/build/tracker.o" >"$BATS_TEST_TMPDIR/now" 3>&-
	run -1 "$VERIFIER" compare "$KEPT" "$BATS_TEST_TMPDIR/now"
	assert_line --regexp '^tracker\.o vsh_exec, kernel [0-9.]+: [0-9]+ instructions processed, kept are [0-9]+$'
	# the others are what they were
	refute_line --regexp '^tracker\.o vsh_fork,'
}

# figures FILE FIGURES...: one line of FILE for a program "p" of an object "o.o".
figures() {
	printf '6.1\to.o\tp\t%s\t%s\t%s\n' "${@:2}" >"$BATS_TEST_TMPDIR/$1"
}

compare() {
	"$VERIFIER" compare "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/now"
}

@test "a figure may rise by a quarter and no more, and fall" {
	figures kept 1000 100 400
	figures now 1250 125 500
	run -0 compare
	assert_output ''
	figures now 1 0 8
	run -0 compare
	figures now 1251 100 400
	run -1 compare
	assert_output 'o.o p, kernel 6.1: 1251 instructions processed, kept are 1000'
	figures now 1000 126 400
	run -1 compare
	assert_output 'o.o p, kernel 6.1: 126 bytes of stack, kept are 100'
	figures now 1000 100 501
	run -1 compare
	assert_output 'o.o p, kernel 6.1: 501 bytes translated, kept are 400'
}

@test "a program without figures is noticed, and figures without a program" {
	figures kept 1000 100 400
	figures now 1000 100 400
	sed 's/\tp\t/\tq\t/' "$BATS_TEST_TMPDIR/kept" >>"$BATS_TEST_TMPDIR/now"
	run -1 compare
	assert_output 'o.o q, kernel 6.1: no figures are kept'
	cp "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/kept"
	figures now 1000 100 400
	run -1 compare
	assert_output 'o.o q, kernel 6.1: figures are kept, but there is no such program'
	# another kernel's, or another object's, are nobody's business
	sed -i 's/^6\.1\(\t.*\tq\)/6.12\1/' "$BATS_TEST_TMPDIR/kept"
	run -0 compare
}

@test "a program that is refused is a result of its own" {
	figures kept 1000 100 400
	figures now refused - -
	run -1 compare
	assert_output 'o.o p, kernel 6.1: refused, kept are 1000 instructions processed'
	figures kept refused - -
	run -0 compare
	# a kernel of the same series that loads it
	figures now 1000 100 400
	run -0 compare
}
