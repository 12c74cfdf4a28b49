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

# The two clocks side by side: the kernel's and the sender's.
plot_packet() {
	plot_over egress-udp "udp: empty classifier" >"$work/kernel"
	plot_over flood "egress: empty classifier" >"$work/sender"
	awk -F "$tab" -v OFS="$tab" '
	function label(text) {
		sub(/^(udp|egress): /, "", text)
		sub(/, nothing tagged$/, "", text)
		return text
	}
	FILENAME ~ /kernel$/ { kernel[label($1)] = $2; next }
	label($1) in kernel && label($1) != "empty classifier" { print label($1), kernel[label($1)], $2 }
	' "$work/kernel" "$work/sender" >"$work/packet"
	gnuplot <<-END
		set terminal svg size 820,420 font "sans,13"
		set output "$plots/packet.svg"
		set datafile separator tab
		set title "UDP, egress: cost of a packet over an empty classifier"
		set ylabel "ns"
		set style data histogram
		set style fill solid 0.8
		set boxwidth 0.9
		set grid ytics
		set xzeroaxis linetype -1
		set xtics rotate by -15
		plot "$work/packet" using 2:xtic(1) title "kernel.bpf_stats_enabled", "" using 3 title "sender's clock"
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
		set yrange [0:*]
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
