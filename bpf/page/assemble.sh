#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# assemble.sh - prints page.html with its parts in it. @CONNECT@ and @DATA@ are left for the program.

set -eu
cd "${0%/*}"

# hash FILE...: as a policy has it, of all together. Hexadecimal to bytes by way of printf, which every shell has.
hash() {
	printf 'sha256-'
	# shellcheck disable=SC2059 # a format of escapes alone
	printf "$(cat "$@" | sha256sum | cut -c -64 | sed 's/../0x& /g' | xargs printf '\\%03o')" | base64
}

awk -v script_hash="$(hash remotes.js page.js)" -v style_hash="$(hash page.css)" '
	function files(names,    line, before, name, i, count) {
		before = $0
		sub(/@.*/, "", before)
		printf "%s", before
		count = split(names, name, " ")
		for (i = 1; i <= count; i++)
			while ((getline line <name[i]) > 0)
				print line
		sub(/.*@/, "")
		print
	}
	/@STYLE@/ { files("page.css"); next }
	/@WORLD@/ { files("world.paths"); next }
	/@COUNTRIES@/ { files("countries.json"); next }
	/@SCRIPT@/ { files("remotes.js page.js"); next }
	{
		sub(/@SCRIPT_HASH@/, script_hash)
		sub(/@STYLE_HASH@/, style_hash)
		print
	}' page.html
