# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# machine.bash - what this kernel can do, or the test is skipped; its control groups.

# requires NAME...: skips the test, with the reason, where this kernel cannot do it.
requires() {
	local name

	for name in "$@"; do
		case $name in
		root)
			[ "$(id -u)" = 0 ] || skip "needs root"
			;;
		smp)
			[ "$(nproc)" -ge 2 ] || skip "needs two processors"
			;;
		mptcp)
			[ -e /proc/sys/net/mptcp/enabled ] || skip "needs a kernel with MPTCP (CONFIG_MPTCP)"
			;;
		syncookies)
			[ -e /proc/sys/net/ipv4/tcp_syncookies ] || skip "needs a kernel with SYN cookies (CONFIG_SYN_COOKIES)"
			;;
		vlan | bridge | macvlan | ipvlan | bond | vxlan | ipip | gre | ip6tnl)
			link_kind_works "$name" || skip "needs a kernel with $name devices"
			;;
		tap)
			[ -e /dev/net/tun ] || modprobe -q tun || skip "needs a kernel with TAP devices (CONFIG_TUN)"
			;;
		lsm)
			lsm_works || skip "needs a kernel that loads BPF LSM programs (CONFIG_BPF_LSM, lsm=bpf)"
			;;
		tcx)
			tcx_works || skip "needs a kernel with tcx (6.6)"
			;;
		netem | fq)
			qdisc_works "$name" || skip "needs a kernel with the $name qdisc"
			;;
		ifb)
			[ -e /sys/module/ifb ] || modprobe -q ifb numifbs=0 || :
			link_kind_works ifb || skip "needs a kernel with ifb devices"
			;;
		nft)
			nft_works || skip "needs nft and a kernel with NAT in nftables"
			;;
		loop)
			loop_works || skip "needs loop devices and ext4"
			;;
		overlay)
			filesystem_works overlay || skip "needs a kernel with overlayfs"
			;;
		*) fail "requires: '$name' is unknown" ;;
		esac
	done
}

# filesystem_works TYPE: its module is loaded when it is asked for.
filesystem_works() {
	grep -qw "$1" /proc/filesystems || modprobe -q "$1"
}

nft_works() {
	nsenter --net="/run/netns/$SERVER" nft add table ip try '{ chain c { type nat hook prerouting priority -100; tcp dport 1 redirect to :2; }; }' 2>/dev/null || return
	nsenter --net="/run/netns/$SERVER" nft delete table ip try
}

loop_works() {
	[ -e /dev/loop-control ] || modprobe -q loop || return
	filesystem_works ext4 && losetup -f >/dev/null 2>&1 && command -v mkfs.ext4 >/dev/null
}

link_kind_works() {
	local words=(name try type "$1")

	case $1 in
	vlan) words=(link eth0 name try type vlan id 9) ;;
	macvlan | ipvlan) words=(link eth0 name try type "$1") ;;
	vxlan) words+=(id 9 dev eth0 dstport 4789) ;;
	ipip | gre) words+=(remote 203.0.113.1 local 203.0.113.2) ;;
	ip6tnl) words+=(remote 2001:db8::1 local 2001:db8::2) ;;
	esac
	ip -n "$SERVER" link add "${words[@]}" 2>/dev/null || return
	ip -n "$SERVER" link del try
}

# The trampolines that LSM programs hang on need dynamic ftrace.
lsm_works() {
	mountpoint -q /sys/kernel/security || mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
	grep -qw bpf /sys/kernel/security/lsm 2>/dev/null && [ -e /sys/kernel/tracing/enabled_functions ]
}

# The program says "attached" and stays.
tcx_works() {
	start server try "$PROGRAMS/foreign" tcx lo try
	busywait 5 lines_or_end try || :
	lines_are try '^attached$' 1 || return
	stop try
}

lines_or_end() {
	lines_are "$1" . 1 || ended "$1"
}

qdisc_works() {
	tc -n "$SERVER" qdisc add dev lo root "$1" 2>/dev/null || return
	tc -n "$SERVER" qdisc del dev lo root
}

# Where the version 2 hierarchy of control groups is mounted.
cgroup_root() {
	findmnt -rn -t cgroup2 -o TARGET | head -n 1
}

# cgroup_make NAME: prints the folder of a new one; gone when the test ends.
cgroup_make() {
	local path

	path=$(cgroup_root)/$LAB-$1
	mkdir "$path"
	: >"$BATS_TEST_TMPDIR/cgroups"
	printf '%s\n' "$path"
}

# A process that was killed a moment ago may still be in one.
cgroups_remove() {
	local root path

	[ -e "$BATS_TEST_TMPDIR/cgroups" ] || return 0
	root=$(cgroup_root)
	find "$root" -depth -mindepth 1 -type d -path "$root/$LAB-*" | while read -r path; do
		busywait 5 rmdir "$path"
	done
}
