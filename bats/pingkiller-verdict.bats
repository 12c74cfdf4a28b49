#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What pingkiller.sh drops, what it lets pass, and that it counts exactly that.
# vm: ^(native: pings|generic: pings|tc: pings|crafted packets, (XDP|tc)|PMTUD|rate: each|another XDP|behind VLAN)
#
#   $CLIENT: pings, floods   eth0 192.0.2.1 ---------- 192.0.2.2 eth0   $SERVER: pingkiller.sh
#
# bats sets status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

setup_file() {
	suite_begin
	# A round is one kill at a random moment.
	if [ -n "${VSH_VM-}" ]; then export ROUNDS=5 FLOOD=20000; else export ROUNDS=25 FLOOD=1000000; fi
}
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	pingkiller stop >/dev/null
	[ ! -e "$BATS_TEST_TMPDIR/router" ] || ip netns del "$LAB-r"
	if [ -e "$BATS_TEST_TMPDIR/foreign" ]; then
		rm -f /sys/fs/bpf/guest /sys/fs/bpf/guest_count
		on_server bpftool net detach xdpgeneric dev eth0 2>/dev/null || :
		on_server tc qdisc del dev eth0 clsact 2>/dev/null || :
	fi
	[ ! -e "/run/netns/$CLIENT" ] || ip -n "$CLIENT" link del eth1 2>/dev/null || :
	[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || umount /sys/fs/bpf
}

# For what is pinned by hand; bpftool would mount it where it is missing, and leave it.
bpffs_borrow() {
	mountpoint -q /sys/fs/bpf && return
	mount -t bpf bpf /sys/fs/bpf
	touch "$BATS_TEST_TMPDIR/mounted"
}

# kill_pings WORD...: on the server's device, in the background.
kill_pings() {
	pk dev eth0 background "$@" 2>/dev/null
}

# answered [PING-WORDS...] ADDRESS: of ten pings.
answered() {
	on_client ping -q -c 10 -i 0.01 -W 0.2 "$@" | sed -n 's/.* \([0-9]*\) received.*/\1/p'
}

# counted PATH: a number out of "stats -j", of the server's eth0.
counted() {
	pk -j stats dev eth0 | jq -r "$1"
}

# typed FAMILY TYPE passed|dropped: packets of that type
typed() {
	counted "[.types[] | select(.family == \"$1\" and .type == $2) | .$3.packets] | add // 0"
}

mac_of_server() {
	ip -n "$SERVER" -j link show eth0 | jq -r '.[0].address'
}

# flood WORDS... COUNT: prints packets and bytes
flood() {
	on_client "$PROGRAMS/pingflood" "${@:1:$#-1}" eth0 "$(mac_of_server)" "${@: -1}" | sed 's/^sent //'
}

# --- the three hooks ----------------------------------------------------------------

# pings_die HOOK: IPv4 and IPv6, and only while it is there.
pings_die() {
	assert_equal "$(answered "$SERVER4") $(answered "$SERVER6")" '10 10'
	kill_pings hook "$1"
	assert_equal "$(answered "$SERVER4") $(answered "$SERVER6")" '0 0'
	assert_equal "$(typed ipv4 8 dropped) $(typed ipv6 128 dropped)" '10 10'
	assert_equal "$(typed ipv4 8 passed) $(typed ipv6 128 passed)" '0 0'
	assert_equal "$(pk -j show | jq -r '.[0].hook')" "$1"
	pk stop dev eth0 >/dev/null
	assert_equal "$(answered "$SERVER4") $(answered "$SERVER6")" '10 10'
}

@test "native: pings are dropped while it is there, and counted" {
	pings_die native
}

@test "generic: pings are dropped while it is there, and counted" {
	pings_die generic
}

@test "tc: pings are dropped while it is there, and counted" {
	pings_die tc
}

@test "replies to pings of this machine are dropped, too, and each by its type" {
	kill_pings
	run -1 on_server ping -q -c 5 -i 0.01 -W 0.2 "$CLIENT4"
	run -1 on_server ping -q -c 5 -i 0.01 -W 0.2 "$CLIENT6"
	assert_equal "$(typed ipv4 0 dropped) $(typed ipv6 129 dropped)" '5 5'
}

@test "auto: native where the driver can, otherwise generic, and it says so" {
	run -0 --separate-stderr pk dev eth0 background
	assert_regex "$stderr" "dropping: dev eth0 hook native .* until: pingkiller.sh -n $SERVER stop dev eth0\$"
	pk stop >/dev/null
	run -0 --separate-stderr pk dev lo background
	# shellcheck disable=SC2154
	assert_regex "$stderr" 'lo has no native XDP; using generic'
	assert_regex "$stderr" 'dropping: dev lo hook generic '
	run -1 on_server ping -q -c 2 -i 0.01 -W 0.2 127.0.0.1
}

@test "another XDP program on the device is named and left alone; hook tc works beside it" {
	local before

	touch "$BATS_TEST_TMPDIR/foreign"
	bpffs_borrow
	"$PROGRAMS/foreign" load xdp stranger /sys/fs/bpf/other_xdp
	on_server bpftool net attach xdpgeneric pinned /sys/fs/bpf/other_xdp dev eth0
	rm /sys/fs/bpf/other_xdp /sys/fs/bpf/other_xdp_count
	before=$(system_state)
	run -1 --separate-stderr pk dev eth0 background
	assert_regex "$stderr" 'another XDP program, stranger \(id [0-9]+\).*hook tc'
	run -1 --separate-stderr pk dev eth0 hook generic background
	assert_equal "$(system_state)" "$before"
	kill_pings hook tc
	assert_equal "$(answered "$SERVER4") $(answered "$SERVER6")" '0 0'
	assert_equal "$(answered -s 1400 "$SERVER4")" 0
	pk stop >/dev/null
	assert_state "$before"
}

