#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What happens where a kernel, a container or a machine does not give all that we ask for: the main job
# works without what is optional, fails in one line without what is needed, and doctor says the same.
# What is mounted or hidden here is so in a private mount namespace.
#
#   $CLIENT: victim, bystander   eth0 192.0.2.1 ---------- 192.0.2.2 eth0   $SERVER: receiver, pingkiller.sh
#
# vm: ^(show -s counts|without a program for)
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Much here is for another shell:
# shellcheck disable=SC2016

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	vershitify down
	pingkiller stop
	[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || umount /sys/fs/bpf
	[ ! -e "$BATS_TEST_TMPDIR/ingress" ] || on_client tc qdisc del dev eth0 ingress
}

# table COLUMN: of the table of programs; 1 object, 2 program, 3 needed or optional, 4 purpose, 5 what is lost.
table() {
	"$TOP/build/vsh" programs | cut -f "$1"
}

# about PROGRAM COLUMN
about() {
	"$TOP/build/vsh" programs | awk -F '\t' -v program="$1" -v column="$2" '$2 == program { print $column }'
}

# programs needed|optional OBJECT...
programs() {
	"$TOP/build/vsh" programs | awk -F '\t' -v need="$1" -v objects=" ${*:2} " '
		$3 == need && index(objects, " " $1 " ") { print $2 }'
}

# tree_make: a tree like ours in $TREE, in which programs can be broken.
tree_make() {
	TREE=$BATS_TEST_TMPDIR/tree
	mkdir -p "$TREE/build"
	cp -a "$TOP/Makefile" "$TOP/scripts" "$TOP/tc" "$TREE"
	ln -s "$TOP/build/vsh" "$TREE/build"
	tree_mend
	VERSHITIFY=$TREE/scripts/vershitify.sh
	PINGKILLER=$TREE/scripts/pingkiller.sh
	# shellcheck disable=SC2034 # in lib/command.bash
	TRACEPKT=$TREE/scripts/tracepkt.sh
	# shellcheck disable=SC2034 # likewise
	SNITCH=$TREE/scripts/snitch.sh
}

tree_mend() {
	cp "$TOP"/build/*.o "$TREE/build"
}

# tree_break PROGRAM...
tree_break() {
	local program object

	for program; do
		object=$TREE/build/$(about "$program" 1)
		"$PROGRAMS/unloadable" "$object" "$program" "$object.new"
		mv "$object.new" "$object"
	done
}

# Which this kernel refuses as they are.
is_refused_here() {
	! "$TOP/build/vsh" try "$TOP/build" "$1" 2>/dev/null
}

# inside SCRIPT [ARG...]: a shell script in a private mount namespace, in the client's network namespace;
# $vershitify is the command.
inside() {
	on_client env vershitify="$VERSHITIFY" pingkiller="$PINGKILLER" unshare --mount sh -uc "$@"
}

# The victim's packets are lost and the bystander's are not.
assert_works() {
	send victim -n "victim$1" "$SERVER4" "$PORT" 10
	send bystander -n "bystander$1" "$SERVER4" "$PORT" 10
	assert_received "victim$1" 0
	assert_received "bystander$1" 10
}

# assert_one_line TEXT PART...: one line, with each part in it.
assert_one_line() {
	local part

	assert_equal "$(wc -l <<<"$1")" 1
	for part in "${@:2}"; do
		[[ $1 == *"$part"* ]] || fail "no '$part' in: $1"
	done
}

# --- the table ----------------------------------------------------------------------------

# Functions of the sections that are not code for all: what libbpf takes for programs.
programs_in() {
	readelf -SW "$1" | sed -n 's/^ *\[ *\([0-9]*\)\] \([^ ]*\) .*/\1 \2/p' >"$BATS_TEST_TMPDIR/sections"
	readelf -sW "$1" | awk -v sections="$BATS_TEST_TMPDIR/sections" '
		BEGIN { while ((getline <sections) > 0) section[$1] = $2 }
		$4 == "FUNC" && $5 == "GLOBAL" && section[$7] != ".text" { print $8 }'
}

@test "the table has every program of every object, and no other" {
	local object

	for object in "$TOP"/build/*.o; do
		programs_in "$object" | sed "s|^|${object##*/} |"
	done | sort >"$BATS_TEST_TMPDIR/objects"
	table 1,2 | tr '\t' ' ' | sort | diff "$BATS_TEST_TMPDIR/objects" -
	assert [ "$(table 2 | wc -l)" -ge 16 ]
}

