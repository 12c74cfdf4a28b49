#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where vershitify.sh is called and what it finds there: network and mount
# namespaces, control groups, file systems that are not mounted, an installed
# copy. What is mounted or unmounted here is so in a private mount namespace:
# this machine's mounts stay as they are.
#
# vm: ^(called from inside|cgroup v2 at /sys/fs/cgroup is|neither bpffs)

# shellcheck disable=SC2016 # scripts for other shells

# bats sets stderr:
# shellcheck disable=SC2154

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	vershitify down
}

# inside SCRIPT [ARG...]: a shell script in a private mount namespace, in the
# client's network namespace. $vershitify is the command.
inside() {
	on_client env vershitify="$VERSHITIFY" unshare --mount sh -euc "$@"
}

# The victim's packets are lost and the bystander's are not.
assert_works() {
	send victim -n "victim$1" "$SERVER4" "$PORT" 10
	send bystander -n "bystander$1" "$SERVER4" "$PORT" 10
	assert_received "victim$1" 0
	assert_received "bystander$1" 10
}

# --- network namespaces ----------------------------------------------------------

@test "called from inside 'ip netns exec' it finds the real file systems" {
	local before

	receiver_start
	vershitify down
	before=$(state_at_rest)
	run -0 ip netns exec "$CLIENT" "$VERSHITIFY" add dev eth0 command victim drop 100% 3>&-
	assert_output 1
	assert_works
	run -0 ip netns exec "$CLIENT" "$VERSHITIFY" show 3>&-
	assert_output --partial 'dev eth0 command victim'
	assert_equal "$(vsh show)" "$output"
	ip netns exec "$CLIENT" "$VERSHITIFY" del 1 3>&-
	assert_state "$before"
}

# namespaces: the client's network namespace, in all ways to say it.
namespaces() {
	printf '%s\n' "$CLIENT" "pid:$(pid stays)" "/proc/$(pid stays)/ns/net" "/run/netns/$CLIENT"
}

@test "-n of vershitify.sh takes a name, pid:N or a path, and shows it as it was said" {
	local before namespace count=0

	start client stays sleep 60
	receiver_start
	vershitify down
	before=$(state_at_rest)
	while read -r namespace; do
		run -0 vershitify -n "$namespace" add dev eth0 command victim drop 100%
		assert_works $((count++))
		run -0 vershitify -n "$namespace" doctor
		assert_line "devices of $namespace"
		run -0 --separate-stderr vershitify -n "$namespace" run dev eth0 drop 1% -- readlink /proc/self/ns/net
		assert_output "$(on_client readlink /proc/self/ns/net)"
		vershitify -n "$namespace" down
		assert_state "$before"
	done < <(namespaces)
}

@test "-n of pingkiller.sh takes a name, pid:N or a path, and shows it as it was said" {
	local before namespace

	start client stays sleep 60
	before=$(state_at_rest)
	while read -r namespace; do
		run -0 pingkiller -n "$namespace" dev eth0 hook tc background
		run -1 on_server ping -q -c 2 -i 0.01 -W 1 "$CLIENT4"
		assert_output --partial ' 0 received'
		run -0 pingkiller -n "$namespace" doctor
		assert_line "hooks of $namespace"
		run -0 pingkiller -n "$namespace" stop dev eth0
		assert_state "$before"
	done < <(namespaces)
}

@test "a rule for the namespace of a process is taken away when that process has ended" {
	local before

	vershitify down
	before=$(state_at_rest)
	start client stays sleep 60
	vershitify -n "pid:$(pid stays)" add dev eth0 command victim drop 100%
	stop stays KILL
	vershitify del 1
	assert_state "$before"
}

@test "a run inside of 'ip netns exec' keeps the folder and what its command sees" {
	cd "$BATS_TEST_TMPDIR"
	run -0 --separate-stderr ip netns exec "$CLIENT" "$VERSHITIFY" run dev eth0 drop 1% -- \
		sh -c 'pwd; ls /sys/class/net | xargs; readlink /proc/self/ns/mnt' 3>&-
	assert_line --index 0 "$BATS_TEST_TMPDIR"
	assert_line --index 1 'eth0 lo'
	refute_line "$(readlink /proc/self/ns/mnt)"
}

