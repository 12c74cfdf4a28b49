#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# retry-test.sh DEV PERCENT ROUNDS COMMAND [ARG...] - does a command get through a loss, always?
#
# Each round has another seed; the first that fails is told, so that it can be had again. A round in
# which the loss met no packet fails too: such a test would prove nothing. As root; vershitify.sh has
# to be on the path.
#
#	retry-test.sh eth0 20 50 ./client --retries 5

set -eu

usage() {
	printf '%s\n' 'Usage: retry-test.sh DEV PERCENT ROUNDS COMMAND [ARG...]' \
		"Does a command get through a loss, always? Stops at the first round that fails."
}

case ${1-} in
-h | --help | help)
	usage
	exit
	;;
esac
[ $# -ge 4 ] || {
	usage >&2
	exit 2
}
dev=$1 percent=$2 rounds=$3
shift 3

seed=0
while [ "$seed" -lt "$rounds" ]; do
	status=0
	vershitify.sh run dev "$dev" drop "$percent" seed "$seed" --fail-unmatched -- "$@" ||
		status=$?
	if [ "$status" != 0 ]; then
		echo "failed with status $status; again: vershitify.sh run dev $dev drop $percent seed $seed -- $*"
		exit 1
	fi
	seed=$((seed + 1))
done
echo "passed, $rounds rounds"
