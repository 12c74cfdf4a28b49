# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# life.sh - sections: how long commands take, the memory of what they set up, how a change cuts in.

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
	head_print "time ($rounds rounds)" ms "added" "" "target"
	printf '%s\n' "$figures" | awk -F "$tab" '
	$1 == "true" { alone["all of it"] = $2 }
	$1 == "COMMAND alone: until it begins" { alone["until COMMAND begins"] = $2 }
	$1 ~ /clock$/ { next }
	{
		target = $1 ~ /^add/ ? "<= 300" : $1 ~ /COMMAND begins$/ ? "added <= 150" : ""
		part = $1
		sub(/.*: /, "", part)
		printf "%-58s %9.1f %9s %9s  %s\n", $1, $2 / 1e6,
			$1 ~ /^run/ ? sprintf("%.1f", ($2 - alone[part]) / 1e6) : "-", "", target
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
	head_print "memory of an idle set-up, one device" bytes KiB "" target
	awk -F "$tab" '{ printf "%-58s %9d %9.1f %9s  %s\n", $1, $2, $2 / 1024, "", $1 == "all" ? "< 4096 KiB" : "" }' \
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
	head_print "change, under numbered packets every 10 us" figure "" "" target
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
		row = "%-58s %9s %19s  %s\n"
		printf row, "changes from 0 % to 100 % and back", NR, "", ""
		printf row, "packets sent over one, at most", most["packets"], "", ""
		printf row, "old fate after change has returned, packets at most", most["late"] + 0, "", "0"
		printf row, "fate turns, times at most", most["switches"], "", "1"
		printf row, "change: first packet that obeys after, ms at most", sprintf("%.1f", most["first"] / 1000), "", ""
		printf row, "change: returns after, ms at most", sprintf("%.1f", most["command"] / 1000), "", ""
	}' "$raw/change.tsv"
}
