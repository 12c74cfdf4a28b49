#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may stand in our way, and whom we believe: mount namespaces with a bpffs of their own, the lock, users
# without rights.
#
# vm: ^(a bpffs of its own|the lock cannot|the lock: a signal)

# shellcheck disable=SC2016,SC2154 # scripts for other shells; stderr is what bats sets

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	pingkiller stop
	test_end
	vershitify down
}

# nobody COMMAND...: as a user without rights.
nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@" 3>&-
}

# What is attached, pinned and recorded.
attached_state() {
	system_state | grep -vE '^(prog|map|link) '
}

# The victim's packets are lost and the bystander's are not.
assert_works() {
	send victim "$SERVER4" "$PORT" 10
	send bystander "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_received bystander 10
}

# --- mount namespaces -------------------------------------------------------------------------------

# elsewhere SCRIPT [ARG...]: in a mount namespace with a bpffs of its own, in the client's network namespace.
elsewhere() {
	on_client env vershitify="$VERSHITIFY" pingkiller="$PINGKILLER" \
		unshare --mount sh -uc 'mount -t bpf bpf /sys/fs/bpf || exit 99; '"$1" sh "${@:2}"
}

# refused_elsewhere COMMAND WORD...: as if there was no way out: one line that names the place, status 1, and nothing
# is changed.
refused_elsewhere() {
	local before

	before=$(attached_state)
	run -1 --separate-stderr elsewhere 'export VSH_ENTERED=$PWD; exec "$@"' "$@"
	assert_output ''
	assert_regex "$stderr" "^(vershitify|pingkiller|tracepkt).sh: the set-up is pinned on the bpffs of another mount namespace, that of process [0-9]+ \([^)]*\): nsenter --mount=[^
]*\$"
	assert_equal "$(attached_state)" "$before"
}

@test "a bpffs of its own: what vershitify.sh does there neither looks at a set-up elsewhere nor changes it" {
	local words

	receiver_start
	rule_add command victim drop 100%
	for words in show '-s show' stats monitor 'add dev eth0 command other drop 1%' 'change 1 drop 1%' 'del 1' flush down \
		'-interface eth0 -command victim -drop 1'; do
		# shellcheck disable=SC2086 # words
		refused_elsewhere "$VERSHITIFY" $words
	done
	refused_elsewhere "$TRACEPKT" "$SERVER4"
	run -125 elsewhere 'VSH_ENTERED=$PWD "$vershitify" run dev eth0 drop 1% -- true'
	run -1 elsewhere 'VSH_ENTERED=$PWD "$vershitify" doctor'
	assert_line --regexp '^BLOCKED +set-up: the set-up is pinned on the bpffs of another mount namespace'
	assert_works
}

@test "a bpffs of its own: what pingkiller.sh does there neither looks at a set-up elsewhere nor changes it" {
	local words

	on_client "$PINGKILLER" dev eth0 background 2>/dev/null
	for words in show stats 'stats dev eth0' 'dev lo background' 'dev eth0' stop 'stop dev eth0'; do
		# shellcheck disable=SC2086 # words
		refused_elsewhere "$PINGKILLER" $words
	done
	run -1 elsewhere 'VSH_ENTERED=$PWD "$pingkiller" doctor'
	assert_line --regexp '^BLOCKED +set-up: the set-up is pinned on the bpffs of another mount namespace'
	run -0 pingkiller show
	assert_line --regexp "^-n $CLIENT dev eth0 hook native "
}

@test "a bpffs of its own: a command finds the way to the set-up, as out of ip netns exec" {
	receiver_start
	rule_add command victim drop 50%
	on_client "$PINGKILLER" dev eth0 background 2>/dev/null
	run -0 --separate-stderr elsewhere '"$vershitify" show; "$pingkiller" show'
	assert_line --index 0 "rule 1 dev eth0 command victim direction egress drop 50%"
	assert_line --index 1 --regexp '^dev eth0 hook native '
	assert_equal "$stderr" ''
	run -0 elsewhere '"$vershitify" change 1 drop 100%; "$vershitify" doctor >/dev/null'
	assert_works
	run -0 elsewhere '"$vershitify" down; "$pingkiller" stop'
	run -0 vershitify show
	assert_output ''
}

