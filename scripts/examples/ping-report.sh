#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How many pings does a device receive, of which kinds, and what does a verdict on each cost? Nothing is
# dropped.
#
#	ping-report.sh DEV [SECONDS]

set -eu

usage() {
	printf '%s\n' 'Usage: ping-report.sh DEV [SECONDS]' \
		"How many pings does a device receive, and what does a verdict on each cost? Drops none."
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
pingkiller.sh dev "$1" drop 0 sample 1 background 2>/dev/null
trap 'pingkiller.sh stop dev "$1" >/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
sleep "${2:-10}"
pingkiller.sh stats dev "$1"
