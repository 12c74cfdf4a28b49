#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh - what vershitify costs, in figures. Needs root, a minute or two, and a quiet machine.
#
# Packets go through four cables between two namespaces made for it, all alike but for the classifier at
# their sending end:
#
#   NAME-a: none     198.18.1.1 ---- 198.18.1.2 :NAME-b    no filter at all
#           empty    198.18.2.1 ---- 198.18.2.2            a classifier that does nothing
#           original 198.18.3.1 ---- 198.18.3.2            the original's method, a socket mark
#           ours     198.18.4.1 ---- 198.18.4.2
#
# Times per packet are the kernel's own (kernel.bpf_stats_enabled). They contain the reading of the clock,
# so what counts is the difference to the empty classifier of the same round. Each round visits all
# cells; what is printed is the median over the rounds. Raw figures stay in build/bench/raw/.
#
# It judges nothing: targets stand beside the figures, and the exit status says only that it ran.

set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
rounds=${BENCH_ROUNDS:-15}
packets=${BENCH_PACKETS:-20000}
built=$top/build/bench
raw=$built/raw
lab=bench-$$
pins=/sys/fs/bpf/bench_$$
sections='egress ingress flat send time memory change'
tab='	'
work='' pids='' stats_before='' cgroup_attached='' lab_is_up=''

usage() {
	cat <<END
Usage: run.sh [SECTION...]    all sections, or some of: $sections

egress   time per outgoing packet, UDP and TCP        ingress  per incoming packet
flat     the same with many sockets and many rules    send     time of the sender's whole call
time     of add and of run                            memory   pinned by an idle set-up
change   from a change to the first packet that obeys

BENCH_ROUNDS=$rounds rounds of BENCH_PACKETS=$packets packets.
END
}

die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# --- the laboratory ----------------------------------------------------------------------------