@test "hook tc: other people's filters stay, also when clsact is theirs" {
	local before

	touch "$BATS_TEST_TMPDIR/foreign"
	bpffs_borrow
	"$PROGRAMS/foreign" load tc guest /sys/fs/bpf/guest
	on_server tc qdisc add dev eth0 clsact
	on_server tc filter add dev eth0 ingress pref 7 bpf da pinned /sys/fs/bpf/guest
	before=$(system_state)
	kill_pings hook tc
	assert_equal "$(answered "$SERVER4")" 0
	pk stop >/dev/null
	assert_state "$before"
	on_server tc filter add dev eth0 ingress pref 3 bpf da pinned /sys/fs/bpf/guest
	before=$(system_state)
	run -1 --separate-stderr pk dev eth0 hook tc background
	assert_regex "$stderr" "another filter has pref 3, .* \(tc -n $SERVER filter show dev eth0 ingress\)"
	assert_equal "$(system_state)" "$before"
}

@test "hook tc: frames whose headers lie in several pieces are judged" {
	kill_pings hook tc
	# larger than a page, sent without being copied together
	assert_equal "$(answered -s 1400 "$SERVER4")" 0
	assert_equal "$(answered -s 4000 "$SERVER4")" 0
	assert_equal "$(typed ipv4 8 dropped)" 20
	assert_equal "$(counted .fragments.packets)" 20
}

# --- what is in a packet ----------------------------------------------------------------

