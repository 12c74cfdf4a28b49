#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing that is not ours is touched: filters, qdiscs, cgroup programs and marks
# of others are as they were before, during and after, and go on working.
#
#   $CLIENT                                              $SERVER
#   victim, bystander                                    receiver
#   eth0 egress: stranger (pref 1), ours (pref 3), stranger (pref 10)
#
# The strangers are programs/foreign.c: they count and let pass.
#
# vm: ^(filters of others|a clsact that we made|cgroup programs of others|no mark|the mark of)

# Much here is for another shell:
# shellcheck disable=SC2016

load helpers

# The strangers need a place to be pinned, whether or not we are there.
setup_file() {
	if [ "$(id -u)" = 0 ] && ! findmnt -rn -t bpf /sys/fs/bpf >/dev/null; then
		mount -t bpf bpf /sys/fs/bpf
		export MOUNTED=yes
	fi
	suite_begin
}
teardown_file() {
	suite_end
	[ -z "${MOUNTED-}" ] || umount /sys/fs/bpf
}
setup() {
	test_begin
	PINS=/sys/fs/bpf/$LAB
	mkdir "$PINS"
}
teardown() {
	test_end
	strangers_leave_cgroup 2>/dev/null || :
	vershitify down
	pingkiller stop
	on_client tc qdisc del dev eth0 clsact 2>/dev/null || :
	on_client tc qdisc del dev eth0 root 2>/dev/null || :
	rm -rf "/sys/fs/bpf/$LAB"
}

# stranger_on_device PREF NAME [MARK]: a classifier of somebody else on the client's device.
stranger_on_device() {
	"$PROGRAMS/foreign" load tc "$2" "$PINS/$2" ${3:+"$3"}
	on_client tc filter add dev eth0 egress pref "$1" handle 1 bpf direct-action object-pinned "$PINS/$2"
}

# stranger_on_cgroup TYPE: egress, ingress or sock_create, for everybody.
stranger_on_cgroup() {
	"$PROGRAMS/foreign" load "$1" "strange_$1" "$PINS/$1"
	bpftool cgroup attach "$(cgroup_root)" "$1" pinned "$PINS/$1" multi
}

strangers_leave_cgroup() {
	local type

	for type in egress ingress sock_create; do
		[ ! -e "$PINS/$type" ] || bpftool cgroup detach "$(cgroup_root)" "$type" pinned "$PINS/$type"
	done
}

seen_by() {
	"$PROGRAMS/foreign" count "$PINS/$1"
}

# What there is of others: all of it but what carries our names.
others() {
	system_state | grep -vE 'vsh_|/vershitify|pref 3 bpf chain 0 $|^cgroup ID '
}

@test "filters of others before and after ours stay and go on seeing what they saw" {
	local before out

	receiver_start
	on_client tc qdisc add dev eth0 clsact
	stranger_on_device 1 first
	stranger_on_device 10 last
	before=$(others)
	out=$(on_client tc filter show dev eth0 egress)
	rule_add command victim drop 50% seed 1
	assert_equal "$(others)" "$before"
	send victim "$SERVER4" "$PORT" 1000
	send bystander "$SERVER4" "$PORT" 1000
	# the one before ours sees all, the one behind it what ours has let pass
	(($(seen_by first) >= 2000))
	(($(seen_by last) - $(received victim) >= 1000 && $(seen_by last) <= $(seen_by first) - $(counter "$RULE" dropped)))
	vershitify down
	assert_equal "$(others)" "$before"
	assert_equal "$(on_client tc filter show dev eth0 egress)" "$out"
	send bystander -b 1000 "$SERVER4" "$PORT" 1000
	assert_received bystander 2000
	(($(seen_by last) >= 2000))
}

@test "packets that ours lets pass reach the filter behind it, the target's and everybody's" {
	receiver_start
	on_client tc qdisc add dev eth0 clsact
	stranger_on_device 10 last 77
	rule_add command victim drop 0%
	# the mark tells these from what the kernel sends by itself
	send victim -m 77 "$SERVER4" "$PORT" 100
	send bystander -m 77 "$SERVER6" "$PORT" 50
	assert_equal "$(seen_by last)" 150
}

@test "a clsact that was there before us stays, an empty one too" {
	local before

	on_client tc qdisc add dev eth0 clsact
	before=$(others)
	rule_add command victim drop 1%
	vershitify down
	assert_equal "$(others)" "$before"
	assert_regex "$(on_client tc qdisc show dev eth0)" clsact
}

