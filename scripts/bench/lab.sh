# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lab.sh - a library: where packets are measured.
#
# They go through cables between two namespaces made for it, all alike but for the classifier at their
# sending end:
#
#   NAME-a: none     198.18.1.1 ---- 198.18.1.2 :NAME-b    no filter at all
#           empty    198.18.2.1 ---- 198.18.2.2            a classifier that does nothing
#           original 198.18.3.1 ---- 198.18.3.2            the original's method, a socket mark
#           ours     198.18.4.1 ---- 198.18.4.2
#           spare    198.18.5.1 ---- 198.18.5.2            no filter either: what differs by chance
#           pings    198.18.6.1 ---- 198.18.6.2            for the section pingflood alone

lab=bench-$$
pins=/sys/fs/bpf/bench_$$
cgroup_name=bench-$$
# What there is to clean up.
work='' pids='' stats_before='' cgroup_attached='' cgroup_made='' lab_is_up='' mounted=''

clean_up() {
	trap '' INT TERM HUP
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	if [ -n "$lab_is_up" ]; then
		for side in a b; do
			[ ! -e "/run/netns/$lab-$side" ] || vershitify "$side" down || :
		done
		[ ! -e "/run/netns/$lab-b" ] || pingkiller stop || :
	fi
	[ -z "$cgroup_attached" ] ||
		bpftool cgroup detach "$cgroup_root" ingress pinned "$pins/bench_ingress" || :
	rm -rf "$pins" "$pins-returns"
	[ -z "$mounted" ] || umount /sys/fs/bpf
	[ -z "$cgroup_made" ] || rmdir "$cgroup_made" || :
	[ -z "$stats_before" ] || stats_switch "$stats_before"
	for side in a b; do
		[ ! -e "/run/netns/$lab-$side" ] || ip netns del "$lab-$side"
	done
	[ -z "$work" ] || rm -rf "$work"
}

stats_switch() {
	printf '%s\n' "$1" >/proc/sys/kernel/bpf_stats_enabled
}

# vershitify a|b WORD...: in the namespace of that side.
vershitify() {
	vershitify_side=$1
	shift
	"$top/scripts/vershitify.sh" -n "$lab-$vershitify_side" "$@"
}

# on_netns a|b COMMAND WORD...
on_netns() {
	on_side=$1
	shift
	nsenter --net="/run/netns/$lab-$on_side" "$@"
}

# on a|b PROGRAM WORD...: one of our programs, there.
on() {
	on_side=$1 on_program=$work/$2
	shift 2
	on_netns "$on_side" "$on_program" "$@"
}

# cable_up NAME NUMBER: without a neighbour to look for at any time.
cable_up() {
	ip link add "$1" netns "$lab-a" type veth peer name "$1" netns "$lab-b"
	ip -n "$lab-a" addr add "198.18.$2.1/24" dev "$1"
	ip -n "$lab-b" addr add "198.18.$2.2/24" dev "$1"
	ip -n "$lab-a" link set "$1" up
	ip -n "$lab-b" link set "$1" up
	for cable_side in a:b:2 b:a:1; do
		cable_far=${cable_side#?:}
		cable_mac=$(ip -n "$lab-${cable_far%:*}" -o link show "$1" | sed 's/.*ether \([0-9a-f:]*\).*/\1/')
		ip -n "$lab-${cable_side%%:*}" neigh replace "198.18.$2.${cable_far#*:}" \
			lladdr "$cable_mac" dev "$1" nud permanent
	done
}

lab_up() {
	work=$(mktemp -d)
	mountpoint -q /sys/fs/bpf || {
		mount -t bpf bpf /sys/fs/bpf
		mounted=1
	}
	# Counting takes time itself: a section that wants it switches it on.
	stats_before=$(cat /proc/sys/kernel/bpf_stats_enabled)
	stats_switch 0
	names_make
	lab_is_up=1
	for side in a b; do
		ip netns add "$lab-$side"
		# Neighbour discovery would be counted among the packets.
		for all in all default; do
			on_netns "$side" sysctl -eqw "net.ipv6.conf.$all.disable_ipv6=1"
		done
		ip -n "$lab-$side" link set lo up
	done
	cable_up none 1
	cable_up empty 2
	cable_up original 3
	cable_up ours 4
	cable_up spare 5
	for baseline in empty original; do
		on_netns a tc qdisc add dev "$baseline" clsact
	done
}

# baselines_load: again for each round, as ours is. Where in memory a program comes to lie decides about
# a few nanoseconds, so that one load of each would compare places, not programs.
baselines_load() {
	rm -rf "$pins"
	bpftool prog loadall "$built/baseline.o" "$pins"
	for baseline in empty original; do
		on_netns a tc filter replace dev "$baseline" egress \
			protocol all pref 3 handle 1 bpf direct-action object-pinned "$pins/bench_$baseline"
	done
	empty_id=$(bpftool prog show pinned "$pins/bench_empty" | sed -n '1s/:.*//p')
	original_id=$(bpftool prog show pinned "$pins/bench_original" | sed -n '1s/:.*//p')
}

# names_make: a program is a target by its name.
names_make() {
	for name in other pass lose hold sender sink; do
		ln -s "$built/traffic" "$work/bench-$name"
	done
	ln -s "$built/fate" "$work/bench-fate"
	ln -s "$built/burst" "$work/bench-burst"
	for name in wire-other wire-target wire-server; do
		ln -s "$(command -v iperf3)" "$work/$name"
	done
}

cgroup_root_find() {
	cgroup_root=$(awk '{ for (i = 7; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2" && $4 == "/") print $5 }' \
		/proc/self/mountinfo | head -n 1)
	[ -n "$cgroup_root" ] || die "cgroup v2 is mounted nowhere"
}

# background a|b PROGRAM WORD...: started there, and waited for until it says that it is ready. No
# function in the background: its process id would be that of a shell around it.
background() {
	: >"$work/said"
	background_in=/run/netns/$lab-$1 background_what=$work/$2
	shift 2
	nsenter --net="$background_in" "$background_what" "$@" >"$work/said" 2>&1 &
	background_pid=$!
	pids="$pids $background_pid"
	until grep -qE '^(ready|Server listening)' "$work/said"; do
		kill -0 "$background_pid" 2>/dev/null || die "$background_what has ended: $(cat "$work/said")"
		sleep 0.01
	done
}

background_end() {
	kill "$1"
	wait "$1" 2>/dev/null || :
}

# rules_load DIRECTION a|b DEV: one that lets packets pass and one that takes them, freshly loaded.
rules_load() {
	baselines_load
	vershitify "$2" add dev "$3" command bench-pass direction "$1" drop 0% >/dev/null
	vershitify "$2" add dev "$3" command bench-lose direction "$1" drop 100% >/dev/null
	stats_switch 1
}

rules_unload() {
	stats_switch 0
	vershitify "$1" down
}