@test "a bpffs of its own: a set-up that was there went with it, and what it has left is taken away" {
	local before

	vershitify down
	before=$(attached_state)
	elsewhere 'VSH_ENTERED=$PWD; export VSH_ENTERED; "$vershitify" add dev eth0 command victim drop 1% >/dev/null'
	elsewhere 'VSH_ENTERED=$PWD; export VSH_ENTERED; "$pingkiller" dev eth0 background 2>/dev/null'
	vershitify down
	pingkiller stop
	assert_equal "$(attached_state)" "$before"
}

@test "two set-ups that know nothing of each other keep their programs apart" {
	receiver_start
	rule_add command victim drop 100%
	# without a common /run there is no record
	run --separate-stderr elsewhere '
		netns=$(mktemp -d) && mount --bind /run/netns "$netns" && mount -t tmpfs none /run &&
		mkdir /run/netns && mount --bind "$netns" /run/netns || exit 99
		export VSH_ENTERED=$PWD
		"$vershitify" add dev lo command other drop 1% && "$vershitify" add dev eth0 command other drop 1%
		echo "eth0 $?"
		bpftool cgroup show "$1" | grep -c vsh_sock_create
		"$vershitify" down
		bpftool cgroup show "$1" | grep -c vsh_sock_create' "$(cgroup_root)"
	assert_line --index 0 1
	assert_output $'1\neth0 1\n2\n1'
	assert_regex "$stderr" 'device eth0: the classifier of a set-up in another mount namespace is attached \(id [0-9]+\)'
	assert_works
}

# --- looking takes nothing away ----------------------------------------------------------------------

# looks_change_nothing: whatever state is there.
looks_change_nothing() {
	local before

	before=$(attached_state)
	vershitify show >/dev/null
	vershitify -j -s show >/dev/null || :
	vershitify stats >/dev/null || :
	vershitify -n "$CLIENT" doctor >/dev/null || :
	timeout 0.5 "$VERSHITIFY" monitor 3>&- >/dev/null || :
	pingkiller show >/dev/null
	pingkiller stats >/dev/null
	pingkiller -n "$CLIENT" doctor >/dev/null || :
	assert_equal "$(attached_state)" "$before"
}

@test "looking takes nothing away: of runs that were killed, and of what has lost its pins or its record" {
	start client doomed "$VERSHITIFY" -interface eth0 -command victim -drop 1
	start client doomed2 "$PINGKILLER" dev eth0
	wait_line doomed .
	wait_line doomed2 .
	stop doomed KILL
	stop doomed2 KILL
	looks_change_nothing
	run -0 --separate-stderr vershitify show
	assert_regex "$stderr" 'note: a killed command has left something'
	run -0 --separate-stderr pingkiller show
	assert_regex "$stderr" 'note: a killed command has left something'
	rm -r /sys/fs/bpf/vershitify
	looks_change_nothing
	rm -r /run/pingkiller
	looks_change_nothing
	echo 'add 1' >/run/vershitify/journal
	looks_change_nothing
}

@test "a program that was attached by hand, as README tells, is nobody's but stop's to take away" {
	local pings

	bpffs_borrow
	pings=/sys/fs/bpf/pingkiller/$(on_client "$TOP/build/vsh" ping plan dev eth0 | sed -n 's/^key //p')
	mkdir -p /sys/fs/bpf/pingkiller
	bpftool prog loadall "$TOP/build/pingkiller.o" "$pings" pinmaps "$pings"
	on_client bpftool net attach xdpdrv pinned "$pings/pk_xdp" dev eth0
	looks_change_nothing
	on_client "$PINGKILLER" dev lo background 2>/dev/null
	on_client "$PINGKILLER" stop dev lo
	assert_regex "$(on_client bpftool net show dev eth0)" 'driver id'
	on_client "$PINGKILLER" stop
	refute_regex "$(on_client bpftool net show dev eth0)" 'driver id'
}

# Where no bpffs is mounted, one until the test ends.
bpffs_borrow() {
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
}

@test "a cgroup program of somebody who leaves no room at the root is named, and nothing is changed" {
	local before type words

	bpffs_borrow
	vershitify down
	for type in sock_create ingress egress; do
		"$PROGRAMS/foreign" load "$type" stranger /sys/fs/bpf/stranger
		bpftool cgroup attach "$(cgroup_root)" "$type" pinned /sys/fs/bpf/stranger
		before=$(attached_state)
		words='direction both'
		[ "$type" != egress ] || words='visible denied'
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr vsh add dev eth0 command victim $words drop 1%
		assert_regex "$stderr" "^vershitify.sh: cannot attach vsh_[a-z_]+ to [^ ]*: stranger \(id [0-9]+\) is attached there without \"multi\""
		assert_equal "$(attached_state)" "$before"
		bpftool cgroup detach "$(cgroup_root)" "$type" pinned /sys/fs/bpf/stranger
		rm /sys/fs/bpf/stranger*
	done
}

