# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pingkiller's programs on devices: XDP, native or generic, or tc ingress. Each device that is served
# has a KEY, which is COOKIE-IFINDEX (see bpf/pingkiller/pingkiller.h): the name of a folder of pins,
# and of its record $state/KEY, which is written before the device is touched:
#
#	DEV IFINDEX NETNS_INODE xdp|tc OWNER|- OWNER_START NETNS_FILE
#
# XDP is attached by a BPF link, pinned beside its program: the kernel's own record, by which the program is
# found and detached in whatever network namespace the device is by then. A kernel that refuses links has it
# attached as "ip link set xdp" does. What tc has on a device goes when the device is moved (dev_shutdown()).

state=/run/pingkiller
pins=$bpffs/pingkiller
filter_hook=ingress
filter_handle=0x504b
filter_program=pk_tc

# process_start PID: when it was started, in hundredths of a second, which tells it from a later one of that
# number. What the reader's time namespace has added (time_namespaces(7)) is taken off again, cut to
# hundredths, which can be one less.
process_start() {
	start_ticks=$(LC_ALL=C sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)
	start_offset=$(awk '$1 == "boottime" { print $2 * 100 + int($3 / 10000000) }' /proc/self/timens_offsets 2>/dev/null)
	[ -z "$start_ticks" ] || printf '%s\n' $((start_ticks - ${start_offset:-0}))
}

# device_record KEY xdp|tc
device_record() {
	record_write "$1" "$plan_dev ${1#*-} $(netns_inode "$netns_file") $2 ${plan_owner:--} $(process_start "${plan_owner:-$$}") $netns_file"
}

# record_read KEY: sets record_dev and so on. Fails if there is none.
record_read() {
	[ -r "$state/$1" ] &&
		read -r record_dev record_ifindex record_inode _ \
			record_owner record_start record_file <"$state/$1"
}

# records: the keys of all devices that are served or were.
records() {
	for record in "$state"/[0-9]*-[0-9]* "$pins"/[0-9]*-[0-9]*; do
		[ ! -e "$record" ] || printf '%s\n' "${record##*/}"
	done | sort -u
}

# xdp_where DEV: "MODE ID" of the XDP program there, if there is one. Not from ip: some
# shells have one of their own, which tells nothing of XDP.
xdp_where() {
	net command bpftool net show dev "$1" 2>/dev/null |
		LC_ALL=C sed -n '/^tc:/q; s/.*([0-9]*) \(driver\|generic\|offload\) id \([0-9]*\).*/\1 \2/p' | head -n 1
}

# xdp_attached DEV: the number of that program.
xdp_attached() {
	xdp_where "$1" | sed 's/.* //'
}

# xdp_mode DEV: driver, generic or offload.
xdp_mode() {
	xdp_where "$1" | sed 's/ .*//'
}

# served_state KEY: sets served_state, empty if it is half made, and served_why.
served_state() {
	served_state=$("$vsh" ping states | sed -n "s/^$1	//p")
	served_why=${served_state#*	} served_state=${served_state%%	*}
}

# served_check: what is served is not served twice. What serves nobody any more makes room.
served_check() {
	[ -e "$pins/$plan_key" ] || return 0
	served_state "$plan_key"
	case $served_state in
	active | moved)
		say "device $plan_name is served already${served_why:+, but $served_why} (pingkiller.sh$(netns_option) stop dev $plan_name)"
		return 1
		;;
	esac
	if record_read "$plan_key" && [ "$record_owner" != - ] && owner_is_alive; then
		say "device $plan_name is served already, by process $record_owner, although $served_why"
		return 1
	fi
	say "note: device $plan_name was served already, but ${served_why:-not completely}; it is served anew"
	[ -n "$dry_run" ] || device_release "$plan_key"
}

