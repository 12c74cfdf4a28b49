#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ping.sh - what pingkiller costs, in figures. Needs root and a quiet machine. RESULTS-pingkiller.md has the
# figures of one machine.
#
#   NAME-a: floods   eth0 192.0.2.1 ---- veth ---- 192.0.2.2 eth0   NAME-b: drops them, or answers
#
# Each round visits all cells; what is printed is the median over the rounds. Raw figures stay in
# build/bench/raw/RELEASE/. It judges nothing: the exit status says only that it ran.

set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
rounds=${BENCH_ROUNDS:-15}
runs=${BENCH_RUNS:-10000000}
packets=${BENCH_PACKETS:-200000}
built=$top/build/bench
raw=$built/raw/$(uname -r)
tab='	'
lab=bench-$$
pins=/sys/fs/bpf/bench_$$
work='' stats_before='' mounted='' lab_is_up=''

usage() {
	cat <<END
Usage: ping.sh [verdict] [flood]

verdict  the time of a verdict, in BPF_PROG_TEST_RUN, against a program that only finds the message
flood    packets per second under a ping flood: with nothing, pingkiller, nftables, tc

BENCH_ROUNDS=$rounds rounds of BENCH_RUNS=$runs runs, and of BENCH_PACKETS=$packets packets.
END
}

die() {
	printf 'ping.sh: %s\n' "$*" >&2
	exit 1
}

clean_up() {
	trap '' INT TERM HUP
	[ -z "$lab_is_up" ] || "$top/scripts/pingkiller.sh" stop || :
	[ -z "$lab_is_up" ] || "$top/scripts/netlab.sh" down "$lab" || :
	[ ! -d "$pins" ] || rm -rf "$pins"
	[ -z "$mounted" ] || umount /sys/fs/bpf
	[ -z "$stats_before" ] || printf '%s\n' "$stats_before" >/proc/sys/kernel/bpf_stats_enabled
	[ -z "$work" ] || rm -rf "$work"
}

# shellcheck source=scripts/bench/figures.sh
. "$top/scripts/bench/figures.sh"

# --- verdict -----------------------------------------------------------------------------------

programs_load() {
	rm -rf "$pins"
	mkdir "$pins"
	bpftool prog loadall "$built/pingparse.o" "$pins"
	bpftool prog loadall "$top/build/pingkiller.o" "$pins" pinmaps "$pins"
}

# run_cell NAME PROGRAM PACKET VERDICT: one time before, so that caches and countdown are as they stay.
run_cell() {
	"$built/testrun" "$pins/$2" 1000 "$3" >/dev/null
	run_said=$("$built/testrun" "$pins/$2" "$runs" "$3")
	[ "$4" = - ] || [ "${run_said% *}" = "$4" ] || die "$1: the verdict is ${run_said% *}, not $4"
	note "$1" "$runs" "${run_said#* }"
}

# ours_cell NAME PACKET VERDICT WORD...: freshly loaded, since a processor keeps what it has seen.
ours_cell() {
	ours_name=$1 ours_packet=$2 ours_verdict=$3
	shift 3
	programs_load
	"$top/build/vsh" ping plan dev lo "$@" |
		sed -n "s|^update |map update pinned $pins/|p" >"$work/batch"
	bpftool batch file "$work/batch" >/dev/null
	run_cell "$ours_name" pk_xdp "$ours_packet" "$ours_verdict"
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
	section_begin ping-verdict
	for count in 1 1000 10000; do
		prefixes "$count"
	done
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		programs_load
		run_cell "does nothing" bench_nothing echo 2
		run_cell "parses and returns" bench_parse echo 1
		ours_cell "echo request, dropped and counted" echo 1 sample 0
		ours_cell "the same, IPv6" echo6 1 sample 0
		ours_cell "another type, passed and counted" other 2 sample 0
		ours_cell "UDP, passed and counted" udp 2 sample 0
		ours_cell "dropped, one packet in 64 timed (the default)" echo 1
		ours_cell "dropped, every packet timed" echo 1 sample 1
		ours_cell "dropped, drop 50%" echo - sample 0 drop 50%
		ours_cell "dropped, for 1h" echo 1 sample 0 for 1h
		ours_cell "dropped, src, 1 prefix" echo 1 sample 0 src-file "$work/prefixes-1"
		ours_cell "dropped, src, 1,000 prefixes" echo 1 sample 0 src-file "$work/prefixes-1000"
		ours_cell "dropped, src, 10,000 prefixes" echo 1 sample 0 src-file "$work/prefixes-10000"
		ours_cell "dropped, rate 10/s" echo - sample 0 rate 10/s
	done
	figures=$(medians "parses and returns")
	head_print "a verdict ($rounds rounds of $runs)" ns "- parses" "times" target
	rows_print <<-END
		echo request, dropped and counted$tab<= 30 ns, <= 1.3 times
	END
}

