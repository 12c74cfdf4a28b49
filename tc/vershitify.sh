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
filter_hook=egress
filter_handle=0x5653
filter_program=vsh_egress
filter_besides='^egress 4 basic 0x(0|56[0-3].) |^ingress 4 bpf (0x0 |0x5653 vsh_ingress$)|^ingress 5 basic 0x(0|56[89ab].) '
devices_map=vsh_devices
trust_more="$maps/vsh_*"

# --- devices ------------------------------------------------------------------------------------

# devices_attach WANTED COOKIE: our classifier on all of them, or, as far as it can be known before, on none:
# "dev IFINDEX DEV" or "any IFINDEX DEV", a line each. Those of "any" may vanish meanwhile. The cookie is that
# of the chosen network namespace.
devices_attach() {
	local present

	present=$(devices_join "$1" "$2") && devices_have_room "$present" || return
	devices_prepare "$present" "$2"
	[ -n "$prepared_batch" ] || return 0
	devices_record "$prepared_records" && shared_edit "$prepared_edits" && classifier_load || return
	tc_batch "$prepared_batch" || devices_confirm "$1" "$2"
}

# devices_join WANTED COOKIE: what is wanted beside what there is, a line each:
#
#	dev|any IFINDEX DEV QDISC PLACE EARLIER ID [recorded]
#
# The words in the middle as in filters_look, and "gone" for the place on a device of "dev" that is.
devices_join() {
	local seen

	# shellcheck disable=SC2046 # numbers
	seen=$(filters_look $(printf '%s' "$1" | LC_ALL=C sed 's/^[a-z]* \([0-9]*\) .*/\1/')) || return
	{
		[ ! -r "$state/devices" ] || sed 's/^/record /' "$state/devices"
		printf '%s%s\n' "$1" "$seen"
	} | awk -v cookie="$2" '
		$1 == "record" { recorded[$3 " " $4] = " recorded"; next }
		$1 == "dev" || $1 == "any" { kind[$2] = $1; name[$2] = $3; next }
		NF { print kind[$1], $1, $2, $3, $4, $5, $8 recorded[cookie " " $1]; seen[$1] = 1 }
		END {
			for (ifindex in kind)
				if (kind[ifindex] == "dev" && !(ifindex in seen))
					print "dev", ifindex, name[ifindex], "-", "gone", 0, 0
		}'
}

# classifier_is_of_others ID: is it that of a set-up in another mount namespace?
classifier_is_of_others() {
	case " $(programs_of_others) " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# devices_have_room JOINED: says of the first that has none what keeps us from it.
devices_have_room() {
	local dev qdisc place id recorded obstacle

	while read -r _ _ dev qdisc place _ id recorded; do
		case $place:$qdisc:$recorded in
		gone:*) obstacle='it is gone' ;;
		taken:* | *:ingress:*) obstacle=$(obstacle_tell "$dev" "$qdisc" "$place") ;;
		ours:*:)
			classifier_is_of_others "$id" || continue
			obstacle="the classifier of a set-up in another mount namespace is attached (id $id)"
			;;
		*) continue ;;
		esac
		say "device $(words_quote "$dev"): $obstacle"
		return 1
	done <<-END
		$1
	END
}

# devices_prepare JOINED COOKIE: sets what has to be recorded and done for those that lack our classifier, or have
# one without a record. "replace", with pref and handle, puts ours in, or a new one of ours in its place.
devices_prepare() {
	local ifindex dev qdisc place earlier recorded inode

	prepared_batch='' prepared_records='' prepared_edits=''
	inode=$(netns_inode "$netns_file")
	while read -r _ ifindex dev qdisc place earlier _ recorded; do
		case $place:$recorded in
		: | ours:recorded) continue ;;
		*:recorded) ;;
		*) prepared_records="$prepared_records$inode $2 $ifindex $dev $netns_file$newline" ;;
		esac
		batch_device "$dev" "$ifindex"
		if [ "$qdisc" = clsact ]; then
			prepared_edits="${prepared_edits}take clsact@$2-$ifindex$newline"
		else
			prepared_edits="${prepared_edits}make clsact@$2-$ifindex$newline"
			prepared_batch="${prepared_batch}qdisc add dev $batch_word clsact$newline"
		fi
		[ "$earlier" = 0 ] ||
			say "note: device $dev has egress filters before ours; what they accept for good is not seen by it"
		prepared_batch="${prepared_batch}filter replace dev $batch_word $filter_hook protocol all pref $filter_pref handle $filter_handle bpf direct-action object-pinned $pins/$filter_program$newline"
	done <<-END
		$1
	END
}

