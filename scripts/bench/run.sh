#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh - what vershitify, pingkiller and tracepkt cost, in figures. Needs root and a quiet machine. RESULTS.md,
# RESULTS-pingkiller.md and RESULTS-tracepkt.md have the figures of one machine, and what they say.
#
# Each round visits all cells of a section, with programs loaded anew; what is printed is the median over
# the rounds. Raw figures stay in build/bench/raw/RELEASE/, plots in build/bench/plot/RELEASE/.
#
# It judges nothing: targets stand beside the figures, and the exit status says only that it ran.

set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
rounds=${BENCH_ROUNDS:-15}
packets=${BENCH_PACKETS:-20000}
seconds=${BENCH_SECONDS:-1}
built=$top/build/bench
raw=$built/raw/$(uname -r)
plots=$built/plot/$(uname -r)
sections='egress ingress flat rules flood wire time memory change events scale shared plot verdict pingflood trace'
tab='	'

usage() {
	cat <<END
Usage: run.sh [SECTION...]    all sections, or some of: $sections

egress   time per outgoing packet, UDP and TCP          ingress  per incoming packet
flat     the same with 1 to 10,000 tagged sockets       rules    with 1 to 64 rules
flood    packets per second of a UDP flood: the same costs by another clock, the sender's
wire     iperf3 over a cable, TCP and UDP, against netem and nftables where the kernel has them
time     of add, change, del, down and of run           memory   pinned by an idle set-up
change   from a change to the first packet that obeys   events   how many monitor follows in a second
scale    up to 100,000 sockets and 10,000 processes     plot     from the raw figures of the others
shared   a scan where processes share sockets, with and without vsh_iter_table
verdict  pingkiller: time of one, in BPF_PROG_TEST_RUN, against a program that only finds the message
pingflood  pingkiller: packets per second of a ping flood: with nothing, pingkiller, nftables, tc
trace    tracepkt: a packet of others while it runs, a bystander's TCP, how long it takes to begin and end

All of them take twenty minutes. BENCH_ROUNDS=$rounds rounds of BENCH_PACKETS=$packets packets (pingflood: $ping_packets),
verdict: of BENCH_RUNS=$runs runs; iperf3 runs for BENCH_SECONDS=$seconds.
END
}

die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# shellcheck source=scripts/bench/lab.sh
. "$top/scripts/bench/lab.sh"
# shellcheck source=scripts/bench/figures.sh
. "$top/scripts/bench/figures.sh"
# shellcheck source=scripts/bench/packet.sh
. "$top/scripts/bench/packet.sh"
# shellcheck source=scripts/bench/flat.sh
. "$top/scripts/bench/flat.sh"
# shellcheck source=scripts/bench/flood.sh
. "$top/scripts/bench/flood.sh"
# shellcheck source=scripts/bench/wire.sh
. "$top/scripts/bench/wire.sh"
# shellcheck source=scripts/bench/life.sh
. "$top/scripts/bench/life.sh"
# shellcheck source=scripts/bench/scale.sh
. "$top/scripts/bench/scale.sh"
# shellcheck source=scripts/bench/plot.sh
. "$top/scripts/bench/plot.sh"
# shellcheck source=scripts/bench/verdict.sh
. "$top/scripts/bench/verdict.sh"
# shellcheck source=scripts/bench/pingflood.sh
. "$top/scripts/bench/pingflood.sh"
# shellcheck source=scripts/bench/trace.sh
. "$top/scripts/bench/trace.sh"

for word; do
	case " $sections " in
	*" $word "*) ;;
	*)
		usage
		[ "$word" != help ] && [ "$word" != --help ] && [ "$word" != -h ] || exit 0
		exit 2
		;;
	esac
done
[ "$(id -u)" = 0 ] || die "only root can make network namespaces and attach programs (sudo make bench)"
cd "$top"
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"
packages_need build run bench
make -s all testprograms benchprograms
[ ! -e /sys/fs/bpf/vershitify ] || die "rules are at work, and would be measured too (vershitify.sh down)"

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$raw" "$plots"
lab_up
machine_print | tee "$raw/machine"
background b bench-sink sink 9
# shellcheck disable=SC2086 # names of sections
[ $# -gt 0 ] || set -- $sections
for chosen; do
	"section_$chosen"
done