@test "each program that another one replaces is replaced by one of the table" {
	local name

	for name in $(table 6); do
		assert [ -n "$(about "$name" 1)" ]
	done
}

@test "the manuals say of each program what the table says" {
	local page object name need purpose lost text

	while IFS=$'\t' read -r object name need purpose lost _; do
		case $object in
		pingkiller.o | tracepkt.o | snitch.o) page=${object%.o} ;;
		tcp.o) page=snitch ;;
		*) page=vershitify ;;
		esac
		text=$(tr -s '\n\t ' ' ' <"$TOP/scripts/man/$page.8.scd" | sed 's/\\//g')
		[[ $text == *"*$name* ($need) It $purpose. Without it, $lost."* ]] ||
			fail "$page.8.scd does not say of $name: $purpose; $lost"
	done < <(table 1-)
}

# --- one program after the other ------------------------------------------------------------

@test "each program that is needed: add and doctor name it, and nothing is left" {
	local name before

	tree_make
	receiver_start
	before=$(state_at_rest)
	for name in $(programs needed tracker.o vershitify.o); do
		tree_mend
		tree_break "$name"
		run -1 --separate-stderr vsh add dev eth0 command victim drop 100%
		assert_output ''
		assert_one_line "$stderr" "cannot load $name" "$(about "$name" 4)" 'Invalid argument' 'last insn is not an exit'
		assert_state "$before"
		run -1 vsh doctor
		assert_line --regexp "^MISSING +$name: $(about "$name" 5) \\(Invalid argument: last insn.*\\): it takes a kernel"
		assert_line --regexp "^FAILS +a rule: cannot load $name"
		assert_equal "$(grep -cE '^(MISSING|lost)' <<<"$output")" 1
		assert_state "$before"
	done
	assert [ -n "$name" ]
	tree_mend
	run -0 vsh add dev eth0 command victim drop 100%
	assert_works
}

@test "each program that is optional: a rule works without it, and doctor says what is lost" {
	local name stand_in

	tree_make
	receiver_start
	for name in $(programs optional tracker.o receive.o vershitify.o); do
		tree_mend
		tree_break "$name"
		run -0 --separate-stderr vsh add dev eth0 command victim drop 100%
		assert_output 1
		stand_in=$(about "$name" 6)
		if [ "$(about "$name" 1)" = vershitify.o ] || { [ -n "$stand_in" ] && ! is_refused_here "$stand_in"; }; then
			refute_regex "$stderr" "without $name,"
		else
			assert_one_line "$(grep "without $name," <<<"$stderr")" "note: without $name, $(about "$name" 5)"
		fi
		assert_equal "$(grep -v ': note: without ' <<<"$stderr")" ''
		assert_works "$name"
		run -0 --separate-stderr vsh add dev eth0 command other drop 1%
		assert_equal "$stderr" ''
		run -0 vsh doctor
		assert_line --regexp "^(lost|replaced) +$name: .*$(about "$name" 5)"
		vershitify down
		run -0 vsh doctor
		assert_line --regexp "^(lost|replaced) +$name: .*$(about "$name" 5)"
	done
	assert [ -n "$name" ]
}

@test "tracepkt: each program that is needed is named by doctor, and without it nothing is traced" {
	local name before

	tree_make
	before=$(state_at_rest)
	for name in $(programs needed tracepkt.o); do
		tree_mend
		tree_break "$name"
		run -1 --separate-stderr tracepkt -n "$CLIENT" "$SERVER4"
		assert_output ''
		assert_one_line "$stderr" 'cannot load' '(try: tracepkt.sh doctor)'
		run -1 tracepkt doctor
		assert_line --regexp "^MISSING +$name: $(about "$name" 5) \\(Invalid argument: last insn.*\\): it takes a kernel"
		assert_line --regexp '^FAILS +path: cannot load'
		assert_state "$before"
	done
	assert [ -n "$name" ]
}

@test "tracepkt: each program that is optional is done without, with a note" {
	local name

	tree_make
	for name in $(programs optional tracepkt.o); do
		tree_mend
		tree_break "$name"
		run -0 --separate-stderr tracepkt -n "$CLIENT" "$SERVER4"
		assert_output --partial 'seq 1: answered after 2 devices'
		assert_equal "$stderr" "tracepkt.sh: note: without $name, $(about "$name" 5)"
		run -0 tracepkt doctor
		assert_line --regexp "^lost +$name: $(about "$name" 5)"
	done
	assert [ -n "$name" ]
}