# devices_record LINES
devices_record() {
	local known=''

	[ -n "$1" ] || return 0
	[ ! -e "$state/devices" ] || known=$(cat "$state/devices")$newline
	record_write devices "$known${1%"$newline"}"
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

# classifier_load: once, for all devices.
classifier_load() {
	[ -e "$pins/$filter_program" ] || run "$vsh" load "$objects" "$filter_program"
}

# devices_confirm WANTED COOKIE: after a batch in which something has failed: what has vanished is no error, and
# a clsact that somebody else was faster to make is not ours.
devices_confirm() {
	local present ifindex dev qdisc place said edits='' status=0

	present=$(devices_join "$1" "$2") || return
	while read -r _ ifindex dev qdisc place _; do
		[ -n "$ifindex" ] || continue
		batch_device "$dev" "$ifindex"
		said=$(batch_failure "$batch_word")
		# an ingress qdisc takes a filter for egress, and has no egress
		if [ "$place:$qdisc" != ours:clsact ]; then
			say "cannot attach to device $(words_quote "$dev")${said:+: $said}"
			status=1
		fi
		case $newline$batch_failures:$qdisc in
		*"${newline}qdisc $batch_word "*:clsact) edits="${edits}forget clsact@$2-$ifindex$newline" ;;
		esac
	done <<-END
		$present
	END
	shared_edit "$edits" && return "$status"
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
	local wanted

	wanted=$(awk -v cookie="$1" '$2 == cookie { print "any", $3, $4 }' "$state/devices")
	plan_attached=$wanted$newline
	[ -z "$wanted" ] || devices_attach "$wanted$newline" "$1"
}

# devices_trim NEEDED: those that no rule needs any more (see "vsh plan needed").
devices_trim() {
	devices_sift device_is_unneeded "$1"
}

# device_is_unneeded NEEDED COOKIE IFINDEX
device_is_unneeded() {
	case $newline$1$newline in
	*"${newline}dev $2 $3$newline"* | *"${newline}dev $2 all$newline"*) return 1 ;;
	esac
}

# devices_sift CHOOSE WORD: detaches the recorded devices for which CHOOSE WORD COOKIE IFINDEX is true, and
# keeps the records of the others, and of those that could not be detached.
devices_sift() {
	local inode cookie ifindex dev file chosen='' kept='' status=0

	[ -r "$state/devices" ] || return 0
	while read -r inode cookie ifindex dev file; do
		# a line that was not written whole
		case $inode$cookie$ifindex:$file in
		*[!0-9]*:* | *:[!/]* | *:) continue ;;
		esac
		if "$1" "$2" "$cookie" "$ifindex"; then
			chosen="$chosen$inode $cookie $ifindex $dev $file$newline"
		else
			kept="$kept$inode $cookie $ifindex $dev $file$newline"
		fi
	done <"$state/devices"
	devices_release "$chosen" || status=1
	[ -z "$dry_run" ] || return "$status"
	kept=$kept$released_not
	if [ -n "$kept" ]; then
		record_write devices "${kept%"$newline"}" || status=1
	else
		rm -f "$state/devices"
	fi
	return "$status"
}

# devices_release RECORDS: in whatever namespaces they are. The records of those that still are attached go to
# $released_not, and it fails.
devices_release() {
	local rest="$1" inode cookie ifindex dev file first_inode first_cookie first_file group others

	released_not=''
	while [ -n "$rest" ]; do
		first_cookie='' group='' others=''
		while read -r inode cookie ifindex dev file; do
			[ -n "$file" ] || continue
			[ -n "$first_cookie" ] || first_inode=$inode first_cookie=$cookie first_file=$file
			if [ "$inode $cookie" = "$first_inode $first_cookie" ]; then
				group="$group$inode $cookie $ifindex $dev $file$newline"
			else
				others="$others$inode $cookie $ifindex $dev $file$newline"
			fi
		done <<-END
			$rest
		END
		netns_release "$first_inode" "$first_cookie" "$first_file" "$group" || :
		rest=$others
	done
	[ -z "$released_not" ]
}