# crafted HOOK PROGRAM [bare]: see bats/programs/pingcraft.c
crafted() {
	# down, since any other packet would be counted, too
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	pk dev eth1 hook "$1" background
	run "$PROGRAMS/pingcraft" /sys/fs/bpf/pingkiller/*-* "$2"
	assert_success
	assert_line --index 0 --regexp '^[0-9]+ packets, 0 wrong, [0-9]+ refused$'
	assert [ "${output%% *}" -gt 30000 ]
}

@test "crafted packets, XDP: every combination of headers, cut off after every byte" {
	crafted native xdp
}

@test "crafted packets, tc: every combination of headers, cut off after every byte" {
	crafted tc tc
}

@test "crafted packets, a device without a link layer" {
	ip -n "$SERVER" tuntap add mode tun name tun9 || skip "needs a kernel with tun devices"
	ip -n "$SERVER" link set tun9 up
	pk dev tun9 hook generic background
	run "$PROGRAMS/pingcraft" /sys/fs/bpf/pingkiller/*-* xdp bare
	ip -n "$SERVER" link del tun9
	assert_success
	assert_output --regexp '^[0-9]+ packets, 0 wrong, 0 refused$'
	assert [ "${output%% *}" -gt 10000 ]
}

@test "crafted packets are told apart by this test: one wrong type is noticed" {
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	pk dev eth1 type echo-request background
	run -1 "$PROGRAMS/pingcraft" /sys/fs/bpf/pingkiller/*-* xdp
	assert_output --partial 'type 0, '
	refute_output --partial 'type 8, '
}

@test "fragments: the first one decides, later ones pass and are counted apart" {
	kill_pings
	assert_equal "$(answered -s 3000 "$SERVER4")" 0
	assert_equal "$(answered -s 3000 "$SERVER6")" 0
	assert_equal "$(typed ipv4 8 dropped) $(typed ipv6 128 dropped)" '10 10'
	assert_equal "$(counted .fragments.packets)" 40
}

# tagged_judged HOOK TAGS [-6]: of a flood with so many tags "PACKETS BYTES" of what was dropped, and of what is
# neither IPv4 nor IPv6; what was sent comes first.
tagged_judged() {
	local sent

	kill_pings hook "$1"
	sent=$(flood "${@:3}" -v "$2" 5)
	printf '%s: %s; %s\n' "$sent" "$(counted '.dropped | "\(.packets) \(.bytes)"')" \
		"$(counted '.other | "\(.packets) \(.bytes)"')"
	pk stop >/dev/null
}

# assert_tagged FRAME-BYTES [-6]: without tags the frame is so long.
assert_tagged() {
	local hook tags all

	for hook in native generic tc; do
		for tags in 0 1 2 3; do
			all="5 $((($1 + tags * 4) * 5))"
			run -0 tagged_judged "$hook" "$tags" "${@:2}"
			if [ "$tags" -lt 3 ]; then
				assert_equal "$hook, $tags tags: $output" "$hook, $tags tags: $all: $all; 0 0"
			else
				assert_equal "$hook, $tags tags: $output" "$hook, $tags tags: $all: 0 0; $all"
			fi
		done
	done
}

@test "every hook looks past two VLAN tags, passes what has a third, and counts the bytes of all" {
	assert_tagged 98
	assert_tagged 118 -6
}

@test "behind VLAN tags and IP options, real pings die, too" {
	requires vlan
	for side in "$CLIENT:1" "$SERVER:2"; do
		ip -n "${side%:*}" link add link eth0 name stack type vlan id 5
		ip -n "${side%:*}" addr add "198.51.100.${side#*:}/24" dev stack
		ip -n "${side%:*}" link set stack up
	done
	assert_equal "$(answered 198.51.100.2)" 10
	kill_pings
	assert_equal "$(answered 198.51.100.2)" 0
	assert_equal "$(answered -R "$SERVER4")" 0
	pk stop >/dev/null
	kill_pings hook tc
	assert_equal "$(answered 198.51.100.2)" 0
	ip -n "$CLIENT" link del stack
	ip -n "$SERVER" link del stack
}

# --- counting ---------------------------------------------------------------------------

# flood_counted HOOK: what the sender has sent is what is counted, packets and bytes.
flood_counted() {
	local sent bytes

	kill_pings hook "$1"
	read -r sent bytes < <(flood "$FLOOD")
	assert_equal "$sent" "$FLOOD"
	assert_equal "$(counted '.types[] | select(.type == 8) | "\(.dropped.packets) \(.dropped.bytes) \(.passed.packets)"')" \
		"$sent $bytes 0"
	read -r sent bytes < <(flood -6 -s 1000 "$((FLOOD / 10))")
	assert_equal "$(counted '.types[] | select(.type == 128) | "\(.dropped.packets) \(.dropped.bytes) \(.passed.packets)"')" \
		"$sent $bytes 0"
	read -r sent bytes < <(flood -u "$((FLOOD / 10))")
	assert_equal "$(counted .ipv4_other.packets)" "$sent"
	assert_equal "$(counted '.total.packets - .passed.packets - .dropped.packets')" 0
}

@test "counts: a flood, natively" {
	flood_counted native
}

@test "counts: a flood, generic" {
	flood_counted generic
}

@test "counts: a flood, tc" {
	flood_counted tc
}

@test "counts: two floods at the same time, from two processors" {
	requires smp
	kill_pings
	start client one "$PROGRAMS/pingflood" eth0 "$(mac_of_server)" "$((FLOOD / 4))"
	start client two taskset -c 1 "$PROGRAMS/pingflood" -6 eth0 "$(mac_of_server)" "$((FLOOD / 4))"
	finish one
	finish two
	# what the device itself has lost, since its queue was full, never came here
	assert_equal "$(($(typed ipv4 8 dropped) + $(typed ipv6 128 dropped) + \
	$(ip -n "$CLIENT" -s -j link show eth0 | jq '.[0].stats64.tx.dropped')))" "$((FLOOD / 2))"
}

@test "sample 1 times every packet, sample 0 none, the default a part of them" {
	kill_pings sample 1
	flood 1000 >/dev/null
	assert_equal "$(counted '.dropped_time | "\(.samples) \([.histogram[].packets] | add)"')" '1000 1000'
	assert_equal "$(counted '.dropped_time | ((.average_ns * .samples - .sum_ns) | fabs) < .samples * 0.01')" true
	assert_equal "$(counted '.dropped_time | ([.histogram[] | .packets * .from_ns] | add) <= .sum_ns')" true
	assert_equal "$(counted '.dropped_time | ([.histogram[] | .packets * .to_ns] | add) >= .sum_ns')" true
	pk stop >/dev/null
	kill_pings sample 0
	flood 1000 >/dev/null
	assert_equal "$(counted .dropped_time.samples)" 0
	pk stop >/dev/null
	kill_pings sample 10
	flood 20000 >/dev/null
	assert_binomial "$(counted .dropped_time.samples)" 20000 10
}

@test "sampling is not in step with the traffic: of two kinds in turn both are timed alike" {
	local passed dropped

	kill_pings sample 4 type echo-request ipv4 src 10.0.0.0/32
	flood -s 2 20000 >/dev/null
	passed=$(counted .passed_time.samples)
	dropped=$(counted .dropped_time.samples)
	((passed > 2000 && dropped > 2000)) || fail "$passed and $dropped of 10000 each"
}

# --- what is asked for ------------------------------------------------------------------------

# judged WORDS... -- FLOOD-WORDS...: of a hundred packets with these words, how many are dropped
judged() {
	local words=()

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	kill_pings "${words[@]}"
	flood "$@" 100 >/dev/null
	counted .dropped.packets
	pk stop >/dev/null
}

@test "type: by name in both families, by number, several" {
	assert_equal "$(judged --)" 100
	assert_equal "$(judged -- -t 0)" 100
	assert_equal "$(judged -- -t 3)" 0
	assert_equal "$(judged type echo-request -- -t 0)" 0
	assert_equal "$(judged type echo-request -- -6)" 100
	assert_equal "$(judged type destination-unreachable -- -t 3)" 100
	assert_equal "$(judged type destination-unreachable -- -6 -t 1)" 100
	assert_equal "$(judged type destination-unreachable -- -6 -t 3)" 0
	assert_equal "$(judged type 3 -- -6 -t 3)" 100
	assert_equal "$(judged type 3 ipv4 -- -6 -t 3)" 0
	assert_equal "$(judged type 200 type 13 -- -t 13)" 100
	assert_equal "$(judged type 255 ipv6 -- -6 -t 255)" 100
	assert_equal "$(judged ipv6 --)" 0
	assert_equal "$(judged ipv6 ipv4 --)" 100
}

@test "code: only packets with one of them" {
	assert_equal "$(judged type 3 code 1 code 13 -- -t 3 -c 13)" 100
	assert_equal "$(judged type 3 code 1 code 13 -- -t 3 -c 1)" 100
	assert_equal "$(judged type 3 code 1 code 13 -- -t 3 -c 3)" 0
	assert_equal "$(judged type 3 code 255 -- -t 3 -c 255)" 100
}

# The kernel has ICMPv6 to say, too (neighbours, listeners): not in IPv4, and not from the flood's sources.
@test "all-icmp: every type, as the original does, and nothing else" {
	assert_equal "$(judged all-icmp ipv4 -- -t 3)" 100
	assert_equal "$(judged all-icmp src 2001:db8:f::/48 -- -6 -t 135)" 100
	assert_equal "$(judged all-icmp ipv4 -- -6 -t 135)" 0
	assert_equal "$(judged all-icmp ipv4 -- -u)" 0
	assert_equal "$(judged all-icmp src 2001:db8:f::/48 -- -6 -u)" 0
}

@test "src and dst: prefixes of both families, also from files, by the thousand" {
	assert_equal "$(judged src 10.0.0.0/8 -- -s 100)" 100
	assert_equal "$(judged src 10.0.0.0/31 src 10.0.0.7 -- -s 10)" 30
	assert_equal "$(judged src 10.0.0.0/31 -- -6)" 0
	assert_equal "$(judged src 2001:db8:f::/127 -- -6 -s 10)" 20
	# an IPv4 address is in no prefix of IPv6, not even in the widest
	assert_equal "$(judged src ::/0 --)" 0
	assert_equal "$(judged src 0.0.0.0/0 --)" 100
	assert_equal "$(judged dst 192.0.2.2 --)" 100
	assert_equal "$(judged dst 192.0.2.3 src 10.0.0.0/8 --)" 0
	assert_equal "$(judged dst 2001:db8::/64 src 2001:db8:f::/64 -- -6)" 100
	{
		printf '# every other address of four /21\n\n'
		seq 0 2 8190 | awk '{ printf " 10.0.%d.%d/32 # even\r\n", $1 / 256, $1 % 256 }'
		printf '2001:db8:f::2'
	} >"$BATS_TEST_TMPDIR/prefixes"
	kill_pings src-file "$BATS_TEST_TMPDIR/prefixes"
	assert_equal "$(pk -j show | jq '.[0].src | length')" 4097
	flood -s 10000 10000 >/dev/null
	flood -6 -s 4 400 >/dev/null
	assert_equal "$(typed ipv4 8 dropped) $(typed ipv6 128 dropped)" '4096 100'
	run -0 pk show
	assert_output --partial ' src (4097 prefixes) '
}

@test "drop: 0 and 100 % are exact, and what is between is right" {
	local dropped

	assert_equal "$(judged drop 0 --)" 0
	assert_equal "$(judged drop 100% --)" 100
	kill_pings drop 25%
	flood "$PACKETS" >/dev/null
	dropped=$(counted .dropped.packets)
	assert_binomial "$dropped" "$PACKETS" 25
	assert_equal "$(typed ipv4 8 passed)" $((PACKETS - dropped))
}

@test "rate: each source may send so many, and a burst" {
	kill_pings rate 10/h burst 3
	flood -s 100 1000 >/dev/null
	assert_equal "$(typed ipv4 8 passed) $(typed ipv4 8 dropped)" '300 700'
	flood -6 -s 10 1000 >/dev/null
	assert_equal "$(typed ipv6 128 passed) $(typed ipv6 128 dropped)" '30 970'
	pk stop >/dev/null
	kill_pings rate 1/h
	flood 100 >/dev/null
	assert_equal "$(typed ipv4 8 passed)" 5
}

@test "rate-all: all sources together may send so many, and what is over its own rate takes nothing from it" {
	kill_pings rate-all 10/h burst-all 30
	flood -s 100 1000 >/dev/null
	flood -6 -s 10 1000 >/dev/null
	assert_equal "$(typed ipv4 8 passed) $(typed ipv6 128 passed)" '30 0'
	pk stop >/dev/null
	kill_pings rate-all 1/h
	flood -s 100 1000 >/dev/null
	assert_equal "$(typed ipv4 8 passed)" 5
	pk stop >/dev/null
	# one source has 3 of them, however much it sends, and 99 others have the rest
	kill_pings rate 10/h burst 3 rate-all 10/h burst-all 20
	flood 1000 >/dev/null
	assert_equal "$(typed ipv4 8 passed)" 3
	flood -s 100 1000 >/dev/null
	assert_equal "$(typed ipv4 8 passed)" 20
}

@test "rate-all: a flood from many sources is limited to it, on two processors at once" {
	local begin passed ms

	kill_pings rate-all 1000/s burst-all 1
	begin=${EPOCHREALTIME/./}
	start client other "$PROGRAMS/pingflood" -6 -s 1000 eth0 "$(mac_of_server)" "$((FLOOD / 4))"
	flood -s 1000 "$((FLOOD / 4))" >/dev/null
	finish other
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	passed=$(($(typed ipv4 8 passed) + $(typed ipv6 128 passed)))
	((passed <= ms + 2 && passed >= 10)) || fail "$passed in $ms ms"
}

@test "rate: a flood is limited to it, and ping at a slower pace is not touched" {
	local begin passed ms sending

	kill_pings rate 1000/s burst 1
	begin=${EPOCHREALTIME/./}
	sending=$(flood -m "$FLOOD")
	sending=${sending##* }
	ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
	passed=$(typed ipv4 8 passed)
	# of two milliseconds in which something was sent, at least one lets a packet pass
	((passed <= ms + 2 && passed >= sending / 4)) || fail "$passed in $ms ms, in $sending of which something was sent"
	pk stop >/dev/null
	kill_pings rate 50/s burst 1
	assert_equal "$(on_client ping -q -c 10 -i 0.05 -W 1 "$SERVER4" | sed -n 's/.* \([0-9]*\) received.*/\1/p')" 10
}

