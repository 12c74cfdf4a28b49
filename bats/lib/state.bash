# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# state.bash - the state of the machine: nothing changed, nothing left.

# state_of_netns [NAME]: devices with their qdiscs, tc filters and XDP programs, of ours and of others.
state_of_netns() {
	local enter=() qdiscs dev hook

	[ -z "${1-}" ] || enter=(nsenter "--net=/run/netns/$1")
	qdiscs=$("${enter[@]}" tc qdisc show)
	printf '%s\n' "$qdiscs"
	"${enter[@]}" ip -o link show | awk '
		match($0, / prog\/xdp id [0-9]+/) {
			id = substr($0, RSTART, RLENGTH)
			match($0, / xdp[a-z]* /)
			print $2 substr($0, RSTART, RLENGTH) id
		}'
	awk '$2 == "clsact" || $2 == "ingress" { print $5 }' <<<"$qdiscs" | while read -r dev; do
		for hook in ingress egress; do
			"${enter[@]}" tc filter show dev "$dev" "$hook" 2>/dev/null | sed "s/^/$dev $hook: /"
		done
	done
}

# state_of_bpf: programs and maps of ours; links of all, with the names of their programs. From what
# bpftool prints for people: jq takes a third of a second to begin in an emulated machine.
state_of_bpf() {
	awk '
	/^[0-9]+:/ {
		id = $1 + 0
		name = ""
		for (i = 2; i < NF; i++) {
			if ($i == "name")
				name = $(i + 1)
			if ($i == "prog")
				program = $(i + 1)
		}
		if (kind == 1)
			names[id] = name
		if (kind == 3)
			print "link", id, $2, program, names[program]
		else if (name ~ /^(vsh|pk|tpk)_/)
			print kind == 1 ? "prog" : "map", id, name
	}' kind=1 <(bpftool prog show) kind=2 <(bpftool map show) kind=3 <(bpftool link show)
}

# Everything on the machine that we could have changed, one thing a line. The
# numbers of programs are left in: what was replaced is not what it was.
# What the kernel (*.debug) and tc (tc, ip, xdp) make for everybody below
# /sys/fs/bpf does not count.
system_state() {
	local netns

	state_of_netns
	for netns in "$CLIENT" "$SERVER"; do
		[ ! -e "/run/netns/$netns" ] || state_of_netns "$netns" | sed "s/^/$netns: /"
	done
	ip netns list | grep "$LAB" | sed 's/^/netns /'
	state_of_bpf
	bpftool cgroup show "$(cgroup_root)" 2>/dev/null | sed 's/^/cgroup /'
	find "$(cgroup_root)" -mindepth 1 -type d -name '*vsh*' 2>/dev/null | sed 's/^/cgroup /'
	findmnt -rn -o TARGET,FSTYPE | grep -E '^/(sys/fs|run/(vershitify|pingkiller))' | sed 's/^/mount /'
	find /sys/fs/bpf -mindepth 1 2>/dev/null | grep -vxE '/sys/fs/bpf/(tc(/globals)?|ip|xdp|[a-z]*\.debug)' | sed 's/^/pin /'
	find /run/vershitify /run/pingkiller /run/vershitify.* 2>/dev/null | sed 's/^/run /'
	processes_left | sed 's/^/process /'
}

# Processes that this file's tests have started, found by the mark in their
# environment, and that have outlived whoever started them: all but the
# ancestors and descendants of this shell.
processes_left() {
	local file pid parent

	grep -lzsx "VSH_TEST=$LAB" /proc/[0-9]*/environ | while read -r file; do
		pid=${file#/proc/} pid=${pid%/environ} parent=$pid
		while ((parent > 1 && parent != $$)); do
			parent=$(awk '$1 == "PPid:" { print $2 }' "/proc/$parent/status" 2>/dev/null) || parent=$$
		done
		((parent == $$ || pid == PPID)) || printf '%s %s\n' "$pid" "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
	done
}

state_is() {
	[ "$(system_state)" = "$1" ]
}

# state_at_rest: the same, when it has stopped changing.
state_at_rest() {
	local last now

	now=$(system_state)
	until
		last=$now
		sleep 0.1
		now=$(system_state)
		[ "$now" = "$last" ]
	do
		:
	done
	printf '%s\n' "$now"
}

# assert_state BEFORE: the machine is as it was. The kernel frees programs and
# maps a moment after their last user has gone.
assert_state() {
	if ! busywait 5 state_is "$1" 2>/dev/null; then
		diff <(printf '%s\n' "$1") <(system_state) || :
		fail "the machine is not as it was (<: before, >: now)"
	fi
}
