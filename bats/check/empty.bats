#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# nothing in here
