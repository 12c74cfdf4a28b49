# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wire.sh - section: iperf3 from end to end over the cable "ours", TCP and UDP, with each tool in turn on the
# same cable. netem and nftables stand there where the kernel has them.

# wire_run STATE PROGRAM [COMMAND...]: both kinds of traffic by PROGRAM, which COMMAND starts.
wire_run() {
	wire_state=$1 wire_program=$work/$2
	shift 2
	if wire_measure TCP "$@" "$wire_program"; then
		wire_note TCP ".end.sum_received.bytes / 1000 | floor" .end.sum_received.seconds
	fi
	if wire_measure UDP "$@" "$wire_program" -u -b 0 -l 64; then
		wire_note "UDP sent" .end.sum.packets .end.sum.seconds
		wire_note "UDP arrived" ".end.sum.packets - .end.sum.lost_packets" .end.sum.seconds
	fi
}

# wire_measure KIND COMMAND...: iperf3's answer goes to $work/iperf. It may give up, as where a tool tells the
# sender of its losses.
wire_measure() {
	wire_kind=$1
	shift
	on_netns a "$@" -c 198.18.4.2 -p 5201 -A "$wire_cpus" -t "$seconds" -J >"$work/iperf" || :
	jq -e '(.end.sum_received // .end.sum).seconds' "$work/iperf" >/dev/null && return
	printf '%s: %s: iperf3 gave up: %s\n' "$wire_kind" "$wire_state" "$(jq -r '.error // "no reason"' "$work/iperf")" \
		>>"$raw/wire.failures"
	return 1
}

# wire_note KIND COUNT SECONDS: expressions for iperf3's answer
wire_note() {
	wire_figures=$(jq -r "\"\\($2) \\($3 * 1e9 | floor)\"" "$work/iperf")
	note "$1: $wire_state" "${wire_figures% *}" "${wire_figures#* }"
}

# What any filter costs, before it does anything.
wire_empty() {
	baselines_load
	on_netns a tc qdisc add dev ours clsact
	on_netns a tc filter add dev ours egress protocol all pref 3 handle 1 \
		bpf direct-action object-pinned "$pins/bench_empty"
	wire_run "empty classifier" wire-other
	on_netns a tc qdisc del dev ours clsact
}

wire_ours() {
	vershitify a add dev ours command wire-target drop 0% >/dev/null
	wire_run "ours, target, 0 %" wire-target
	vershitify a change 1 drop 1%
	wire_run "ours, bystander" wire-other
	wire_run "ours, target, 1 %" wire-target
	vershitify a down
}

# A root qdisc has no bystanders.
wire_netem() {
	for loss in 0 1; do
		on_netns a tc qdisc add dev ours root netem loss "$loss%"
		wire_run "netem, whole device, $loss %" wire-other
		on_netns a tc qdisc del dev ours root
	done
}

# nft_load PERCENT: the packets of one control group
nft_load() {
	on_netns a nft -f - <<-END
		table inet bench {
			chain out {
				type filter hook output priority 0; policy accept;
				oifname "ours" socket cgroupv2 level 1 "$cgroup_name" numgen random mod 100 < $1 counter drop
			}
		}
	END
}

nft_unload() {
	on_netns a nft delete table inet bench
}

in_cgroup() {
	# shellcheck disable=SC2016 # for the other shell
	wire_run "$1" wire-target sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup_made"
}

wire_nft() {
	nft_load 0
	in_cgroup "nftables, target, 0 %"
	nft_unload
	nft_load 1
	wire_run "nftables, bystander" wire-other
	in_cgroup "nftables, target, 1 %"
	nft_unload
}

netem_works() {
	on_netns a tc qdisc add dev spare root netem 2>/dev/null || return
	on_netns a tc qdisc del dev spare root
}

# The tool looks below /sys/fs/cgroup for the name.
nft_works() {
	cgroup_root_find
	[ "$cgroup_root" = /sys/fs/cgroup ] || return
	cgroup_made=$cgroup_root/$cgroup_name
	mkdir "$cgroup_made"
	nft_load 1 2>/dev/null || return
	nft_unload
}

section_wire() {
	section_begin wire
	: >"$raw/wire.failures"
	wire_cpus=$(($(getconf _NPROCESSORS_ONLN) - 1)),0
	background b wire-server -s -p 5201 --forceflush
	tools='' missing=''
	for tool in netem nft; do
		if "${tool}_works"; then
			tools="$tools $tool"
		else
			missing="$missing $tool"
		fi
	done
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		wire_run "no tool" wire-other
		wire_empty
		wire_ours
		for tool in $tools; do
			"wire_$tool"
		done
	done
	background_end "$background_pid"
	wire_print TCP "Mbit/s" 8000000
	wire_print "UDP sent" "1000/s" 1000000
	wire_print "UDP arrived" "1000/s" 1000000
	printf '\n'
	sort -u "$raw/wire.failures"
	[ -z "$missing" ] || printf 'not on this machine:%s\n' "$missing"
}

# wire_print KIND UNIT FACTOR: from nanoseconds for one to UNIT
wire_print() {
	figures=$(medians ": no tool" | grep "^$1: ")
	head_print "iperf3, $1 ($rounds rounds of $seconds s)" "$2" "" "/ no tool" ""
	printf '%s\n' "$figures" | awk -F "$tab" -v factor="$3" '
	{ printf "%-58s %9.1f %9s %9.3f\n", $1, factor / $2, "", 1 / $4 }'
}