# --- flood -------------------------------------------------------------------------------------

on_b() {
	nsenter --net="/run/netns/$lab-b" "$@"
}

# flood_cell NAME: what is sent is through, dropped or answered, before the next packet is sent.
flood_cell() {
	begin=$(date +%s%N)
	nsenter --net="/run/netns/$lab-a" "$top/build/test/pingflood" eth0 "$mac" "$packets" >/dev/null
	note "$1" "$packets" $(($(date +%s%N) - begin))
}

pingkiller_cell() {
	pingkiller_name=$1
	shift
	"$top/scripts/pingkiller.sh" -n "$lab-b" dev eth0 "$@" background 2>/dev/null
	flood_cell "$pingkiller_name"
	"$top/scripts/pingkiller.sh" -n "$lab-b" stop
}

# nft_cell NAME CHAIN: where this kernel has it.
nft_cell() {
	on_b nft -f - 2>/dev/null <<-END || return 0
		table netdev bench {
			chain ingress { type filter hook ingress device "eth0" priority 0; }
		}
		table inet bench {
			chain input { type filter hook input priority 0; }
		}
		add rule $2 ip protocol icmp drop
	END
	flood_cell "$1"
	on_b nft flush ruleset
}

# tc_cell NAME FILTER...
tc_cell() {
	tc_name=$1
	shift
	on_b tc qdisc add dev eth0 clsact
	if on_b tc filter add dev eth0 ingress protocol ip "$@" 2>/dev/null; then
		flood_cell "$tc_name"
	fi
	on_b tc qdisc del dev eth0 clsact
}

section_flood() {
	section_begin ping-flood
	lab_is_up=1
	"$top/scripts/netlab.sh" up "$lab"
	on_b sysctl -qw net.ipv4.icmp_ratelimit=0
	mac=$(ip -n "$lab-b" -o link show eth0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/')
	# The answers have somewhere to go.
	ip -n "$lab-b" route add 10.0.0.0/8 via 192.0.2.1
	ping_mac=$(ip -n "$lab-a" -o link show eth0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/')
	ip -n "$lab-b" neigh replace 192.0.2.1 lladdr "$ping_mac" dev eth0 nud permanent
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		flood_cell "nothing: answered"
		pingkiller_cell "pingkiller, hook native" hook native
		pingkiller_cell "pingkiller, hook generic" hook generic
		pingkiller_cell "pingkiller, hook tc" hook tc
		nft_cell "nftables, ingress" "netdev bench ingress"
		nft_cell "nftables, input" "inet bench input"
		tc_cell "tc, flower" flower ip_proto icmp action drop
		tc_cell "tc, u32" u32 match ip protocol 1 0xff action drop
	done
	figures=$(medians "nothing: answered")
	head_print "a ping flood ($rounds rounds of $packets)" "ns" "- nothing" "times" "packets a second"
	printf '%s\n' "$figures" | while IFS=$tab read -r name ns over times; do
		row_print "$name" "$ns" "$over" "$times" "$(awk -v ns="$ns" 'BEGIN { printf "%.0f", 1e9 / ns }')"
	done
}

for word; do
	case $word in
	verdict | flood) ;;
	*)
		usage
		[ "$word" != help ] && [ "$word" != --help ] || exit 0
		exit 2
		;;
	esac
done
[ "$(id -u)" = 0 ] || die "only root can load programs (sudo $0)"
cd "$top"
make -s all testprograms benchprograms
mkdir -p "$raw"
work=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
stats_before=$(cat /proc/sys/kernel/bpf_stats_enabled)
printf '0\n' >/proc/sys/kernel/bpf_stats_enabled
mountpoint -q /sys/fs/bpf || {
	mount -t bpf bpf /sys/fs/bpf
	mounted=1
}
machine_print
[ $# -gt 0 ] || set -- verdict flood
for word; do
	"section_$word"
done