@test "a run inside of 'ip netns exec' tells by itself what it cannot execute" {
	run -127 --separate-stderr ip netns exec "$CLIENT" "$VERSHITIFY" run dev eth0 drop 1% -- nonesuch 3>&-
	assert_regex "$stderr" '^vershitify\.sh: cannot run "nonesuch": No such file or directory'
	run -126 --separate-stderr ip netns exec "$CLIENT" "$VERSHITIFY" run dev eth0 drop 1% -- /etc/passwd 3>&-
	assert_regex "$stderr" '^vershitify\.sh: cannot run "/etc/passwd": Permission denied'
}

@test "the original's line inside of 'ip netns exec'" {
	receiver_start
	start here original ip netns exec "$CLIENT" "$VERSHITIFY" -interface eth0 -command victim -drop 100
	wait_line original .
	assert_works
	stop original INT
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 10
}

@test "-n names a namespace whose user's commands see nothing of ours" {
	receiver_start
	rule_add command victim drop 100%
	run -0 ip netns exec "$CLIENT" "$(as victim udpsend)" "$SERVER4" "$PORT" 10 3>&-
	assert_received victim 0
}

# --- control groups -------------------------------------------------------------------

@test "a target in a nested control group does not escape" {
	local group

	receiver_start
	group=$(cgroup_make outer)
	mkdir -p "$group/a/b/c"
	rule_add command victim drop 100%
	on_client sh -c "echo \$\$ >$group/a/b/c/cgroup.procs; exec $(as victim udpsend) $SERVER4 $PORT 10"
	assert_received victim 0
	assert_counted "$RULE" 10 10
}

@test "called from within a nested control group it works for all" {
	local group

	receiver_start
	group=$(cgroup_make outer)
	mkdir -p "$group/a"
	on_client sh -c "echo \$\$ >$group/a/cgroup.procs; exec $VERSHITIFY add dev eth0 command victim drop 100%"
	assert_works
}

@test "a target in namespaces of its own, as in a container, does not escape" {
	receiver_start
	rule_add command victim drop 100%
	on_client unshare --mount --pid --fork --mount-proc --cgroup --uts --ipc \
		"$(as victim udpsend)" "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_counted "$RULE" 10 10
}

@test "cgroup PATH may be relative to the folder that one is in" {
	local group

	receiver_start
	group=$(cgroup_make group)
	cd "${group%/*}"
	rule_add cgroup "./${group##*/}" drop 100%
	on_client sh -c "echo \$\$ >$group/cgroup.procs; exec $(as victim udpsend) $SERVER4 $PORT 10"
	assert_received victim 0
}

# --- what is not mounted -----------------------------------------------------------------

# A rule is added, acts, is shown and goes again, in a place prepared by SCRIPT; then
# the mounts there are what they were.
works_inside() {
	receiver_start
	inside 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
		'"$1"'
		findmnt -rn -o TARGET,FSTYPE >"$1/before"
		"$vershitify" add dev eth0 command victim drop 100% >"$1/number"
		shift
		"$@"
		"$vershitify" -j -s show >"$0/shown"
		"$vershitify" down
		findmnt -rn -o TARGET,FSTYPE | diff "$0/before" -' \
		"$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	send bystander "$SERVER4" "$PORT" 10
	assert_received bystander 10
	assert_received victim 0
	assert_equal "$(cat "$BATS_TEST_TMPDIR/number")" 1
	assert_equal "$(jq -c '.[0] | [.egress.seen.packets, .egress.dropped.packets]' "$BATS_TEST_TMPDIR/shown")" '[10,10]'
}

@test "bpffs that is not mounted is mounted, and unmounted with the last rule" {
	works_inside '
		while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
	'
}

@test "cgroup v2 at /sys/fs/cgroup is found" {
	works_inside '
		umount -lR /sys/fs/cgroup
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
	'
}

@test "cgroup v2 at /sys/fs/cgroup/unified is found" {
	works_inside '
		umount -lR /sys/fs/cgroup
		mount -t tmpfs cgroup /sys/fs/cgroup
		mkdir /sys/fs/cgroup/unified
		mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
	'
}

@test "cgroup v2 that is mounted nowhere is mounted, and unmounted with the last rule" {
	works_inside '
		umount -lR /sys/fs/cgroup
	'
}

@test "a mount point with a blank in its name is found" {
	works_inside '
		umount -lR /sys/fs/cgroup
		mkdir "$1/two words"
		mount -t cgroup2 cgroup2 "$1/two words"
	'
}

