# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pingflood.sh - section: packets per second of a ping flood through a cable of its own, which ends in nothing,
# in pingkiller, or in what else drops packets early. The sender's own time: what it sends is through, dropped
# or answered, before it sends the next packet. RESULTS-pingkiller.md has the figures.

ping_packets=${BENCH_PACKETS:-200000}

# pingflood_cell NAME
pingflood_cell() {
	begin=$(date +%s%N)
	on_netns a "$top/build/test/pingflood" pings "$ping_mac" "$ping_packets" >/dev/null
	note "$1" "$ping_packets" $(($(date +%s%N) - begin))
}

pingkiller() {
	"$top/scripts/pingkiller.sh" -n "$lab-b" "$@"
}

# pingkiller_cell NAME WORD...
pingkiller_cell() {
	pingkiller_name=$1
	shift
	pingkiller dev pings "$@" background 2>/dev/null
	pingflood_cell "$pingkiller_name"
	pingkiller stop
}

# nft_cell NAME CHAIN: where this kernel has it.
nft_cell() {
	on_netns b nft -f - 2>/dev/null <<-END || return 0
		table netdev bench {
			chain ingress { type filter hook ingress device "pings" priority 0; }
		}
		table inet bench {
			chain input { type filter hook input priority 0; }
		}
		add rule $2 ip protocol icmp drop
	END
	pingflood_cell "$1"
	on_netns b nft flush ruleset
}

# tc_cell NAME FILTER...
tc_cell() {
	tc_name=$1
	shift
	on_netns b tc qdisc add dev pings clsact
	if on_netns b tc filter add dev pings ingress protocol ip "$@" 2>/dev/null; then
		pingflood_cell "$tc_name"
	fi
	on_netns b tc qdisc del dev pings clsact
}

# The floods are for 192.0.2.2 and come from 10.0.0.0 on; their answers have somewhere to go.
ping_cable_up() {
	cable_up pings 6
	ip -n "$lab-b" addr add 192.0.2.2/32 dev pings
	ip -n "$lab-b" route add 10.0.0.0/8 via 198.18.6.1
	on_netns b sysctl -qw net.ipv4.icmp_ratelimit=0
	ping_mac=$(ip -n "$lab-b" -o link show pings | sed 's/.*ether \([0-9a-f:]*\).*/\1/')
}

section_pingflood() {
	section_begin pingflood
	ping_cable_up
	round=0
	while [ "$((round += 1))" -le "$rounds" ]; do
		pingflood_cell "nothing: answered"
		pingkiller_cell "pingkiller, hook native" hook native
		pingkiller_cell "pingkiller, hook generic" hook generic
		pingkiller_cell "pingkiller, hook tc" hook tc
		nft_cell "nftables, ingress" "netdev bench ingress"
		nft_cell "nftables, input" "inet bench input"
		tc_cell "tc, flower" flower ip_proto icmp action drop
		tc_cell "tc, u32" u32 match ip protocol 1 0xff action drop
	done
	figures=$(medians "nothing: answered")
	head_print "a ping flood ($rounds rounds of $ping_packets)" "ns" "- nothing" "times" "packets a second"
	printf '%s\n' "$figures" | while IFS=$tab read -r name ns over times; do
		row_print "$name" "$ns" "$over" "$times" "$(awk -v ns="$ns" 'BEGIN { printf "%.0f", 1e9 / ns }')"
	done
}