# device_check: is there room on the device for what the plan wants? Changes nothing.
device_check() {
	served_check || return
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
	local obstacle

	obstacle=$(device_obstacle "$plan_dev")
	[ -n "$obstacle" ] || return 0
	say "device $plan_name: $obstacle"
	return 1
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

# maps_write: all updates of the plan.
maps_write() {
	map_edits=$(printf '%s\n' "$plan" | sed -n "s|^update |map update pinned $pins/$plan_key/|p")$newline
	[ -z "$verbose$dry_run" ] || printf '%s' "$map_edits" | sed 's/^/bpftool /' >&2
	map_flush
}

# hook_tell NUMBER: enum pk_hook, for who looks.
hook_tell() {
	run bpftool map update pinned "$pins/$plan_key/pk_hook" key 0 0 0 0 value "$1" 0 0 0
}

# program_load NAME: with maps of its own. By the helper, since bpftool loads all programs of an object or none.
program_load() {
	run_show mkdir -p -m 0700 "$pins/$plan_key"
	[ -n "$dry_run" ] || { folder_make "$pins" && folder_make "$pins/$plan_key"; } || return
	run "$vsh" load "$objects" "$1" "$pins/$plan_key"
}

# xdp_attach native|generic
xdp_attach() {
	local number=1

	[ "$1" = native ] || number=2
	xdp_attach_link "$1" || xdp_attach_linkless "$1" "$run_said" || return
	hook_tell "$number"
}

# xdp_attach_link native|generic: by the helper, since bpftool makes no links for XDP. Why not goes to $run_said.
xdp_attach_link() {
	run_kept "$vsh" ${netns_name:+-N "$netns_file"} ping attach "$1" "$plan_dev" \
		"$pins/$plan_key/pk_xdp" "$pins/$plan_key/pk_link"
}

# xdp_attach_linkless native|generic WHY: WHY there is no link is told if the program can be attached without.
xdp_attach_linkless() {
	local hook=xdpdrv

	[ "$1" = native ] || hook=xdpgeneric
	net_run_or "cannot attach to device $plan_name" \
		bpftool net attach "$hook" pinned "$pins/$plan_key/pk_xdp" dev "$plan_dev" || return
	say "note: attached without a BPF link (${2##*: })"
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
	say "note: the driver of $plan_name has no native XDP; using generic XDP"
	xdp_attach generic
}

ingress_attach() {
	clsact_take "$plan_dev" "${plan_key%-*}" "${plan_key#*-}" || return
	net_run_or "cannot attach to device $plan_name" tc filter add dev "$plan_dev" "$filter_hook" protocol all \
		pref "$filter_pref" handle "$filter_handle" \
		bpf direct-action object-pinned "$pins/$plan_key/pk_tc" && hook_tell 3
}

# device_serve: after device_check. The maps are complete before the first packet is seen.
device_serve() {
	journal_begin start "$plan_key" || return
	case $plan_hook in
	auto) serve_best ;;
	tc) serve_in_tc ;;
	*) serve_in_xdp "$plan_hook" ;;
	esac
}

# serve_best: in XDP, or in tc where the kernel does not take the program for XDP.
serve_best() {
	device_record "$plan_key" xdp || return
	if program_load pk_xdp; then
		maps_write && xdp_attach_best
		return
	fi
	say "note: hook tc in its place"
	ingress_check && serve_in_tc
}

# serve_in_xdp native|generic
serve_in_xdp() {
	device_record "$plan_key" xdp && program_load pk_xdp && maps_write && xdp_attach "$1"
}

serve_in_tc() {
	device_record "$plan_key" tc && program_load pk_tc && maps_write && ingress_attach
}

# xdp_detach DEV ID: that program, if it is there. Fails if it is still there afterwards.
xdp_detach() {
	local hook=xdpdrv

	[ -n "$2" ] && [ "$(xdp_attached "$1")" = "$2" ] || return 0
	[ "$(xdp_mode "$1")" != generic ] || hook=xdpgeneric
	net_run_or "cannot detach from device $(words_quote "$1")" bpftool net detach "$hook" dev "$1"
}

ingress_detach() {
	filter_remove "$1"
}

# link_release KEY: wherever the device is by now.
link_release() {
	[ ! -e "$pins/$1/pk_link" ] ||
		run_or "cannot detach what serves $1" bpftool link detach pinned "$pins/$1/pk_link"
}

