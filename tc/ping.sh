# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pingkiller's programs on devices: XDP, native or generic, or tc ingress. Lock, journal
# and mounts are those of setup.sh, with a folder of our own. Each device that is served
# has a KEY, which is COOKIE-IFINDEX (see bpf/pingkiller.h): the name of a folder of pins,
# and of its record $state/KEY, which is written before the device is touched:
#
#	DEV IFINDEX NETNS_INODE xdp|tc clsact|- OWNER|- OWNER_START NETNS_FILE
#
# clsact: the qdisc is ours, and goes when nobody else uses it.

state=/run/pingkiller
pins=$bpffs/pingkiller
ingress_pref=3
ingress_handle=0x504b

# process_start PID: when it was started, which tells it from a later one of that number.
process_start() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# record_write KEY xdp|tc clsact|-
record_write() {
	[ -z "$dry_run" ] || return 0
	printf '%s %s %s %s %s %s %s %s\n' "$plan_dev" "${1#*-}" "$(netns_inode "$netns_file")" "$2" "$3" \
		"${plan_owner:--}" "$(process_start "${plan_owner:-$$}")" "$netns_file" >"$state/record.new"
	mv "$state/record.new" "$state/$1"
}

# record_read KEY: sets record_dev and so on. Fails if there is none.
record_read() {
	[ -r "$state/$1" ] &&
		read -r record_dev record_ifindex record_inode record_hook record_clsact \
			record_owner record_start record_file <"$state/$1"
}

# records: the keys of all devices that are served or were.
records() {
	for record in "$state"/[0-9]*-[0-9]* "$pins"/[0-9]*-[0-9]*; do
		[ ! -e "$record" ] || printf '%s\n' "${record##*/}"
	done | sort -u
}

# program_id PIN
program_id() {
	bpftool prog show pinned "$1" 2>/dev/null | sed -n '1s/:.*//p'
}

# program_name ID
program_name() {
	bpftool prog show id "$1" 2>/dev/null | sed -n '1s/.* name \([^ ]*\) .*/\1/p'
}

# xdp_where DEV: "MODE ID" of the XDP program there, if there is one. Not from ip: some
# shells have one of their own, which tells nothing of XDP.
xdp_where() {
	net command bpftool net show dev "$1" 2>/dev/null |
		sed -n '/^tc:/q; s/.*([0-9]*) \(driver\|generic\|offload\) id \([0-9]*\).*/\1 \2/p' | head -n 1
}

# xdp_attached DEV: the number of that program.
xdp_attached() {
	xdp_where "$1" | sed 's/.* //'
}

# xdp_mode DEV: driver, generic or offload.
xdp_mode() {
	xdp_where "$1" | sed 's/ .*//'
}

ingress_filters() {
	net command tc filter show dev "$1" ingress 2>/dev/null
}

# ingress_is_ours FILTERS
ingress_is_ours() {
	case $1 in
	*" pref $ingress_pref bpf "*" handle $ingress_handle "*" name pk_tc "*) return 0 ;;
	esac
	return 1
}

ingress_holds_pref() {
	case $1 in
	*" pref $ingress_pref "*) return 0 ;;
	esac
	return 1
}

# device_check: is there room on the device for what the plan wants? Changes nothing.
device_check() {
	if [ -e "$pins/$plan_key" ]; then
		say "device $plan_name is served already (pingkiller.sh stop dev $plan_name)"
		return 1
	fi
	[ "$plan_hook" != tc ] || {
		ingress_check
		return
	}
	check_id=$(xdp_attached "$plan_dev")
	[ -n "$check_id" ] || return 0
	say "device $plan_name has another XDP program, $(words_quote "$(program_name "$check_id")") (id $check_id);" \
		"say \"hook tc\" to drop after it"
	return 1
}

ingress_check() {
	! ingress_holds_pref "$(ingress_filters "$plan_dev")" ||
		{
			say "device $plan_name: another filter has pref $ingress_pref, which is ours (tc filter show dev $plan_name ingress)"
			return 1
		}
}

