# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vershitify's set-up and its end: the tracker, the classifier on devices, the cgroup programs on the root
# cgroup. $state/devices records each device before it is touched, a line each:
#
#	NETNS_INODE NETNS_COOKIE IFINDEX DEV NETNS_FILE
#
# The cookie tells a namespace from a later one with the same inode number, the index a device from a later
# one with the same name. A record goes when what it records is seen to be gone.

maps=$bpffs/tc/globals
pins=$bpffs/vershitify
state=/run/vershitify
filter_handle=0x5653
filter_program=vsh_egress

# --- devices ------------------------------------------------------------------------------------

# filters_have_ours FILTERS
filters_have_ours() {
	filters_have "$1" "$filter_handle" "$filter_program"
}

# device_room DEV: what keeps our classifier from it; nothing if there is room.
device_room() {
	device_obstacle "$1" egress "$filter_handle" "$filter_program"
}

# classifier_of_others FILTERS: prints the number of the classifier, if it is that of a set-up in another mount
# namespace. Fails if not.
classifier_of_others() {
	local id

	id=$(printf '%s\n' "$1" | sed -n "s/.* id \([0-9]*\) name $filter_program .*/\1/p")
	case " $(programs_of_others) " in
	*" ${id:-none} "*) printf '%s\n' "$id" ;;
	*) return 1 ;;
	esac
}

# device_record DEV IFINDEX COOKIE
device_record() {
	local known=''

	[ ! -e "$state/devices" ] || known=$(cat "$state/devices")$newline
	record_write devices "$known$(netns_inode "$netns_file") $3 $2 $1 $netns_file"
}

# device_is_recorded IFINDEX COOKIE
device_is_recorded() {
	local cookie ifindex

	[ -r "$state/devices" ] || return 1
	while read -r _ cookie ifindex _; do
		[ "$cookie $ifindex" != "$2 $1" ] || return 0
	done <"$state/devices"
	return 1
}

# classifier_load DEV: replace, with pref and handle, puts ours in, or a new one of ours in its place.
# Of a program that the kernel refuses, tc does not say why: the helper tries it again.
classifier_load() {
	local said

	net run_kept tc filter replace dev "$1" egress protocol all \
		pref "$filter_pref" handle "$filter_handle" \
		bpf direct-action object-file "$objects/vershitify.o" section tc && return 0
	if said=$("$vsh" try "$objects" "$filter_program" 2>&1); then
		say "cannot attach to device $1${run_said:+: $run_said}"
	else
		printf '%s\n' "$said" >&2
	fi
	return 1
}

# device_attach DEV IFINDEX COOKIE: the cookie is that of the chosen network namespace.
device_attach() {
	local present obstacle other recorded=''

	present=$(filters "$1" egress)
	! device_is_recorded "$2" "$3" || recorded=1
	[ -z "$recorded" ] || ! filters_have_ours "$present" || return 0
	obstacle=$(device_room "$1")
	if [ -z "$recorded" ] && filters_have_ours "$present" && other=$(classifier_of_others "$present"); then
		obstacle="the classifier of a set-up in another mount namespace is attached (id $other)"
	fi
	if [ -n "$obstacle" ]; then
		say "device $1: $obstacle"
		return 1
	fi
	[ -n "$recorded" ] || device_record "$1" "$2" "$3" || return
	clsact_take "$1" "$3" "$2" || return
	if [ -n "$present" ] && filters_hide_ours "$present"; then
		say "note: device $1 has egress filters before ours; what they accept for good is not seen by it"
	fi
	classifier_load "$1"
}

# device_attach_any DEV IFINDEX COOKIE: one of all the devices. Those of containers come and go.
device_attach_any() {
	device_still "$2" device_attach "$@" || [ $? = 3 ]
}

# device_detach DEV COOKIE IFINDEX: only what is ours. DEV is empty if the device is gone.
device_detach() {
	[ -z "$1" ] || filter_remove "$1" egress "$filter_handle" "$filter_program" || return
	clsact_leave "$1" "$2" "$3"
}

# devices_detach COOKIE|'': those of one network namespace, or all that are recorded. Fails if one is left.
devices_detach() {
	devices_sift device_is_of "$1"
}

# device_is_of COOKIE|'' COOKIE IFINDEX
device_is_of() {
	[ "${1:-$2}" = "$2" ]
}

