# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
#
# topology.bash - further namespaces and cables beside those of the lab, and what tracepkt.sh says of a path.

# --- namespaces and cables ---------------------------------------------------------------------

# netns_make NAME...: $LAB-NAME, with loopback.
netns_make() {
	local name

	for name; do
		ip netns add "$LAB-$name"
		ip -n "$LAB-$name" link set lo up
		nsenter --net="/run/netns/$LAB-$name" -- sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	done
}

# cable NAME DEV NAME DEV: a veth pair, up.
cable() {
	ip link add "$2" netns "$LAB-$1" type veth peer name "$4" netns "$LAB-$3"
	ip -n "$LAB-$1" link set "$2" up
	ip -n "$LAB-$3" link set "$4" up
}

# address NAME DEV ADDRESS...
address() {
	local name=$1 dev=$2 address

	for address in "${@:3}"; do
		case $address in
		*:*) ip -n "$LAB-$name" addr add "$address" dev "$dev" nodad ;;
		*) ip -n "$LAB-$name" addr add "$address" dev "$dev" ;;
		esac
	done
}

# chain_make: c is behind the server: 198.51.100.1 right of b, 198.51.100.2 left of c. The client knows the way.
chain_make() {
	netns_make c
	cable b right c left
	address b right 198.51.100.1/24
	address c left 198.51.100.2/24
	ip -n "$CLIENT" route add 198.51.100.0/24 via "$SERVER4"
	ip -n "$LAB-c" route add 192.0.2.0/24 via 198.51.100.1
	on_server sysctl -qw net.ipv4.ip_forward=1
}

# tunnel_make KIND WORDS...: a device "upper" of that kind on both sides, 198.51.100.1 and .2 in it. In the words
# FROM and TO are the addresses below, FROM6 and TO6 those of IPv6.
tunnel_make() {
	local words

	words=${*//FROM6/$CLIENT6}
	words=${words//TO6/$SERVER6}
	words=${words//FROM/$CLIENT4}
	# shellcheck disable=SC2086 # several words
	ip -n "$CLIENT" link add upper type ${words//TO/$SERVER4}
	words=${*//FROM6/$SERVER6}
	words=${words//TO6/$CLIENT6}
	words=${words//FROM/$SERVER4}
	# shellcheck disable=SC2086
	ip -n "$SERVER" link add upper type ${words//TO/$CLIENT4}
	ip -n "$CLIENT" link set upper up
	ip -n "$SERVER" link set upper up
	address a upper 198.51.100.1/24
	address b upper 198.51.100.2/24
}

lab_restore() {
	local netns

	for netns in c d e f g; do
		[ ! -e "/run/netns/$LAB-$netns" ] || ip netns del "$LAB-$netns"
	done
	for netns in "$CLIENT" "$SERVER"; do
		ip -n "$netns" link del upper 2>/dev/null || :
		nsenter --net="/run/netns/$netns" -- sysctl -qw net.ipv4.conf.all.arp_ignore=0
	done
	ip -n "$CLIENT" route flush root 198.51.100.0/24
	ip -n "$CLIENT" route flush root 203.0.113.0/24
	ip -n "$CLIENT" addr del 203.0.113.9/32 dev eth0 2>/dev/null || :
	ip -n "$CLIENT" neigh flush nud permanent dev eth0
	ip -n "$CLIENT" -6 route flush via "$SERVER6" 2>/dev/null
	on_server sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.icmp_echo_ignore_all=0
	on_server nft delete table ip vsht 2>/dev/null || :
}

# --- what is printed ---------------------------------------------------------------------------

# trace WORDS...: from the client.
trace() {
	tracepkt -n "$CLIENT" "$@"
}

# hops: of JSON lines on stdin: "NETNS DEV DIRECTION TYPE" each, the lab's name left out.
hops() {
	jq -r --arg lab "$LAB-" 'select(.event == "hop") | [(.netns.name | ltrimstr($lab)), .dev, .direction, .type] | join(" ")'
}

# assert_path TARGET HOP...: the same hops in JSON and in the table.
assert_path() {
	local target=$1 expected

	shift
	expected=$(printf '%s\n' "$@")
	run -0 --separate-stderr trace -j "$target"
	assert_equal "$(hops <<<"$output")" "$expected"
	run -0 --separate-stderr trace "$target"
	assert_equal "$(awk '/^\[/ { sub(/^.*\] /, ""); print $1, $3, $4, $5 }' <<<"$output" | sed "s/^$LAB-//")" "$expected"
}

# result FIELD: of the last JSON.
result() {
	jq -r "select(.event == \"result\") | .$1" <<<"$output"
}
