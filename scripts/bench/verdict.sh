# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# verdict.sh - section: the time of one verdict of pingkiller, in BPF_PROG_TEST_RUN, against a program that
# only finds the message. RESULTS-pingkiller.md has the figures.

runs=${BENCH_RUNS:-10000000}

verdict_load() {
	rm -rf "$pins"
	mkdir "$pins"
	bpftool prog loadall "$built/pingparse.o" "$pins"
	bpftool prog loadall "$top/build/pingkiller.o" "$pins" pinmaps "$pins"
}

# verdict_cell NAME PROGRAM PACKET VERDICT: one time before, so that caches and countdown are as they stay.
verdict_cell() {
	"$built/testrun" "$pins/$2" 1000 "$3" >/dev/null
	verdict_said=$("$built/testrun" "$pins/$2" "$runs" "$3")
	[ "$4" = - ] || [ "${verdict_said% *}" = "$4" ] || die "$1: the verdict is ${verdict_said% *}, not $4"
	note "$1" "$runs" "${verdict_said#* }"
}

# verdict_ours NAME PACKET VERDICT WORD...: freshly loaded, since a processor keeps what it has seen.
verdict_ours() {
	verdict_name=$1 verdict_packet=$2 verdict_wanted=$3
	shift 3
	verdict_load
	"$top/build/vsh" ping plan dev lo "$@" |
		sed -n "s|^update |map update pinned $pins/|p" >"$work/batch"
	bpftool batch file "$work/batch" >/dev/null
	verdict_cell "$verdict_name" pk_xdp "$verdict_packet" "$verdict_wanted"
}

# prefixes COUNT: of which one has the packet's source.
prefixes() {
	awk -v n="$1" 'BEGIN {
		print "10.0.0.1"
		for (i = 1; i < n; i++)
			printf "10.%d.%d.0/%d\n", 1 + i / 256, i % 256, 24 + i % 8
	}' >"$work/prefixes-$1"
}

section_verdict() {
	section_begin verdict
	for count in 1 1000 10000; do
		prefixes "$count"
	done
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		verdict_load
		verdict_cell "does nothing" bench_nothing echo 2
		verdict_cell "parses and returns" bench_parse echo 1
		verdict_ours "echo request, dropped and counted" echo 1 sample 0
		verdict_ours "the same, IPv6" echo6 1 sample 0
		verdict_ours "another type, passed and counted" other 2 sample 0
		verdict_ours "UDP, passed and counted" udp 2 sample 0
		verdict_ours "dropped, one packet in 64 timed (the default)" echo 1
		verdict_ours "dropped, every packet timed" echo 1 sample 1
		verdict_ours "dropped, drop 50%" echo - sample 0 drop 50%
		verdict_ours "dropped, for 1h" echo 1 sample 0 for 1h
		verdict_ours "dropped, src, 1 prefix" echo 1 sample 0 src-file "$work/prefixes-1"
		verdict_ours "dropped, src, 1,000 prefixes" echo 1 sample 0 src-file "$work/prefixes-1000"
		verdict_ours "dropped, src, 10,000 prefixes" echo 1 sample 0 src-file "$work/prefixes-10000"
		verdict_ours "dropped, rate 10/s" echo - sample 0 rate 10/s
	done
	figures=$(medians "parses and returns")
	head_print "a verdict ($rounds rounds of $runs)" ns "- parses" "times" target
	rows_print <<-END
		echo request, dropped and counted$tab<= 30 ns, <= 1.3 times
	END
}