# plan_read: sets what the lines of $plan say that are not for maps. plan_name is what can
# be printed of the device.
plan_read() {
	plan_key='' plan_dev='' plan_name='' plan_hook='' plan_owner=$$
	while read -r plan_word plan_value; do
		case $plan_word in
		key) plan_key=$plan_value ;;
		dev) plan_dev=$plan_value plan_name=$(words_quote "$plan_value") ;;
		hook) plan_hook=$plan_value ;;
		background) plan_owner='' ;;
		update) break ;;
		esac
	done <<-END
		$plan
	END
}

# maps_write: one bpftool for all updates of the plan.
maps_write() {
	maps_batch=$(printf '%s\n' "$plan" | sed -n "s|^update |map update pinned $pins/$plan_key/|p")
	[ -z "$verbose$dry_run" ] || printf '%s\n' "$maps_batch" | sed 's/^/bpftool /' >&2
	[ -z "$dry_run" ] || return 0
	maps_said=$(printf '%s\n' "$maps_batch" | bpftool batch file - 2>&1 >/dev/null) && return 0
	say "cannot write the maps in $pins/$plan_key: $(printf '%s\n' "$maps_said" | grep -v '^$' | tail -n 1)"
	return 1
}

# hook_tell NUMBER: enum pk_hook, for who looks.
hook_tell() {
	run bpftool map update pinned "$pins/$plan_key/pk_hook" key 0 0 0 0 value "$1" 0 0 0
}

# program_load NAME: with maps of its own. By the helper, since bpftool loads all programs of an object or none.
program_load() {
	run mkdir -p "$pins/$plan_key"
	run "$vsh" load "$objects" "$1" "$pins/$plan_key"
}

# xdp_attach native|generic
xdp_attach() {
	case $1 in
	native) set -- xdpdrv 1 ;;
	generic) set -- xdpgeneric 2 ;;
	esac
	net run_or_device bpftool net attach "$1" pinned "$pins/$plan_key/pk_xdp" dev "$plan_dev" &&
		hook_tell "$2"
}

run_or_device() {
	run_or "cannot attach to device $plan_name" "$@"
}

# xdp_attach_best: the driver's own hook if it has one. What it says otherwise is no
# failure yet.
xdp_attach_best() {
	attach_refusal=$(xdp_attach native 2>&1) && {
		[ -z "$attach_refusal" ] || printf '%s\n' "$attach_refusal" >&2
		return 0
	}
	if [ -n "$(xdp_attached "$plan_dev")" ]; then
		printf '%s\n' "$attach_refusal" >&2
		return 1
	fi
	say "note: the driver of $plan_name has no native XDP; generic it is"
	xdp_attach generic
}

ingress_attach() {
	clsact_is_there "$plan_dev" ||
		net run_or_device tc qdisc add dev "$plan_dev" clsact || return 1
	net run_or_device tc filter add dev "$plan_dev" ingress protocol all \
		pref "$ingress_pref" handle "$ingress_handle" \
		bpf direct-action object-pinned "$pins/$plan_key/pk_tc" && hook_tell 3
}

# device_serve: after device_check. The maps are complete before the first packet is seen.
device_serve() {
	journal start "$plan_key"
	case $plan_hook in
	auto) serve_best ;;
	tc) serve_in_tc ;;
	*) serve_in_xdp "$plan_hook" ;;
	esac
}

# serve_best: in XDP, or in tc where the kernel does not take the program for XDP.
serve_best() {
	record_write "$plan_key" xdp -
	if program_load pk_xdp; then
		maps_write && xdp_attach_best
		return
	fi
	say "note: hook tc in its place"
	ingress_check && serve_in_tc
}

# serve_in_xdp native|generic
serve_in_xdp() {
	record_write "$plan_key" xdp -
	program_load pk_xdp && maps_write && xdp_attach "$1"
}

serve_in_tc() {
	if clsact_is_there "$plan_dev"; then
		record_write "$plan_key" tc -
	else
		record_write "$plan_key" tc clsact
	fi
	program_load pk_tc && maps_write && ingress_attach
}

# xdp_detach DEV: only a program of ours.
xdp_detach() {
	detach_id=$(xdp_attached "$1")
	[ -n "$detach_id" ] && [ "$(program_name "$detach_id")" = pk_xdp ] || return 0
	case $(xdp_mode "$1") in
	generic) net run bpftool net detach xdpgeneric dev "$1" ;;
	*) net run bpftool net detach xdpdrv dev "$1" ;;
	esac
}

