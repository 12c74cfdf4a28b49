# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.bash - how a suite and a test begin and end.

suite_begin() {
	[ "$(id -u)" = 0 ] || return 0
	export LAB=vsht-$$-$RANDOM
	export CLIENT=$LAB-a SERVER=$LAB-b VSH_TEST=$LAB
	# What somebody has left here is not this file's fault.
	vershitify down
	system_state >"$BATS_FILE_TMPDIR/before"
	"$TOP/scripts/netlab.sh" up "$LAB"
}

suite_end() {
	[ "$(id -u)" = 0 ] || return 0
	vershitify down || :
	"$TOP/scripts/netlab.sh" down "$LAB"
	leak_check
}

# Nothing is left that was not there when the file began.
leak_check() {
	assert_state "$(cat "$BATS_FILE_TMPDIR/before")"
}

# test_begin [standing]: in an emulated machine, to load the programs and to take them down is a third of
# a test's time. With "standing" they stay there from test to test, held by a rule for nobody.
test_begin() {
	requires root
	[ -z "${LAB_SHELL-}" ] || lab_shell || return
	[ -n "${VSH_VM-}" ] || return 0
	# For each command that a test runs, bats takes note of the line. In an emulated machine that takes
	# half of the time; what fails there is told without the line. (TRACE=1 keeps it.)
	[ -n "${TRACE-}" ] || trap - DEBUG
	if [ -n "${1-}" ] && [ ! -e "$BATS_FILE_TMPDIR/standing" ]; then
		rule_add command vsht-nobody drop 0%
		echo "$RULE" >"$BATS_FILE_TMPDIR/standing"
	fi
}

test_end() {
	[ "$(id -u)" = 0 ] || return 0
	processes_stop
	cgroups_remove
	rules_remove
}

# Deletes all rules but the standing one.
rules_remove() {
	local standing

	if standing=$(cat "$BATS_FILE_TMPDIR/standing" 2>/dev/null) && standing_stands "$standing"; then
		vershitify show | awk -v standing="$standing" '$1 == "rule" && $2 != standing { print "del", $2 }' |
			vershitify -b -
	else
		rm -f "$BATS_FILE_TMPDIR/standing"
		vershitify flush
	fi
}

# A test may have taken it down with the others.
standing_stands() {
	[[ $(vershitify show "$1" 2>/dev/null) == *" command vsht-nobody "* ]]
}

# lab_shell: what LAB_SHELL asks for (see helpers.bash). Its status is the shell's.
lab_shell() {
	local file=$BATS_TEST_TMPDIR/lab.rc

	{
		declare -f
		declare -p | grep -E '^declare -[-aAirx]* (TOP|LAB|CLIENT|SERVER|(CLIENT|SERVER)[46]|VERSHITIFY|PINGKILLER|PROGRAMS|PACKETS|PATIENCE|STARTED)='
		printf 'PS1="lab \\w# "\n'
	} >"$file"
	if [ "$LAB_SHELL" = 1 ]; then
		printf '%s\n' "$BATS_TEST_DESCRIPTION: the test begins when this shell ends" >/dev/tty
		nsenter --net="/run/netns/$CLIENT" -- bash --rcfile "$file" -i </dev/tty >/dev/tty 2>&1 3>&-
	else
		# shellcheck disable=SC2016 # for that shell to expand
		nsenter --net="/run/netns/$CLIENT" -- bash -c '. "$0"; eval "$1"' "$file" "$LAB_SHELL" 3>&-
	fi
}
