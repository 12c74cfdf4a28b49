# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# flat.sh - sections: what a packet costs with many sockets and with many rules, by the kernel's own clock.

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

section_flat() {
	section_begin flat
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		rules_load egress a ours
		ours_id=$(program_id vsh_egress)
		for tagged in 1 100 1000 10000; do
			flat_round "$tagged tagged" "$tagged"
		done
		cell "10000 in turn: empty classifier" "$empty_id" \
			bench-other -n 10000 udp 198.18.2.2 9 "$packets"
		cell "10000 in turn: original, matched" "$original_id" \
			bench-other -n 10000 -m 123 udp 198.18.3.2 9 "$packets"
		cell "10000 in turn: bystander" "$ours_id" \
			bench-other -n 10000 udp 198.18.4.2 9 "$packets"
		cell "10000 in turn: matched" "$ours_id" \
			bench-pass -n 10000 udp 198.18.4.2 9 "$packets"
		rules_unload a
	done
	flat_print "sockets ($rounds rounds of $packets)" "against 1 tagged (target: within 10 %)"
}

# flat_rules LABEL
flat_rules() {
	baselines_load
	vershitify a -b "$work/rules" >/dev/null
	stats_switch 1
	ours_id=$(program_id vsh_egress)
	flat_round "$1"
	rules_unload a
}

# rules_write COUNT WHO DEV: to $work/rules, all but one for WHO on DEV, and then the one that takes the packets.
rules_write() {
	rule=0
	while [ "$((rule += 1))" -lt "$1" ]; do
		printf 'add dev %s %s drop 0%%\n' "$3" "$2" | sed "s/bench-N/bench-$rule/"
	done >"$work/rules"
	printf 'add dev ours command bench-pass drop 0%%\n' >>"$work/rules"
}

section_rules() {
	section_begin rules
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		for rules in 1 8 64; do
			rules_write "$rules" "command bench-N" ours
			flat_rules "$rules rules"
		done
		for rules in 8 64; do
			rules_write "$rules" "command bench-pass" ours
			flat_rules "$rules rules, all name the target"
			rules_write "$rules" "command bench-pass" none
			flat_rules "$rules rules, all but one for another device"
		done
	done
	flat_print "rules ($rounds rounds of $packets)" "against 1 rule (target: within 10 %)"
}

# flat_print HEAD COLUMN: how far each cell is from the first of its kind.
flat_print() {
	figures=$(medians ": empty classifier")
	head_print "$1" ns "- empty" "/ empty" "$2"
	printf '%s\n' "$figures" | awk -F "$tab" '
	{ split($1, part, ": ") }
	!(part[2] in first) { first[part[2]] = $2 }
	{ printf "%-58s %9.1f %9s %9s  %+.1f %%\n", $1, $2, $3, $4, 100 * ($2 / first[part[2]] - 1) }'
}