clean_up() {
	trap '' INT TERM HUP
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	if [ -n "$lab_is_up" ]; then
		for side in a b; do
			[ ! -e "/run/netns/$lab-$side" ] || vershitify "$side" down || :
		done
	fi
	[ -z "$cgroup_attached" ] ||
		bpftool cgroup detach "$cgroup_root" ingress pinned "$pins/bench_ingress" || :
	[ ! -d "$pins" ] || rm -rf "$pins"
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

# on a|b PROGRAM WORD...: one of our programs, there.
on() {
	on_side=$1 on_program=$2
	shift 2
	nsenter --net="/run/netns/$lab-$on_side" "$work/$on_program" "$@"
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
	lab_is_up=1
	for side in a b; do
		ip netns add "$lab-$side"
		# Neighbour discovery would be counted among the packets.
		for all in all default; do
			nsenter --net="/run/netns/$lab-$side" sysctl -eqw "net.ipv6.conf.$all.disable_ipv6=1"
		done
		ip -n "$lab-$side" link set lo up
	done
	cable_up none 1
	cable_up empty 2
	cable_up original 3
	cable_up ours 4
	for baseline in empty original; do
		nsenter --net="/run/netns/$lab-a" tc qdisc add dev "$baseline" clsact
	done
}

# baselines_load: again for each round, as ours is. Where in memory a program comes to lie decides about
# a few nanoseconds, so that one load of each would compare places, not programs.
baselines_load() {
	rm -rf "$pins"
	bpftool prog loadall "$built/baseline.o" "$pins"
	for baseline in empty original; do
		nsenter --net="/run/netns/$lab-a" tc filter replace dev "$baseline" egress \
			protocol all pref 3 handle 1 bpf direct-action object-pinned "$pins/bench_$baseline"
	done
	empty_id=$(bpftool prog show pinned "$pins/bench_empty" | sed -n '1s/:.*//p')
	original_id=$(bpftool prog show pinned "$pins/bench_original" | sed -n '1s/:.*//p')
}

# names_make: a program is a target by its name.
names_make() {
	for name in other pass lose sender sink; do
		ln -s "$built/traffic" "$work/bench-$name"
	done
	ln -s "$built/fate" "$work/bench-fate"
}

# background a|b PROGRAM WORD...: started there, and waited for until it says that it is ready. No
# function in the background: its process id would be that of a shell around it.
background() {
	: >"$work/said"
	background_in=/run/netns/$lab-$1 background_what=$work/$2
	shift 2
	nsenter --net="$background_in" "$background_what" "$@" >"$work/said" &
	background_pid=$!
	pids="$pids $background_pid"
	until [ -s "$work/said" ]; do
		kill -0 "$background_pid" 2>/dev/null || die "$background_what has ended too early"
		sleep 0.01
	done
}

background_end() {
	kill "$1"
	wait "$1" 2>/dev/null || :
}

# --- measuring ---------------------------------------------------------------------------------

# program_id NAME: the one of ours that is attached.
program_id() {
	bpftool prog show name "$1" | sed -n 's/^\([0-9]*\):.*/\1/p' | tail -n 1
}

# counters ID: sets run_ns and run_count.
counters() {
	counted=$(bpftool prog show id "$1" |
		sed -n '1s/.* run_time_ns \([0-9]*\) run_cnt \([0-9]*\).*/\1 \2/p')
	run_ns=${counted% *} run_count=${counted#* }
	[ -n "$counted" ] || run_ns=0 run_count=0
}

# note CELL COUNT NS: into the raw figures: SECTION CELL ROUND COUNT NS.
note() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$section" "$1" "$round" "$2" "$3" >>"$raw/$section.tsv"
}

# cell NAME ID PROGRAM WORD...: what program ID takes while PROGRAM sends.
cell() {
	cell_name=$1 cell_id=$2
	shift 2
	counters "$cell_id"
	before_ns=$run_ns before_count=$run_count
	on a "$@" >/dev/null
	counters "$cell_id"
	note "$cell_name" $((run_count - before_count)) $((run_ns - before_ns))
}

section_begin() {
	section=$1
	: >"$raw/$section.tsv"
}

# medians BASE: of $raw/$section.tsv, one line for each cell, in their order: CELL, nanoseconds for one,
# and the same less those of cell BASE in the same round ("-" without BASE). Tabs between them.
medians() {
	awk -F "$tab" -v base="${1:-}" '
	function median(values, n, i, j, held) {
		for (i = 2; i <= n; i++) {
			held = values[i]
			for (j = i - 1; j > 0 && values[j] > held; j--)
				values[j + 1] = values[j]
			values[j + 1] = held
		}
		return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
	}
	$4 > 0 {
		if (!seen[$2]++)
			order[++cells] = $2
		each[$2, $3] = $5 / $4
		if ($3 > rounds)
			rounds = $3
	}
	END {
		for (c = 1; c <= cells; c++) {
			n = m = 0
			for (r = 1; r <= rounds; r++) {
				if (!((order[c], r) in each))
					continue
				total[++n] = each[order[c], r]
				if ((base, r) in each)
					over[++m] = each[order[c], r] - each[base, r]
			}
			printf "%s\t%.1f\t%s\n", order[c], median(total, n), m ? sprintf("%.1f", median(over, m)) : "-"
		}
	}' "$raw/$section.tsv"
}

# value CELL COLUMN: of the medians in $figures.
value() {
	printf '%s\n' "$figures" | awk -F "$tab" -v cell="$1" -v column="$2" '$1 == cell { print $column }'
}

head_print() {
	printf '\n%-58s %9s %9s  %s\n' "$@"
}

row_print() {
	printf '%-58s %9s %9s  %s\n' "$@"
}

# rows_print: all of $figures; on stdin lines "CELL<tab>TARGET" for those that have one.
rows_print() {
	targets=$(cat)
	printf '%s\n' "$figures" | while IFS=$tab read -r name ns over; do
		row_print "$name" "$ns" "$over" \
			"$(printf '%s\n' "$targets" | awk -F "$tab" -v cell="$name" '$1 == cell { print $2 }')"
	done
}

# --- the sections ------------------------------------------------------------------------------

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

# egress_round KIND WORD...: the cells of one kind of traffic; the rest is what each sender is told.
egress_round() {
	kind=$1
	cell "$kind: empty classifier" "$empty_id" bench-other "$kind" 198.18.2.2 9 "$packets"
	cell "$kind: original, bystander" "$original_id" bench-other "$kind" 198.18.3.2 9 "$packets"
	cell "$kind: original, matched" "$original_id" bench-other -m 123 "$kind" 198.18.3.2 9 "$packets"
	cell "$kind: ours, bystander, nothing tagged" "$ours_id" bench-other "$kind" 198.18.4.2 9 "$packets"
	background a bench-pass -n 100 hold
	cell "$kind: ours, bystander, 100 others tagged" "$ours_id" bench-other "$kind" 198.18.4.2 9 "$packets"
	background_end "$background_pid"
	cell "$kind: ours, matched, drop 0%" "$ours_id" bench-pass "$kind" 198.18.4.2 9 "$packets"
	[ "$kind" = tcp ] ||
		cell "$kind: ours, matched, drop 100%" "$ours_id" bench-lose "$kind" 198.18.4.2 9 "$packets"
}

section_egress() {
	section_begin egress-tcp
	section_begin egress-udp
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		rules_load egress a ours
		ours_id=$(program_id vsh_egress)
		for kind in udp tcp; do
			section=egress-$kind
			egress_round "$kind"
		done
		rules_unload a
	done
	for kind in udp tcp; do
		section=egress-$kind
		figures=$(medians "$kind: empty classifier")
		limit=$(value "$kind: original, matched" 3)
		head_print "egress, a packet ($rounds rounds of $packets)" ns "- empty" "target (- empty)"
		rows_print <<-END
			$kind: ours, bystander, nothing tagged$tab<= 3.0
			$kind: ours, bystander, 100 others tagged$tab<= 3.0
			$kind: ours, matched, drop 0%$tab< $limit (the original's)
		END
	done
}

# At ingress the programs of a cgroup run one after the other for the same packet.
ingress_cell() {
	counters "$ingress_empty_id"
	empty_before_ns=$run_ns empty_before_count=$run_count
	cell "$1" "$ingress_id" bench-sender udp 198.18.1.2 "$2" "$packets"
	counters "$ingress_empty_id"
	note "empty program" $((run_count - empty_before_count)) $((run_ns - empty_before_ns))
}

section_ingress() {
	cgroup_root=$(awk '{ for (i = 7; i <= NF; i++) if ($i == "-" && $(i + 1) == "cgroup2" && $4 == "/") print $5 }' \
		/proc/self/mountinfo | head -n 1)
	[ -n "$cgroup_root" ] || die "cgroup v2 is mounted nowhere"
	section_begin ingress
	background b bench-pass sink 10
	pass_pid=$background_pid
	background b bench-lose sink 11
	lose_pid=$background_pid
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		rules_load ingress b none
		bpftool cgroup attach "$cgroup_root" ingress pinned "$pins/bench_ingress" multi
		cgroup_attached=1
		ingress_empty_id=$(bpftool prog show pinned "$pins/bench_ingress" | sed -n '1s/:.*//p')
		ingress_id=$(program_id vsh_cg_ingress)
		ingress_cell "ours, bystander" 9
		ingress_cell "ours, matched, drop 0%" 10
		ingress_cell "ours, matched, drop 100%" 11
		bpftool cgroup detach "$cgroup_root" ingress pinned "$pins/bench_ingress"
		cgroup_attached=
		rules_unload b
	done
	background_end "$pass_pid"
	background_end "$lose_pid"
	figures=$(medians "empty program")
	head_print "ingress, UDP ($rounds rounds of $packets)" ns "- empty" "target (- empty)"
	rows_print </dev/null
}

# flat_round LABEL [SOCKETS]: SOCKETS tagged ones, of which the matched sender has one.
flat_round() {
	cell "$1: empty classifier" "$empty_id" bench-other udp 198.18.2.2 9 "$packets"
	flat_pid=
	if [ "${2:-1}" -gt 1 ]; then
		background a bench-pass -n $(($2 - 1)) hold
		flat_pid=$background_pid
	fi
	cell "$1: bystander" "$ours_id" bench-other udp 198.18.4.2 9 "$packets"
	cell "$1: matched" "$ours_id" bench-pass udp 198.18.4.2 9 "$packets"
	[ -z "$flat_pid" ] || background_end "$flat_pid"
}

# flat_rules LABEL
flat_rules() {
	ours_id=$(program_id vsh_egress)
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		flat_round "$1"
	done
	vershitify a down
}

section_flat() {
	section_begin flat
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		rules_load egress a ours
		ours_id=$(program_id vsh_egress)
		for tagged in 1 100 10000; do
			flat_round "2 rules, $tagged tagged" "$tagged"
		done
		cell "10000 sockets in turn: empty classifier" "$empty_id" \
			bench-other -n 10000 udp 198.18.2.2 9 "$packets"
		cell "10000 sockets in turn: original" "$original_id" \
			bench-other -n 10000 -m 123 udp 198.18.3.2 9 "$packets"
		cell "10000 sockets in turn: bystander" "$ours_id" \
			bench-other -n 10000 udp 198.18.4.2 9 "$packets"
		cell "10000 sockets in turn: matched" "$ours_id" \
			bench-pass -n 10000 udp 198.18.4.2 9 "$packets"
		rules_unload a
	done
	stats_switch 1
	rules_add "command bench-N" ours
	flat_rules "64 rules, 64 names"
	rules_add "command bench-pass" ours
	flat_rules "64 rules, all name the target"
	rules_add "command bench-pass" none
	flat_rules "64 rules, 63 of them for another device"
	stats_switch 0
	flat_print
}

# rules_add WHO DEV: 63 on DEV, and then the one that takes the packets.
rules_add() {
	rule=0
	while [ "$((rule += 1))" -lt 64 ]; do
		printf 'add dev %s %s drop 0%%\n' "$2" "$1" | sed "s/bench-N/bench-$rule/"
	done >"$work/rules"
	printf 'add dev ours command bench-pass drop 0%%\n' >>"$work/rules"
	vershitify a -b "$work/rules" >/dev/null
}

# flat_print: for each state its cells, and how far each is from those with one rule and one socket.
flat_print() {
	figures=$(medians)
	head_print "flatness ($rounds rounds of $packets)" ns "- empty" "against 2 rules, 1 tagged (target: within 10 %)"
	printf '%s\n' "$figures" | awk -F "$tab" '
	{ split($1, part, ": ") }
	part[2] == "empty classifier" { empty = $2 }
	!(part[2] in first) { first[part[2]] = $2 }
	{ printf "%-58s %9.1f %9.1f  %+.1f %%\n", $1, $2, $2 - empty, 100 * ($2 / first[part[2]] - 1) }'
}

# send_cell NAME PROGRAM WORD...
send_cell() {
	send_name=$1
	shift
	note "$send_name" "$packets" "$(on a "$@" udp "$send_address" 9 "$packets" | sed -n 's/^sent //p')"
}

# The sender's own clock, with the kernel's counting off: what a whole send() takes.
section_send() {
	section_begin send
	baselines_load
	vershitify a add dev ours command bench-pass drop 0% >/dev/null
	vershitify a add dev ours command bench-lose drop 100% >/dev/null
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		send_address=198.18.1.2
		send_cell "no filter" bench-other
		send_address=198.18.2.2
		send_cell "empty classifier" bench-other
		send_address=198.18.3.2
		send_cell "original, bystander" bench-other
		send_cell "original, matched" bench-other -m 123
		send_address=198.18.4.2
		send_cell "ours, bystander" bench-other
		send_cell "ours, matched, drop 0%" bench-pass
		send_cell "ours, matched, drop 100%" bench-lose
	done
	vershitify a down
	figures=$(medians "no filter")
	head_print "a whole send() of UDP ($rounds rounds of $packets)" ns "- none" ""
	rows_print </dev/null
}

# time_cell NAME COMMAND...: how long it takes. The answers stay in $work/clock.
time_cell() {
	time_name=$1
	shift
	"$built/clock" run "$@" >"$work/clock" 2>&1
	grep -q ' status 0$' "$work/clock" || die "$time_name: $(cat "$work/clock")"
	note "$time_name" 1 "$(sed -n 's/^took \([0-9]*\) .*/\1/p' "$work/clock")"
}

# run_cells WHERE: a command that does nothing, and one that says when it began.
run_cells() {
	time_cell "run -- true, $1: all of it" \
		"$top/scripts/vershitify.sh" -n "$lab-a" run dev ours drop 0% -- true
	time_cell "run, $1: all of it, with clock" \
		"$top/scripts/vershitify.sh" -n "$lab-a" run dev ours drop 0% -- "$built/clock" since
	note "run, $1: until COMMAND begins" 1 "$(sed -n 's/^began //p' "$work/clock")"
}

section_time() {
	section_begin time
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		time_cell "true" true
		time_cell "clock" "$built/clock" since
		note "COMMAND alone: until it begins" 1 "$(sed -n 's/^began //p' "$work/clock")"
		run_cells "from nothing"
		time_cell "add, from nothing" "$top/scripts/vershitify.sh" -n "$lab-a" \
			add dev ours command bench-pass drop 0%
		time_cell "add, set-up there" "$top/scripts/vershitify.sh" -n "$lab-a" \
			add dev ours command bench-lose drop 0%
		run_cells "set-up there"
		time_cell "change" "$top/scripts/vershitify.sh" -n "$lab-a" change 1 drop 1%
		time_cell "del, one of two" "$top/scripts/vershitify.sh" -n "$lab-a" del 2
		time_cell "down" "$top/scripts/vershitify.sh" -n "$lab-a" down
	done
	figures=$(medians)
	head_print "time ($rounds rounds)" ms "added" "target"
	printf '%s\n' "$figures" | awk -F "$tab" '
	$1 == "true" { alone["all of it"] = $2 }
	$1 == "COMMAND alone: until it begins" { alone["until COMMAND begins"] = $2 }
	$1 ~ /clock$/ { next }
	{
		target = $1 ~ /^add/ ? "<= 300" : $1 ~ /COMMAND begins$/ ? "added <= 150" : ""
		part = $1
		sub(/.*: /, "", part)
		printf "%-58s %9.1f %9s  %s\n", $1, $2 / 1e6,
			$1 ~ /^run/ ? sprintf("%.1f", ($2 - alone[part]) / 1e6) : "-", target
	}'
}

# memory_sum: of our programs and of every map that they use.
memory_sum() {
	bpftool prog show >"$work/programs"
	bpftool map show >"$work/maps"
	awk '
	/^[0-9]+: / { ours = $0 ~ / name vsh_/; id = $1 + 0 }
	{
		memlock = 0
		for (i = 1; i < NF; i++)
			if ($i == "memlock")
				memlock = $(i + 1) + 0
	}
	FILENAME ~ /programs$/ && ours {
		programs += memlock
		for (i = 1; i < NF; i++)
			if ($i == "map_ids") {
				n = split($(i + 1), ids, ",")
				for (j = 1; j <= n; j++)
					used[ids[j]] = 1
			}
	}
	FILENAME ~ /maps$/ && (id in used) { maps += memlock; if (memlock > 100000) large = large id " " }
	END { printf "programs\t%d\nmaps\t%d\nall\t%d\n", programs, maps, programs + maps }
	' "$work/programs" "$work/maps"
	awk '
	/^[0-9]+: / { name = ""; for (i = 2; i < NF; i++) if ($i == "name") name = $(i + 1) }
	name ~ /^vsh_/ { for (i = 1; i < NF; i++) if ($i == "memlock") printf "map %s\t%d\n", name, $(i + 1) }
	' "$work/maps" | sort -t "$tab" -k2nr | head -n 4
}

section_memory() {
	section_begin memory
	vershitify a add dev ours command bench-pass direction both drop 25% >/dev/null
	memory_sum >"$raw/memory.tsv"
	vershitify a down
	head_print "memory of an idle set-up, one device" bytes KiB target
	awk -F "$tab" '{ printf "%-58s %9d %9.1f  %s\n", $1, $2, $2 / 1024, $1 == "all" ? "< 4096 KiB" : "" }' \
		"$raw/memory.tsv"
}

section_change() {
	section_begin change
	vershitify a add dev ours command bench-fate drop 0% >/dev/null
	round=0
	while [ "$((round += 1))" -le 6 ]; do
		drop=$((round % 2 * 100))
		"$work/bench-fate" "/run/netns/$lab-a" "/run/netns/$lab-b" 198.18.4.2 \
			"$top/scripts/vershitify.sh" -n "$lab-a" change 1 drop "$drop%"
	done >"$raw/change.tsv"
	vershitify a down
	head_print "change, under numbered packets every 10 us" figure "" target
	awk '
	function worst(name, value) { if (value + 0 > most[name] + 0) most[name] = value }
	{
		for (i = 1; i < NF; i += 2)
			field[$i] = $(i + 1)
		worst("packets", field["sent"])
		worst("late", field["late"])
		worst("switches", field["switches"])
		worst("first", field["first_us"])
		worst("command", field["command_us"])
	}
	END {
		row = "%-58s %9s %9s  %s\n"
		printf row, "changes from 0 % to 100 % and back", NR, "", ""
		printf row, "packets sent over one, at most", most["packets"], "", ""
		printf row, "old fate after change has returned, packets at most", most["late"] + 0, "", "0"
		printf row, "fate turns, times at most", most["switches"], "", "1"
		printf row, "change: first packet that obeys after, ms at most", sprintf("%.1f", most["first"] / 1000), "", ""
		printf row, "change: returns after, ms at most", sprintf("%.1f", most["command"] / 1000), "", ""
	}' "$raw/change.tsv"
}

machine_print() {
	printf 'kernel   %s\n' "$(uname -srm)"
	printf 'CPU      %s, %s of them\n' \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(getconf _NPROCESSORS_ONLN)"
	printf 'governor %s\n' "$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo none)"
	printf 'clock    %s\n' "$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
	printf 'JIT      %s\n' "$(cat /proc/sys/net/core/bpf_jit_enable 2>/dev/null || echo always)"
	printf 'load     %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
}

for word; do
	case " $sections " in
	*" $word "*) ;;
	*)
		usage
		[ "$word" != help ] && [ "$word" != --help ] || exit 0
		exit 2
		;;
	esac
done
[ "$(id -u)" = 0 ] || die "only root can make network namespaces and attach programs (sudo make bench)"
cd "$top"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"
packages_need build run
make -s all benchprograms
[ ! -e /sys/fs/bpf/vershitify ] || die "rules are at work, and would be measured too (vershitify.sh down)"

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
work=$(mktemp -d)
mkdir -p "$raw"
stats_before=$(cat /proc/sys/kernel/bpf_stats_enabled)
names_make
lab_up
machine_print | tee "$raw/machine"
background b bench-sink sink 9
# shellcheck disable=SC2086 # names of sections
[ $# -gt 0 ] || set -- $sections
for chosen; do
	"section_$chosen"
done