@test "snitch: each program that is needed is named by doctor, and without it nothing is watched" {
	local name before

	tree_make
	before=$(state_at_rest)
	for name in $(programs needed snitch.o); do
		tree_mend
		tree_break "$name"
		run -1 --separate-stderr snitch --for 1
		assert_output ''
		assert_one_line "$stderr" 'cannot load' '(try: snitch.sh doctor)'
		run -1 snitch doctor
		assert_line --regexp "^MISSING +$name: $(about "$name" 5) \\(Invalid argument: last insn.*\\): it takes a kernel"
		assert_line --regexp '^FAILS +connection: cannot load'
		assert_state "$before"
	done
	assert [ -n "$name" ]
}

@test "snitch: each program that is optional is done without, with a note" {
	local name

	tree_make
	for name in $(programs optional snitch.o); do
		tree_mend
		tree_break "$name"
		run -0 --separate-stderr snitch --for 10ms
		assert_equal "$(head -n 1 <<<"$stderr")" "snitch.sh: note: without $name, $(about "$name" 5)"
		run -0 snitch doctor
		assert_line --regexp "^lost +$name: $(about "$name" 5)"
		assert_line --partial 'connection: one was seen'
	done
	assert [ -n "$name" ]
}

@test "snitch tcp: programs that are needed are named by doctor, optional ones are done without" {
	local name

	tree_make
	for name in $(programs needed tcp.o); do
		tree_mend
		tree_break "$name"
		run -1 --separate-stderr snitch tcp --for 1
		assert_one_line "$output$stderr" 'cannot load' '(try: snitch.sh doctor)'
		run -1 snitch doctor
		assert_line --regexp "^MISSING +$name: $(about "$name" 5)"
	done
	for name in $(programs optional tcp.o); do
		tree_mend
		tree_break "$name"
		run -0 --separate-stderr snitch tcp --for 10ms
		assert_equal "$(head -n 1 <<<"$stderr")" "snitch.sh: note: without $name, $(about "$name" 5)"
		run -0 snitch doctor
		assert_line --regexp "^lost +$name: $(about "$name" 5)"
	done
	assert [ -n "$name" ]
}

@test "without a program show -s and monitor say what cannot be told" {
	tree_make
	tree_break vsh_set_state
	vsh add dev eth0 command victim drop 1%
	run -0 vershitify -s show
	assert_line "without vsh_set_state: $(about vsh_set_state 5)"
	assert_equal "$(vershitify -j -s show | jq -c '.[0].lost')" '["vsh_set_state"]'
	start here watching "$VERSHITIFY" monitor
	said() { errors_of watching | grep -qF "note: without vsh_set_state, $(about vsh_set_state 5)"; }
	busywait 10 said
	vershitify down
	tree_mend
	vsh add dev eth0 command victim drop 1%
	run -0 vershitify -s show
	refute_output --partial without
	assert_equal "$(vershitify -j -s show | jq -c '.[0].lost')" '[]'
}

@test "without a program for a direction that direction is refused, by its name" {
	local before

	tree_make
	tree_break vsh_cg_ingress vsh_cg_egress
	before=$(state_at_rest)
	for words in 'direction ingress' 'direction both'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr vsh add dev eth0 command victim $words drop 1%
		assert_one_line "$stderr" 'cannot load vsh_cg_ingress, which drops what targets receive: Invalid argument'
		assert_state "$before"
	done
	run -1 --separate-stderr vsh add dev eth0 command victim visible denied drop 1%
	assert_one_line "$stderr" 'cannot load vsh_cg_egress, which denies targets what they send: Invalid argument'
	assert_state "$before"
}

@test "without a program that finds running processes pid is refused, and a new process is not missed" {
	local before

	tree_make
	tree_break vsh_iter_task
	receiver_start
	sender_start runs victim -n runs "$SERVER4" "$PORT" 10
	before=$(state_at_rest)
	run -1 --separate-stderr vsh add dev eth0 pid "$(pid runs)" drop 100%
	assert_output ''
	assert_one_line "$(grep -v '^vershitify.sh: note: ' <<<"$stderr")" "pid $(pid runs)" vsh_iter_task
	assert_state "$before"
	vsh add dev eth0 command victim drop 100%
	batch runs
	assert_received runs 10
	assert_works
}

