# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tc filters, of ours and of others. Ours are found, and told from other people's, by preference, handle and the
# name of the program; the preference is the same for all tools, which use different hooks of clsact.

filter_pref=3

# program_id PIN
program_id() {
	bpftool prog show pinned "$1" 2>/dev/null | sed -n '1s/:.*//p'
}

# program_name ID
program_name() {
	bpftool prog show id "$1" 2>/dev/null | sed -n '1s/.* name \([^ ]*\) .*/\1/p'
}

# filters DEV egress|ingress: as tc prints them.
filters() {
	net command tc filter show dev "$1" "$2" 2>/dev/null
}

# filters_have FILTERS HANDLE PROGRAM
filters_have() {
	case $1 in
	*" pref $filter_pref bpf "*" handle $2 "*" name $3 "*) return 0 ;;
	esac
	return 1
}

# filters_hold_pref FILTERS: is our place taken, by us or others?
filters_hold_pref() {
	case $1 in
	*" pref $filter_pref "*) return 0 ;;
	esac
	return 1
}

# filters_others DEV: those of other people at either hook of clsact. Each place has a line of its own, before
# those of the filters in it.
filters_others() {
	printf '%s\n' "$(filters "$1" egress)" "$(filters "$1" ingress)" | grep '^filter ' |
		grep -v -e " pref $filter_pref bpf chain 0 *\$" \
			-e " pref $filter_pref bpf .* handle $filter_handle .* name $filter_program "
}

# filters_hide_ours FILTERS: does one of them run before ours, and can hide packets from it?
filters_hide_ours() {
	printf '%s\n' "$1" | awk -v ours="$filter_pref" '
		$1 == "filter" { for (i = 2; i < NF; i++) if ($i == "pref" && $(i + 1) < ours) found = 1 }
		END { exit !found }'
}

# ingress_is_there DEV: the qdisc that a device can have in the place of clsact.
ingress_is_there() {
	case $(net command tc qdisc show dev "$1" 2>/dev/null) in
	*"qdisc ingress "*) return 0 ;;
	esac
	return 1
}

# device_obstacle DEV egress|ingress HANDLE PROGRAM: what keeps us from attaching a filter; nothing if there is
# room.
device_obstacle() {
	local present

	present=$(filters "$1" "$2")
	if filters_hold_pref "$present" && ! filters_have "$present" "$3" "$4"; then
		printf 'another filter has pref %s, which is ours (tc%s filter show dev %s %s)\n' "$filter_pref" "$(netns_option)" "$1" "$2"
	elif ingress_is_there "$1"; then
		printf 'its ingress qdisc leaves no room for clsact (tc%s qdisc replace dev %s clsact)\n' "$(netns_option)" "$1"
	fi
}

# filter_remove DEV egress|ingress HANDLE PROGRAM: only ours. Fails if it is still there afterwards.
filter_remove() {
	filters_have "$(filters "$1" "$2")" "$3" "$4" || return 0
	net_run_or "cannot detach from device $1" tc filter del dev "$1" "$2" protocol all pref "$filter_pref" handle "$3" bpf
}
