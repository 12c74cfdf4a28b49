#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# loss-sweep.sh DEV COMMAND [ARG...] - at which loss does a command break?
#
# Runs it once under each of some losses, with the same seed, and tells its exit status and how many
# seconds it took. What it prints itself goes to standard error. As root; vershitify.sh has to be on
# the path.
#
#	loss-sweep.sh eth0 curl -sS -o /dev/null --max-time 10 http://192.0.2.2/

set -eu

usage() {
	printf '%s\n' 'Usage: loss-sweep.sh DEV COMMAND [ARG...]' \
		"At which loss does a command break? Its status and time under each of some losses."
}

case ${1-} in
-h | --help | help)
	usage
	exit
	;;
esac
[ $# -ge 2 ] || {
	usage >&2
	exit 2
}
dev=$1
shift

# Hundredths of a second since the machine was started.
now() {
	sed 's/ .*//; s/\.//' /proc/uptime
}

printf '%5s %7s %8s\n' loss status seconds
for loss in 0 0.1 1 5 10 20 40; do
	begin=$(now)
	status=0
	vershitify.sh run dev "$dev" drop "$loss%" seed 1 -- "$@" >&2 || status=$?
	took=$(($(now) - begin))
	printf '%4s%% %7s %5d.%02d\n' "$loss" "$status" $((took / 100)) $((took % 100))
done