# devices_reattach COOKIE: all that are recorded of the chosen namespace, which has this cookie.
devices_reattach() {
	local cookie ifindex dev status=0

	while read -r _ cookie ifindex _; do
		[ "$cookie" = "$1" ] || continue
		dev=$(device_name "$ifindex")
		[ -z "$dev" ] || device_attach "$dev" "$ifindex" "$cookie" </dev/null || status=1
	done <<-END
		$(cat "$state/devices")
	END
	return "$status"
}

# devices_trim NEEDED: those that no rule needs any more (see "vsh plan needed").
devices_trim() {
	devices_sift device_is_unneeded "$1"
}

# device_is_unneeded NEEDED COOKIE IFINDEX
device_is_unneeded() {
	! printf '%s\n' "$1" | grep -qxe "dev $2 $3" -e "dev $2 all"
}

# devices_sift CHOOSE WORD: detaches the recorded devices for which CHOOSE WORD COOKIE IFINDEX is true, and
# keeps the records of the others, and of those that could not be detached.
devices_sift() {
	local inode cookie ifindex dev file kept='' status=0

	[ -r "$state/devices" ] || return 0
	while read -r inode cookie ifindex dev file; do
		# a line that was not written whole
		case $inode$cookie$ifindex:$file in
		*[!0-9]*:* | *:[!/]* | *:) continue ;;
		esac
		if "$1" "$2" "$cookie" "$ifindex"; then
			device_recorded_detach "$inode" "$cookie" "$ifindex" "$file" </dev/null && continue
			status=1
		fi
		kept="$kept$inode $cookie $ifindex $dev $file$newline"
	done <"$state/devices"
	[ -z "$dry_run" ] || return 0
	if [ -n "$kept" ]; then
		record_write devices "${kept%"$newline"}" || status=1
	else
		rm -f "$state/devices"
	fi
	return "$status"
}

# device_recorded_detach INODE COOKIE IFINDEX FILE: with the namespace or the device the filter is gone, too.
# The device may have a new name.
device_recorded_detach() {
	local netns_name netns_file dev=''

	if netns_file=$(netns_find "$1" "$2" "$4"); then
		netns_name=$netns_file
		[ "$1" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
		dev=$(device_name "$3")
	fi
	device_still "$3" device_detach "$dev" "$2" "$3" && return
	[ $? = 3 ] && clsact_leave '' "$2" "$3"
}

# strays_detach: classifiers of ours without a record, as after /run was emptied.
strays_detach() {
	local netns_name netns_file dev status=0

	[ -n "$(bpftool prog show name "$filter_program" 2>/dev/null)" ] || return 0
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		for dev in $(devices_list); do
			! classifier_of_others "$(filters "$dev" egress)" >/dev/null || continue
			device_detach "$dev" "$(netns_cookie "$netns_file")" "$(device_index "$dev")" || status=1
		done
	done
	return "$status"
}

# --- control groups -----------------------------------------------------------------------------

# cgroup_is_attached PROGRAM: the pinned one, and not one of its name out of another mount namespace.
cgroup_is_attached() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null |
		awk -v id="$(program_id "$pins/$1")" '$1 == id { found = 1 } END { exit !found }'
}

# cgroup_attach TYPE PROGRAM: next to whatever others have there.
cgroup_attach() {
	local alone

	cgroup_is_attached "$2" && return 0
	alone=$(cgroup_alone "$1")
	if [ -n "$alone" ]; then
		say "cannot attach $2 to $cgroup_root: $alone is attached there without \"multi\", and leaves no room for others"
		return 1
	fi
	run_or "cannot attach $2 to $cgroup_root" \
		bpftool cgroup attach "$cgroup_root" "$1" pinned "$pins/$2" multi
}

# cgroup_alone TYPE: what somebody has attached so that nothing else can be; bpftool prints all columns but the
# flags, which can be empty.
cgroup_alone() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null | awk -v type="$1" '
		{ sub(/^cgroup_inet_/, "", $2) }
		$2 == type && $3 != "multi" { print (NF > 2 && $3 != "override" ? $3 : $4) " (id " $1 ")"; exit }'
}

# cgroup_programs: what of ours is attached: ID TYPE PROGRAM, a line each.
cgroup_programs() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null | awk -v others=" $(programs_of_others) " '
		$NF ~ /^vsh_(sock_create|cg_ingress|cg_egress)$/ && !index(others, " " $1 " ") {
			sub(/^cgroup_inet_/, "", $2)
			print $1, $2, $NF
		}'
}

