# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Attaching and detaching: the classifier to devices, the cgroup programs to the
# root cgroup. $state/devices records each device before it is touched:
#
#	NETNS_INODE NETNS_COOKIE IFINDEX NETNS_FILE DEV clsact|-
#
# clsact: the qdisc is ours, and goes when nobody else uses it.

# device_filters DEV DIRECTION: the filters there, as tc prints them.
device_filters() {
	net command tc filter show dev "$1" "$2" 2>/dev/null
}

# filters_have_ours FILTERS: our own program, by name, under our own handle.
filters_have_ours() {
	case $1 in
	*" pref $filter_pref bpf "*" handle $filter_handle "*" name vsh_egress "*) return 0 ;;
	esac
	return 1
}

# filters_hold_pref FILTERS: is our place taken?
filters_hold_pref() {
	case $1 in
	*" pref $filter_pref "*) return 0 ;;
	esac
	return 1
}

device_has_clsact() {
	case $(net command tc qdisc show dev "$1" clsact 2>/dev/null) in
	*clsact*) return 0 ;;
	esac
	return 1
}

device_ifindex() {
	net command ip -o link show dev "$1" | sed 's/:.*//'
}

# device_record DEV IFINDEX COOKIE clsact|-
device_record() {
	[ -z "$dry_run" ] || return 0
	printf '%s %s %s %s %s %s\n' "$(netns_inode "$netns_file")" "$3" "$2" \
		"$netns_file" "$1" "$4" >>"$state/devices"
}

# device_is_recorded IFINDEX COOKIE
device_is_recorded() {
	[ -r "$state/devices" ] || return 1
	while read -r _ cookie ifindex _; do
		[ "$cookie $ifindex" != "$2 $1" ] || return 0
	done <"$state/devices"
	return 1
}

# filters_warn DEV FILTERS: what runs before ours and can hide packets from it.
filters_warn() {
	printf '%s\n' "$2" | awk -v ours="$filter_pref" '
		$1 == "filter" { for (i = 2; i < NF; i++) if ($i == "pref" && $(i + 1) < ours) found = 1 }
		END { exit !found }' &&
		say "note: device $1 has egress filters before ours; what they accept for good is not seen by it"
	return 0
}

# device_attach DEV IFINDEX COOKIE: the cookie is that of the chosen network namespace.
device_attach() {
	attach_device=$1
	attach_filters=$(device_filters "$1" egress)
	if filters_have_ours "$attach_filters"; then
		device_is_recorded "$2" "$3" && return 0
	elif filters_hold_pref "$attach_filters"; then
		say "device $1: another filter has pref $filter_pref, which is ours (tc filter show dev $1 egress)"
		return 1
	fi
	if device_has_clsact "$1"; then
		device_record "$1" "$2" "$3" -
	else
		device_record "$1" "$2" "$3" clsact
		net run_or_device tc qdisc add dev "$1" clsact || return 1
	fi
	[ -z "$attach_filters" ] || filters_warn "$1" "$attach_filters"
	# replace, with pref and handle: puts ours in, or a new one of ours in its place.
	net run_or_device tc filter replace dev "$1" egress protocol all \
		pref "$filter_pref" handle "$filter_handle" \
		bpf direct-action object-file "$objects/vershitify.o" section tc
}

run_or_device() {
	run_or "cannot attach to device $attach_device" "$@"
}

# filters_others FILTERS: other people's.
filters_others() {
	printf '%s\n' "$1" | grep ' handle ' | grep -v " pref $filter_pref bpf .* handle $filter_handle .* name vsh_egress "
}

# device_detach DEV clsact|-: only what is ours. The qdisc, if that is ours and nobody
# else uses it, takes the filter along.
device_detach() {
	detach_filters=$(device_filters "$1" egress)
	if [ "$2" = clsact ] && ! filters_others "$detach_filters$newline$(device_filters "$1" ingress)" >/dev/null; then
		! device_has_clsact "$1" || net run tc qdisc del dev "$1" clsact
	elif filters_have_ours "$detach_filters"; then
		net run tc filter del dev "$1" egress protocol all \
			pref "$filter_pref" handle "$filter_handle" bpf
	fi
}