@test "for: ends by itself, in the kernel" {
	kill_pings for "$((2 * PATIENCE))s"
	assert_equal "$(answered "$SERVER4")" 0
	sleep "$((2 * PATIENCE))"
	assert_equal "$(answered "$SERVER4")" 10
	assert_equal "$(pk -j show | jq -r '.[0].state')" expired
	run -0 pk show
	assert_output --partial '(expired)'
}

# --- what is not asked for ----------------------------------------------------------------------

@test "TCP, UDP, ARP and neighbour discovery are not touched" {
	kill_pings all-icmp ipv4
	receiver_start
	ip -n "$CLIENT" neigh flush dev eth0
	ip -n "$SERVER" neigh flush dev eth0
	send anybody "$SERVER4" "$PORT" 1000
	assert_received anybody 1000
	pk stop >/dev/null
	kill_pings
	ip -n "$CLIENT" neigh flush dev eth0
	ip -n "$SERVER" neigh flush dev eth0
	send sixth "$SERVER6" "$PORT" 1000
	assert_received sixth 1000
	port_take
	start server peer "$PROGRAMS/tcp" "$SERVER4" "$PORT" listen accept recv 5000000
	wait_line peer '^listen ok'
	start client target "$PROGRAMS/tcp" "$SERVER4" "$PORT" connect send 5000000 drain
	wait_line peer '^recv 5000000$'
	# with neighbour discovery gone nothing goes
	pk stop >/dev/null
	kill_pings type nd-neighbor-solicit type nd-neighbor-advert
	ip -n "$CLIENT" neigh flush dev eth0
	ip -n "$SERVER" neigh flush dev eth0
	run -1 on_client ping -q -c 1 -W 1 "$SERVER6"
}