# programs_of_others: the numbers of those in set-ups whose pins, and perhaps records, are in other mount namespaces:
# they share maps with a tracker that is not the one pinned here. What was ours has no tracker any more.
programs_of_others() {
	local own

	own=$(bpftool link show pinned "$pins/link_vsh_exec" 2>/dev/null | sed -n '1s/.* prog \([0-9]*\).*/\1/p')
	bpftool prog show 2>/dev/null | awk -v own="$own" '
		/^[0-9]+:/ { id = $1 + 0; name = ""; for (i = 2; i < NF; i++) if ($i == "name") name = $(i + 1) }
		$0 ~ / map_ids / && name ~ /^vsh_/ {
			sub(/.* map_ids /, "")
			maps[id] = $1
			if (name == "vsh_exec" && id != own)
				theirs = theirs "," $1
		}
		END {
			split(theirs, list, ",")
			for (i in list)
				if (list[i] != "")
					is_theirs[list[i]] = 1
			for (id in maps) {
				count = split(maps[id], list, ",")
				for (i = 1; i <= count && !(list[i] in is_theirs); i++);
				if (i <= count)
					printf "%s ", id
			}
		}'
}

# cgroup_detach ID TYPE PROGRAM: by number, so that nothing depends on pins that may be gone.
cgroup_detach() {
	run_or "cannot detach $3 from $cgroup_root" bpftool cgroup detach "$cgroup_root" "$2" id "$1" multi </dev/null
}

# cgroups_trim NEEDED: those that no rule needs any more.
cgroups_trim() {
	local id type name status=0

	while read -r id type name; do
		case $name in
		'' | vsh_sock_create) continue ;;
		esac
		printf '%s\n' "$1" | grep -qx "hook ${name#vsh_}" || cgroup_detach "$id" "$type" "$name" || status=1
	done <<-END
		$(cgroup_programs)
	END
	return "$status"
}

cgroups_detach() {
	local id type name status=0

	cgroup_find
	[ -n "$cgroup_root" ] || return 0
	while read -r id type name; do
		[ -z "$name" ] || cgroup_detach "$id" "$type" "$name" || status=1
	done <<-END
		$(cgroup_programs)
	END
	return "$status"
}

# --- the set-up ---------------------------------------------------------------------------------

# setup_is_there: the helper makes all pins in a folder of another name, and renames that.
setup_is_there() {
	[ -d "$pins" ]
}

# setup_load: the tracker. The classifier comes with the devices, the cgroup programs
# when a rule needs them.
setup_load() {
	bpffs_ensure && cgroup_ensure || return 1
	setup_is_there || {
		folders_take && run "$vsh" load "$objects" || return 1
	}
	cgroup_attach sock_create vsh_sock_create
}

# cgroup_unpinned_detach PROGRAM: one whose pin was taken away, before another one takes its place.
cgroup_unpinned_detach() {
	local id type name status=0

	while read -r id type name; do
		[ "$name" != "$1" ] || cgroup_detach "$id" "$type" "$name" || status=1
	done <<-END
		$(cgroup_programs)
	END
	return "$status"
}

# hook_attach TYPE PROGRAM
hook_attach() {
	[ -e "$pins/$2" ] || { cgroup_unpinned_detach "$2" && run "$vsh" load "$objects" "$2"; } || return 1
	cgroup_attach "$1" "$2"
}

# plan_line WORD...: carries out one line of "vsh plan".
plan_line() {
	local action="$1"

	shift
	case $action:${1:-} in
	id:*) ;;
	hook:*) map_flush && hook_attach "${1#cg_}" "vsh_$1" ;;
	netns:*) plan_cookie=$1 ;;
	dev:*) map_flush && device_attach "$1" "$2" "$plan_cookie" ;;
	link:*) map_flush && run "$vsh" load "$objects" "$1" ;;
	enter:*) map_flush && netns_name=$* netns_file=$* ;;
	recorded:*) map_flush && devices_reattach "$plan_cookie" ;;
	any:*) map_flush && device_attach_any "$1" "$2" "$plan_cookie" ;;
	delete:vsh_pids | delete:vsh_owners | delete:vsh_listeners) map_delete "$maps" "$@" ;;
	update:* | delete:*) map_edit "$action" "$maps" "$@" ;;
	esac
}

