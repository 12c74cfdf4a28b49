# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The qdisc that both commands may need on one device. Who has made it takes it away; if the other one
# still needs it by then, that is left to the other one, by a word in its record. Called with the lock
# held, which is the same for both.

rules_state=/run/vershitify
ping_state=/run/pingkiller

clsact_is_there() {
	case $(net command tc qdisc show dev "$1" clsact 2>/dev/null) in
	*clsact*) return 0 ;;
	esac
	return 1
}

# clsact_leave COOKIE IFINDEX
clsact_leave() {
	[ -z "$dry_run" ] || return 0
	record_edit "$rules_state" devices devices.kept "s/^\([0-9]* $1 $2\) - /\1 clsact /"
	record_edit "$ping_state" "$1-$2" record.new 's/^\(.* tc\) - /\1 clsact /'
}

# record_edit FOLDER FILE TEMPORARY EXPRESSION: all of it or nothing, whenever this is killed. TEMPORARY is
# the one that belongs to the file: its command removes what is left of it.
record_edit() {
	[ -e "$1/$2" ] || return 0
	sed "$4" "$1/$2" >"$1/$3" && mv "$1/$3" "$1/$2"
}