@test "without a way to count sockets they are unknown, and everything else is counted" {
	tree_make
	tree_break vsh_iter_socks vsh_iter_open
	receiver_start
	run -0 --separate-stderr vsh add dev eth0 command victim drop 100%
	assert_regex "$stderr" 'note: without vsh_iter_open'
	assert_works
	run -0 vershitify -s show
	assert_line --regexp '^ +processes 0 sockets unknown$'
	assert_equal "$(vershitify -j -s show | jq -c '.[0] | [.sockets, .egress.dropped.packets]')" '[null,10]'
}

@test "show -s counts the same sockets by storage and by open files, shared ones once" {
	local by_files

	receiver_start
	sender_start one victim "$SERVER4" "$PORT" 1
	sender_start two victim "$SERVER6" "$PORT" 1
	# a listener, both ends of a connection, one that waits to be accepted, two datagram sockets
	start client forks python3 -c '
import os, socket, time
listener = socket.create_server(("", 0))
client = socket.create_connection(listener.getsockname())
accepted = listener.accept()
queued = socket.create_connection(listener.getsockname())
datagram = [socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
for i in range(3):
    os.fork() or time.sleep(600)
print("ready", flush=True)
time.sleep(600)'
	wait_line forks ready
	vsh add dev eth0 command victim drop 1%
	vsh add dev eth0 pid "$(pid forks)" children drop 1%
	by_files=$(
		rm -f /sys/fs/bpf/vershitify/link_vsh_iter_socks
		vershitify -j -s show | jq -c '[.[].sockets]'
	)
	assert_equal "$by_files" '[2,6]'
	is_refused_here vsh_iter_socks || {
		vershitify down
		vsh add dev eth0 command victim drop 1%
		vsh add dev eth0 pid "$(pid forks)" children drop 1%
		assert_equal "$(vershitify -j -s show | jq -c '[.[].sockets]')" "$by_files"
	}
}

@test "without a program of pingkiller the other hook serves, and doctor says so" {
	tree_make
	tree_break pk_xdp
	run -0 --separate-stderr pingkiller -n "$SERVER" dev eth0 background
	assert_regex "$stderr" 'cannot load pk_xdp, which drops pings in XDP: Invalid argument'
	assert_regex "$stderr" 'note: hook tc in its place'
	run -1 on_client ping -q -c 5 -i 0.01 -W 0.2 "$SERVER4"
	assert_output --partial ' 0 received'
	pingkiller stop
	run -1 pingkiller -n "$SERVER" dev eth0 hook generic background
	assert_one_line "$output" 'cannot load pk_xdp'
	run -0 pingkiller -n "$SERVER" doctor
	assert_line --regexp '^replaced +pk_xdp: by pk_tc; hook native and hook generic are refused \(Invalid argument'
	assert_line --regexp '^lost +generic: cannot load pk_xdp'
	assert_line --regexp '^ok +tc: '
	tree_mend
	tree_break pk_tc
	run -1 pingkiller -n "$SERVER" dev eth0 hook tc background
	assert_one_line "$output" 'cannot load pk_tc'
	run -0 pingkiller -n "$SERVER" dev eth0 background
	pingkiller stop
	run -0 pingkiller -n "$SERVER" doctor
	assert_line --regexp '^replaced +pk_tc: by pk_xdp; '
	assert_line --regexp '^ok +generic: '
	tree_break pk_xdp
	run -1 pingkiller -n "$SERVER" dev eth0 background
	run -1 pingkiller -n "$SERVER" doctor
	assert_line --regexp '^FAILS +every hook'
}

# --- what a shell is not given ----------------------------------------------------------------

# doctor_agrees COMMAND...: in front of the command, add does what doctor says.
# $status and $output are those of doctor; those of add go to $add_status and $add_output.
doctor_agrees() {
	local before

	before=$(state_at_rest)
	run "$@" "$VERSHITIFY" add dev eth0 command victim direction both drop 1%
	add_status=$status add_output=$output
	vershitify down
	assert_state "$before"
	run "$@" "$VERSHITIFY" doctor
	assert_equal "add $add_status" "add $status"
	assert_state "$before"
}

@test "doctor: without a capability it agrees with add, and names the capability that is missed" {
	local name

	mountpoint -q /sys/fs/bpf || mount_bpffs
	for name in BPF PERFMON SYS_RESOURCE DAC_OVERRIDE SYS_PTRACE; do
		doctor_agrees on_client capsh --drop="cap_${name,,}" -- -c 'exec "$0" "$@"'
		assert_equal "$name $status" "$name 0"
		case $name in
		BPF | PERFMON) assert_line --regexp "^note +CAP_$name: missing; CAP_SYS_ADMIN does instead" ;;
		esac
	done
	for name in NET_ADMIN SYS_ADMIN; do
		doctor_agrees on_client capsh --drop="cap_${name,,}" -- -c 'exec "$0" "$@"'
		assert_equal "$name $status" "$name 1"
		assert_line --regexp "^MISSING +CAP_$name: .*: give it"
		assert_line --regexp "^FAILS +a rule: CAP_$name is missing"
		assert_one_line "$add_output" "CAP_$name is missing: give it"
	done
}