@test "with a clsact that was there before, add, change and del lose none of anybody's packets" {
	local id rounds=0

	receiver_start -g
	on_client tc qdisc add dev eth0 clsact
	sender_start flood bystander -i 500 "$SERVER4" "$PORT" 15000
	go flood
	until lines_are flood '^sent 15000 ' 1; do
		id=$(vsh add dev eth0 command victim drop 100%)
		vsh change "$id" drop 50%
		vsh del "$id"
		rounds=$((rounds + 1))
	done
	assert [ "$rounds" -gt 1 ]
	assert_received bystander 15000
	on_client tc qdisc del dev eth0 clsact
}

@test "a clsact that we made goes with us" {
	local before

	vershitify down
	before=$(state_of_netns "$CLIENT")
	rule_add command victim drop 1%
	assert_regex "$(on_client tc qdisc show dev eth0)" clsact
	vershitify down
	assert_equal "$(state_of_netns "$CLIENT")" "$before"
}

@test "a clsact that we made goes with us, also after our filter was attached to it again" {
	rule_add command victim drop 1%
	on_client tc filter del dev eth0 egress
	vsh repair
	vershitify down
	run -0 on_client tc qdisc show dev eth0
	refute_output --partial clsact
}

@test "a clsact that we made stays for a filter of another kind, too" {
	local hook

	for hook in egress ingress; do
		rule_add command victim drop 1%
		on_client tc filter add dev eth0 "$hook" protocol ip pref 50 u32 match u32 0 0 flowid 1:1
		vershitify down
		assert_regex "$(on_client tc filter show dev eth0 "$hook")" 'pref 50 u32'
		refute_regex "$(on_client tc filter show dev eth0 egress)" vsh_
		on_client tc qdisc del dev eth0 clsact
	done
}

@test "a device with an ingress qdisc is refused, and keeps it" {
	local before

	on_client tc qdisc add dev eth0 ingress
	before=$(system_state)
	run -1 vsh add dev eth0 command victim drop 1%
	assert_output --partial 'ingress qdisc'
	assert_equal "${#lines[@]}" 1
	assert_state "$before"
	on_client tc qdisc del dev eth0 ingress
}

@test "a clsact that we made stays for a filter that somebody has added since" {
	local hook

	for hook in egress ingress; do
		rule_add command victim drop 1%
		"$PROGRAMS/foreign" load tc guest "$PINS/$hook"
		on_client tc filter add dev eth0 "$hook" pref 10 handle 1 bpf direct-action object-pinned "$PINS/$hook"
		vershitify down
		assert_regex "$(on_client tc filter show dev eth0 "$hook")" guest
		refute_regex "$(on_client tc filter show dev eth0 egress)" vsh_
		on_client tc qdisc del dev eth0 clsact
	done
}

@test "a root qdisc is not touched" {
	local before

	on_client tc qdisc add dev eth0 root handle 7: tbf rate 1gbit burst 100k latency 100ms
	before=$(on_client tc qdisc show dev eth0 | grep -v clsact)
	rule_add command victim drop 1%
	assert_equal "$(on_client tc qdisc show dev eth0 | grep -v clsact)" "$before"
	vershitify down
	assert_equal "$(on_client tc qdisc show dev eth0)" "$before"
}

@test "our pref in somebody else's hands: refused, in one line, and nothing is changed" {
	local before

	vershitify down
	on_client tc qdisc add dev eth0 clsact
	stranger_on_device 3 squatter
	before=$(system_state)
	run --separate-stderr vsh add dev eth0 command victim drop 1%
	assert_equal "$status" 1
	assert_output ''
	# shellcheck disable=SC2154
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_regex "$stderr" 'pref 3'
	assert_state "$before"
}

@test "our pref and handle in somebody else's hands: refused, and nothing is changed" {
	local before

	vershitify down
	on_client tc qdisc add dev eth0 clsact
	"$PROGRAMS/foreign" load tc squatter "$PINS/squatter"
	on_client tc filter add dev eth0 egress pref 3 handle 0x5653 bpf direct-action object-pinned "$PINS/squatter"
	before=$(system_state)
	run --separate-stderr vsh add dev eth0 command victim drop 1%
	assert_equal "$status" 1
	assert_equal "$(wc -l <<<"$stderr")" 1
	assert_state "$before"
	run --separate-stderr vsh run dev eth0 drop 1% -- true
	assert_equal "$status" 125
	assert_state "$before"
	# down does not take it for ours either
	vershitify down
	assert_state "$before"
}

