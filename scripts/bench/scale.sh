# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scale.sh - sections: how many events monitor can follow, and what many sockets and processes do to the
# commands; what a scan costs where they share these.

# --- events ------------------------------------------------------------------------------------

# events_lost: by all who listen, as the kernel's side has counted.
events_lost() {
	bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_lost |
		jq '[.[] | (.formatted // .).value.lost] | add'
}

monitor_listens() {
	[ "$(bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_lost |
		jq '[.[] | (.formatted // .).value.pid] | add')" != 0 ]
}

monitor_start() {
	"$top/scripts/vershitify.sh" monitor >"$work/events" &
	monitor_pid=$!
	pids="$pids $monitor_pid"
	until monitor_listens; do
		kill -0 "$monitor_pid" 2>/dev/null || die "monitor has ended too early"
		sleep 0.05
	done
}

# events_note WHAT RATE TOLD LOST: a line of events.tsv: WHAT RATE MADE NS TOLD LOST
events_note() {
	sed "s/^made \\([0-9]*\\) took \\([0-9]*\\)\$/$1$tab$2$tab\\1$tab\\2$tab$3$tab$4/" "$work/burst" >>"$raw/events.tsv"
}

# events_cell WHAT exec|socket RATE COUNT [WORKERS]
events_cell() {
	monitor_start
	events_what=$1
	shift
	on a bench-burst "$@" >"$work/burst"
	# It reads what is in its buffer when it ends.
	sleep 0.3
	lost=$(events_lost)
	background_end "$monitor_pid"
	case $1 in
	exec) told=$(grep -c ' bench-burst bench-burst$' "$work/events" || :) ;;
	socket) told=$(grep -c '^socket tagged' "$work/events" || :) ;;
	esac
	events_note "$events_what" "$2" "$told" "$lost"
}

# events_unheard WHAT exec|socket COUNT: as fast as it goes while nobody listens
events_unheard() {
	on a bench-burst "$2" 0 "$3" >"$work/burst"
	events_note "$1, nobody listens" 0 0 0
}

section_events() {
	section_begin events
	vershitify a add dev ours command bench-burst drop 0% >/dev/null
	round=0
	while [ "$((round += 1))" -le 3 ]; do
		for rate in 300 600; do
			events_cell "targets launched" exec "$rate" "$rate"
		done
		events_cell "targets launched" exec 0 2000
		events_cell "targets launched by 4 processes at once" exec 0 2000 4
		events_unheard "targets launched" exec 2000
		background b bench-sink -p 10000 hold
		events_cell "targets launched, 10000 other processes" exec 0 1000
		background_end "$background_pid"
		for rate in 10000 30000 100000; do
			events_cell "sockets of a target opened" socket "$rate" "$rate"
		done
		events_cell "sockets of a target opened" socket 0 300000
		events_cell "sockets of a target opened by 4 processes at once" socket 0 400000 4
		events_unheard "sockets of a target opened" socket 300000
	done
	vershitify a down
	head_print "events (3 rounds)" "wanted/s" "made/s" "told/s" "lost, at most"
	awk -F "$tab" '
	{
		cell = $1 FS $2
		if (!(cell in made))
			order[++cells] = cell
		made[cell] += $3
		ns[cell] += $4
		told[cell] += $5
		share = 100 * $6 / $3
		if (share > worst[cell])
			worst[cell] = share
	}
	END {
		for (c = 1; c <= cells; c++) {
			cell = order[c]
			split(cell, part, FS)
			printf "%-58s %9s %9.0f %9.0f  %.1f %%\n", part[1], part[2] ? part[2] : "all",
				made[cell] / ns[cell] * 1e9, told[cell] / ns[cell] * 1e9, worst[cell]
		}
	}' "$raw/events.tsv"
}

# --- scale -------------------------------------------------------------------------------------

# kernel_memory: bytes that the kernel has for itself
kernel_memory() {
	awk '/^(Slab|KernelStack|PageTables|Percpu|VmallocUsed):/ { sum += $2 } END { print sum * 1024 }' /proc/meminfo
}

