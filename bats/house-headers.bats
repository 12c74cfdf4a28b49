#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The parser of headers that all programs share (bpf/lib/header.bpf.h), in each of its ways: XDP, the frame of a
# classifier, a packet from its network header on, the kernel's memory. bats/programs/headers.c crafts the frames;
# nothing is sent but what the last test sends through loopback.
# vm: ^(crafted|random|a tracing)
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() { test_end; }

# found DIRECTORY crafted|random LEAST: nothing is wrong, with so many packets at least.
found() {
	run "$1/headers" "$1/parse.o" "$2"
	assert_success
	assert_output --regexp '^[0-9]+ packets, 0 wrong$'
	assert [ "${output%% *}" -ge "$3" ]
}

@test "crafted frames: each way finds what was put in, and nothing once it is cut off" {
	found "$PROGRAMS" crafted 30000
}

@test "random frames: each way finds the same, and nothing beyond the end" {
	found "$PROGRAMS" random 4000
}

# spoilt SED-SCRIPT: the parser is another one then, and the crafted frames tell.
spoilt() {
	cp "$TOP/bpf/lib/header.bpf.h" "$TREE/bpf/lib"
	sed -i "$1" "$TREE/bpf/lib/header.bpf.h"
	run ! cmp "$TOP/bpf/lib/header.bpf.h" "$TREE/bpf/lib/header.bpf.h"
	make -s -C "$TREE" build/test/parse.o 3>&-
	run -1 "$PROGRAMS/headers" "$TREE/build/test/parse.o" crafted
	assert_line --regexp "$2"
}

@test "a parser that is wrong by one is noticed" {
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE/bats"
	cp -r "$TOP/Makefile" "$TOP/bpf" "$TREE"
	cp -r "$TOP/bats/programs" "$TREE/bats"
	spoilt 's/offset + bytes > packet->length/offset + bytes > packet->length + 1/' ', kernel: '
	spoilt 's/transport + bytes > headers->end/transport + bytes > headers->end + 1/' ', XDP: a transport header is 1, not 0'
	spoilt 's/(extension->length + 2) \* 4/(extension->length + 1) * 4/' 'extension 51 .*, frame: transport is'
	spoilt 's/|| headers->tags == HEADER_TAGS_MAX//' '^\(88a8\) 8100 8100 .*, frame: what is found is 0, not 1'
}

@test "a tracing program finds the headers of real packets in the kernel's memory" {
	run -0 on_client "$PROGRAMS/headers" "$PROGRAMS/traced.o" traced
	assert_output '46 packets, 0 wrong'
}