@test "cgroup programs of others stay, go on seeing what they saw, and outlive us" {
	local before type

	receiver_start
	port_take
	start client target "$(as victim udpcount)" "$PORT"
	wait_line target '^ready$'
	for type in egress ingress sock_create; do
		stranger_on_cgroup "$type"
	done
	vershitify down
	before=$(state_at_rest)
	rule_add command victim drop 50% visible denied
	vsh add dev eth0 command victim direction ingress drop 50%
	send victim "$SERVER4" $((PORT - 1)) 1000
	send bystander "$SERVER4" $((PORT - 1)) 1000
	on_server "$PROGRAMS/udpsend" "$CLIENT4" "$PORT" 1000
	(($(seen_by egress) >= 2500 && $(seen_by ingress) >= 2000 && $(seen_by sock_create) >= 3))
	vershitify down
	assert_state "$before"
}

@test "a cgroup program that came after ours stays when we go" {
	rule_add command victim direction ingress drop 1%
	stranger_on_cgroup ingress
	vershitify down
	assert_regex "$(bpftool cgroup show "$(cgroup_root)")" strange_ingress
	refute_regex "$(bpftool cgroup show "$(cgroup_root)")" vsh_
}

@test "no mark is read or written: the target's, a bystander's, and what routes by them" {
	receiver_start
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev eth1
	ip -n "$SERVER" addr add 198.51.100.2/24 dev eth1
	ip -n "$CLIENT" link set eth1 up
	ip -n "$SERVER" link set eth1 up
	# 123 was the original's mark
	ip -n "$CLIENT" rule add fwmark 123 table 100
	ip -n "$CLIENT" route add "$SERVER4" via 198.51.100.2 dev eth1 table 100
	on_server sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0
	rule_add command victim drop 100%
	# a bystander with the mark goes the other way, and arrives; a target with it, too
	run -0 send bystander -m 123 "$SERVER4" "$PORT" 10
	assert_output --partial 'mark 123'
	run -0 send victim -n marked -m 123 "$SERVER4" "$PORT" 10
	assert_output --partial 'mark 123'
	# without it the target goes by eth0, and is lost there
	run -0 send victim "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 10 10
	assert_received bystander 10
	assert_received marked 10
	assert_received victim 0
	ip -n "$CLIENT" rule del fwmark 123 table 100
	ip -n "$CLIENT" link del eth1
}

@test "the mark of a packet that passes is what it was, for the filters behind" {
	receiver_start
	on_client tc qdisc add dev eth0 clsact
	stranger_on_device 10 zero 0
	stranger_on_device 11 given 4711
	rule_add command victim drop 0%
	send victim -m 4711 "$SERVER4" "$PORT" 100
	assert_equal "$(seen_by given)" 100
	send victim "$SERVER4" "$PORT" 100
	assert_equal "$(seen_by given)" 100
	(($(seen_by zero) >= 100))
}

@test "somebody's pins below /sys/fs/bpf and tc/globals stay" {
	local before

	vershitify down
	mkdir -p /sys/fs/bpf/tc/globals
	"$PROGRAMS/foreign" load tc pinned /sys/fs/bpf/tc/globals/stranger
	before=$(system_state)
	rule_add command victim drop 1%
	vershitify down
	assert_state "$before"
	rm /sys/fs/bpf/tc/globals/stranger /sys/fs/bpf/tc/globals/stranger_count
	rmdir /sys/fs/bpf/tc/globals
}

@test "another network namespace's devices are not touched" {
	local before

	before=$(state_of_netns "$SERVER")$(state_of_netns)
	vsh add dev all command victim direction both drop 1%
	assert_equal "$(state_of_netns "$SERVER")$(state_of_netns)" "$before"
}

@test "dev all: devices of others that come and go meanwhile are no reason to fail" {
	local i

	# shellcheck disable=SC2016
	start here churn sh -c 'while :; do
		for i in 1 2 3; do ip -n "$1" link add c$i type veth peer name cc$i; done
		for i in 3 2 1; do ip -n "$1" link del c$i; done
	done' sh "$CLIENT"
	for i in 1 2 3 4 5 6 7 8; do
		vsh add dev all command victim drop 1%
		vershitify flush
	done
	stop churn KILL
	for i in 1 2 3; do
		ip -n "$CLIENT" link del "c$i" 2>/dev/null || :
	done
	run -0 vershitify down
	assert_output ''
	refute [ -e /run/vershitify.shared ]
}

# --- what several commands of ours use --------------------------------------------------------

# two_users ADD ADD END END: scripts in a private mount namespace without bpffs. The first mounts it, the second
# uses it, too; prints what there is after each end.
two_users() {
	on_client env vershitify="$VERSHITIFY" pingkiller="$PINGKILLER" unshare --mount sh -euc '
		while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
		there() { mountpoint -q /sys/fs/bpf && echo mounted || echo "not mounted"; }
		VSH_ENTERED=$PWD && export VSH_ENTERED
		'"$1"'
		'"$2"'
		'"$3"'
		there
		'"$4"'
		there
		[ ! -e /run/vershitify.shared ] || cat /run/vershitify.shared'
}