# path_make: the server sends through a router whose other cable takes less at a time.
#   $SERVER eth0 .2 ---- .1 eth0 $CLIENT (routes) eth1 .1 ---- 198.51.100.2 eth0 $LAB-r, MTU 1300
path_make() {
	ip netns add "$LAB-r"
	touch "$BATS_TEST_TMPDIR/router"
	ip link add eth1 netns "$CLIENT" type veth peer name eth0 netns "$LAB-r"
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev eth1
	ip -n "$CLIENT" addr add 2001:db8:1::1/64 dev eth1 nodad
	ip -n "$CLIENT" link set eth1 up mtu 1300
	ip -n "$LAB-r" addr add 198.51.100.2/24 dev eth0
	ip -n "$LAB-r" addr add 2001:db8:1::2/64 dev eth0 nodad
	ip -n "$LAB-r" link set eth0 up mtu 1300
	ip -n "$LAB-r" route add default via 198.51.100.1
	ip -n "$LAB-r" route add default via 2001:db8:1::1
	ip -n "$SERVER" route add 198.51.100.0/24 via "$CLIENT4"
	ip -n "$SERVER" route add 2001:db8:1::/64 via "$CLIENT6"
	on_client sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

path_unmake() {
	ip -n "$SERVER" route del 198.51.100.0/24
	ip -n "$SERVER" route del 2001:db8:1::/64
	on_client sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

path_forget() {
	on_server ip route flush cache
	ip -n "$SERVER" -6 route flush cache
}

# neighbours_fix: the two know each other's hardware addresses, and need not ask.
neighbours_fix() {
	local to_server to_client

	to_server=$(mac_of_server)
	to_client=$(ip -n "$CLIENT" -j link show eth0 | jq -r '.[0].address')
	ip -n "$CLIENT" neigh replace "$SERVER6" lladdr "$to_server" dev eth0 nud permanent
	ip -n "$SERVER" neigh replace "$CLIENT6" lladdr "$to_client" dev eth0 nud permanent
}

neighbours_loosen() {
	ip -n "$CLIENT" neigh del "$SERVER6" dev eth0
	ip -n "$SERVER" neigh del "$CLIENT6" dev eth0
}

# some_too_big passed|dropped: of both "packet too big", was any packet?
some_too_big() {
	[ "$(typed ipv4 3 "$1")" -gt 0 ] && [ "$(typed ipv6 2 "$1")" -gt 0 ]
}

# path_mtu ADDRESS: what the server has learned of the way there, after it has sent large packets.
path_mtu() {
	on_server ping -q -c 3 -i 0.05 -W 0.2 -M "do" -s 1352 "$1" >/dev/null 2>&1 || :
	on_server ip route get "$1" | sed -n 's/.* mtu \([0-9]*\).*/\1/p'
}

@test "PMTUD: a real 'packet too big' gets through, of both families, and does not if its type is named" {
	path_make
	kill_pings
	assert_equal "$(path_mtu 198.51.100.2) $(path_mtu 2001:db8:1::2)" '1300 1300'
	some_too_big passed
	pk stop >/dev/null
	path_forget
	kill_pings type destination-unreachable type packet-too-big
	assert_equal "$(path_mtu 198.51.100.2) $(path_mtu 2001:db8:1::2)" ' '
	path_unmake
}

# Neighbours' addresses are fixed, or IPv6 would already end at the question for them.
@test "PMTUD: all-icmp ends it, as the original does and the manual warns" {
	path_make
	neighbours_fix
	kill_pings all-icmp
	assert_equal "$(path_mtu 198.51.100.2) $(path_mtu 2001:db8:1::2)" ' '
	some_too_big dropped
	pk stop >/dev/null
	path_forget
	assert_equal "$(path_mtu 198.51.100.2) $(path_mtu 2001:db8:1::2)" '1300 1300'
	path_forget
	neighbours_loosen
	path_unmake
}

# --- devices --------------------------------------------------------------------------------------

# Whoever has made it.
@test "hook tc: a clsact that vershitify.sh needs, too, goes with the last of both" {
	before=$(on_server tc qdisc show dev eth0)
	kill_pings hook tc
	vershitify -n "$SERVER" add dev eth0 command victim drop 10%
	pk stop >/dev/null
	assert_regex "$(on_server tc qdisc show dev eth0)" clsact
	vershitify down
	assert_equal "$(on_server tc qdisc show dev eth0)" "$before"
	vershitify -n "$SERVER" add dev eth0 command victim drop 10%
	kill_pings hook tc
	vershitify down
	assert_regex "$(on_server tc qdisc show dev eth0)" clsact
	assert_equal "$(answered "$SERVER4")" 0
	pk stop >/dev/null
	assert_equal "$(on_server tc qdisc show dev eth0)" "$before"
}

@test "several devices at the same time, each with words and counters of its own" {
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	for side in "$CLIENT:1" "$SERVER:2"; do
		ip -n "${side%:*}" addr add "198.51.100.${side#*:}/24" dev eth1
		ip -n "${side%:*}" link set eth1 up
	done
	busywait 10 on_client ping -q -c 1 -W 1 198.51.100.2
	kill_pings
	pk dev eth1 hook tc drop 0 background
	pingkiller -n "$CLIENT" dev eth0 type echo-reply background
	assert_equal "$(answered "$SERVER4") $(answered 198.51.100.2)" '0 10'
	assert_equal "$(typed ipv4 8 dropped)" 10
	assert_equal "$(pk -j stats dev eth1 | jq -c '[.dropped.packets, (.types[] | select(.type == 8) | .passed.packets)]')" '[0,10]'
	assert_equal "$(pingkiller -j show | jq length) $(pk -j show | jq length)" '3 2'
	pk stop dev eth0 >/dev/null
	assert_equal "$(pk -j show | jq -r '.[].dev')" eth1
	assert_equal "$(answered "$SERVER4")" 0 # the replies die at the client
	pingkiller -n "$CLIENT" stop
	assert_equal "$(answered "$SERVER4")" 10
	pingkiller stop >/dev/null
	assert_equal "$(pingkiller show)" ''
}

@test "a device that is served is not served twice" {
	kill_pings
	run -1 --separate-stderr pk dev eth0 background
	assert_regex "$stderr" "served already \(pingkiller.sh -n $SERVER stop dev eth0\)"
	run -1 --separate-stderr pk dev eth0 hook tc
	assert_equal "$(answered "$SERVER4")" 0
}

@test "a device that is renamed is still stopped, by its new name" {
	kill_pings
	ip -n "$SERVER" link set eth0 down
	ip -n "$SERVER" link set eth0 name 'a.b'
	ip -n "$SERVER" link set 'a.b' up
	pk stop dev a.b
	run -0 pingkiller show
	assert_output ''
	ip -n "$SERVER" -d link show a.b | run -1 grep xdp
	ip -n "$SERVER" link set 'a.b' down
	ip -n "$SERVER" link set 'a.b' name eth0
	ip -n "$SERVER" link set eth0 up
	ip -n "$SERVER" addr add "$SERVER6/64" dev eth0 nodad
}

@test "a device or a namespace that is gone leaves nothing" {
	local before

	before=$(system_state)
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	ip netns add "$LAB-r"
	pk dev eth1 background
	pingkiller -n "$LAB-r" dev lo background
	ip -n "$SERVER" link del eth1
	ip netns del "$LAB-r"
	run -0 pingkiller stop
	assert_state "$before"
}

# --- the foreground -------------------------------------------------------------------------------

@test "foreground: the original's line, and away with it at INT, TERM and HUP" {
	local before signal

	before=$(system_state)
	for signal in INT TERM HUP; do
		start server front "$PINGKILLER" dev eth0
		wait_line front '^total: '
		flood 100 >/dev/null
		wait_line front '^total: [0-9]+\. passed: [0-9]+\. dropped: 100\. passed processing time avg \(ns\): ([0-9]+\.[0-9][0-9]|-)\. dropped processing time avg \(ns\): ([0-9]+\.[0-9][0-9]|-)$'
		stop front "$signal"
		assert_equal "$EXIT_STATUS" 0
		assert_state "$before"
	done
	run -0 output_of front
	assert_line --index 0 'dropping: dev eth0 hook native type echo-request type echo-reply drop 100% sample 64 - Ctrl-C ends it'
}

# assert_sums PACKETS BYTES: in $output, of a device that is freed: so many were dropped, and the rest is in the sum.
assert_sums() {
	assert_line --regexp '^(-n [^ ]+ )?dev eth0, after [0-9]+\.[0-9]s:$'
	assert_line --regexp "^  dropped +$1 packets +$2 bytes\$"
	awk '$3 == "packets" { packets[$1] = $2; bytes[$1] = $4 }
		END { exit packets["seen"] - packets["passed"] != packets["dropped"] || bytes["seen"] - bytes["passed"] != bytes["dropped"] }' <<<"$output" ||
		fail "the sum is wrong: $output"
}

@test "the end of a run, and stop, tell what was seen, dropped and passed in all" {
	local sent

	start server front "$PINGKILLER" dev eth0
	wait_line front '^total: '
	sent=$(flood 100)
	stop front INT
	run -0 output_of front
	assert_sums 100 "${sent#* }"
	# where a table has none of them
	start server front script -qfc "exec $PINGKILLER dev eth0" "$BATS_TEST_TMPDIR/typescript"
	busywait 10 grep -q passed "$BATS_TEST_TMPDIR/typescript"
	flood 100 >/dev/null
	pkill -INT -P "$(pid front)"
	finish front
	run -0 tr -d '\r' <"$BATS_TEST_TMPDIR/typescript"
	assert_sums 100 "${sent#* }"
	kill_pings
	flood 100 >/dev/null
	run -0 pk stop
	assert_sums 100 "${sent#* }"
	run -0 pk stop
	assert_output ''
}

@test "the end of a run, and stop, tell the sums as JSON" {
	local sent

	start server front "$PINGKILLER" -j dev eth0
	wait_line front '^\{'
	sent=$(flood 100)
	stop front INT
	assert_equal "$(output_of front | jq -s -c '[.[:-1][].ended] | unique')" '[false]'
	assert_equal "$(output_of front | jq -s -r 'last | "\(.ended) \(.dropped.packets) \(.dropped.bytes) \(.served_ns > 0)"')" "true $sent true"
	kill_pings
	flood 100 >/dev/null
	on_server "$PINGKILLER" dev lo background 2>/dev/null
	run -0 pk -j stop
	assert_equal "$(jq -r '"\(.dev) \(.ended) \(.dropped.packets)"' <<<"$output" | sort)" 'eth0 true 100
lo true 0'
}

@test "stop: what cannot be told is a failure, and all is freed nevertheless" {
	local before

	before=$(system_state)
	kill_pings
	# shellcheck disable=SC2016 # for that shell
	run -1 --separate-stderr sh -c '"$0" stop >/dev/full' "$PINGKILLER" 3>&-
	assert_equal "$stderr" 'pingkiller.sh: cannot write the output'
	assert_state "$before"
}

# pipe_fill PIPE: until nothing more goes into it.
pipe_fill() {
	yes '' | dd iflag=fullblock oflag=nonblock bs=4096 of="$1" 2>/dev/null || :
}

is_freed() {
	[ ! -e /sys/fs/bpf/pingkiller ]
}

# assert_waits_alone NAME PIPE: its device is freed and others go on, while what it has still to say goes nowhere.
assert_waits_alone() {
	busywait 20 is_freed
	run -0 timeout "$((10 * PATIENCE))" "$VERSHITIFY" show 3>&-
	refute ended "$1"
	start here reader cat "$2"
	finish "$1"
	assert_equal "$EXIT_STATUS" 0
	wait_line reader '^  dropped '
	stop reader
}

@test "stop, and the end of a run, keep nobody waiting when their sums go into a full pipe" {
	local pipe=$BATS_TEST_TMPDIR/pipe held

	mkfifo "$pipe"
	exec {held}<>"$pipe"
	kill_pings
	pipe_fill "$pipe"
	# shellcheck disable=SC2016 # for that shell
	start server last sh -c 'exec "$0" stop >"$1"' "$PINGKILLER" "$pipe"
	assert_waits_alone last "$pipe"
	# shellcheck disable=SC2016 # for that shell
	start server last sh -c 'exec "$0" dev eth0 >"$1"' "$PINGKILLER" "$pipe"
	timeout "$((20 * PATIENCE))" grep -q -m 1 '^total' "$pipe"
	pipe_fill "$pipe"
	kill -s INT "$(pid last)"
	assert_waits_alone last "$pipe"
	exec {held}>&-
}

@test "stats INTERVAL tells the time of each look, and from the second one on what has come since" {
	kill_pings
	on_server "$PINGKILLER" dev lo background 2>/dev/null
	run -0 pk stats dev eth0 10ms 3
	assert_equal "$(grep -cE '^time [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{4}$' <<<"$output") $(grep -cE '^  now [0-9.]+ packets/s [0-9.]+ bytes/s' <<<"$output")" '3 2'
	assert_equal "$(awk '/^time/ { looks++ } /^  now/ { printf "%d ", looks }' <<<"$output")" '2 3 '
	run -0 pk stats
	refute_line --regexp '^(time|  now) '
}

@test "stats INTERVAL: rates and loss are those of what has come since the look before" {
	local before

	kill_pings
	start server stats "$PINGKILLER" -j stats dev eth0 100ms
	wait_line stats '^\{'
	flood 100 >/dev/null
	wait_line stats '"dropped":\{"packets":100,'
	stop stats
	# the last one can be half written; whatever the intervals were
	grep -x '{.*}' "$BATS_TEST_TMPDIR/stats.out" >"$BATS_TEST_TMPDIR/looks"
	assert_equal "$(jq -s 'map(has("now")) | .[0], (.[1:] | all)' "$BATS_TEST_TMPDIR/looks" | tr '\n' ' ')" 'false true '
	# shellcheck disable=SC2016 # for jq
	before='. as $looks | range(1; length) | $looks[. - 1] as $old | $looks[.] as $new'
	# shellcheck disable=SC2016 # for jq
	run -0 jq -s "[$before"' | $new.now | ((.packets_per_second > 0) == ($new.total.packets > $old.total.packets))
		and ((.bytes_per_second > 0) == ($new.total.bytes > $old.total.bytes))] | all' "$BATS_TEST_TMPDIR/looks"
	assert_output true
	# shellcheck disable=SC2016 # for jq
	run -0 jq -s "[$before"' | ($new.total.packets - $old.total.packets) as $more | if $more == 0 then $new.now.loss_percent == null
		else ($new.now.loss_percent * $more - 100 * ($new.dropped.packets - $old.dropped.packets) | fabs) < 0.1 end] | all' \
		"$BATS_TEST_TMPDIR/looks"
	assert_output true
}

