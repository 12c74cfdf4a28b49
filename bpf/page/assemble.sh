#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# assemble.sh - prints page.html with its parts in it. @CONNECT@ and @DATA@ are left for the program.

set -eu
cd "${0%/*}"

# hash FILE: as a policy has it. Hexadecimal to bytes by way of printf, which every shell has.
hash() {
	printf 'sha256-'
	# shellcheck disable=SC2059 # a format of escapes alone
	printf "$(sha256sum "$1" | cut -c -64 | sed 's/../0x& /g' | xargs printf '\\%03o')" | base64
}

awk -v script_hash="$(hash page.js)" -v style_hash="$(hash page.css)" '
	function file(name,    line, before) {
		before = $0
		sub(/@.*/, "", before)
		printf "%s", before
		while ((getline line <name) > 0)
			print line
		sub(/.*@/, "")
		print
	}
	/@STYLE@/ { file("page.css"); next }
	/@WORLD@/ { file("world.paths"); next }
	/@COUNTRIES@/ { file("countries.json"); next }
	/@SCRIPT@/ { file("page.js"); next }
	{
		sub(/@SCRIPT_HASH@/, script_hash)
		sub(/@STYLE_HASH@/, style_hash)
		print
	}' page.html
