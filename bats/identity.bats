#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# By what a rule knows what it names: a number that the kernel gives away a second time hits nobody new
# (bpf/README.md, "Identities").
# vm: .
#
#   $CLIENT                                          $SERVER
#   victim, bystander  eth0 ---------- eth0  receiver (numbered datagrams by label)
#   the rule           .1                .2
#
# The rule drops 100 %.

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() {
	test_end
	mounts_remove
}

# --- files ---------------------------------------------------------------------------

mounts_remove() {
	local name

	for name in overlay ext4 tmpfs; do
		! mountpoint -q "$BATS_TEST_TMPDIR/$name" || umount "$BATS_TEST_TMPDIR/$name"
	done
}

# ext4_mount: an empty file system at ext4/, which gives away inode numbers again at once.
ext4_mount() {
	local image=$BATS_TEST_TMPDIR/image

	mkdir "$BATS_TEST_TMPDIR/ext4"
	truncate -s 16M "$image"
	mkfs.ext4 -q "$image"
	mount -o loop "$image" "$BATS_TEST_TMPDIR/ext4"
}

# overlay_mount: one whose upper layer is on ext4/, and has its inode numbers.
overlay_mount() {
	ext4_mount
	mkdir "$BATS_TEST_TMPDIR/ext4/"{lower,upper,work} "$BATS_TEST_TMPDIR/overlay"
	mount -t overlay overlay "$BATS_TEST_TMPDIR/overlay" \
		-o "lowerdir=$BATS_TEST_TMPDIR/ext4/lower,upperdir=$BATS_TEST_TMPDIR/ext4/upper,workdir=$BATS_TEST_TMPDIR/ext4/work"
}

# successor_make FOLDER INODE: the path of a new program there whose file has that inode number.
successor_make() {
	local i

	for ((i = 0; i < 100; i++)); do
		cp "$PROGRAMS/udpsend" "$1/successor$i"
		[ "$(stat -c %i "$1/successor$i")" != "$2" ] || break
	done
	((i < 100)) || fail "no new file has got inode $2 again"
	printf '%s\n' "$1/successor$i"
}

# successor_is_free FOLDER: a rule for a file there does not hit the file that takes its inode number.
successor_is_free() {
	local inode successor

	receiver_start
	cp "$PROGRAMS/udpsend" "$1/victim"
	rule_add exe "$1/victim" drop 100%
	on_client "$1/victim" "$SERVER4" "$PORT" 25
	assert_received victim 0
	inode=$(stat -c %i "$1/victim")
	rm "$1/victim"
	successor=$(successor_make "$1" "$inode")
	on_client "$successor" -n new "$SERVER4" "$PORT" 25
	assert_received new 25
	assert_counted "$RULE" 25 25
	# nor when it runs already and processes are looked for
	start client running "$successor" -w -n running "$SERVER4" "$PORT" 25
	wait_line running '^ready$'
	vershitify show
	batch running
	assert_received running 25
	assert_counted "$RULE" 25 25
}

@test "exe: the file that gets the inode number of a deleted one is another program" {
	requires loop
	ext4_mount
	successor_is_free "$BATS_TEST_TMPDIR/ext4"
}

@test "exe: the same on overlayfs, which tells no generation" {
	requires loop overlay
	overlay_mount
	successor_is_free "$BATS_TEST_TMPDIR/overlay"
}

# touched_is_hit FOLDER: a rule for a file there goes on when the file gets another name, mode and link.
touched_is_hit() {
	receiver_start
	cp "$PROGRAMS/udpsend" "$1/old"
	rule_add exe "$1/old" drop 100%
	mv "$1/old" "$1/victim"
	chmod 0700 "$1/victim"
	ln "$1/victim" "$1/another"
	on_client "$1/victim" "$SERVER4" "$PORT" 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
	vershitify del "$RULE"
	stop receiver
}