@test "what was not timed has no average: no 0.00" {
	kill_pings sample 0
	flood 100 >/dev/null
	run -0 pk stats
	assert_line --regexp '^  average time \(ns\) +- +-$'
	assert_equal "$(counted '[.passed_time.average_ns, .dropped_time.average_ns] | tostring')" '[null,null]'
	pk stop >/dev/null
	kill_pings sample 1 type echo-request
	flood 100 >/dev/null
	assert_equal "$(counted '.dropped_time.average_ns > 0')" true
	pk plot "$BATS_TEST_TMPDIR/times.svg" dev eth0
	assert grep -qE 'ns on average: passed ([0-9.]+|-), dropped [0-9]+\.[0-9]+<' "$BATS_TEST_TMPDIR/times.svg"
}

@test "foreground: NDJSON" {
	start server front "$PINGKILLER" -j dev eth0
	wait_line front '^\{'
	flood 100 >/dev/null
	wait_line front '"dropped":\{"packets":100,'
	stop front
	output_of front | jq -e . >/dev/null
	assert_equal "$(output_of front | jq -s 'last | .dropped.packets')" 100
}

@test "foreground: a table that is redrawn on a terminal" {
	start server front script -qfc "$PINGKILLER dev eth0 sample 1" "$BATS_TEST_TMPDIR/typescript"
	busywait 10 grep -q passed "$BATS_TEST_TMPDIR/typescript"
	flood 100 >/dev/null
	busywait 10 grep -q 'ICMP echo-request  *0  *0  *100 ' "$BATS_TEST_TMPDIR/typescript"
	assert grep -qE '^ +[0-9]+ - [0-9]+ +[0-9]+ .* +[0-9]+ \*+' "$BATS_TEST_TMPDIR/typescript"
	assert grep -q $'\e\[[0-9]*A\e\[J' "$BATS_TEST_TMPDIR/typescript"
	pkill -TERM -P "$(pid front)"
	finish front
}