# ingress_detach DEV clsact|- COOKIE IFINDEX
ingress_detach() {
	if ingress_is_ours "$(ingress_filters "$1")"; then
		net run tc filter del dev "$1" ingress protocol all \
			pref "$ingress_pref" handle "$ingress_handle" bpf
	fi
	[ "$2" = clsact ] || return 0
	if [ -n "$(ingress_filters "$1")$(net command tc filter show dev "$1" egress 2>/dev/null)" ]; then
		clsact_leave "$3" "$4"
	elif clsact_is_there "$1"; then
		net run tc qdisc del dev "$1" clsact
	fi
}

# device_release KEY: everything of ours for that device. Without a record, or with the
# device or its namespace gone, there is nothing to detach.
device_release() {
	journal stop "$1"
	release_name=$netns_name release_file=$netns_file
	if record_read "$1" && netns_file=$(netns_find "$record_inode" "${1%-*}" "$record_file"); then
		netns_name=$netns_file
		[ "$record_inode" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
		record_dev=$(device_name "$record_ifindex")
		[ -z "$record_dev" ] || case $record_hook in
		xdp) xdp_detach "$record_dev" ;;
		tc) ingress_detach "$record_dev" "$record_clsact" "${1%-*}" "$record_ifindex" ;;
		esac
	fi
	netns_name=$release_name netns_file=$release_file
	[ ! -d "$pins/$1" ] || run rm -rf "$pins/$1"
	[ -n "$dry_run" ] || rm -f "$state/$1"
}

# strays_release: programs of ours that no record tells of, as after /run was emptied.
strays_release() {
	[ -n "$(bpftool prog show name pk_xdp 2>/dev/null)$(bpftool prog show name pk_tc 2>/dev/null)" ] || return 0
	strays_known=' '
	for stray in $(records); do
		! record_read "$stray" ||
			strays_known="$strays_known$(program_id "$pins/$stray/pk_xdp") $(program_id "$pins/$stray/pk_tc") "
	done
	strays_name=$netns_name strays_file=$netns_file
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		for stray in $(devices_list); do
			stray_release "$stray"
		done
	done
	netns_name=$strays_name netns_file=$strays_file
}

# stray_release DEV
stray_release() {
	case $strays_known in
	*" $(xdp_attached "$1") "*) ;;
	*) xdp_detach "$1" ;;
	esac
	case $strays_known in
	*" $(ingress_filters "$1" | sed -n 's/.* id \([0-9]*\) name pk_tc .*/\1/p') "*) ;;
	*) ingress_detach "$1" - ;;
	esac
}

# pins_trim: the last device takes all the rest with it.
pins_trim() {
	journal
	[ -z "$(records)" ] || return 0
	[ ! -d "$pins" ] || run rmdir "$pins"
	[ -n "$dry_run" ] || rm -f "$state/record.new"
	mounts_remove
}

# owner_is_alive: of the record that was read.
owner_is_alive() {
	[ "$record_owner" = - ] || [ "$(process_start "$record_owner")" = "$record_start" ]
}

# leftovers_settle: what a killed command has left, in the place of the function of that
# name in setup.sh. Called with the lock held.
leftovers_settle() {
	[ -z "$dry_run" ] || return 0
	settle_count=0 settle_strays=
	if read -r settle_what settle_key 2>/dev/null <"$state/journal"; then
		case $settle_what:$settle_key in
		start:*-* | stop:*-*) device_release "$settle_key" ;;
		esac
	fi
	for settle_key in $(records); do
		if record_read "$settle_key"; then
			owner_is_alive && [ -d "$pins/$settle_key" ] && continue
			[ "$record_owner" = - ] || settle_count=$((settle_count + 1))
		else
			settle_strays=1
		fi
		device_release "$settle_key"
	done
	[ -z "$settle_strays" ] || strays_release
	[ "$settle_count" = 0 ] || say "note: removed what a killed run has left"
	pins_trim
	state_ensure
}