# scale_cell LABEL WORD...: what a rule that comes to traffic with these words finds there, and how long
# commands take.
scale_cell() {
	scale_label=$1
	shift
	background a bench-hold "$@" hold
	sleep 1 # what was freed before takes its time to go
	memory_before=$(kernel_memory)
	time_cell "$scale_label: add" "$top/scripts/vershitify.sh" -n "$lab-a" add dev ours command bench-hold drop 0%
	note "$scale_label: kernel memory" 1 $(($(kernel_memory) - memory_before))
	scale_found=$(vershitify a -j -s show | jq -r '.[0] | "\(.processes) \(.sockets)"')
	note "$scale_label: processes found" 1 "${scale_found% *}"
	note "$scale_label: sockets found" 1 "${scale_found#* }"
	time_cell "$scale_label: show" "$top/scripts/vershitify.sh" -s show
	scale_packets
	time_cell "$scale_label: down" "$top/scripts/vershitify.sh" -n "$lab-a" down
	background_end "$background_pid"
}

# What a bystander pays meanwhile, and one socket more of the target.
scale_packets() {
	baselines_load
	ours_id=$(program_id vsh_egress)
	stats_switch 1
	cell "$scale_label: packet, empty classifier" "$empty_id" bench-other udp 198.18.2.2 9 "$packets"
	cell "$scale_label: packet, bystander" "$ours_id" bench-other udp 198.18.4.2 9 "$packets"
	cell "$scale_label: packet, matched" "$ours_id" bench-hold udp 198.18.4.2 9 "$packets"
	stats_switch 0
}

section_scale() {
	section_begin scale
	round=0
	while [ "$((round += 1))" -le 3 ]; do
		for many in 1 100 1000 10000; do
			scale_cell "$many sockets of one process" -n "$many"
		done
		scale_cell "100000 sockets of 10 processes" -p 10 -n 10000
		for many in 100 1000 10000; do
			scale_cell "$many processes with a socket each" -p "$many"
		done
	done
	figures=$(medians)
	head_print "scale (3 rounds)" figure "" "" unit
	printf '%s\n' "$figures" | awk -F "$tab" '
	{
		unit = "ns"
		if ($1 ~ /: (add|show|down)$/) {
			$2 /= 1e6
			unit = "ms"
		} else if ($1 ~ /memory$/) {
			$2 /= 1024
			unit = "KiB more after add"
		} else if ($1 ~ /found$/) {
			unit = ""
		}
		printf "%-58s %9.1f %9s %9s  %s\n", $1, $2, "", "", unit
	}'
}

# --- shared ------------------------------------------------------------------------------------

# scan_cells LABEL: by the clock, and how often vsh_iter_file visits something.
scan_cells() {
	scan_id=$(bpftool -j link show pinned /sys/fs/bpf/vershitify/link_vsh_iter_file | jq .prog_id)
	time_cell "$1: scan" "$top/build/vsh" scan
	stats_switch 1
	counters "$scan_id"
	before_count=$run_count
	"$top/build/vsh" scan >/dev/null
	counters "$scan_id"
	stats_switch 0
	note "$1: visits" 1 $((run_count - before_count))
}

# shared_cell PROCESSES SOCKETS
shared_cell() {
	background a bench-hold -s -p "$1" -n "$2" hold
	vershitify a add dev ours command bench-hold drop 0% >/dev/null
	scan_cells "$2 sockets shared by $1 processes"
	rm -f /sys/fs/bpf/vershitify/link_vsh_iter_table
	scan_cells "the same without vsh_iter_table"
	vershitify a down
	background_end "$background_pid"
}

section_shared() {
	section_begin shared
	round=0
	while [ "$((round += 1))" -le 3 ]; do
		shared_cell 100 19000
	done
	figures=$(medians)
	head_print "shared (3 rounds)" figure "" "" unit
	printf '%s\n' "$figures" | awk -F "$tab" '
	{
		unit = ""
		if ($1 ~ /: scan$/) {
			$2 /= 1e6
			unit = "ms"
		}
		printf "%-58s %9.1f %9s %9s  %s\n", $1, $2, "", "", unit
	}'
}