@test "without a capability down says that it cannot, and leaves the records for one that can" {
	local name

	rule_add command victim drop 1%
	for name in cap_net_admin cap_sys_admin; do
		run -1 capsh --drop="$name" -- -c 'exec "$0" "$@"' "$VERSHITIFY" down 3>&-
		assert_one_line "$output" "${name^^} is missing"
		run -1 capsh --drop="$name" -- -c 'exec "$0" "$@"' "$PINGKILLER" stop 3>&-
		assert_one_line "$output" "${name^^} is missing"
	done
	assert_regex "$(on_client tc filter show dev eth0 egress)" vsh_egress
	vershitify down
	run -0 on_client tc qdisc show dev eth0
	refute_output --partial clsact
}

# Under capsh without CAP_SYS_ADMIN nothing can be mounted.
mount_bpffs() {
	mount -t bpf bpf /sys/fs/bpf
	touch "$BATS_TEST_TMPDIR/mounted"
}

@test "doctor: without root it says so" {
	run -1 setpriv --reuid 65534 --clear-groups "$VERSHITIFY" doctor 3>&-
	assert_one_line "$output" 'only root'
}

@test "a small limit of locked memory is not in the way" {
	doctor_agrees on_client sh -c 'ulimit -l 0; exec "$0" "$@"'
	assert_equal "$status" 0
}

@test "doctor: in another pid namespace" {
	doctor_agrees on_client unshare --pid --fork --mount-proc
	assert_equal "$status" 1
	assert_line --regexp '^BLOCKED +pid namespace: .*run it outside'
}

@test "doctor: a read-only /run, and a read-only bpffs" {
	mountpoint -q /sys/fs/bpf || mount_bpffs
	doctor_agrees on_client unshare --mount sh -c 'mount --bind /run /run && mount -o remount,bind,ro /run && exec "$0" "$@"'
	assert_equal "$status" 1
	assert_line --regexp '^BLOCKED +/run: .*mount -o remount,rw /run'
	assert_line --regexp '^FAILS +a rule: cannot make /run/vershitify'
	doctor_agrees on_client unshare --mount sh -c 'mount -o remount,bind,ro /sys/fs/bpf && exec "$0" "$@"'
	assert_equal "$status" 1
	assert_line --regexp '^BLOCKED +bpffs: read-only: mount -o remount,rw /sys/fs/bpf'
}

@test "doctor: no types of the kernel" {
	doctor_agrees on_client unshare --mount sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"'
	assert_equal "$status" 1
	assert_line --regexp '^MISSING +BTF: .*CONFIG_DEBUG_INFO_BTF'
}

@test "doctor: lockdown at confidentiality is named" {
	echo 'none integrity [confidentiality]' >"$BATS_TEST_TMPDIR/lockdown"
	run -1 inside 'mount -t tmpfs none /sys/kernel/security && : >/sys/kernel/security/lockdown &&
		mount --bind "$0" /sys/kernel/security/lockdown && "$vershitify" doctor' "$BATS_TEST_TMPDIR/lockdown"
	assert_line --regexp '^BLOCKED +lockdown: .*lockdown=integrity'
}

@test "doctor: a kernel without control groups of version 2, and one without bpffs" {
	local name

	for name in cgroup2 bpf; do
		grep -vw "$name" /proc/filesystems >"$BATS_TEST_TMPDIR/$name"
		run -1 inside 'umount -lR /sys/fs/cgroup
			mount --bind "$0" /proc/filesystems && "$vershitify" doctor' "$BATS_TEST_TMPDIR/$name"
		case $name in
		bpf) assert_line --regexp '^MISSING +bpffs: .*CONFIG_BPF_SYSCALL' ;;
		cgroup2) assert_line --regexp '^MISSING +cgroup2: .*CONFIG_CGROUPS' ;;
		esac
	done
}