@test "neither bpffs nor cgroup v2 mounted: run works and leaves no mount" {
	receiver_start
	inside '
		umount -lR /sys/fs/cgroup
		while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
		findmnt -rn -o TARGET,FSTYPE >"$0/before"
		"$vershitify" run dev eth0 drop 100% -- "$@"
		findmnt -rn -o TARGET,FSTYPE | diff "$0/before" -' \
		"$BATS_TEST_TMPDIR" "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	assert_received victim 0
}

@test "doctor says what is not mounted, and mounts nothing" {
	run inside '
		umount -lR /sys/fs/cgroup
		while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
		findmnt -rn -o TARGET,FSTYPE >"$0/before"
		# as if already in the outermost namespace, which may have what is missing here
		VSH_ENTERED=$PWD "$vershitify" doctor
		findmnt -rn -o TARGET,FSTYPE | diff "$0/before" - && echo unchanged' "$BATS_TEST_TMPDIR"
	assert_output --regexp 'bpffs.*mount'
	assert_output --regexp 'cgroup.*mount'
	assert_line unchanged
}

# --- how it is called ------------------------------------------------------------------------

@test "it is found by a relative path, through a link, and from any folder" {
	receiver_start
	cd "$TOP"
	run -0 scripts/vershitify.sh -n "$CLIENT" add dev eth0 command victim drop 100% 3>&-
	cd scripts
	run -0 ./vershitify.sh show 3>&-
	assert_output --partial victim
	mkdir "$BATS_TEST_TMPDIR/two words"
	cd "$BATS_TEST_TMPDIR/two words"
	ln -s "$VERSHITIFY" 'a link'
	run -0 './a link' show 3>&-
	assert_output --partial victim
	run -0 './a link' -n "$CLIENT" run dev eth0 drop 1% -- pwd 3>&-
	assert_line "$BATS_TEST_TMPDIR/two words"
}

@test "what the caller's shell is set to does not matter" {
	receiver_start
	cd /
	CDPATH=/tmp:/ IFS=ae GREP_OPTIONS=-v GREP_COLORS=x POSIXLY_CORRECT=1 TMPDIR=/nonexistent \
		vsh add dev eth0 command victim drop 100%
	assert_works
	run -0 env -i PATH=/usr/bin:/bin "$VERSHITIFY" show 3>&-
	assert_output --partial victim
	(umask 777 && vershitify change 1 drop 50%)
	(umask 777 && vershitify down)
	(umask 777 && vsh add dev eth0 command victim drop 100%)
	assert_works 2
}

@test "dash and bash run it alike" {
	local shell

	receiver_start
	for shell in dash bash 'bash --posix'; do
		# shellcheck disable=SC2086
		run -0 $shell "$VERSHITIFY" -n "$CLIENT" add dev eth0 command victim drop 100% 3>&-
		assert_output 1
		assert_works "${shell// /}"
		# shellcheck disable=SC2086
		run -0 --separate-stderr $shell "$VERSHITIFY" down 3>&-
		# shellcheck disable=SC2154
		assert_equal "$output$stderr" ''
	done
}

@test "standard output or input closed does no harm" {
	receiver_start
	vsh add dev eth0 command victim drop 100% <&-
	assert_works
	vershitify show >&- 2>&- || :
	vershitify -j -s show <&- | jq -e '.[0].egress.dropped.packets == 10'
}

# --- time namespaces ------------------------------------------------------------------------------

# later COMMAND...: in the client's namespace, and one in which the machine has run for an hour and a fraction longer.
later() {
	on_client unshare -T --boottime 3600 --monotonic 100 "$@"
}

@test "for TIME is that long in whatever time namespace it is said and looked at" {
	unshare -T true 2>/dev/null || skip "needs time namespaces (CONFIG_TIME_NS)"
	receiver_start
	later "$VERSHITIFY" add dev eth0 command victim drop 100% for "$((3 * PATIENCE))s" 3>&-
	assert_equal "$(rule_field 1 state) $(later "$VERSHITIFY" -j show 1 3>&- | jq -r '.[0].state')" 'active active'
	send victim -n during "$SERVER4" "$PORT" 10
	run -0 vershitify show 1
	assert_output --regexp " for [0-$((3 * PATIENCE))]\\."
	sleep $((3 * PATIENCE))
	send victim -n after "$SERVER4" "$PORT" 10
	assert_equal "$(rule_field 1 state) $(later "$VERSHITIFY" -j show 1 3>&- | jq -r '.[0].state')" 'expired expired'
	assert_received during 0
	assert_received after 10
}

