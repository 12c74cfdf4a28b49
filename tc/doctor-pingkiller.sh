# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What doctor looks at for pingkiller.sh: each hook is attached to a device for a moment, with a drop of 0 %.
# XDP in a driver can stop a network card for a second, so that native is tried on a veth of its own.

doctor() {
	doctor_begin
	doctor_tools && {
		doctor_kernel
		doctor_mounts
		doctor_served
		doctor_hooks
		doctor_topic programs
		doctor_programs '' pingkiller.o
	}
	doctor_end
}

doctor_hooks() {
	[ -z "$doctor_left" ] || return 0
	doctor_topic "hooks${netns_name:+ of $(words_quote "$netns_name")}"
	doctor_free=''
	for doctor_hook in generic tc; do
		doctor_said=$(trial "$doctor_hook" 2>&1)
		doctor_hook "$doctor_hook" "$?"
	done
	doctor_said=$(trial_native 2>&1)
	doctor_hook native "$?"
	[ -n "$doctor_free" ] || doctor_tell FAILS "every hook" "no device can be served"
}

# doctor_hook HOOK STATUS: of its trial.
doctor_hook() {
	case $2 in
	0)
		doctor_free=1
		case $doctor_said in
		*': note: attached without a BPF link '*)
			doctor_tell replaced "$1" "attached and detached again, without a BPF link (${doctor_said##*' BPF link ('}: a device that is moved is looked for in all network namespaces"
			;;
		*) doctor_tell ok "$1" "attached and detached again" ;;
		esac
		;;
	*) doctor_tell lost "$1" "$(doctor_failure "$doctor_said")" ;;
	esac
}

# trial generic|tc: on the first device that has room.
trial() {
	trial_begin
	trial_status=1
	bpffs_ensure && trial_serve "$1" && trial_status=0
	pins_trim
	change_end
	return "$trial_status"
}

# trial_begin: the journal of a killed command is not ours to write over.
trial_begin() {
	needs_all
	change_hold
	[ ! -e "$state/journal" ] || die 1 "not tried: a killed command has left something (pingkiller.sh stop)"
}

# trial_serve generic|tc
trial_serve() {
	for trial_device in $(devices_list); do
		plan=$(helper -O $$ ping plan dev "$trial_device" hook "$1" drop 0%) || return 1
		plan_read
		device_check 2>/dev/null || continue
		serve_status=0
		device_serve || serve_status=1
		device_release "$plan_key"
		return "$serve_status"
	done
	say "no device here has room for it"
	return 1
}

# trial_native: on a veth in a network namespace that goes with the process in it.
trial_native() {
	trial_begin
	plan_key=0-0
	trial_status=1
	if bpffs_ensure && journal_begin stop "$plan_key" && program_load pk_xdp; then
		# shellcheck disable=SC2016 # for the inner shell
		run_or "cannot attach to a veth" unshare --net sh -c 'ip link add vsh0 type veth peer name vsh1 &&
			{ "$2" ping attach native vsh0 "$1/pk_xdp" "$1/pk_link" || bpftool net attach xdpdrv pinned "$1/pk_xdp" dev vsh0; }' \
			sh "$pins/$plan_key" "$vsh" && trial_status=0
	fi
	device_release "$plan_key"
	pins_trim
	change_end
	return "$trial_status"
}

# doctor_served_device KEY: of the record that was read.
doctor_served_device() {
	served_state "$1"
	case $served_state in
	active) doctor_tell ok "$record_dev" "served" ;;
	expired) doctor_tell note "$record_dev" "$served_why" ;;
	moved) doctor_tell MOVED "$record_dev" "$served_why (pingkiller.sh stop frees it)" ;;
	*) doctor_tell LOST "$record_dev" "$served_why: pingkiller.sh dev serves it anew, stop forgets it" ;;
	esac
}

# doctor_served: devices that are served, and records without pins.
doctor_served() {
	doctor_topic served
	doctor_left=''
	if doctor_unsafe || doctor_elsewhere; then
		doctor_left=1
		return
	fi
	for doctor_key in $(records); do
		if ! record_read "$doctor_key"; then
			doctor_tell note "$doctor_key" "attached by hand, or its record was lost: pingkiller.sh stop removes it"
		elif [ ! -d "$pins/$doctor_key" ]; then
			doctor_tell LEFT "$doctor_key" "what is left of a killed run: the next start or stop removes it"
		elif owner_is_alive; then
			doctor_served_device "$doctor_key"
		else
			doctor_tell note "$record_dev" "its run was killed: the next start or stop removes what it has left"
		fi
	done
}
