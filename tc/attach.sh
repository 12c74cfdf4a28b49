# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Attaching and detaching: the classifier to devices, the cgroup programs to the
# root cgroup. $state/devices records each device before it is touched:
#
#	NETNS_INODE NETNS_COOKIE IFINDEX clsact|- DEV NETNS_FILE
#
# clsact: the qdisc is ours, and goes when nobody else uses it. The cookie tells a
# namespace from a later one with the same inode number, the index a device from a
# later one with the same name.

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

# ingress_is_there DEV: the qdisc that a device can have in the place of clsact.
ingress_is_there() {
	case $(net command tc qdisc show dev "$1" 2>/dev/null) in
	*"qdisc ingress "*) return 0 ;;
	esac
	return 1
}

# device_record DEV IFINDEX COOKIE clsact|-
device_record() {
	[ -z "$dry_run" ] || return 0
	printf '%s %s %s %s %s %s\n' "$(netns_inode "$netns_file")" "$3" "$2" "$4" \
		"$1" "$netns_file" >>"$state/devices"
}

# device_is_recorded IFINDEX COOKIE
device_is_recorded() {
	[ -r "$state/devices" ] || return 1
	while read -r _ cookie ifindex _; do
		[ "$cookie $ifindex" != "$2 $1" ] || return 0
	done <"$state/devices"
	return 1
}

# filters_hide_ours FILTERS: does one of them run before ours, and can hide packets from it?
filters_hide_ours() {
	printf '%s\n' "$1" | awk -v ours="$filter_pref" '
		$1 == "filter" { for (i = 2; i < NF; i++) if ($i == "pref" && $(i + 1) < ours) found = 1 }
		END { exit !found }'
}

# device_obstacle DEV FILTERS: what keeps us from attaching to a device with these egress filters; nothing
# if there is room.
device_obstacle() {
	if filters_hold_pref "$2" && ! filters_have_ours "$2"; then
		printf 'another filter has pref %s, which is ours (tc filter show dev %s egress)\n' "$filter_pref" "$1"
	elif ingress_is_there "$1"; then
		printf 'its ingress qdisc leaves no room for clsact (tc qdisc replace dev %s clsact)\n' "$1"
	fi
}

# classifier_load DEV: replace, with pref and handle, puts ours in, or a new one of ours in its place.
# Of a program that the kernel refuses, tc does not say why: the helper tries it again.
classifier_load() {
	net run_kept tc filter replace dev "$1" egress protocol all \
		pref "$filter_pref" handle "$filter_handle" \
		bpf direct-action object-file "$objects/vershitify.o" section tc && return 0
	if load_said=$("$vsh" try "$objects" vsh_egress 2>&1); then
		say "cannot attach to device $1${run_said:+: $run_said}"
	else
		printf '%s\n' "$load_said" >&2
	fi
	return 1
}

# device_attach DEV IFINDEX COOKIE: the cookie is that of the chosen network namespace.
device_attach() {
	attach_device=$1
	attach_filters=$(device_filters "$1" egress)
	if filters_have_ours "$attach_filters" && device_is_recorded "$2" "$3"; then
		return 0
	fi
	attach_obstacle=$(device_obstacle "$1" "$attach_filters")
	if [ -n "$attach_obstacle" ]; then
		say "device $1: $attach_obstacle"
		return 1
	fi
	if clsact_is_there "$1"; then
		device_record "$1" "$2" "$3" -
	else
		device_record "$1" "$2" "$3" clsact
		net run_or_device tc qdisc add dev "$1" clsact || return 1
	fi
	if [ -n "$attach_filters" ] && filters_hide_ours "$attach_filters"; then
		say "note: device $1 has egress filters before ours; what they accept for good is not seen by it"
	fi
	classifier_load "$1"
}

run_or_device() {
	run_or "cannot attach to device $attach_device" "$@"
}

# filters_others FILTERS: are there any of other people's? Each place has a line of
# its own, before those of the filters in it.
filters_others() {
	printf '%s\n' "$1" | grep '^filter ' |
		grep -qv -e " pref $filter_pref bpf chain 0 *\$" \
			-e " pref $filter_pref bpf .* handle $filter_handle .* name vsh_egress "
}

# device_detach DEV clsact|- [COOKIE IFINDEX]: only what is ours. The qdisc, if that is ours
# and nobody else uses it, takes the filter along.
device_detach() {
	detach_filters=$(device_filters "$1" egress)
	if [ "$2" = clsact ]; then
		if ! filters_others "$detach_filters$newline$(device_filters "$1" ingress)"; then
			! clsact_is_there "$1" || net run tc qdisc del dev "$1" clsact
			return
		fi
		clsact_leave "$3" "$4"
	fi
	if filters_have_ours "$detach_filters"; then
		net run tc filter del dev "$1" egress protocol all \
			pref "$filter_pref" handle "$filter_handle" bpf
	fi
}

# devices_detach [COOKIE]: all that are recorded, or those of one network namespace.
devices_detach() {
	devices_sift devices_chosen "${1:-}"
}

devices_chosen() {
	[ "${1:-$cookie}" = "$cookie" ]
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
	devices_kept=$state/devices.kept
	[ -z "$dry_run" ] || devices_kept=/dev/null
	while read -r inode cookie ifindex clsact dev recorded_file; do
		# a line that was not written whole
		case $inode:$clsact:$recorded_file in
		*[!0-9]*:*:*) continue ;;
		*:clsact:/* | *:-:/*) ;;
		*) continue ;;
		esac
		if "$1" "$2"; then
			device_recorded_detach
		else
			printf '%s %s %s %s %s %s\n' "$inode" "$cookie" "$ifindex" \
				"$clsact" "$dev" "$recorded_file" >&7
		fi
	done <"$state/devices" 7>"$devices_kept"
	netns_name=$chosen_name netns_file=$chosen_file
	[ -z "$dry_run" ] || return 0
	if [ -s "$state/devices.kept" ]; then
		mv "$state/devices.kept" "$state/devices"
	else
		rm -f "$state/devices" "$state/devices.kept"
	fi
}

# device_recorded_detach: unless the namespace or the device is gone, and the filter
# with it. The device may have a new name.
device_recorded_detach() {
	netns_file=$(netns_find "$inode" "$cookie" "$recorded_file") || return 0
	netns_name=$netns_file
	[ "$inode" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
	dev=$(device_name "$ifindex")
	[ -z "$dev" ] || device_detach "$dev" "$clsact" "$cookie" "$ifindex" </dev/null
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
		awk '$NF ~ /^vsh_(sock_create|cg_ingress|cg_egress)$/ { sub(/^cgroup_inet_/, "", $2); print $1, $2, $NF }'
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
