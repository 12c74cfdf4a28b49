# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# flood.sh - section: the same costs by another clock. Packets per second of a UDP flood, by the sender's
# own time for all its calls, with the kernel's counting off. One sender floods all cables, a few hundred
# packets at a time. The receiver's side of a cable runs within the sender's call, so ingress is seen there,
# too.

# flood_cells LABEL PROGRAM WORD...: lines "ADDRESS PORT CELL" on stdin
flood_cells() {
	flood_label=$1
	shift
	cat >"$work/places"
	# shellcheck disable=SC2046 # addresses and ports
	on a "$@" flood "$packets" $(cut -d ' ' -f 1,2 "$work/places") >"$work/flood"
	while read -r address port name; do
		note "$flood_label: $name" "$packets" "$(sed -n "s/^$address $port //p" "$work/flood")"
	done <"$work/places"
}

# Two without a filter: how far apart cables are that are alike.
flood_all() {
	flood_cells "$@" <<-END
		198.18.2.2 9 empty classifier
		198.18.1.2 9 no filter
		198.18.5.2 9 no filter, another cable
		198.18.3.2 9 original
		198.18.4.2 9 ours
	END
}

flood_ours() {
	flood_cells "$@" <<-END
		198.18.2.2 9 empty classifier
		198.18.4.2 9 ours
	END
}

flood_egress() {
	baselines_load
	vershitify a add dev ours command bench-pass drop 0% >/dev/null
	vershitify a add dev ours command bench-lose drop 100% >/dev/null
	on a bench-other flood "$packets" 198.18.2.2 9 198.18.4.2 9 >/dev/null # to warm up
	flood_all "bystander" bench-other
	flood_all "matched" bench-pass -m 123
	flood_ours "dropped" bench-lose
	background a bench-pass -n 9999 hold
	flood_all "bystander, 10000 tagged" bench-other
	flood_all "matched, 10000 tagged" bench-pass -m 123
	background_end "$background_pid"
	flood_ours "9000 in turn, bystander" bench-other -n 9000
	flood_ours "9000 in turn, matched" bench-pass -n 9000
	vershitify a down
	rules_write 64 "command bench-pass" ours
	vershitify a -b "$work/rules" >/dev/null
	flood_all "64 rules, bystander" bench-other
	flood_all "64 rules, matched by all" bench-pass -m 123
	vershitify a down
}

flood_receivers() {
	flood_cells "ingress" bench-sender <<-END
		198.18.1.2 9 $1bystander
		198.18.1.2 10 $1matched, drop 0%
		198.18.1.2 11 $1matched, drop 100%
	END
}

# The same receivers three times: for themselves, with an empty program at the hook, and with ours there.
flood_ingress() {
	flood_receivers "no program, "
	ingress_empty_attach
	flood_receivers "empty program, "
	ingress_empty_detach
	vershitify b add dev none command bench-pass direction ingress drop 0% >/dev/null
	vershitify b add dev none command bench-lose direction ingress drop 100% >/dev/null
	flood_receivers "ours, "
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
	flood_print ": empty classifier" -v
	flood_print "ingress: empty program, bystander" -e
}

# flood_print BASE -v|-e: all but ingress, or ingress
flood_print() {
	figures=$(medians "$1" | grep "$2" "^ingress: ")
	head_print "UDP flood ($rounds rounds of $packets)" "1000/s" "ns -empty" "ns /empty" "packets a second / empty"
	printf '%s\n' "$figures" | awk -F "$tab" '
	{ printf "%-58s %9.1f %9s %9s  %.3f\n", $1, 1e6 / $2, $3, $4, 1 / $4 }'
}
