#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm: ^(one|four)

@test "one passes" {
	true
}

# A name that is not plain.
@test "two \"passes\", with a # and a \$ in its name" {
	true
}

@test "three is skipped here" {
	skip "needs a kernel that there is not"
}

@test "four is skipped everywhere" {
	skip
}