@test "bpffs that one of our commands has mounted stays for the other, and goes with the last of them" {
	local add='"$vershitify" add dev eth0 command victim drop 1% >/dev/null' \
		ping='"$pingkiller" dev eth0 background 2>/dev/null' down='"$vershitify" down' stop='"$pingkiller" stop >/dev/null'

	run -0 two_users "$add" "$ping" "$down" "$stop"
	assert_output $'mounted\nnot mounted'
	run -0 two_users "$ping" "$add" "$stop" "$down"
	assert_output $'mounted\nnot mounted'
	run -0 two_users "$add" "$ping" "$stop" "$down"
	assert_output $'mounted\nnot mounted'
	run -0 two_users "$ping" "$add" "$down" "$stop"
	assert_output $'mounted\nnot mounted'
}

@test "bpffs that was there before us stays" {
	run -0 on_client env vershitify="$VERSHITIFY" unshare --mount sh -euc '
		mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
		"$vershitify" add dev eth0 command victim drop 1% >/dev/null
		"$vershitify" down
		mountpoint -q /sys/fs/bpf'
}

@test "bpffs that we mount is root's alone" {
	run -0 on_client env vershitify="$VERSHITIFY" unshare --mount sh -euc '
		while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
		VSH_ENTERED=$PWD && export VSH_ENTERED
		"$vershitify" add dev eth0 command victim drop 1% >/dev/null
		stat -c "%a %u" /sys/fs/bpf
		"$vershitify" down'
	assert_output '1700 0'
}

@test "with a full /run nothing is begun, and with one that fills up everything is taken away" {
	local before

	vershitify down
	before=$(state_of_netns "$CLIENT")
	run on_client env vershitify="$VERSHITIFY" pingkiller="$PINGKILLER" unshare --mount sh -uc '
		netns=$(mktemp -d) && mount --bind /run/netns "$netns"
		mount -t tmpfs -o size=64k none /run && mkdir /run/netns && mount --bind "$netns" /run/netns
		VSH_ENTERED=$PWD && export VSH_ENTERED
		cat /dev/zero >/run/fill 2>/dev/null
		"$vershitify" add dev eth0 command victim drop 1%; echo "add $?"
		"$pingkiller" dev eth0 background; echo "dev $?"
		rm /run/fill
		"$vershitify" add dev eth0 command victim drop 1%; echo "add $?"
		cat /dev/zero >/run/fill 2>/dev/null
		"$vershitify" down; echo "down $?"
		ls /run'
	assert_line 'add 1'
	assert_line 'dev 1'
	assert_line 'add 0'
	assert_line 'down 0'
	assert_line --regexp 'vershitify.sh: cannot write /run/vershitify[^ ]* \(is there no room on /run\?\)'
	assert_line --regexp 'pingkiller.sh: cannot write /run/[^ ]* \(is there no room on /run\?\)'
	refute_line vershitify
	assert_equal "$(state_of_netns "$CLIENT")" "$before"
}

@test "what cannot be taken away is named, its record stays, and the next down takes it away" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	# a tc that takes nothing away, in a batch either
	cat >"$BATS_TEST_TMPDIR/bin/tc" <<-END
		#!/bin/sh
		refused() {
			echo "RTNETLINK answers: Device or resource busy" >&2
		}
		case "\$*" in
		*" del "*)
			refused
			exit 2
			;;
		*"-b "*)
			line=0
			while read -r _; do
				line=\$((line + 1))
				refused
				echo "Command failed -:\$line" >&2
			done
			exit 1
			;;
		esac
		exec $(PATH=$PATH:/usr/sbin:/sbin command -v tc) "\$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/tc"
	rule_add command victim drop 1%
	pingkiller -n "$SERVER" dev eth0 hook tc background 2>/dev/null
	run -1 env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$VERSHITIFY" down 3>&-
	assert_output 'vershitify.sh: cannot detach from device eth0: RTNETLINK answers: Device or resource busy'
	run -1 env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$PINGKILLER" stop 3>&-
	assert_output 'pingkiller.sh: cannot detach from device eth0: RTNETLINK answers: Device or resource busy'
	run -0 vershitify down
	run -0 pingkiller stop
	refute_regex "$(on_client tc qdisc show dev eth0)" clsact
	refute_regex "$(on_server tc qdisc show dev eth0)" clsact
}