@test "doctor: a tc that cannot load programs" {
	# in a batch, whose second line adds the filter to a device that has no clsact
	printf '#!/bin/sh\ncase "$*" in\n*"-b "*) printf "%%s\\n" "No ELF library support compiled in." "Command failed -:2" >&2; exit 1 ;;\nesac\nexec %s "$@"\n' \
		"$(PATH=$PATH:/usr/sbin:/sbin command -v tc)" >"$BATS_TEST_TMPDIR/tc"
	chmod +x "$BATS_TEST_TMPDIR/tc"
	doctor_agrees on_client env PATH="$BATS_TEST_TMPDIR:$PATH"
	assert_equal "$status" 1
	assert_line --regexp '^FAILS +a rule: cannot attach to device lo: No ELF library support'
	assert_equal "$add_output" 'vershitify.sh: cannot attach to device eth0: No ELF library support compiled in.'
}

@test "doctor: a device with an ingress qdisc is blocked, as add says" {
	on_client tc qdisc add dev eth0 ingress
	touch "$BATS_TEST_TMPDIR/ingress"
	doctor_agrees on_client
	assert_equal "$status" 1
	assert_one_line "$add_output" 'eth0: its ingress qdisc leaves no room for clsact (tc qdisc replace dev eth0 clsact)'
	assert_line --regexp '^BLOCKED +eth0: its ingress qdisc leaves no room for clsact \(tc qdisc replace dev eth0 clsact\)'
}

@test "doctor: attachments that somebody has taken away are gone, not fine" {
	rule_add command victim drop 1%
	run -0 vsh doctor
	bpftool cgroup detach "$(cgroup_root)" sock_create pinned /sys/fs/bpf/vershitify/vsh_sock_create
	run -1 vsh doctor
	assert_line --regexp '^GONE +vsh_sock_create: detached from .*: the next add or run attaches it again'
	rule_add command other drop 1%
	run -0 vsh doctor
	on_client tc filter del dev eth0 egress
	run -1 vsh doctor
	assert_line --regexp '^GONE +eth0: .*change ID dev eth0 attaches it again'
	vsh change "$RULE" dev eth0
	run -0 vsh doctor
}

@test "doctor: maps that are full" {
	local i

	for ((i = 0; i < 64; i++)); do
		echo "add dev lo command x$i drop 1%"
	done | vsh -b - >/dev/null
	run -1 vershitify add dev lo command more drop 1%
	run -1 vsh doctor
	assert_line --regexp '^FULL +vsh_rules: all 64 rules'
	vershitify del 64
	run -0 vsh doctor
	# more processes than a target can have
	"$PROGRAMS/mapfill" /sys/fs/bpf/tc/globals/vsh_tasks
	run -1 vsh doctor
	assert_line --regexp '^FULL +vsh_tasks: all 65536 processes of targets'
}

@test "doctor -j tells the same as text, as an array of objects" {
	local text json

	rule_add command victim drop 1%
	on_client tc filter del dev eth0 egress
	text=$(vsh doctor || echo "status $?")
	json=$(vsh -j doctor || echo "status $?")
	assert_equal "$(tail -n 1 <<<"$json")" 'status 1'
	assert_equal "$(tail -n 1 <<<"$text")" 'status 1'
	assert_equal "$(sed '$d' <<<"$json" | jq -r '.[] | .state + " " + .name + (if .text == "" then "" else ": " + .text end)')" \
		"$(grep -E '^(ok|note|lost|replaced|[A-Z]+) ' <<<"$text" | tr -s ' ')"
	assert_equal "$(sed '$d' <<<"$json" | jq -c '[.[] | keys] | unique')" '[["name","state","text","topic"]]'
	run -0 pingkiller -n "$SERVER" -j doctor
	jq -e '.[] | select(.name == "generic") | .state == "ok"' <<<"$output"
}

# --- tools --------------------------------------------------------------------------------------

# without TOOL COMMAND...: where the tool cannot be executed, wherever it lies.
without() {
	inside 'for file in $(for dir in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
			[ ! -e "$dir/$0" ] || readlink -f "$dir/$0"
		done | sort -u); do
			mount --bind /dev/null "$file" || exit 99
		done
		exec "$@"' "$@"
}

