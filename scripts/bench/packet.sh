# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packet.sh - sections: what a packet costs, by the kernel's own clock (kernel.bpf_stats_enabled). It
# contains the reading of the clock, so what counts is the difference to an empty program of the same
# round.

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
		head_print "egress, a packet ($rounds rounds of $packets)" ns "- empty" "/ empty" "target (- empty)"
		rows_print <<-END
			$kind: ours, bystander, nothing tagged$tab<= 3.0
			$kind: ours, bystander, 100 others tagged$tab<= 3.0
			$kind: ours, matched, drop 0%$tab< $limit (the original's)
		END
	done
}

# At ingress the programs of a cgroup run one after the other for the same packet.
ingress_empty_attach() {
	cgroup_root_find
	baselines_load
	bpftool cgroup attach "$cgroup_root" ingress pinned "$pins/bench_ingress" multi
	cgroup_attached=1
}

ingress_empty_detach() {
	bpftool cgroup detach "$cgroup_root" ingress pinned "$pins/bench_ingress"
	cgroup_attached=
}

# Receivers that are targets: what comes to port 10 passes, what comes to 11 does not.
ingress_sinks_start() {
	background b bench-pass sink 10
	pass_pid=$background_pid
	background b bench-lose sink 11
	lose_pid=$background_pid
}

ingress_sinks_end() {
	background_end "$pass_pid"
	background_end "$lose_pid"
}

ingress_cell() {
	counters "$ingress_empty_id"
	empty_before_ns=$run_ns empty_before_count=$run_count
	cell "$1: ours" "$ingress_id" bench-sender udp 198.18.1.2 "$2" "$packets"
	counters "$ingress_empty_id"
	note "$1: empty program" $((run_count - empty_before_count)) $((run_ns - empty_before_ns))
}

section_ingress() {
	section_begin ingress
	ingress_sinks_start
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		rules_load ingress b none
		ingress_empty_attach
		ingress_empty_id=$(bpftool prog show pinned "$pins/bench_ingress" | sed -n '1s/:.*//p')
		ingress_id=$(program_id vsh_cg_ingress)
		ingress_cell "bystander" 9
		ingress_cell "matched, drop 0%" 10
		ingress_cell "matched, drop 100%" 11
		ingress_empty_detach
		rules_unload b
	done
	ingress_sinks_end
	figures=$(medians ": empty program")
	head_print "ingress, UDP ($rounds rounds of $packets)" ns "- empty" "/ empty" ""
	rows_print </dev/null
}
