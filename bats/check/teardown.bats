#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
teardown_file() {
	echo "something is left"
	false
}

@test "one passes before" {
	true
}