tools() {
	sed -n "/^tools_table='/,/'\$/p" "$TOP/tc/command.sh" | sed "s/^tools_table='//; s/'\$//"
}

@test "each tool that is missing is named by add and by doctor, and nothing is changed" {
	local before tool package

	mountpoint -q /sys/fs/bpf || mount_bpffs
	before=$(state_at_rest)
	while read -r tool package; do
		run -1 --separate-stderr without "$tool" "$VERSHITIFY" add dev eth0 command victim drop 1%
		assert_one_line "$stderr" "$tool is missing"
		run -1 without "$tool" "$VERSHITIFY" doctor
		assert_line --regexp "^MISSING +$tool: install the package $package"
		assert_line '1 to look at'
		run -1 without "$tool" "$PINGKILLER" dev eth0 background
		assert_one_line "$output" "pingkiller.sh: $tool is missing"
	done < <(tools)
	assert [ "$(tools | wc -l)" -ge 20 ]
	assert_state "$before"
}

@test "no other tool is called: with those of the table alone all commands work" {
	local tool

	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in $(tools | cut -d ' ' -f 1) sh; do
		cp "$(PATH=$PATH:/usr/sbin:/sbin command -v "$tool")" "$BATS_TEST_TMPDIR/bin"
	done
	receiver_start
	run -0 inside 'for dir in /usr/local/sbin /usr/sbin; do mount -t tmpfs none "$dir"; done
		mount --bind "$1" /usr/local/bin
		PATH=$1 && export PATH
		set -e
		"$vershitify" add dev eth0 command victim drop 100%
		"$vershitify" -s show
		"$vershitify" change 1 drop 50%
		"$vershitify" doctor
		"$vershitify" run dev eth0 drop 1% -- "$2" 192.0.2.2 '"$PORT"' 1
		"$vershitify" del 1
		echo "add dev eth0 command victim drop 1%" | "$vershitify" -b -
		"$vershitify" down
		"$pingkiller" dev eth0 background
		"$pingkiller" stats
		"$pingkiller" stop' sh "$BATS_TEST_TMPDIR/bin" "$PROGRAMS/udpsend"
	refute_output --partial 'not found'
}

@test "with the PATH of cron everything is found" {
	receiver_start
	doctor_agrees on_client env -i PATH=/usr/bin:/bin
	assert_equal "$status" 0
	on_client env -i PATH=/usr/bin:/bin "$VERSHITIFY" add dev eth0 command victim drop 100%
	assert_works
	env -i PATH=/usr/bin:/bin "$VERSHITIFY" down
	run -0 on_client tc qdisc show dev eth0
	refute_output --partial clsact
}

@test "doctor: tools of another kind and tools that do not work" {
	local tool

	for tool in tc ip; do
		ln -s "$(command -v busybox)" "$BATS_TEST_TMPDIR/$tool"
		run -1 on_client env PATH="$BATS_TEST_TMPDIR:$PATH" "$VERSHITIFY" doctor
		assert_line --regexp "^MISSING +$tool: the one of iproute2"
		rm "$BATS_TEST_TMPDIR/$tool"
	done
	printf '#!/bin/sh\necho "WARNING: bpftool not found for kernel" >&2\nexit 2\n' >"$BATS_TEST_TMPDIR/bpftool"
	chmod +x "$BATS_TEST_TMPDIR/bpftool"
	run -1 on_client env PATH="$BATS_TEST_TMPDIR:$PATH" "$VERSHITIFY" doctor
	assert_line --regexp '^MISSING +bpftool: it does not work: .*not found for kernel'
}

# --- around it ------------------------------------------------------------------------------------

@test "doctor that is killed leaves nothing that the next command does not finish" {
	local before i

	vershitify down
	before=$(state_at_rest)
	for i in 1 2 3 4 5 6 7 8; do
		timeout -s KILL "0.$i" "$VERSHITIFY" -n "$CLIENT" doctor >/dev/null 2>&1 3>&- || :
		vershitify flush
		assert_state "$before"
	done
}

@test "doctor beside other people's rules: theirs stay, and go on" {
	receiver_start
	rule_add command victim drop 100%
	for _ in 1 2 3; do
		vsh doctor >/dev/null
	done
	assert_works
	assert_counted "$RULE" 10 10
}
