# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# helpers.bash - what the suites share. A suite starts with
#
#	load helpers
#	setup_file() { suite_begin; }
#	teardown_file() { suite_end; }
#	setup() { test_begin; }
#	teardown() { test_end; }
#
# The laboratory (scripts/netlab.sh) is made once a file, under a random name:
#
#   namespace $CLIENT                           namespace $SERVER
#   target and bystander run here               what arrives is counted here
#   eth0 192.0.2.1 2001:db8::1  ---- veth ----  eth0 192.0.2.2 2001:db8::2
#
# Each test starts and ends without rules; the file ends without anything of
# ours on the machine (leak_check).

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

TOP=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
# Another installation can be tested by naming its command.
VERSHITIFY=${VERSHITIFY:-$TOP/scripts/vershitify.sh}
PINGKILLER=${PINGKILLER:-$TOP/scripts/pingkiller.sh}
PROGRAMS=$TOP/build/test

CLIENT4=192.0.2.1 CLIENT6=2001:db8::1
SERVER4=192.0.2.2 SERVER6=2001:db8::2

# An emulated machine is slow: fewer packets, more patience.
if [ -n "${VSH_VM-}" ]; then
	PACKETS=10000 PATIENCE=20
else
	PACKETS=100000 PATIENCE=1
fi

# --- the command under test ----------------------------------------------------

# vershitify WORDS...: descriptor 3 belongs to bats and would keep it waiting.
vershitify() {
	timeout -k 5 $((30 * PATIENCE)) "$VERSHITIFY" "$@" 3>&-
}

pingkiller() {
	timeout -k 5 $((30 * PATIENCE)) "$PINGKILLER" "$@" 3>&-
}

# In the namespace where the target's devices are.
vsh() {
	vershitify -n "$CLIENT" "$@"
}

# rule_add WORDS...: on the client's device; the new rule's number goes to $RULE.
rule_add() {
	RULE=$(vsh add dev eth0 "$@")
}

# counter RULE seen|dropped [egress|ingress [packets|segments|bytes]]
counter() {
	vershitify -s show "$1" | awk -v direction="${3:-egress}" -v count="$2" -v unit="${4:-packets}" '
		$1 == direction {
			for (i = 2; $i != count; i++);
			while ($++i != unit);
			print $(i - 1)
			found = 1
		}
		END { exit !found }'
}

# rule_field RULE NAME: a field of "show -j".
rule_field() {
	vershitify -j -s show "$1" | jq -r ".[0].$2"
}

# --- processes -------------------------------------------------------------------

# -g: bats loads this file from within a function.
declare -gA STARTED=()

# as COMM PROGRAM: prints a copy of the program (one of ours by its name, any
# other by its path) whose processes are called COMM.
as() {
	local program=$2 copy

	case $program in */*) ;; *) program=$PROGRAMS/$program ;; esac
	copy=$BATS_FILE_TMPDIR/as/${program##*/}/$1
	if [ ! -x "$copy" ]; then
		mkdir -p "${copy%/*}"
		cp "$program" "$copy"
	fi
	printf '%s\n' "$copy"
}

# nsenter, because "ip netns exec" would hide the BPF file system.
on_client() {
	nsenter --net="/run/netns/$CLIENT" -- "$@" 3>&-
}

on_server() {
	nsenter --net="/run/netns/$SERVER" -- "$@" 3>&-
}

# start client|server|here NAME COMMAND...: in the background, stopped at the
# latest when the test ends. pid NAME, output NAME, errors NAME tell about it.
start() {
	local where=$1 name=$2 enter=()
	shift 2
	case $where in
	client) enter=(nsenter "--net=/run/netns/$CLIENT" --) ;;
	server) enter=(nsenter "--net=/run/netns/$SERVER" --) ;;
	esac
	: >"$BATS_TEST_TMPDIR/$name.out"
	# One simple command without functions, so that $! is the process that becomes COMMAND.
	# A shell starts background commands with INT ignored, and no trap could undo that.
	"${enter[@]}" env --default-signal=INT,QUIT "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- </dev/null &
	STARTED[$name]=$!
}

pid() {
	printf '%s\n' "${STARTED[$1]}"
}

output_of() {
	cat "$BATS_TEST_TMPDIR/$1.out"
}

errors_of() {
	cat "$BATS_TEST_TMPDIR/$1.err"
}

# stop NAME [SIGNAL]: and wait for it. Its exit status is kept in $EXIT_STATUS.
stop() {
	kill -s "${2:-TERM}" "${STARTED[$1]}" 2>/dev/null || :
	finish "$1"
}

# finish NAME: wait for it to end by itself; its exit status goes to $EXIT_STATUS.
finish() {
	EXIT_STATUS=0
	wait "${STARTED[$1]}" || EXIT_STATUS=$?
	unset "STARTED[$1]"
}

# With what they have started in turn.
processes_stop() {
	local name

	for name in "${!STARTED[@]}"; do
		{
			family_kill "${STARTED[$name]}"
			wait "${STARTED[$name]}"
		} 2>/dev/null || :
	done
	STARTED=()
}