# --- the lock -----------------------------------------------------------------------------------------

@test "the lock cannot be held by a user without rights" {
	rule_add command victim drop 1%
	start here blocker setpriv --reuid 65534 --regid 65534 --clear-groups flock /run sh -c 'echo locked; exec sleep 60'
	wait_line blocker '^locked$'
	run ! nobody cat /run/vershitify.lock
	run ! nobody dd if=/dev/null of=/run/vershitify.lock conv=notrunc
	assert_equal "$(stat -c '%u %a' /run/vershitify.lock)" '0 600'
	timeout "$((10 * PATIENCE))" "$VERSHITIFY" show 3>&- >/dev/null
	timeout "$((10 * PATIENCE))" "$VERSHITIFY" del 1 3>&-
	timeout "$((10 * PATIENCE))" "$PINGKILLER" stop 3>&-
	timeout "$((10 * PATIENCE))" "$VERSHITIFY" down 3>&-
	refute [ -e /run/vershitify.lock ]
}

@test "the lock leaves no file for a folder of strangers that is called as a tool of ours without records" {
	rule_add command victim drop 1%
	mkdir -p /run/snitch /run/tracepkt
	vershitify down
	rmdir /run/snitch /run/tracepkt
	refute [ -e /run/vershitify.lock ]
}

