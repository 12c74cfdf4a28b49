#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The fast path of the judge, for simple rules, against the full one, which looks at everything: both give
# the same verdicts and counts, whatever a rule says. bats/programs/paths.c compares them in the kernel,
# packet by packet, without traffic.
# vm: ^the fast path judges each
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# compare DIRECTORY table|bits: with what was built there.
compare() {
	on_client "$1/paths" "$1/judged.o" eth0 "$2"
}

# assert_fast: no packet differs, of 20 at least one went by the fast path, and there was whatever can become
# of a packet: it is not a rule's, passes, passes with a mark, is dropped, is dropped and the sender told,
# or passes and is held.
assert_fast() {
	assert_success
	assert_output --regexp '^[0-9]+ packets, [0-9]+ by the fast path, 6 actions, [34] reasons$'
	read -r all _ fast _ <<<"$output"
	((fast * 20 >= all)) || fail "$output"
}

tree_copy() {
	TREE=$BATS_TEST_TMPDIR/tree
	rm -rf "$TREE"
	mkdir -p "$TREE/bats"
	cp -r "$TOP/Makefile" "$TOP/bpf" "$TREE"
	cp -r "$TOP/bats/programs" "$TREE/bats"
}

tree_make() {
	make -s -C "$TREE" build/test/judged.o build/test/paths 3>&-
}

# spoil FILE SED-SCRIPT: and the file is another one then.
spoil() {
	sed -i "$2" "$TREE/$1"
	run ! cmp "$TOP/$1" "$TREE/$1"
}

# found: the comparison tells of a difference.
found() {
	tree_make
	run compare "$TREE/build/test" bits
	[ "$status" = 1 ] || run compare "$TREE/build/test" table
	assert_failure 1
	assert_line --regexp ': (verdict|path) of packet [0-9]+: |: counters$'
}

@test "the fast path judges each kind of rule as the full path does, before and after another" {
	run compare "$PROGRAMS" table
	assert_fast
}

@test "the fast path judges rules as the full path does, whichever bit of them is set" {
	run compare "$PROGRAMS" bits
	assert_fast
}

@test "a fast path that forgets one of its conditions is found" {
	local condition

	for condition in \
		'!rule_is_simple(rule) || ' \
		'rule->ifindex\[0\] != skb->ifindex ||' \
		'!(rule->hooks & hook) || ' \
		'!rule_is_of(rule, epoch) ||' \
		'rule->netns_cookie != owner->netns_cookie || ' \
		' || !shortcut_holds(shortcut)'; do
		tree_copy
		spoil bpf/vershitify/judge.bpf.h "s/$condition//"
		found
	done
	tree_copy
	spoil bpf/vershitify/judge.bpf.h 's/!device_is_same(shortcut, 0, hook)/false/'
	found
}

@test "a short cut past a rule that takes other packets is found" {
	tree_copy
	spoil bpf/vershitify/judge.bpf.h 's/search->passed_over |= rule->hooks;/;/'
	found
}

@test "a need that nobody has worked out is found" {
	local need

	for need in VSH_DEVICES VSH_CLOCK; do
		tree_copy
		spoil bpf/vershitify/needs.c "s/rule->needs |= $need;/rule->needs |= 0;/"
		found
	done
}

# A condition on the receiver's port, in the full path only.
condition_add() {
	tree_copy
	spoil bpf/vershitify/vershitify.h 's/^	__u64 seed;.*/&\n	__u64 dport;/
		s/(sizeof(struct vsh_rule) == [0-9]*/(sizeof(struct vsh_rule)/'
	spoil bpf/vershitify/judge.bpf.h 's/^	return (rule->hooks & search->hook) && /&!rule->dport \&\& /'
}

@test "a condition that is new keeps a rule off the fast path, and needs nobody to think of it" {
	condition_add
	tree_make
	run compare "$TREE/build/test" bits
	assert_fast
}

@test "a condition that is new, is said to be known, and is not judged on the fast path is found" {
	condition_add
	spoil bpf/vershitify/needs.c 's/^		.seed = .*/&\n		.dport = rule->dport,/'
	found
}
