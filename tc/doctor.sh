# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# doctor: what this machine offers, what is attached where, what is left over, and
# what to do about it. Changes nothing.

doctor() {
	doctor_problems=0
	doctor_kernel
	doctor_tools
	doctor_mounts
	doctor_devices
	doctor_leftovers
	if [ "$doctor_problems" = 0 ]; then
		printf 'all well\n'
	else
		printf '%s to look at\n' "$doctor_problems"
		return 1
	fi
}

# doctor_tell ok|note|MISSING|LEFT|GONE WORD...: in capitals what is a problem.
doctor_tell() {
	doctor_mark=$1
	shift
	printf '%-8s%s\n' "$doctor_mark" "$*"
	case $doctor_mark in
	[A-Z]*) doctor_problems=$((doctor_problems + 1)) ;;
	esac
}

doctor_kernel() {
	printf 'kernel %s\n' "$(uname -r)"
	while IFS='	' read -r there feature purpose; do
		case $there:$purpose in
		yes:*) doctor_tell ok "$feature ($purpose)" ;;
		*needed:*) doctor_tell MISSING "$feature ($purpose)" ;;
		*) doctor_tell note "no $feature ($purpose)" ;;
		esac
	done <<-END
		$("$vsh" features)
	END
}

doctor_tools() {
	printf 'tools\n'
	for tool in tc ip bpftool flock nsenter; do
		if command -v "$tool" >/dev/null; then
			doctor_tell ok "$tool"
		else
			doctor_tell MISSING "$tool (packages: iproute2, bpftool, util-linux)"
		fi
	done
	command -v jq >/dev/null || doctor_tell note "no jq (-j -p, indented JSON)"
}

doctor_mounts() {
	printf 'mounts\n'
	if bpffs_is_mounted; then
		doctor_tell ok "bpffs at $bpffs"
	else
		doctor_tell note "no bpffs at $bpffs: the first rule mounts it"
	fi
	cgroup_find
	if [ -n "$cgroup_root" ]; then
		doctor_tell ok "cgroup v2 at $cgroup_root"
	else
		doctor_tell note "cgroup v2 is not mounted: the first rule mounts it below $state"
	fi
}

# doctor_devices: of the chosen network namespace.
doctor_devices() {
	printf 'devices%s\n' "${netns_name:+ of $netns_name}"
	for device in $(devices_list); do
		doctor_device "$device"
	done
	doctor_devices_gone
}

# doctor_devices_gone: those that rules name, and that are not there any more.
doctor_devices_gone() {
	setup_is_there || return 0
	doctor_cookie=$(netns_cookie "$netns_file")
	doctor_gone=$("$vsh" plan needed | while read -r doctor_word doctor_netns doctor_ifindex; do
		case "$doctor_word $doctor_netns:$doctor_ifindex" in
		"dev $doctor_cookie:all") ;;
		"dev $doctor_cookie:"*) [ -n "$(device_name "$doctor_ifindex")" ] || printf '%s\n' "$doctor_ifindex" ;;
		esac
	done | sort -nu)
	for doctor_ifindex in $doctor_gone; do
		doctor_tell GONE "device number $doctor_ifindex, which a rule names: change ID dev DEV, or del it"
	done
}

doctor_device() {
	doctor_filters=$(device_filters "$1" egress)
	if filters_have_ours "$doctor_filters"; then
		doctor_text="our classifier"
	else
		doctor_text="not attached"
	fi
	doctor_tell ok "$1: $doctor_text, egress filters: $(printf '%s\n' "$doctor_filters" | grep -c -e ' handle ' -e ' fh [0-9a-f]*::')"
	filters_warn "$1" "$doctor_filters"
	doctor_tcx=$(helper tcx "$1")
	[ "${doctor_tcx:-0}" = 0 ] ||
		doctor_tell note "$1: $doctor_tcx tcx program(s) run before clsact and can hide packets from ours (bpftool net)"
	filters_hold_pref "$doctor_filters" && ! filters_have_ours "$doctor_filters" &&
		doctor_tell note "$1: another filter has our pref $filter_pref; we would refuse this device"
	return 0
}

# doctor_leftovers: pins, records and programs that no rule needs.
doctor_leftovers() {
	printf 'set-up\n'
	if setup_is_there; then
		doctor_tell ok "loaded, rules: $("$vsh" show | grep -c .)"
		[ -e "$pins/link_vsh_receive" ] ||
			doctor_tell note "no BPF LSM: sockets that a target is passed are found later, see the manual"
		[ -z "$("$vsh" plan reap)" ] ||
			doctor_tell note "rules of runs that were killed: the next command removes them"
	else
		doctor_tell ok "not loaded"
		[ -z "$(ls -A "$state" 2>/dev/null)" ] ||
			doctor_tell LEFT "in $state: vershitify.sh down removes it"
		[ -z "$(bpftool prog show name vsh_egress 2>/dev/null)" ] ||
			doctor_tell LEFT "a classifier of ours is still attached: vershitify.sh down"
	fi
}