@test "pingkiller's time and owner are the same in another time namespace" {
	unshare -T true 2>/dev/null || skip "needs time namespaces (CONFIG_TIME_NS)"
	start client front "$PINGKILLER" dev eth0
	wait_line front '^total'
	start client other unshare -T --boottime 7200 "$PINGKILLER" dev lo for 1h
	wait_line other '^total'
	run -0 --separate-stderr later "$PINGKILLER" show 3>&-
	assert_equal "${#lines[@]} $stderr" '2 '
	assert_output --regexp ' for (3600|359[0-9])'
	run -0 --separate-stderr pingkiller show
	assert_equal "${#lines[@]} $stderr" '2 '
	stop front
	stop other
}

# --- installed ------------------------------------------------------------------------------------

# Each of these prints what it does; in the tree and installed it must be the same.
session() {
	local command=$1

	"$command" -V
	"$command" help
	"$command" -n "$CLIENT" add dev eth0 command victim drop 100% seed 3
	on_client "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	"$command" show
	"$command" -s show | grep -v processes
	"$command" -j -s show | jq -S '.[0] | del(.netns_cookie, .sockets, .processes)'
	"$command" change 1 drop 50%
	"$command" show
	"$command" -n "$CLIENT" run dev eth0 drop 100% -- "$PROGRAMS/udpsend" "$SERVER4" "$PORT" 5
	"$command" -n "$CLIENT" doctor || :
	"$command" add dev nonesuch command x drop 1% || echo "status $?"
	"$command" add dev lo command x drop 200% || echo "status $?"
	"$command" down
}

@test "installed below DESTDIR it does the same as in the tree" {
	local root=$BATS_TEST_TMPDIR/root before

	receiver_start
	vershitify down
	before=$(state_at_rest)
	make -s -C "$TOP" install DESTDIR="$root" PREFIX=/usr 3>&-
	session "$VERSHITIFY" >"$BATS_TEST_TMPDIR/tree" 2>&1 3>&-
	session "$root/usr/sbin/vershitify.sh" >"$BATS_TEST_TMPDIR/installed" 2>&1 3>&-
	session "$root/usr/sbin/vershitify" >"$BATS_TEST_TMPDIR/link" 2>&1 3>&-
	run -0 diff "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/installed"
	run -0 diff "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/link"
	assert_state "$before"
}

@test "installed, each command has its manual page by both names, and the examples are there and find it" {
	local root=$BATS_TEST_TMPDIR/root name file

	make -s -C "$TOP" install DESTDIR="$root" PREFIX=/usr 3>&-
	for name in vershitify pingkiller; do
		for file in "$name.8" "$name.sh.8"; do
			run -0 cat "$root/usr/share/man/man8/$file"
			assert_line --regexp "^\\.TH \"$name\" \"8\""
		done
	done
	receiver_start
	for file in "$TOP"/scripts/examples/*; do
		run -0 cmp "$file" "$root/usr/share/doc/vershitify/examples/${file##*/}"
	done
	run -0 on_client env PATH="$root/usr/sbin:$PATH" "$root/usr/share/doc/vershitify/examples/retry-test.sh" \
		eth0 0 1 "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	assert_line 'passed, 1 rounds'
}

# Loaded as bash-completion does, by the names of the commands; then uninstalled.
@test "installed, both commands are completed, and nothing stays after uninstall" {
	local root=$BATS_TEST_TMPDIR/root name

	make -s -C "$TOP" install DESTDIR="$root" PREFIX=/usr 3>&-
	for name in vershitify vershitify.sh pingkiller pingkiller.sh; do
		# shellcheck disable=SC2016
		run -0 bash -c '. "$1"; COMP_WORDS=("$2" hel) COMP_CWORD=1; "_${2%.sh}"; echo "${COMPREPLY[@]}"' \
			sh "$root/usr/share/bash-completion/completions/$name" "$name"
		assert_output help
	done
	make -s -C "$TOP" uninstall DESTDIR="$root" PREFIX=/usr 3>&-
	run -0 find "$root" ! -type d
	assert_output ''
}

@test "installed it needs nothing of the tree" {
	local root=$BATS_TEST_TMPDIR/root

	receiver_start
	make -s -C "$TOP" install DESTDIR="$root" PREFIX=/usr 3>&-
	inside 'mount -t tmpfs none "$1"
		"$0" add dev eth0 command victim drop 100%
		shift
		"$@"
		"$0" down' \
		"$root/usr/sbin/vershitify.sh" "$TOP" "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	assert_received victim 0
}
