#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
@test "one is not written to its end" {
	if true; then
}
