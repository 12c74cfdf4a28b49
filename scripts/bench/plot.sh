# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# plot.sh - section: the raw figures of the other sections as pictures.

# plot_over SECTION BASE: lines "CELL<tab>NANOSECONDS MORE THAN BASE" of what was measured before
plot_over() {
	section=$1
	[ -s "$raw/$section.tsv" ] || die "plot: there are no figures of '$section' yet (run.sh $section)"
	medians "$2" | awk -F "$tab" -v OFS="$tab" '{ print $1, $3 + 0 }'
}

# plot_value FILE CELL
plot_value() {
	awk -F "$tab" -v cell="$2" '$1 == cell { print $2 }' "$work/$1"
}

# The two clocks side by side: the kernel's and the sender's.
plot_packet() {
	{
		plot_over egress-udp "udp: empty classifier"
		plot_over ingress ": empty program"
	} >"$work/kernel"
	{
		plot_over flood ": empty classifier" | grep -v '^ingress'
		plot_over flood "ingress: empty program, bystander" | grep '^ingress'
	} >"$work/sender"
	while IFS='|' read -r name kernel sender; do
		printf '"%s"\t%s\t%s\n' "$name" "$(plot_value kernel "$kernel")" "$(plot_value sender "$sender")"
	done >"$work/packet" <<-'END'
		original,\nbystander|udp: original, bystander|bystander: original
		ours,\nbystander|udp: ours, bystander, nothing tagged|bystander: ours
		original,\nmatched|udp: original, matched|matched: original
		ours,\nmatched|udp: ours, matched, drop 0%|matched: ours
		at ingress,\nbystander|bystander: ours|ingress: ours, bystander
		at ingress,\nmatched|matched, drop 0%: ours|ingress: ours, matched, drop 0%
	END
	gnuplot <<-END
		set terminal svg size 820,420 font "sans,13"
		set output "$plots/packet.svg"
		set datafile separator tab
		set title "UDP: what a packet costs over an empty program"
		set ylabel "ns"
		set yrange [0:*]
		set style data histogram
		set style fill solid 0.8
		set boxwidth 0.9
		set grid ytics
		set key top left
		set xrange [-0.6:5.6]
		set bmargin 4
		plot "$work/packet" using 2:xtic(1) title "kernel's clock", "" using 3 title "sender's clock"
	END
}

plot_flat() {
	plot_over flat ": empty classifier" |
		sed -n "s/^\\([0-9]*\\) tagged: \\(bystander\\|matched\\)$tab/\\2$tab\\1$tab/p" >"$work/flat"
	plot_over rules ": empty classifier" |
		sed -n "s/^\\([0-9]*\\) rules: \\(bystander\\|matched\\)$tab/\\2$tab\\1$tab/p" >"$work/rules"
	gnuplot <<-END
		set terminal svg size 820,380 font "sans,13"
		set output "$plots/flat.svg"
		set datafile separator tab
		set multiplot layout 1,2
		set logscale x
		set yrange [-5:*]
		set ylabel "ns over an empty classifier"
		set grid ytics
		set key center right
		set xlabel "tagged sockets"
		set xrange [0.8:20000]
		plot for [who in "matched bystander"] "< grep ^".who." $work/flat" using 2:3 with linespoints linewidth 2 title who
		set xlabel "rules"
		set xrange [0.8:100]
		plot for [who in "matched bystander"] "< grep ^".who." $work/rules" using 2:3 with linespoints linewidth 2 title who
	END
}

section_plot() {
	plot_packet
	plot_flat
	printf '\nplots: %s\n' "$plots"/*.svg
}
