# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.bash - a snitch.sh that watches meanwhile, as "watch".
#
# bats sets output, finish and stop EXIT_STATUS:
# shellcheck disable=SC2154

# watch_start WORDS...: until it sees connections; in $NETNS only, if that is set.
watch_start() {
	start here watch "$SNITCH" ${NETNS:+-n "$NETNS"} "$@"
	busywait 20 grep -qs 'watching' "$BATS_TEST_TMPDIR/watch.err"
}

# watch_end: what it has printed goes to $output.
watch_end() {
	stop watch
	run -0 output_of watch
	assert_equal "$EXIT_STATUS $(grep -v watching "$BATS_TEST_TMPDIR/watch.err")" '0 '
}