# has_open PID FILE: that process, or one that it has started.
has_open() {
	local fd child

	for fd in /proc/"$1"/fd/*; do
		[ ! "$fd" -ef "$2" ] || return 0
	done
	for child in $(children_of "$1" 2>/dev/null); do
		! has_open "$child" "$2" || return 0
	done
	return 1
}

@test "the lock is not held while a file of somebody else's is read" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	start here writes sh -c 'exec sleep 1000 <>"$0"' "$BATS_TEST_TMPDIR/fifo"
	start client reads "$PINGKILLER" dev eth0 src-file "$BATS_TEST_TMPDIR/fifo" background
	start here batch "$VERSHITIFY" -b "$BATS_TEST_TMPDIR/fifo"
	busywait 20 has_open "$(pid reads)" "$BATS_TEST_TMPDIR/fifo"
	busywait 20 has_open "$(pid batch)" "$BATS_TEST_TMPDIR/fifo"
	timeout "$((10 * PATIENCE))" "$VERSHITIFY" -n "$CLIENT" add dev eth0 command victim drop 1% 3>&- >/dev/null
	timeout "$((10 * PATIENCE))" "$PINGKILLER" -n "$SERVER" dev eth0 background 3>&- 2>/dev/null
	refute ended reads
	refute ended batch
}

# lock_hold: until "holder", one process only, is stopped.
lock_hold() {
	start here holder sh -c 'exec 8>>/run/vershitify.lock; flock 8; echo locked; exec sleep 1000'
	wait_line holder '^locked$'
}

# lock_is_waited_for COUNT: by that many.
lock_is_waited_for() {
	local inode

	inode=$(stat -c %i /run/vershitify.lock)
	[ "$(grep -cE -- "-> FLOCK .*:$inode " /proc/locks)" = "$1" ]
}

@test "the lock: a failure of flock is not told as somebody who is busy, nor is a signal" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	# as that of busybox
	printf '#!/bin/sh\n[ "$1" = -n ] && exit 1\necho "flock: unrecognized option: w" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/flock"
	chmod +x "$BATS_TEST_TMPDIR/bin/flock"
	run -1 --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$VERSHITIFY" -n "$CLIENT" add dev eth0 command victim drop 1% 3>&-
	assert_equal "$stderr" "vershitify.sh: cannot lock /run/vershitify.lock: 'flock: unrecognized option: w' (it takes the flock of util-linux)"
	rm -f /run/vershitify.lock
	lock_hold
	start client waits setsid "$VERSHITIFY" add dev eth0 command victim drop 1%
	busywait 20 lock_is_waited_for 1
	kill -s INT -- "-$(pid waits)"
	finish waits
	assert_equal "$EXIT_STATUS" 130
	refute [ -s "$BATS_TEST_TMPDIR/waits.err" ]
	stop holder
}

@test "the lock: a signal to a command that waits for it acts at once, not when the lock is free" {
	local signal words

	lock_hold
	for words in TERM:143:'add dev eth0 command victim drop 1%' HUP:129:'add dev eth0 command victim drop 1%' INT:130:show TERM:143:down; do
		signal=${words%%:*} words=${words#*:}
		# shellcheck disable=SC2086 # words
		start client waits "$VERSHITIFY" ${words#*:}
		busywait 20 lock_is_waited_for 1
		stop waits "$signal"
		assert_equal "$EXIT_STATUS" "${words%%:*}"
		refute [ -s "$BATS_TEST_TMPDIR/waits.err" ]
		busywait 5 lock_is_waited_for 0
	done
	run ! flock -n /run/vershitify.lock true
	family_kill "$(pid holder)" # -o: what flock has started does not hold the lock, and would stay
	finish holder 2>/dev/null
	run -0 vershitify show
	refute_output
}

@test "down: a signal in the middle of it ends it when it is done" {
	local before

	vershitify down
	before=$(system_state)
	rule_add command victim direction both drop 1%
	mkdir "$BATS_TEST_TMPDIR/bin"
	# a signal for the shell at its first change
	printf '%s\n' '#!/bin/sh' "kill -s TERM \$(cat '$BATS_TEST_TMPDIR/pid')" "exec $(command -v tc) \"\$@\"" >"$BATS_TEST_TMPDIR/bin/tc"
	chmod +x "$BATS_TEST_TMPDIR/bin/tc"
	start here down env PATH="$BATS_TEST_TMPDIR/bin:$PATH" sh -c 'echo $$ >"$1"; exec "$0" down' "$VERSHITIFY" "$BATS_TEST_TMPDIR/pid"
	finish down
	assert_equal "$EXIT_STATUS" 143
	assert_state "$before"
}

@test "the lock: two that wait for one that goes get it one after the other" {
	lock_hold
	start client first "$VERSHITIFY" add dev eth0 command victim drop 1%
	start client second "$VERSHITIFY" add dev eth0 command victim drop 1%
	busywait 20 lock_is_waited_for 2
	# as who leaves as the last
	rm /run/vershitify.lock
	stop holder KILL
	finish first
	assert_equal "$EXIT_STATUS" 0
	finish second
	assert_equal "$EXIT_STATUS" 0
	assert_equal "$(sort "$BATS_TEST_TMPDIR"/first.out "$BATS_TEST_TMPDIR"/second.out)" $'1\n2'
}

# --- what somebody else may have written -----------------------------------------------------------------

@test "a file of prefixes or commands is a file or a pipe that has an end, and is told in one line if not" {
	local file

	# shellcheck disable=SC2034 # for refused
	for file in /dev/zero /dev/null /tmp; do
		refused_as pingkiller 1 timeout "$((10 * PATIENCE))" "$PINGKILLER" -n "$CLIENT" dev eth0 src-file "$file"
		refused_as vershitify 1 timeout "$((10 * PATIENCE))" "$VERSHITIFY" -b "$file"
	done
	for file in 'cat /dev/zero' 'yes' "yes | tr -d '\n'"; do
		refused_as pingkiller 2 timeout "$((20 * PATIENCE))" sh -c "$file | \"\$0\" -n $CLIENT dev eth0 dst-file /dev/fd/0" "$PINGKILLER"
	done
	refused_as pingkiller 2 timeout "$((60 * PATIENCE))" sh -c "yes '#' | \"\$0\" -n $CLIENT dev eth0 dst-file /dev/fd/0" "$PINGKILLER"
	for file in 'cat /dev/zero' "yes | tr -d '\n'"; do
		refused_as vershitify 2 timeout "$((20 * PATIENCE))" sh -c "$file | \"\$0\" -b -" "$VERSHITIFY"
	done
	printf '10.0.0.0/8\n' | on_client "$PINGKILLER" dev eth0 src-file /dev/fd/0 background 2>/dev/null
	run -0 pingkiller show
	assert_output --partial 'src 10.0.0.0/8'
}

# refused_as TOOL STATUS COMMAND...: one line of that tool's, and nothing else.
refused_as() {
	run "-$2" --separate-stderr "${@:3}" 3>&-
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "^$1.sh: "
}

# --- what is not root's alone -------------------------------------------------------------------------------

# distrusted PATH: refused by both tools, in one line that names it, and a doctor's finding.
distrusted() {
	run -1 --separate-stderr vsh "${WORDS[@]}"
	assert_output ''
	assert_regex "$stderr" "^vershitify.sh: $1 (belongs to user 65534|can be written by others|is a symbolic link), and is not believed: [^
]*\$"
	run -1 vsh doctor
	assert_line --regexp "^UNSAFE +$1: "
}

# each_way PATH COMMAND...: made another's, or everybody's to write, in turn. Afterwards all is well again.
each_way() {
	local mode

	mode=$(stat -c %a "$1")
	chown 65534 "$1"
	"${@:2}" "$1"
	chown 0 "$1"
	for more in g+w o+w; do
		chmod "$more" "$1"
		"${@:2}" "$1"
		chmod "$mode" "$1"
	done
}

@test "a folder, pin or record that is not root's alone is refused, and doctor finds it" {
	local path more

	WORDS=(show)
	rule_add command victim drop 1%
	for path in /sys/fs/bpf/vershitify /sys/fs/bpf/vershitify/link_vsh_exec /sys/fs/bpf/tc /sys/fs/bpf/tc/globals \
		/sys/fs/bpf/tc/globals/vsh_rules /run/vershitify /run/vershitify/devices /run/vershitify/bpffs \
		/run/vershitify.shared /run/vershitify.lock; do
		each_way "$path" distrusted
	done
	chown 65534 /sys/fs/bpf/vershitify/vsh_sock_create
	for words in 'add dev eth0 command other drop 1%' "change $RULE drop 2%" "del $RULE" flush down stats monitor; do
		read -ra WORDS <<<"$words"
		distrusted /sys/fs/bpf/vershitify/vsh_sock_create
	done
	chown 0 /sys/fs/bpf/vershitify/vsh_sock_create
	run -0 vsh show
	assert_output "rule $RULE dev eth0 command victim direction egress drop 1%"
}

# ping_distrusted PATH
ping_distrusted() {
	local word

	for word in show stats 'dev lo background' stop; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr on_client "$PINGKILLER" $word
		assert_output ''
		assert_regex "$stderr" "^pingkiller.sh: $1 (belongs to user 65534|can be written by others), and is not believed: [^
]*\$"
	done
	run -1 on_client "$PINGKILLER" doctor
	assert_line --regexp "^UNSAFE +$1: "
}

@test "pingkiller.sh: a folder, pin or record that is not root's alone is refused, and doctor finds it" {
	local path more key

	on_client "$PINGKILLER" dev eth0 background 2>/dev/null
	key=$(cd /run/pingkiller && echo [0-9]*-[0-9]*)
	for path in /sys/fs/bpf/pingkiller "/sys/fs/bpf/pingkiller/$key" "/sys/fs/bpf/pingkiller/$key/pk_config" \
		/run/pingkiller "/run/pingkiller/$key" /run/pingkiller/bpffs; do
		each_way "$path" ping_distrusted
	done
	run -0 pingkiller show
	assert_line --regexp "^-n $CLIENT dev eth0 hook native "
}

# trace_refused PATTERN COMMAND...: in one line, by one that sends and one that listens; the command leads there.
trace_refused() {
	local words

	for words in "-W 0.1 $SERVER4" '--listen icmp --for 100ms'; do
		# shellcheck disable=SC2086 # several words
		run -1 --separate-stderr "${@:2}" "$TRACEPKT" -n "$CLIENT" $words 3>&-
		assert_output ''
		assert_equal "${#stderr_lines[@]}" 1
		assert_regex "$stderr" "^tracepkt.sh: $1\$"
	done
}

# trace_distrusted PATH
trace_distrusted() {
	trace_refused "$1 (belongs to user 65534|can be written by others), and is not believed: .*" env
	run -1 tracepkt doctor
	assert_line --regexp "^UNSAFE +$1: "
}

@test "tracepkt.sh: a folder or pin that is read, and is not root's alone, is refused, and doctor finds it" {
	local path key

	rule_add command victim drop 1%
	on_client "$PINGKILLER" dev eth0 background 2>/dev/null
	key=$(cd /run/pingkiller && echo [0-9]*-[0-9]*)
	for path in /sys/fs/bpf/tc /sys/fs/bpf/tc/globals /sys/fs/bpf/tc/globals/vsh_tracer /run/vershitify/bpffs \
		/sys/fs/bpf/pingkiller "/sys/fs/bpf/pingkiller/$key" "/sys/fs/bpf/pingkiller/$key/pk_tracers"; do
		each_way "$path" trace_distrusted
	done
	run -0 tracepkt -n "$CLIENT" 127.0.0.1
}

@test "tracepkt.sh: a map with other values in the place of ours is refused, and neither read nor written" {
	local folder map

	bpffs_borrow
	vershitify down
	for map in tc/globals/vsh_labels tc/globals/vsh_tracer tc/globals/vsh_dropped \
		pingkiller/1-1/pk_label pingkiller/1-1/pk_tracers pingkiller/1-1/pk_dropped; do
		folder=/sys/fs/bpf/${map%/*}
		(umask 077 && mkdir -p "$folder")
		bpftool map create "/sys/fs/bpf/$map" type array key 4 value 65536 entries 1 name other
		trace_refused "\"/sys/fs/bpf/$map\" is not what this version keeps there: .*" env
		rm "/sys/fs/bpf/$map"
		(cd /sys/fs/bpf && rmdir -p "${map%/*}" 2>/dev/null) || :
	done
	run -0 tracepkt -n "$CLIENT" "$SERVER4"
}

@test "tracepkt.sh: in another pid namespace, where numbers of processes are others, nothing is traced, and doctor says so" {
	trace_refused "this is not the machine's own pid namespace: .*" unshare --pid --fork --mount-proc
	run -1 unshare --pid --fork --mount-proc "$TRACEPKT" doctor 3>&-
	assert_line --regexp '^BLOCKED +pid namespace: .*run it outside'
}

@test "what a user without rights has put in the way of a first rule is refused, and nothing behind it is touched" {
	local name mode

	bpffs_borrow
	vershitify down
	WORDS=(add dev eth0 command victim drop 1%)
	mode=$(stat -c %a /sys/fs/bpf)
	chmod 1777 /sys/fs/bpf
	mkdir "$BATS_TEST_TMPDIR/theirs"
	touch "$BATS_TEST_TMPDIR/theirs/file"
	for name in vershitify vershitify-new tc; do
		[ ! -e "/sys/fs/bpf/$name" ] || continue
		nobody mkdir "/sys/fs/bpf/$name"
		distrusted "/sys/fs/bpf/$name"
		rmdir "/sys/fs/bpf/$name"
		nobody ln -s "$BATS_TEST_TMPDIR/theirs" "/sys/fs/bpf/$name"
		distrusted "/sys/fs/bpf/$name"
		# the helper by itself neither
		[ "$name" = vershitify ] || run -1 "$TOP/build/vsh" load "$TOP/build" vershitify
		rm "/sys/fs/bpf/$name"
	done
	chmod "$mode" /sys/fs/bpf
	assert [ -e "$BATS_TEST_TMPDIR/theirs/file" ]
	rm -rf /sys/fs/bpf/vershitify-new
	rmdir /sys/fs/bpf/tc/globals /sys/fs/bpf/tc 2>/dev/null || :
}

@test "with any umask our files are root's alone, and the command of a run keeps the caller's" {
	run -0 sh -c 'umask 0; "$0" -n "$1" add dev eth0 command victim drop 1%; "$0" show
		"$0" -n "$1" run dev eth0 drop 0% -- sh -c umask' "$VERSHITIFY" "$CLIENT" 3>&-
	assert_line --index 2 0000
	assert_equal "$(find /run/vershitify* /sys/fs/bpf/vershitify /sys/fs/bpf/tc/globals/vsh_* ! -type l -perm /077)" ''
}

# --- files in a folder of others ----------------------------------------------------------------------

# plots_begin: a folder of nobody's with something of root's beside it, and a drawing to come.
plots_begin() {
	mkdir "$BATS_TEST_TMPDIR/user" "$BATS_TEST_TMPDIR/root"
	chown 65534:65534 "$BATS_TEST_TMPDIR/user"
	echo secret >"$BATS_TEST_TMPDIR/root/file"
	chmod 0600 "$BATS_TEST_TMPDIR/root/file"
	on_server "$PINGKILLER" dev eth0 sample 1 background 2>/dev/null
	on_client ping -q -c 3 -i 0.01 -W 0.1 "$SERVER4" >/dev/null || :
}

# by_nobody SCRIPT: in that folder, which is reached without going through its parents.
by_nobody() {
	(cd "$BATS_TEST_TMPDIR/user" && nobody sh -uc "$1")
}

# plot_as NAME: into that folder.
plot_as() {
	on_server "$PINGKILLER" plot "$BATS_TEST_TMPDIR/user/$1" dev eth0
}

assert_root_untouched() {
	assert_equal "$(stat -c '%a %s' "$BATS_TEST_TMPDIR/root/file") $(ls -A "$BATS_TEST_TMPDIR/root")" '600 7 file'
}

@test "plot: what a user has put in the place of the picture is replaced, not followed" {
	command -v gnuplot >/dev/null || skip "needs gnuplot"
	plots_begin
	by_nobody 'ln -s ../root/file file.svg; ln -s ../root folder.svg'
	run -0 plot_as file.svg
	run -0 plot_as folder.svg
	assert_root_untouched
	assert_equal "$(find "$BATS_TEST_TMPDIR/user" -mindepth 1 -printf '%M %P\n' | sort)" "-rw-r--r-- file.svg
-rw-r--r-- folder.svg"
	assert grep -q '</svg>' "$BATS_TEST_TMPDIR/user/folder.svg"
}

@test "plot: the picture has the mode that the umask of the caller leaves" {
	local mask

	plots_begin
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '%s\n' '#!/bin/sh' 'cat >/dev/null' 'echo "<svg></svg>"' >"$BATS_TEST_TMPDIR/bin/gnuplot"
	chmod 755 "$BATS_TEST_TMPDIR/bin/gnuplot"
	for mask in 077:600 027:640 000:666; do
		(umask "${mask%:*}" && PATH=$BATS_TEST_TMPDIR/bin:$PATH plot_as times.svg)
		assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/user/times.svg")" "${mask#*:}"
	done
}

@test "plot: what a user swaps while the picture is drawn is not written to, and told of" {
	plots_begin
	mkdir "$BATS_TEST_TMPDIR/bin"
	# In the place of gnuplot: the user is as fast as can be.
	printf '%s\n' '#!/bin/sh' "cd '$BATS_TEST_TMPDIR/user'" \
		"setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'for f in .[!.]* *.svg*; do rm -f \"\$f\"; ln -s ../root/file \"\$f\"; done'" \
		'echo "<svg></svg>"' >"$BATS_TEST_TMPDIR/bin/gnuplot"
	chmod 755 "$BATS_TEST_TMPDIR/bin/gnuplot"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -1 --separate-stderr plot_as times.svg
	assert_regex "$stderr" '^pingkiller.sh: cannot write ".*user/times.svg": somebody else has put something else in its place$'
	assert_root_untouched
}

@test "plot: a link on the way to the folder is followed if it is root's, and refused if it is a user's" {
	local link

	command -v gnuplot >/dev/null || skip "needs gnuplot"
	plots_begin
	by_nobody 'mkdir own; ln -s own mine; ln -s ../root theirs'
	for link in mine theirs; do
		run -1 --separate-stderr plot_as "$link/times.svg"
		assert_regex "$stderr" '^pingkiller.sh: cannot write ".*/times.svg": on the way there is a symbolic link that is not root.s$'
	done
	# a link of root's that a user could move is none to rely on
	ln -s ../root "$BATS_TEST_TMPDIR/user/moved"
	run -1 plot_as moved/times.svg
	assert_root_untouched
	assert_equal "$(ls -A "$BATS_TEST_TMPDIR/user/own")" ''
	ln -s root/../user/own/. "$BATS_TEST_TMPDIR/ours"
	run -0 plot_as ../ours/times.svg
	assert_equal "$(ls -A "$BATS_TEST_TMPDIR/user/own")" 'times.svg'
}

@test "plot: no settings are read from a home folder" {
	command -v gnuplot >/dev/null || skip "needs gnuplot"
	plots_begin
	mkdir "$BATS_TEST_TMPDIR/home"
	echo "system 'touch $BATS_TEST_TMPDIR/pwned'" >"$BATS_TEST_TMPDIR/home/.gnuplot"
	HOME=$BATS_TEST_TMPDIR/home run -0 plot_as times.svg
	refute [ -e "$BATS_TEST_TMPDIR/pwned" ]
}