# devices_detach [INODE]: all that are recorded, or those of one network namespace.
devices_detach() {
	devices_sift devices_chosen "${1:-}"
}

devices_chosen() {
	[ "${1:-$inode}" = "$inode" ]
}

# devices_trim NEEDED: those that no rule needs any more (see "vsh plan needed").
devices_trim() {
	devices_sift devices_unneeded "$1"
}

devices_unneeded() {
	! printf '%s\n' "$1" | grep -qxe "dev $cookie $ifindex" -e "dev $cookie all"
}

# devices_sift CHOOSE WORD: detaches the recorded devices for which CHOOSE is true,
# and keeps the records of the others.
devices_sift() {
	[ -r "$state/devices" ] || return 0
	chosen_name=$netns_name chosen_file=$netns_file
	while read -r inode cookie ifindex recorded_file dev clsact; do
		# a line that was not written whole
		case $inode:$clsact in
		*[!0-9]*:*) continue ;;
		[0-9]*:clsact | [0-9]*:-) ;;
		*) continue ;;
		esac
		if "$1" "$2"; then
			device_recorded_detach
		else
			printf '%s %s %s %s %s %s\n' "$inode" "$cookie" "$ifindex" \
				"$recorded_file" "$dev" "$clsact" >&7
		fi
	done <"$state/devices" 7>"$state/devices.kept"
	netns_name=$chosen_name netns_file=$chosen_file
	if [ -s "$state/devices.kept" ] || [ -n "$dry_run" ]; then
		[ -n "$dry_run" ] || mv "$state/devices.kept" "$state/devices"
	else
		rm -f "$state/devices"
	fi
	rm -f "$state/devices.kept"
}

# device_recorded_detach: unless the namespace or the device is gone, and the
# filter with it.
device_recorded_detach() {
	netns_file=$(netns_find "$inode" "$recorded_file") || return 0
	netns_name=$netns_file
	[ "$inode" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
	[ "$(device_ifindex "$dev" 2>/dev/null)" = "$ifindex" ] || return 0
	device_detach "$dev" "$clsact" </dev/null
}

# strays_detach: classifiers of ours without a record, as after /run was emptied.
strays_detach() {
	[ -n "$(bpftool prog show name vsh_egress 2>/dev/null)" ] || return 0
	chosen_name=$netns_name chosen_file=$netns_file
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		for dev in $(devices_list); do
			device_detach "$dev" -
		done
	done
	netns_name=$chosen_name netns_file=$chosen_file
}

# devices_list: of the chosen network namespace.
devices_list() {
	net command ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'
}

# cgroup_is_attached PROGRAM
cgroup_is_attached() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null | grep -qw "$1"
}

# cgroup_attach TYPE PROGRAM: next to whatever others have there.
cgroup_attach() {
	cgroup_is_attached "$2" && return 0
	run_or "cannot attach $2 to $cgroup_root" \
		bpftool cgroup attach "$cgroup_root" "$1" pinned "$pins/$2" multi
}

# cgroup_programs: what of ours is attached: ID TYPE PROGRAM, a line each.
cgroup_programs() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null |
		awk '$NF ~ /^vsh_/ { sub(/^cgroup_inet_/, "", $2); print $1, $2, $NF }'
}

# cgroups_trim NEEDED: those that no rule needs any more.
cgroups_trim() {
	cgroup_programs | while read -r cgroup_program cgroup_type cgroup_name; do
		[ "$cgroup_name" != vsh_sock_create ] || continue
		! printf '%s\n' "$1" | grep -qx "hook ${cgroup_name#vsh_}" || continue
		run bpftool cgroup detach "$cgroup_root" "$cgroup_type" \
			id "$cgroup_program" multi </dev/null
	done
}

# cgroups_detach: by program, so that nothing depends on pins that may be gone.
cgroups_detach() {
	cgroup_find
	[ -n "$cgroup_root" ] || return 0
	cgroup_programs | while read -r cgroup_program cgroup_type cgroup_name; do
		run bpftool cgroup detach "$cgroup_root" "$cgroup_type" \
			id "$cgroup_program" multi </dev/null
	done
}
