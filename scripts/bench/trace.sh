# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# trace.sh - section: tracepkt. What a packet of somebody else pays while it runs, in a flood and one at a time;
# what a bystander's TCP loses; how long it takes to begin and to end. RESULTS-tracepkt.md has the
# figures.

# What is traced meanwhile: an echo each second, on a cable of its own.
tracer_begin() {
	background_tracer "$top/build/vsh" trace "$top/build" -c 65535 198.18.5.2
}

# Programs at the same hooks that only return.
returns_begin() {
	bpftool prog loadall "$built/returns.o" "$pins-returns"
	background a bench-attach "$pins-returns"/*
}

returns_end() {
	background_end "$background_pid"
	rm -rf "$pins-returns"
}

# background_tracer COMMAND...: ready when it has printed a result.
background_tracer() {
	: >"$work/said"
	nsenter --net="/run/netns/$lab-a" "$@" >"$work/said" 2>&1 &
	background_pid=$!
	pids="$pids $background_pid"
	until grep -q '^seq 1: answered' "$work/said"; do
		kill -0 "$background_pid" 2>/dev/null || die "the tracer has ended: $(cat "$work/said")"
		sleep 0.01
	done
}

# trace_flood NAME [PREFIX]: by the sender's own clock, which has the receiver's side in it; and by the kernel's, for
# programs whose names begin so.
trace_flood() {
	on a bench-other flood "$packets" 198.18.1.2 9 >"$work/flood"
	note "flood: $1" "$packets" "$(sed -n 's/^198.18.1.2 9 //p' "$work/flood")"
	[ -z "${2:-}" ] || trace_counted "programs, flood: $1" "$2" "$packets" on a bench-other flood "$packets" 198.18.1.2 9
}

# trace_time: what all programs of these names have taken so far, in nanoseconds.
trace_time() {
	bpftool -j prog show | jq "[.[] | select(.name // \"\" | startswith(\"$1\")) | .run_time_ns // 0] | add // 0"
}

# trace_counted CELL PREFIX PACKETS COMMAND...: what all programs together take for a packet, by the kernel's clock,
# the reading of which is in it for each of them.
trace_counted() {
	counted_cell=$1 counted_prefix=$2 counted_packets=$3
	shift 3
	stats_switch 1
	before_ns=$(trace_time "$counted_prefix")
	"$@" >/dev/null
	note "$counted_cell" "$counted_packets" $(($(trace_time "$counted_prefix") - before_ns))
	stats_switch 0
}

# trace_idle NAME PREFIX: a packet in two milliseconds, there and back, with everything cold.
trace_idle() {
	trace_counted "programs, idle: $1" "$2" 1000 on_netns a ping -q -c 500 -i 0.002 198.18.1.2
}

trace_tcp() {
	on_netns a "$work/wire-other" -c 198.18.4.2 -p 5201 -t "$seconds" -J >"$work/iperf"
	trace_figures=$(jq -r '"\(.end.sum_received.bytes / 1000 | floor) \(.end.sum_received.seconds * 1e9 | floor)"' "$work/iperf")
	note "TCP: $1" "${trace_figures% *}" "${trace_figures#* }"
}

# trace_command NAME COMMAND...: from its begin to its end.
trace_command() {
	trace_name=$1
	shift
	begin=$(date +%s%N)
	"$@" >/dev/null
	note "time: $trace_name" 1 $(($(date +%s%N) - begin))
}

# children_ticks: what the processors have spent for commands of this shell that have ended, in ticks.
children_ticks() {
	sed 's/.*) //' /proc/$$/stat | awk '{ print $14 + $15 }'
}

# trace_processor NAME COMMAND...: of the processors' time, ten of them.
trace_processor() {
	trace_name=$1
	shift
	begin=$(children_ticks)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$@" >/dev/null
	done
	note "processor's time: $trace_name" 10 $((($(children_ticks) - begin) * 1000000000 / $(getconf CLK_TCK)))
}

trace_times() {
	trace_command "an echo, by ping" nsenter --net="/run/netns/$lab-a" ping -c 1 198.18.5.2
	trace_command "an echo, by the helper: attached and detached" \
		nsenter --net="/run/netns/$lab-a" "$top/build/vsh" trace "$top/build" 198.18.5.2
	trace_command "an echo, by tracepkt.sh" "$top/scripts/tracepkt.sh" -n "$lab-a" 198.18.5.2
	trace_processor "an echo, by ping" nsenter --net="/run/netns/$lab-a" ping -c 1 198.18.5.2
	trace_processor "an echo, by the helper: attached and detached" \
		nsenter --net="/run/netns/$lab-a" "$top/build/vsh" trace "$top/build" 198.18.5.2
}

trace_round() {
	trace_flood "no tool"
	trace_tcp "no tool"
	returns_begin
	trace_flood "programs that only return" bench_
	trace_idle "programs that only return" bench_
	trace_tcp "programs that only return"
	returns_end
	tracer_begin
	trace_flood "tracepkt" tpk_
	trace_idle "tracepkt" tpk_
	trace_tcp "tracepkt"
	background_end "$background_pid"
	trace_times
}

# trace_print LABEL BASE UNIT FACTOR TARGET: FACTOR times the nanoseconds for one, or by them if it is over 1.
trace_print() {
	figures=$(medians ": $2" | grep "^$1: ")
	head_print "tracepkt, $1 ($rounds rounds)" "$3" "- $2" "/ $2" "target"
	printf '%s\n' "$figures" | awk -F "$tab" -v factor="$4" -v target="$5" '
	{
		rate = factor > 1
		printf "%-58s %9.1f %9s %9.3f  %s\n", $1, rate ? factor / $2 : factor * $2, factor == 1 ? $3 : "",
			rate ? 1 / $4 : $4, $1 ~ /tracepkt|attached/ ? target : ""
	}'
}

section_trace() {
	section_begin trace
	ln -sf "$built/attach" "$work/bench-attach"
	background b wire-server -s -p 5201 --forceflush
	trace_server=$background_pid
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		trace_round
	done
	background_end "$trace_server"
	trace_print flood "no tool" ns 1 ""
	trace_print "programs, flood" "programs that only return" ns 1 ""
	trace_print "programs, idle" "programs that only return" ns 1 ""
	trace_print TCP "no tool" "Mbit/s" 8000000 ">= 0.97"
	trace_print time "an echo, by ping" ms 0.000001 "< 200"
	trace_print "processor's time" "an echo, by ping" ms 0.000001 "< 200"
}
