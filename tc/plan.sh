# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Edits of pinned maps, as a plan of the helper has them. They wait for each other, since one bpftool makes
# them all in less time than it takes to start a second one.

map_edits=
# The map of a tool whose values are numbers of devices.
devices_map=

# map_edit update|delete FOLDER MAP WORD...
map_edit() {
	local action="$1" map="$2/$3"
	shift 3
	map_line="map $action pinned $map $*"
	[ -z "$verbose$dry_run" ] || printf '%sbpftool %s\n' "$(map_place "$map")" "$map_line" >&2
	map_edits=$map_edits$map_line$newline
}

# map_place MAP: what comes before bpftool where a map is edited in the chosen network namespace: the numbers
# that are written to it are those of devices there. What waits is all done there.
map_place() {
	case $netns_name:$1 in
	?*:*/"${devices_map:-/}") printf 'nsenter --net=%s ' "$(words_quote "$netns_file")" ;;
	esac
}

# map_delete FOLDER MAP WORD...: what the programs delete by themselves may be gone already.
map_delete() {
	local map="$1/$2"
	shift 2
	map_flush || return
	run_quietly bpftool map delete pinned "$map" "$@"
}

map_flush() {
	local batch="$map_edits" said

	[ -n "$batch" ] || return 0
	map_edits=
	[ -z "$dry_run" ] || return 0
	said=$(printf '%s' "$batch" | net command bpftool batch file - 2>&1 >/dev/null) && return 0
	say "cannot write the pinned maps: $(printf '%s\n' "$said" | grep -v '^$' | tail -n 1)"
	return 1
}
