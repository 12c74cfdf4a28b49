#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# where-lost.sh TARGET [COUNT] - where are packets lost on the way to TARGET, and how often at each place?
#
# Sends COUNT echoes (100), ten a second, and prints the places, the worst first. As root; tracepkt.sh has to be
# on the path.

set -eu

usage() {
	printf '%s\n' 'Usage: where-lost.sh TARGET [COUNT]' \
		"Where are packets lost on the way to TARGET, and how often at each place?"
}

case ${1-} in
-h | --help | help)
	usage
	exit
	;;
esac
[ $# -ge 1 ] || {
	usage >&2
	exit 2
}
# Its status is 1 if one was lost.
tracepkt.sh -c "${2:-100}" -i 100ms -W 1 "$1" | sed -n 's/^seq [0-9]*: //p' |
	sed 's/^answered .*/answered/' | sort | uniq -c | sort -rn