# netns_release INODE COOKIE FILE RECORDS: those of one namespace; with it the filters are gone, too.
netns_release() {
	local netns_name netns_file

	if netns_file=$(netns_find "$1" "$2" "$3"); then
		netns_name=$netns_file
		[ "$1" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
		devices_detach_here "$4"
	else
		records_leave "$4" ''
	fi
}

# detach_look RECORDS: sets $detach_batch, what takes away what of ours is on these devices of the chosen
# namespace, and $detach_devices, "IFINDEX DEV" a line, those on which there is something. A clsact goes if it was
# made for us, no other tool of ours uses it and nobody else has a filter there.
detach_look() {
	local seen steers indexes cookie alone ifindex dev qdisc place others lines

	detach_batch='' detach_devices=''
	indexes=$(printf '%s' "$1" | cut -d ' ' -f 3)
	# shellcheck disable=SC2086 # numbers
	seen=$(filters_look $indexes) && steers=$(steers_look $indexes) || return
	alone=$newline$(shared_alone)$newline
	cookie=${1#* }
	cookie=${cookie%%" "*}
	while read -r ifindex dev qdisc place _ others _; do
		lines=$(steers_batch "$steers" "$ifindex")
		lines=${lines:+$lines$newline}
		batch_device "$dev" "$ifindex"
		[ "$place" != ours ] ||
			lines="${lines}filter del dev $batch_word $filter_hook protocol all pref $filter_pref handle $filter_handle bpf$newline"
		case $qdisc:$others:$alone in
		clsact:0:*"${newline}clsact@$cookie-$ifindex$newline"*) lines="${lines}qdisc del dev $batch_word clsact$newline" ;;
		esac
		[ -z "$lines" ] || detach_devices="$detach_devices$ifindex $dev$newline"
		detach_batch=$detach_batch$lines
	done <<-END
		$seen
	END
}

# records_leave RECORDS STILL: the records of those that still have something of ours go to $released_not, the
# others use nothing any more.
records_leave() {
	local inode cookie ifindex rest edits='' kept=''

	while read -r inode cookie ifindex rest; do
		[ -n "$rest" ] || continue
		case $2 in
		*" $ifindex "*) kept="$kept$inode $cookie $ifindex $rest$newline" ;;
		*) edits="${edits}leave clsact@$cookie-$ifindex$newline" ;;
		esac
	done <<-END
		$1
	END
	shared_edit "$edits" || kept=$1
	released_not=$released_not$kept
}

# devices_detach_here RECORDS: in the chosen namespace. Only what is ours. A device may have a new name.
devices_detach_here() {
	local still=''

	if ! { detach_look "$1" && { tc_batch "$detach_batch" || detach_look "$1"; }; }; then
		# nobody knows what is left
		released_not=$released_not$1
		return 1
	fi
	[ -z "$batch_failures" ] || still=$(detach_tell)
	records_leave "$1" " $still "
}

# detach_tell: what of ours is still on $detach_devices, after a batch has failed; prints their numbers.
detach_tell() {
	local ifindex dev said

	while read -r ifindex dev; do
		[ -n "$ifindex" ] || continue
		batch_device "$dev" "$ifindex"
		said=$(batch_failure "$batch_word")
		say "cannot detach from device $(words_quote "$dev")${said:+: $said}"
		printf '%s ' "$ifindex"
	done <<-END
		$detach_devices
	END
}

# strays_detach: classifiers of ours without a record, as after /run was emptied.
strays_detach() {
	local netns_name netns_file status=0

	[ -n "$(bpftool prog show name "$filter_program" 2>/dev/null)" ] || return 0
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		strays_detach_here || status=1
	done
	return "$status"
}

# strays_detach_here: they get the records that they lack, and go as if they had had them.
strays_detach_here() {
	local seen records

	seen=$(filters_look) || return
	records=$(printf '%s\n' "$seen" | awk -v inode="$(netns_inode "$netns_file")" \
		-v cookie="$(netns_cookie "$netns_file")" -v file="$netns_file" -v others=" $(programs_of_others) " '
		$4 == "ours" && !index(others, " " $8 " ") { print inode, cookie, $1, $2, file }')
	released_not=''
	[ -z "$records" ] || devices_detach_here "$records$newline"
	[ -z "$released_not" ]
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

# For awk: the type by which a program is attached, of what bpftool shows: cgroup_inet4_connect is connect4.
# shellcheck disable=SC2016 # awk's
cgroup_types='function cgroup_type(shown) {
	sub(/^cgroup_(inet|udp)_?/, "", shown)
	return shown ~ /^[46]_/ ? substr(shown, 3) substr(shown, 1, 1) : shown
}'

# cgroup_alone TYPE: what somebody has attached so that nothing else can be; bpftool prints all columns but the
# flags, which can be empty.
cgroup_alone() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null | awk -v type="$1" "$cgroup_types"'
		cgroup_type($2) == type && $3 != "multi" { print (NF > 2 && $3 != "override" ? $3 : $4) " (id " $1 ")"; exit }'
}