# plan_carry_out PLAN: stops at the first failure.
plan_carry_out() {
	local rest="$1" now status=0

	set -f
	while [ -n "$rest" ] && [ "$status" = 0 ]; do
		now=${rest%%"$newline"*}
		rest=${rest#"$now"}
		rest=${rest#"$newline"}
		# The words of a plan are hexadecimal numbers and device names.
		# shellcheck disable=SC2086
		plan_line $now || status=1
	done
	map_flush || status=1
	set +f
	return "$status"
}

# rules_repair: attaches again what others have taken away from rules; a word about each.
rules_repair() {
	local before after id standing why

	setup_is_there || return 0
	before=$(helper standing)
	[ -n "$before" ] || return 0
	while IFS='	' read -r id standing why _; do
		case $standing in
		detached | 'device gone') rule_repair "$id" </dev/null ;;
		esac
	done <<-END
		$before
	END
	[ -z "$dry_run" ] || return 0
	"$vsh" scan >/dev/null
	after=$(helper standing | cut -f 1)
	while IFS='	' read -r id standing why _; do
		case $standing:$newline$after$newline in
		detached:*"$newline$id$newline"*) ;;
		detached:*) say "note: rule $id is attached again ($why)" ;;
		esac
	done <<-END
		$before
	END
}

# pins_repair: the tracker's programs whose pins others have taken away. Those that the kernel refuses have none.
pins_repair() {
	local object program

	setup_is_there || return 0
	while IFS='	' read -r object program _; do
		if [ "$object" != vershitify.o ] && pin_is_missing "$program" &&
			"$vsh" try "$objects" "$program" 2>/dev/null </dev/null; then
			run "$vsh" load "$objects" "$program" </dev/null && say "note: $program is loaded again"
		fi
	done <<-END
		$("$vsh" programs | grep -v '^pingkiller')
	END
}

# pin_is_missing PROGRAM
pin_is_missing() {
	[ ! -e "$pins/$1" ] && [ ! -e "$pins/link_$1" ]
}

# rule_repair ID: in the namespace of its devices.
rule_repair() {
	local netns_name="$netns_name" netns_file="$netns_file" plan

	plan=$(helper plan repair "$1") && plan_carry_out "$plan"
}

rules_left() {
	[ -n "$("$vsh" show 2>/dev/null)" ]
}

# setup_trim: what no rule needs goes, and all of it with the last rule.
setup_trim() {
	local needed status=0

	[ -z "$dry_run" ] || return 0
	if ! rules_left; then
		teardown
		return
	fi
	needed=$("$vsh" plan needed)
	devices_trim "$needed" || status=1
	cgroups_trim "$needed" || status=1
	return "$status"
}

# teardown: everything of ours, in every network namespace. Idempotent. Fails if something is left, which has
# then been named; its record stays for the next command.
teardown() {
	local status=0 folder

	journal_begin down || :
	devices_detach '' || status=1
	cgroups_detach || status=1
	for folder in "$pins" "$pins-new"; do
		[ ! -d "$folder" ] || run rm -rf "$folder" || status=1
	done
	set -- "$maps"/vsh_*
	[ ! -e "$1" ] || run rm -f "$@" || status=1
	folders_leave
	cgroup_leave
	bpffs_leave
	[ -n "$dry_run" ] || rm -f "$state"/*.new "$state/journal" "$state/signals"
	[ "$status" = 1 ] || place_forget
	state_leave
	return "$status"
}

vershitify_leftovers() {
	[ ! -e "$state/journal" ] || return 0
	if setup_is_there; then
		[ -n "$("$vsh" plan reap)" ]
	else
		[ -e "$state/devices" ]
	fi
}

vershitify_settle() {
	local plan

	[ -z "$dry_run" ] || return 0
	[ ! -e "$state/journal" ] || journal_settle
	if [ -e "$state/devices" ] && ! setup_is_there; then
		say "note: removing what is left of a set-up without its pins"
		teardown
	fi
	if setup_is_there && plan=$("$vsh" plan reap) && [ -n "$plan" ]; then
		say "note: removing what a killed run has left"
		plan_carry_out "$plan"
		setup_trim
	fi
	# the end of the set-up is the end of its folder
	state_ensure
}

# journal_settle: an interrupted add is taken back, an interrupted down is finished.
journal_settle() {
	local what id plan

	read -r what id <"$state/journal" || what=
	if [ "$what" = add ] && setup_is_there; then
		plan=$("$vsh" plan del "${id:-0}" 2>/dev/null) && plan_carry_out "$plan"
	fi
	if [ "$what" = down ]; then
		teardown
	else
		setup_trim
		journal_end
	fi
}
