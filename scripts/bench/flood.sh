# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# flood.sh - section: the same costs by another clock. Packets per second of a UDP flood, by the sender's
# own time for all its calls, with the kernel's counting off. The receiver's side of the cable runs within
# the sender's call, so ingress is seen there, too.

# flood_cell NAME PROGRAM WORD... ADDRESS PORT
flood_cell() {
	flood_name=$1
	shift
	note "$flood_name" "$packets" "$(on a "$@" "$packets" | sed -n 's/^sent //p')"
}

# "no filter" twice: how far apart two cables are that are alike.
flood_egress() {
	baselines_load
	rules_write 1 "" ""
	printf 'add dev ours command bench-lose drop 100%%\n' >>"$work/rules"
	vershitify a -b "$work/rules" >/dev/null
	flood_cell "egress: empty classifier" bench-other udp 198.18.2.2 9
	flood_cell "egress: no filter" bench-other udp 198.18.1.2 9
	flood_cell "egress: no filter, another cable" bench-other udp 198.18.5.2 9
	flood_cell "egress: original, bystander" bench-other udp 198.18.3.2 9
	flood_cell "egress: original, matched" bench-other -m 123 udp 198.18.3.2 9
	flood_cell "egress: ours, bystander" bench-other udp 198.18.4.2 9
	flood_cell "egress: ours, matched, drop 0%" bench-pass udp 198.18.4.2 9
	flood_cell "egress: ours, matched, drop 100%" bench-lose udp 198.18.4.2 9
	background a bench-pass -n 9999 hold
	flood_cell "egress: ours, bystander, 9999 others tagged" bench-other udp 198.18.4.2 9
	flood_cell "egress: ours, matched, 10000 tagged" bench-pass udp 198.18.4.2 9
	background_end "$background_pid"
	flood_cell "10000 in turn: empty classifier" bench-other -n 10000 udp 198.18.2.2 9
	flood_cell "10000 in turn: original, matched" bench-other -n 10000 -m 123 udp 198.18.3.2 9
	flood_cell "10000 in turn: ours, bystander" bench-other -n 10000 udp 198.18.4.2 9
	flood_cell "10000 in turn: ours, matched" bench-pass -n 10000 udp 198.18.4.2 9
	vershitify a down
	rules_write 64 "command bench-pass" ours
	vershitify a -b "$work/rules" >/dev/null
	flood_cell "egress: ours, bystander, 64 rules" bench-other udp 198.18.4.2 9
	flood_cell "egress: ours, matched by 64 rules" bench-pass udp 198.18.4.2 9
	vershitify a down
}

# An empty program at the same hook, and then ours.
flood_ingress() {
	flood_cell "ingress: no program" bench-sender udp 198.18.1.2 9
	ingress_empty_attach
	flood_cell "ingress: empty program" bench-sender udp 198.18.1.2 9
	ingress_empty_detach
	vershitify b add dev none command bench-pass direction ingress drop 0% >/dev/null
	vershitify b add dev none command bench-lose direction ingress drop 100% >/dev/null
	flood_cell "ingress: ours, bystander" bench-sender udp 198.18.1.2 9
	flood_cell "ingress: ours, matched, drop 0%" bench-sender udp 198.18.1.2 10
	flood_cell "ingress: ours, matched, drop 100%" bench-sender udp 198.18.1.2 11
	vershitify b down
}

section_flood() {
	section_begin flood
	ingress_sinks_start
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		flood_egress
		flood_ingress
	done
	ingress_sinks_end
	for label in egress "10000 in turn" ingress; do
		case $label in
		ingress) base="ingress: empty program" ;;
		*) base="$label: empty classifier" ;;
		esac
		figures=$(medians "$base" | grep "^$label: ")
		head_print "UDP flood ($rounds rounds of $packets)" "1000/s" "ns -empty" "ns /empty" "packets a second / empty"
		printf '%s\n' "$figures" | awk -F "$tab" '
		{ printf "%-58s %9.1f %9s %9s  %.3f\n", $1, 1e6 / $2, $3, $4, 1 / $4 }'
	done
}