# Not every kernel has the list, and pgrep looks at every process there is.
children_of() {
	if [ -e "/proc/$1/task/$1/children" ]; then
		cat "/proc/$1/task"/*/children
	else
		pgrep -P "$1"
	fi
}

family_kill() {
	local child

	# Stopped, it starts no others meanwhile.
	kill -s STOP "$1" || return 0
	for child in $(children_of "$1"); do
		family_kill "$child"
	done
	kill -s KILL "$1"
}

# busywait SECONDS COMMAND...: until COMMAND succeeds.
busywait() {
	local end=$((SECONDS + $1 * PATIENCE + 1))
	shift
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

lines_count() {
	grep -cE -- "$2" "$BATS_TEST_TMPDIR/$1.out" || :
}

lines_are() {
	(($(lines_count "$1" "$2") >= $3))
}

# wait_line NAME REGEX [COUNT]: until what was started has printed it (COUNT times).
wait_line() {
	if ! busywait 20 lines_are "$1" "$2" "${3:-1}"; then
		echo "$1 has printed:" >&2
		output_of "$1" >&2
		errors_of "$1" >&2
		return 1
	fi
}

# go NAME: tell it to go on (SIGUSR1).
go() {
	kill -s USR1 "${STARTED[$1]}"
}

ended() {
	! kill -0 "${STARTED[$1]}" 2>/dev/null
}

# --- numbered datagrams -------------------------------------------------------------

# receiver_start [PROGRAM-OPTIONS]: counts what arrives at a fresh port, $PORT, of the server.
receiver_start() {
	port_take
	start server receiver "$PROGRAMS/udpcount" "$@" "$PORT"
	wait_line receiver '^ready$'
}

# Ports are not used twice in a file: nothing of an earlier test can arrive.
port_take() {
	PORT=$(($(cat "$BATS_FILE_TMPDIR/port" 2>/dev/null || echo 20000) + 1))
	echo "$PORT" >"$BATS_FILE_TMPDIR/port"
}

# send COMM [udpsend's words]: from the client, by a process of that name.
send() {
	on_client "$(as "$1" udpsend)" "${@:2}"
}

# sender_start NAME COMM [udpsend's words]: one that waits before each batch.
sender_start() {
	start client "$1" "$(as "$2" udpsend)" -w "${@:3}"
	wait_line "$1" '^ready$'
}

# batch NAME: one more batch, until it is sent.
batch() {
	local before

	before=$(lines_count "$1" '^sent ')
	go "$1"
	wait_line "$1" '^sent ' $((before + 1))
}

# report NAME: what a counting program has counted by now.
report() {
	local before

	before=$(lines_count "$1" '^end$')
	go "$1"
	wait_line "$1" '^end$' $((before + 1))
	awk '/^end$/ { last = text; text = ""; next } { text = text $0 "\n" } END { printf "%s", last }' \
		"$BATS_TEST_TMPDIR/$1.out"
}

# has_line TEXT LINE
has_line() {
	[[ $'\n'$1$'\n' == *$'\n'"$2"$'\n'* ]]
}

# received LABEL [COLUMN [RECEIVER [FILTERED]]]: datagrams of that source, or another column
# of udpcount's: 3 duplicates, 4 hash, 5 first, 6 last, 7 first_ns, 8 last_ns.
# Fails if the receiver itself lost any. Its socket counts as lost what a rule for
# ingress has dropped as well: FILTERED of them.
received() {
	local text

	text=$(report "${3:-receiver}")
	if ! has_line "$text" "overflow ${4:-0}" || ! has_line "$text" 'damaged 0'; then
		echo "the receiver: $text" >&2
		return 1
	fi
	awk -v label="$1" -v column="${2:-2}" '
		$1 == label && NF == 8 { value = $column; found = 1 }
		END { print found ? value : 0 }' <<<"$text"
}

# sniffer_report [SNIFFER]: all that it has counted; fails if it lost any.
sniffer_report() {
	local text

	text=$(report "${1:-sniffer}")
	if ! has_line "$text" 'overflow 0'; then
		echo "the sniffer: $text" >&2
		return 1
	fi
	printf '%s\n' "$text"
}

# sniffed KIND [SNIFFER]: packets of that kind that came in at the sniffer.
sniffed() {
	local text

	text=$(sniffer_report "${2-}") || return
	awk -v kind="$1" '$1 == kind { print $2 }' <<<"$text"
}

# assert_none_since MICROSECONDS: no packet of TCP was sent after that moment of $EPOCHREALTIME.
assert_none_since() {
	local text last

	text=$(sniffer_report)
	last=$(awk '$1 == "tcp_last_us" { print $2 }' <<<"$text")
	((last <= $1)) || fail "a packet of TCP came $((last - $1)) us after the moment; in all there were"$'\n'"$text"
}

# assert_received LABEL COUNT
assert_received() {
	assert_equal "$1 $(received "$1")" "$1 $2"
}

# assert_counted RULE SEEN DROPPED [DIRECTION]: packets.
assert_counted() {
	assert_equal "$(vershitify -s show "$1" | awk -v direction="${4:-egress}" '
		$1 == direction { print "seen", $3, "dropped", $10 }')" "seen $2 dropped $3"
}

# sniffer_start [PORT]: counts the packets that reach the server's device.
sniffer_start() {
	start server sniffer "$PROGRAMS/sniff" eth0 "$@"
	wait_line sniffer '^ready$'
}

# --- statistics ---------------------------------------------------------------------

# binomial N PERCENT: prints LOW HIGH. A count of N independent events, each of
# that probability, is outside in one case of a million (half on either side).
# Summed from the weights themselves, relative to the largest: exact, and so at
# 0 and 100 %, where only one count is possible.
binomial() {
	awk -v n="$1" -v percent="$2" -v alpha=1e-6 'BEGIN {
		p = percent / 100
		if (p <= 0) { print 0, 0; exit }
		if (p >= 1) { print n, n; exit }
		mode = int((n + 1) * p)
		if (mode > n) mode = n
		weight[mode] = sum = 1
		for (high = mode; high < n && weight[high] > 1e-40; high++)
			sum += weight[high + 1] = weight[high] * (n - high) / (high + 1) * p / (1 - p)
		for (low = mode; low > 0 && weight[low] > 1e-40; low--)
			sum += weight[low - 1] = weight[low] * low / (n - low + 1) * (1 - p) / p
		for (tail = weight[low]; tail <= sum * alpha / 2; tail += weight[++low]);
		for (tail = weight[high]; tail <= sum * alpha / 2; tail += weight[--high]);
		print low, high
	}'
}

# assert_binomial COUNT N PERCENT
assert_binomial() {
	local low high

	read -r low high < <(binomial "$2" "$3")
	(($1 >= low && $1 <= high)) || fail "$1 of $2 is not $3 %: expected $low to $high"
}

# --- what the machine offers ------------------------------------------------------------

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
		vlan | bridge | macvlan)
			link_kind_works "$name" || skip "needs a kernel with $name devices"
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
		*) fail "requires: '$name' is unknown" ;;
		esac
	done
}

link_kind_works() {
	local words=(name try type "$1")

	case $1 in
	vlan) words=(link eth0 name try type vlan id 9) ;;
	macvlan) words=(link eth0 name try type macvlan) ;;
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

# --- nothing changed, nothing left ---------------------------------------------------------

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
		else if (name ~ /^(vsh|pk)_/)
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
	find /run/vershitify /run/pingkiller /run/vershitify.* -mindepth 0 2>/dev/null | sed 's/^/run /'
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

# --- suites and tests -------------------------------------------------------------------

suite_begin() {
	[ "$(id -u)" = 0 ] || return 0
	export LAB=vsht-$$-$RANDOM
	export CLIENT=$LAB-a SERVER=$LAB-b VSH_TEST=$LAB
	# What somebody has left here is not this file's fault.
	vershitify down
	system_state >"$BATS_FILE_TMPDIR/before"
	"$TOP/scripts/netlab.sh" up "$LAB"
}

suite_end() {
	[ "$(id -u)" = 0 ] || return 0
	vershitify down || :
	"$TOP/scripts/netlab.sh" down "$LAB"
	leak_check
}

# Nothing is left that was not there when the file began.
leak_check() {
	assert_state "$(cat "$BATS_FILE_TMPDIR/before")"
}

# test_begin [standing]: in an emulated machine, to load the programs and to take them down is a third of
# a test's time. With "standing" they stay there from test to test, held by a rule for nobody.
test_begin() {
	requires root
	[ -n "${VSH_VM-}" ] || return 0
	# For each command that a test runs, bats takes note of the line. In an emulated machine that takes
	# half of the time; what fails there is told without the line. (TRACE=1 keeps it.)
	[ -n "${TRACE-}" ] || trap - DEBUG
	if [ -n "${1-}" ] && [ ! -e "$BATS_FILE_TMPDIR/standing" ]; then
		rule_add command vsht-nobody drop 0%
		echo "$RULE" >"$BATS_FILE_TMPDIR/standing"
	fi
}

test_end() {
	[ "$(id -u)" = 0 ] || return 0
	processes_stop
	cgroups_remove
	rules_remove
}

# Deletes all rules but the standing one.
rules_remove() {
	local standing

	if standing=$(cat "$BATS_FILE_TMPDIR/standing" 2>/dev/null) && standing_stands "$standing"; then
		vershitify show | awk -v standing="$standing" '$1 == "rule" && $2 != standing { print "del", $2 }' |
			vershitify -b -
	else
		rm -f "$BATS_FILE_TMPDIR/standing"
		vershitify flush
	fi
}

# A test may have taken it down with the others.
standing_stands() {
	[[ $(vershitify show "$1" 2>/dev/null) == *" command vsht-nobody "* ]]
}
