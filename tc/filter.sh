# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tc filters, of ours and of others. Ours are found, and told from other people's, by preference, handle and the
# name of the program; the preference is the same for all tools, which use different hooks of clsact.
# A tool says which hook, handle and program are its own: $filter_hook, $filter_handle, $filter_program.

filter_pref=3
# Further filters of a tool, with the two preferences after that: an expression for HOOK PREF KIND HANDLE PROGRAM.
filter_besides=^$

# program_id PIN
program_id() {
	bpftool prog show pinned "$1" 2>/dev/null | sed -n '1s/:.*//p'
}

# program_name ID
program_name() {
	bpftool prog show id "$1" 2>/dev/null | sed -n '1s/.* name \([^ ]*\) .*/\1/p'
}

# filters_look [IFINDEX...]: the devices of the chosen network namespace, or these, in one look, a line each:
#
#	IFINDEX DEV clsact|ingress|- ours|taken|free EARLIER OTHERS TCX ID
#
# The qdisc at the device's hooks, our place at our hook, how many filters run there before it, how many filters
# at both hooks are not ours, how many tcx programs run before all of them, and the number of our program or 0. A
# device that is gone has no line.
filters_look() {
	local seen

	seen=$(helper filters "$@") || return
	printf '%s\n' "$seen" | awk -v pref="$filter_pref" -v hook="$filter_hook" -v handle="$filter_handle" \
		-v program="$filter_program" -v besides="$filter_besides" '
		function tell() {
			if (dev != "")
				print ifindex, dev, qdisc, place, earlier, others, tcx, id
		}
		$1 == "device" {
			tell()
			ifindex = $2; qdisc = $3; tcx = $4; dev = $5
			place = "free"; earlier = others = id = 0
		}
		$1 != "filter" { next }
		qdisc == "-" && $3 == "egress" { qdisc = "clsact" } # missed by the dump, see bpf/lib/filters.c
		$4 == pref && $5 == "bpf" && $6 == "0x0" { next } # the place, not what is there
		$3 == hook && $4 == pref && $5 == "bpf" && $6 == handle && $7 == program { place = "ours"; id = $8; next }
		$3 " " $4 " " $5 " " $6 " " $7 ~ besides { next }
		{ others++ }
		$3 == hook && $4 < pref + 0 { earlier++ }
		$3 == hook && $4 == pref && place == "free" { place = "taken" }
		END { tell() }'
}

# device_look DEV: sets $look_qdisc, $look_place and $look_others of one device. Fails if there is none.
device_look() {
	look_index=$(device_index "$1" 2>/dev/null)
	look_line=$([ -z "$look_index" ] || filters_look "$look_index") && [ -n "$look_line" ] || return 1
	read -r _ _ look_qdisc look_place _ look_others _ <<-END
		$look_line
	END
}

# obstacle_tell DEV QDISC PLACE: what keeps us from attaching a filter; nothing if there is room.
obstacle_tell() {
	case $3:$2 in
	taken:*)
		printf 'another filter has pref %s, which is ours (tc%s filter show dev %s %s)\n' "$filter_pref" "$(netns_option)" "$1" "$filter_hook"
		;;
	*:ingress)
		printf 'its ingress qdisc leaves no room for clsact (tc%s qdisc replace dev %s clsact)\n' "$(netns_option)" "$1"
		;;
	esac
}

# device_obstacle DEV
device_obstacle() {
	! device_look "$1" || obstacle_tell "$1" "$look_qdisc" "$look_place"
}

# filter_remove DEV: only ours. Fails if it is still there afterwards.
filter_remove() {
	device_look "$1" && [ "$look_place" = ours ] || return 0
	net_run_or "cannot detach from device $1" tc filter del dev "$1" "$filter_hook" protocol all pref "$filter_pref" handle "$filter_handle" bpf
}

# --- many at once ------------------------------------------------------------------------------

# batch_device DEV IFINDEX: sets $batch_word, the name of a device in a batch. There are no quotes for each name
# in one, and # begins a comment: tc takes the number for such a name.
batch_device() {
	# shellcheck disable=SC2034 # the caller's
	case $1 in
	*[!A-Za-z0-9_.:@%+,=-]*) batch_word=if$2 ;;
	*) batch_word=$1 ;;
	esac
}

# tc_batch LINES: one tc carries all of them out in the chosen network namespace, and goes on after one that
# fails. Of each of those, a line of $batch_failures: OBJECT DEV TEXT, which are its first word, the name that
# it has for its device, and what tc says.
tc_batch() {
	local line said

	batch_failures=
	[ -z "$verbose$dry_run" ] || while read -r line; do
		# shellcheck disable=SC2086 # words without blanks
		[ -z "$line" ] || net run_show tc $line
	done <<-END
		$1
	END
	[ -n "$1" ] && [ -z "$dry_run" ] || return 0
	said=$(printf '%s' "$1" | net command tc -force -b - 2>&1 >/dev/null) && return
	batch_failures=$(printf '%s\n%s\n' "$1" "$said" | awk '
		!said && !NF { said = 1; next }
		!said {
			for (i = 1; i < NF && $i != "dev"; i++)
				;
			what[++lines] = $1 " " $(i + 1)
			next
		}
		/^Command failed -:[0-9]+$/ { sub(/.*:/, ""); print what[$0 + 0], text; text = ""; next }
		NF && !/^We have an error talking to the kernel/ { text = $0 }')
	return 1
}

# batch_failure DEV: what tc has said first of that name.
batch_failure() {
	local dev text

	while read -r _ dev text; do
		[ "$dev" != "$1" ] || break
		text=
	done <<-END
		$batch_failures
	END
	printf '%s\n' "$text"
}