# cgroup_programs: what of ours is attached: ID TYPE PROGRAM, a line each.
cgroup_programs() {
	bpftool cgroup show "$cgroup_root" 2>/dev/null | awk -v others=" $(programs_of_others) " "$cgroup_types"'
		$NF ~ /^vsh_(sock_create|cg_ingress|cg_egress|(connect|bind|sendmsg)[46])$/ && !index(others, " " $1 " ") {
			print $1, cgroup_type($2), $NF
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
		folders_take && run "$vsh" load "$objects" "$tool" || return 1
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

# plan_line WORD...: carries out one line of "vsh plan". Devices wait for each other, since all of them take one
# tc, and nothing else goes before them.
plan_line() {
	local action="$1"

	shift
	case $action in
	dev | any) ;;
	*) plan_devices_flush || return ;;
	esac
	case $action:${1:-} in
	id:*) ;;
	hook:*) map_flush && hook_attach "${1#cg_}" "vsh_$1" ;;
	netns:*) plan_cookie=$1 ;;
	ifb:*) hold_make "$1" "$plan_cookie" ;;
	queue:*) hold_queue "$@" ;;
	unqueue:*) hold_unqueue "$@" ;;
	dev:* | any:*) plan_devices="$plan_devices$action $2 $1$newline" ;;
	steer:*) hold_steer "$plan_attached" "$@" ;;
	link:*) map_flush && run "$vsh" load "$objects" "$1" ;;
	enter:*) map_flush && netns_name=$* netns_file=$* ;;
	recorded:*) map_flush && devices_reattach "$plan_cookie" ;;
	delete:vsh_pids | delete:vsh_owners | delete:vsh_listeners) map_delete "$maps" "$@" ;;
	update:* | delete:*) map_edit "$action" "$maps" "$@" ;;
	esac
}

plan_devices_flush() {
	local wanted="$plan_devices"

	plan_devices=
	[ -z "$wanted" ] || plan_attached=$wanted
	[ -z "$wanted" ] || { map_flush && devices_attach "$wanted" "$plan_cookie"; }
}

# plan_carry_out PLAN: stops at the first failure.
plan_carry_out() {
	local rest="$1" now status=0

	plan_devices='' plan_attached=''
	set -f
	while [ -n "$rest" ] && [ "$status" = 0 ]; do
		now=${rest%%"$newline"*}
		rest=${rest#"$now"}
		rest=${rest#"$newline"}
		# The words of a plan are hexadecimal numbers and device names.
		# shellcheck disable=SC2086
		plan_line $now || status=1
	done
	[ "$status" != 0 ] || plan_devices_flush || status=1
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

# pins_missing: the tracker's programs that a set-up has no pins of, a line each. Those that the kernel refuses
# have none, others were taken away.
pins_missing() {
	local object program

	setup_is_there || return 0
	while IFS='	' read -r object program _; do
		case $object in
		tracker.o | receive.o) [ -e "$pins/$program" ] || [ -e "$pins/link_$program" ] || printf '%s\n' "$program" ;;
		esac
	done <<-END
		$("$vsh" programs)
	END
}

# pins_repair: those that others have taken away.
pins_repair() {
	local program

	for program in $(pins_missing); do
		! "$vsh" try "$objects" "$program" 2>/dev/null </dev/null ||
			{ run "$vsh" load "$objects" "$program" </dev/null && say "note: $program is loaded again"; }
	done
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
	needed=$("$vsh" plan needed) || return
	holds_trim "$needed" || status=1
	devices_trim "$needed" || status=1
	cgroups_trim "$needed" || status=1
	return "$status"
}

# teardown: everything of ours, in every network namespace. Idempotent. Fails if something is left, which has
# then been named; its record stays for the next command.
teardown() {
	local status=0 folder

	journal_begin down || :
	holds_trim '' || status=1
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
	[ -n "$dry_run" ] || rm -f "$state"/*.new "$state/journal" "$state/signals" "$state"/timeline.*
	[ "$status" = 1 ] || place_forget
	state_leave
	return "$status"
}

vershitify_leftovers() {
	[ ! -e "$state/journal" ] || return 0
	if setup_is_there; then
		[ -n "$("$vsh" plan reap)" ]
	else
		[ -e "$state/devices" ] || [ -e "$state/holds" ]
	fi
}

vershitify_settle() {
	local plan

	[ -z "$dry_run" ] || return 0
	[ ! -e "$state/journal" ] || journal_settle
	if { [ -e "$state/devices" ] || [ -e "$state/holds" ]; } && ! setup_is_there; then
		say "note: removing what is left of a set-up without its pins"
		teardown
	fi
	if setup_is_there && plan=$("$vsh" plan reap) && [ -n "$plan" ]; then
		say "note: removing what a killed run has left"
		plan_carry_out "$plan"
		setup_trim
	fi
	# those of rules that are over
	! setup_is_there || [ ! -e "$state/holds" ] || { plan=$("$vsh" plan needed) && holds_trim "$plan"; }
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