# record_release KEY: what was attached in the namespace of the record that was read, which can be gone.
record_release() {
	local netns_name="$netns_name" netns_file="$netns_file" dev=''

	if netns_file=$(netns_find "$record_inode" "${1%-*}" "$record_file"); then
		netns_name=$netns_file
		[ "$record_inode" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
		dev=$(device_name "$record_ifindex")
		[ -z "$dev" ] || { xdp_detach "$dev" "$(program_id "$pins/$1/pk_xdp")" && ingress_detach "$dev"; } || return
	fi
	clsact_leave "$dev" "${1%-*}" "${1#*-}"
}

# xdp_chase ID: detaches that program from devices that were moved to another network namespace.
xdp_chase() {
	local netns_name netns_file dev

	netns_files | sed 's/^[0-9]* //' | while read -r netns_file; do
		netns_name=$netns_file
		for dev in $(net command bpftool net show 2>/dev/null |
			LC_ALL=C sed -n "/^tc:/q; s/^\(.*\)([0-9]*) [a-z]* id $1\$/\1/p"); do
			xdp_detach "$dev" "$1" || :
		done
	done
}

# program_release PIN: removed, and seen to be gone from the kernel: what is still attached somewhere keeps its
# program. Fails, with the pin in its place again, if it is.
program_release() {
	local id

	id=$(program_id "$1")
	[ -n "$id" ] || return 0
	run rm -f "$1"
	[ -z "$dry_run" ] || return 0
	if ! "$vsh" ping freed "$id"; then
		xdp_chase "$id"
		"$vsh" ping freed "$id" && return
		run bpftool prog pin id "$id" "$1"
		say "program $id of ${1#"$pins/"} is still in use, by a device in a network namespace that cannot be found or by somebody else"
		return 1
	fi
}

# sums_keep KEY: what was counted, when nothing is any more, for who ends it ($sums_wanted), until sums_tell. That it
# could not be read goes to $sums_status; it ends all the same.
sums_kept='' sums_status=0
sums_keep() {
	local sums

	[ -n "${sums_wanted:-}" ] && [ -z "$dry_run" ] && [ -e "$pins/$1/pk_stats" ] || return 0
	if sums=$("$vsh" ${json:+-j} ping sums "$1"); then
		sums_kept=$sums_kept$sums$newline
	else
		sums_status=1
	fi
}

# sums_tell: without the lock, since who reads it may take any time.
sums_tell() {
	[ -z "$sums_kept" ] || put %s "$sums_kept" || sums_status=1
}

# device_release KEY: everything of ours for that device. Fails, and keeps the record, if something is left.
device_release() {
	journal_begin stop "$1" || :
	link_release "$1" || return
	! record_read "$1" || record_release "$1" || return
	sums_keep "$1"
	if [ -d "$pins/$1" ]; then
		run_quietly rm -f "$pins/$1/pk_link"
		program_release "$pins/$1/pk_xdp" && program_release "$pins/$1/pk_tc" || return
		run rm -rf "$pins/$1"
	fi
	[ -n "$dry_run" ] || rm -f "$state/$1"
}

# strays_release: programs of ours that no record tells of, as after /run was emptied.
strays_release() {
	local netns_name netns_file known=' ' key dev status=0

	[ -n "$(bpftool prog show name pk_xdp 2>/dev/null)$(bpftool prog show name pk_tc 2>/dev/null)" ] || return 0
	for key in $(records); do
		! record_read "$key" ||
			known="$known$(program_id "$pins/$key/pk_xdp") $(program_id "$pins/$key/pk_tc") "
	done
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		for dev in $(devices_list); do
			stray_release "$dev" "$known" || status=1
		done
	done
	return "$status"
}

# stray_release DEV KNOWN: not those whose numbers are known, nor what has a link, which is pinned elsewhere.
stray_release() {
	local id

	id=$(xdp_attached "$1")
	case $2 in
	*" $id "*) ;;
	*) ! xdp_is_stray "$id" || xdp_detach "$1" "$id" || return ;;
	esac
	case $2 in
	*" $(net command tc filter show dev "$1" "$filter_hook" 2>/dev/null | sed -n 's/.* id \([0-9]*\) name pk_tc .*/\1/p') "*) ;;
	*) ingress_detach "$1" && clsact_leave "$1" "$(netns_cookie "$netns_file")" "$(device_index "$1")" ;;
	esac
}

# xdp_is_stray ID
xdp_is_stray() {
	[ -n "$1" ] && [ "$(program_name "$1")" = pk_xdp ] &&
		! bpftool link show 2>/dev/null | grep -q "^[0-9]*: xdp  prog $1 "
}

# pins_trim: the last device takes all the rest with it, but for what was attached by hand.
pins_trim() {
	journal_end
	for record in "$state"/[0-9]*-[0-9]*; do
		[ ! -e "$record" ] || return 0
	done
	[ ! -d "$pins" ] || [ -n "$(records)" ] || run rmdir "$pins"
	[ -n "$dry_run" ] || rm -f "$state"/*.new
	bpffs_leave
	place_forget
}

# owner_is_alive: of the record that was read.
owner_is_alive() {
	[ "$record_owner" != - ] || return 0
	case $record_start in
	'' | *[!0-9]*) return 1 ;;
	esac
	owner_start=$(process_start "$record_owner")
	case $((${owner_start:--9} - record_start)) in
	-1 | 0 | 1) return 0 ;;
	esac
	return 1
}

pingkiller_leftovers() {
	local key

	[ ! -e "$state/journal" ] || return 0
	for key in $(records); do
		! record_is_left "$key" || return 0
	done
	return 1
}

# record_is_left KEY: it is that of a killed run, or what it records is gone. What was attached by hand, as
# README.md tells, has no record.
record_is_left() {
	record_read "$1" || return
	! owner_is_alive || [ ! -d "$pins/$1" ]
}

pingkiller_settle() {
	local what key count=0

	[ -z "$dry_run" ] || return 0
	if read -r what key 2>/dev/null <"$state/journal"; then
		case $what:$key in
		start:*-* | stop:*-*) device_release "$key" ;;
		esac
	fi
	for key in $(records); do
		record_is_left "$key" || continue
		[ "$record_owner" = - ] || count=$((count + 1))
		device_release "$key"
	done
	[ "$count" = 0 ] || say "note: removed what a killed run has left"
	pins_trim
	state_ensure
}