@test "exe: a file that is renamed, linked or changed in its mode stays the same program" {
	mkdir "$BATS_TEST_TMPDIR/tmpfs"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/tmpfs"
	touched_is_hit "$BATS_TEST_TMPDIR/tmpfs"
	requires loop
	ext4_mount
	touched_is_hit "$BATS_TEST_TMPDIR/ext4"
}

@test "exe: on overlayfs the file of the lower layer is hit, and is no more after a change of its mode" {
	requires overlay
	receiver_start
	mkdir "$BATS_TEST_TMPDIR/"{tmpfs,overlay}
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/tmpfs"
	mkdir "$BATS_TEST_TMPDIR/tmpfs/"{lower,upper,work}
	cp "$PROGRAMS/udpsend" "$BATS_TEST_TMPDIR/tmpfs/lower/victim"
	mount -t overlay overlay "$BATS_TEST_TMPDIR/overlay" \
		-o "lowerdir=$BATS_TEST_TMPDIR/tmpfs/lower,upperdir=$BATS_TEST_TMPDIR/tmpfs/upper,workdir=$BATS_TEST_TMPDIR/tmpfs/work"
	rule_add exe "$BATS_TEST_TMPDIR/overlay/victim" drop 100%
	on_client "$BATS_TEST_TMPDIR/overlay/victim" "$SERVER4" "$PORT" 25
	assert_received victim 0
	assert_counted "$RULE" 25 25
	chmod 0700 "$BATS_TEST_TMPDIR/overlay/victim"
	on_client "$BATS_TEST_TMPDIR/overlay/victim" -n changed "$SERVER4" "$PORT" 25
	assert_received changed 25
}

# --- devices, cgroups, namespaces, sockets ---------------------------------------------------------

@test "device: one that gets the number of a removed one loses nothing that is sent" {
	local index number

	on_client ip link add gone type veth peer name gone-peer
	index=$(on_client ip -o link show gone | cut -d : -f 1)
	number=$(vsh add dev gone command victim drop 100%)
	on_client ip link del gone
	on_client ip link add new index "$index" type veth peer name new-peer
	on_client ip link set new up
	on_client ip link set new-peer up
	on_client ip addr add 198.51.100.1/24 dev new
	on_client ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev new
	send victim 198.51.100.2 9 10
	assert_counted "$number" 0 0
	assert [ "$(on_client ip -j -s link show new-peer | jq '.[0].stats64.rx.packets')" -ge 10 ]
	on_client ip link del new
}

@test "cgroup: the id of a removed cgroup is not given to another one" {
	local group id last=0 i

	group=$(cgroup_make again)
	for ((i = 0; i < 200; i++)); do
		id=$(stat -c %i "$group")
		((id > last)) || fail "cgroup $id comes after $last"
		last=$id
		rmdir "$group"
		mkdir "$group"
	done
}

# cookie_of_new: of a network namespace that ends at once.
cookie_of_new() {
	unshare --net "$TOP/build/vsh" cookie
}

@test "network namespace: the cookie of one that is gone is not given to another one" {
	local cookie i
	local -A seen=()

	for ((i = 0; i < 20; i++)); do
		cookie=$(cookie_of_new)
		[ -z "${seen[$cookie]-}" ] || fail "two namespaces had cookie $cookie"
		seen[$cookie]=1
	done
}

@test "socket: a new one of the target does not get the number of a closed one" {
	local first second

	receiver_start
	rule_add command victim drop 50% seed 5
	send victim -n first "$SERVER4" "$PORT" 200
	send victim -n second "$SERVER4" "$PORT" 200
	first=$(received first 4)
	second=$(received second 4)
	assert [ "$first" != "$second" ]
	# with the rule ends the count: what sends the same in the same order loses the same
	vershitify del "$RULE"
	rule_add command victim drop 50% seed 5
	send victim -n third "$SERVER4" "$PORT" 200
	assert_equal "$(received third 4)" "$first"
}