@test "SIGKILL at random moments: the next command leaves nothing" {
	local before round ms hook hooks=(native generic tc)

	before=$(system_state)
	for ((round = 0; round < ROUNDS; round++)); do
		hook=${hooks[round % 3]}
		start server doomed "$PINGKILLER" dev eth0 hook "$hook"
		ms=$((RANDOM * 400 * PATIENCE / 32768))
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		stop doomed KILL 2>/dev/null
		pingkiller stop 2>/dev/null
		run -0 --separate-stderr pingkiller show
		assert_output ''
		processes_stop
		assert_state "$before"
	done
}

@test "SIGKILL of stop at random moments: the next stop finishes it" {
	local before round ms

	before=$(system_state)
	for ((round = 0; round < ROUNDS / 2; round++)); do
		kill_pings
		start server doomed "$PINGKILLER" stop
		ms=$((RANDOM * 200 * PATIENCE / 32768))
		sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		stop doomed KILL 2>/dev/null
		pingkiller stop >/dev/null
		assert_state "$before"
	done
}

@test "what runs in the background survives the commands of others, and a killed neighbour" {
	kill_pings
	start client doomed "$PINGKILLER" dev eth0
	wait_line doomed .
	stop doomed KILL
	run -0 --separate-stderr on_client "$PINGKILLER" dev lo background
	assert_regex "$stderr" 'removed what a killed run has left'
	run -0 pingkiller show
	assert_equal "${#lines[@]}" 2
	assert_equal "$(answered "$SERVER4")" 0
}

