#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# vm: ^(one|two)
@test "one fails" {
	echo "what it printed"
	[ 1 = 2 ]
}

@test "two passes" {
	true
}

@test "three fails, and says that something is ok 7 or not" {
	echo "ok 7 this is no result"
	false
}
