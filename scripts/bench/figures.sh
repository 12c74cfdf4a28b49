# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# figures.sh - a library: taking figures, their medians, tables.

# program_id NAME: the newest of ours of that name. The list breaks off at a program that goes while it is
# read.
program_id() {
	tries=0
	while [ "$((tries += 1))" -le 50 ]; do
		if bpftool prog show name "$1" >"$work/program" 2>/dev/null && [ -s "$work/program" ]; then
			sed -n 's/^\([0-9]*\):.*/\1/p' "$work/program" | tail -n 1
			return
		fi
		sleep 0.02
	done
	die "there is no program $1"
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

# medians [BASE]: of $raw/$section.tsv, one line for each cell, in their order: CELL, nanoseconds for one,
# and, against cell BASE in the same round, how many more, and how many times as many ("-" without). Tabs
# between them. A BASE of ": NAME" is, for each cell "LABEL: ANY", the cell "LABEL: NAME".
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
	function base_of(cell) {
		return base ~ /^: / ? substr(cell, 1, index(cell, ": ") - 1) base : base
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
				if (!((base_of(order[c]), r) in each))
					continue
				over[++m] = each[order[c], r] - each[base_of(order[c]), r]
				times[m] = each[order[c], r] / each[base_of(order[c]), r]
			}
			printf "%s\t%.1f\t%s\t%s\n", order[c], median(total, n),
				m ? sprintf("%+.1f", median(over, m)) : "-", m ? sprintf("%.3f", median(times, m)) : "-"
		}
	}' "$raw/$section.tsv"
}

# value CELL COLUMN: of the medians in $figures.
value() {
	printf '%s\n' "$figures" | awk -F "$tab" -v cell="$1" -v column="$2" '$1 == cell { print $column }'
}

head_print() {
	printf '\n%-58s %9s %9s %9s  %s\n' "$@"
}

row_print() {
	printf '%-58s %9s %9s %9s  %s\n' "$@"
}

# rows_print: all of $figures; on stdin lines "CELL<tab>TARGET" for those that have one.
rows_print() {
	targets=$(cat)
	printf '%s\n' "$figures" | while IFS=$tab read -r name ns over times; do
		row_print "$name" "$ns" "$over" "$times" \
			"$(printf '%s\n' "$targets" | awk -F "$tab" -v cell="$name" '$1 == cell { print $2 }')"
	done
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