@test "without its records it is found and removed all the same" {
	local before

	before=$(system_state)
	kill_pings
	rm -r /run/pingkiller
	pingkiller stop >/dev/null
	assert_state "$before"
	kill_pings hook tc
	on_server tc qdisc show dev eth0 clsact | grep -q clsact
	rm -r /run/pingkiller /sys/fs/bpf/pingkiller
	pingkiller stop >/dev/null
	assert_equal "$(answered "$SERVER4")" 10
	assert_state "$before"
	# whose clsact it is stands in the record that all commands share
	kill_pings hook tc
	rm -r /run/pingkiller /run/vershitify.shared /sys/fs/bpf/pingkiller
	pingkiller stop >/dev/null
	assert_equal "$(answered "$SERVER4")" 10
	on_server tc qdisc del dev eth0 clsact
	assert_state "$before"
}

@test "inside ip netns exec, which hides bpffs, it works, too" {
	ip netns exec "$SERVER" "$PINGKILLER" dev eth0 background 3>&-
	assert_equal "$(answered "$SERVER4")" 0
	ip netns exec "$SERVER" "$PINGKILLER" stop dev eth0 3>&-
	assert_equal "$(answered "$SERVER4")" 10
}

@test "--dry-run changes nothing, and -v shows lines that do the same by hand" {
	local before

	before=$(system_state)
	run -0 --separate-stderr pk --dry-run dev eth0 src 10.0.0.0/8 background
	assert_equal "$(system_state)" "$before"
	printf '%s\n' "$stderr" >"$BATS_TEST_TMPDIR/lines"
	assert grep -q '/vsh -N .* ping attach native eth0 ' "$BATS_TEST_TMPDIR/lines"
	bpffs_borrow
	sed -i '/^mount /d' "$BATS_TEST_TMPDIR/lines"
	run -0 sh -e "$BATS_TEST_TMPDIR/lines"
	flood 100 >/dev/null
	assert_equal "$(bpftool -j map lookup pinned /sys/fs/bpf/pingkiller/*-*/pk_stats key 0 0 0 0 |
		jq '[.formatted.values[].value.types[0][8].count[1].packets] | add')" 100
	pingkiller stop >/dev/null
}

@test "plot: SVG and PNG, through gnuplot" {
	kill_pings sample 1
	flood 100 >/dev/null
	mkdir "$BATS_TEST_TMPDIR/plots"
	cd "$BATS_TEST_TMPDIR/plots"
	pk plot times.svg dev eth0
	pk plot times.png dev eth0
	assert grep -q '<svg ' times.svg
	assert grep -q 'pingkiller dev eth0 hook native' times.svg
	assert_equal "$(head -c 8 times.png | od -An -tx1 | tr -d ' ')" 89504e470d0a1a0a
	run -1 --separate-stderr pk plot /nonexistent/x.svg dev eth0
	run -2 --separate-stderr pk plot times.pdf dev eth0
	assert_equal "$(ls)" "$(printf 'times.png\ntimes.svg')"
}

@test "plot on a full file system fails, and keeps the file that was there" {
	local folder=$BATS_TEST_TMPDIR/small

	command -v gnuplot >/dev/null || skip "needs gnuplot"
	kill_pings sample 1
	answered "$SERVER4" >/dev/null
	mkdir "$folder"
	mount -t tmpfs -o size=8k none "$folder"
	echo old >"$folder/times.svg"
	run -1 pk plot "$folder/times.svg" dev eth0
	assert_equal "$(ls "$folder") $(cat "$folder/times.svg")" 'times.svg old'
	umount "$folder"
}

@test "show prints words that make the same again" {
	local words

	for words in 'type echo-request type 200 code 0 code 3' 'all-icmp ipv6 drop 0.5%' \
		'src 10.0.0.0/8 dst 192.0.2.2/32 rate 10/m burst 7' 'rate 1/s rate-all 7/h burst-all 70' 'hook tc type 3 ipv4 sample 1 for 1h' \
		'src 2001:db8::/32 src ::1/128 type mld2-listener-report type 0'; do
		# shellcheck disable=SC2086
		kill_pings $words
		pk -j show | jq 'del(.[].expires_in_ns, .[].for_ns)' >"$BATS_TEST_TMPDIR/first"
		run -0 on_server "$PINGKILLER" show
		pk stop >/dev/null
		# shellcheck disable=SC2086
		pk $output 2>/dev/null
		assert_equal "$(pk -j show | jq 'del(.[].expires_in_ns, .[].for_ns)')" "$(cat "$BATS_TEST_TMPDIR/first")"
		pk stop >/dev/null
	done
}

@test "show prints the time that was asked for once it is over, since the words would drop for ever without it" {
	local words

	for words in 100ms 1ns 1.25s 1s; do
		kill_pings for "$words"
		is_expired() { [ "$(pk -j show | jq -r '.[0].state')" = expired ]; }
		busywait 5 is_expired
		run -0 on_server "$PINGKILLER" show
		assert_output --regexp ' for [0-9]+[mun]?s background \(expired\)$'
		# shellcheck disable=SC2086
		assert_equal "$("$TOP/build/vsh" ping plan ${output% (expired)} | grep '^update pk_label')" \
			"$("$TOP/build/vsh" ping plan dev eth0 hook native for "$words" background | grep '^update pk_label')"
		pk stop >/dev/null
	done
}
