#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# By what a rule knows what it names: a number that the kernel gives away a second time hits nobody new
# (bpf/README.md, "Identities").
# vm: ^(exe: |cgroup: |command: a script is)
#
#   $CLIENT                                          $SERVER
#   victim, bystander  eth0 ---------- eth0  receiver (numbered datagrams by label)
#   the rule           .1                .2
#
# The rule drops 100 %.

# bats sets RULE anew in each test:
# shellcheck disable=SC2030,SC2031

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

# --- scripts --------------------------------------------------------------------------

# script_make PATH FIRST-LINE: one that sends ten datagrams to port $2 of $1, and then executes the rest of its words.
script_make() {
	cat >"$1" <<-END
		#!$2
		for ((i = 0; i < 10; i++)); do echo >"/dev/udp/\$1/\$2"; done
		shift 2
		exec "\$@"
	END
	chmod +x "$1"
}

@test "command: a script is known by its name, whatever finds its interpreter" {
	local folder=$BATS_TEST_TMPDIR count=0 line

	receiver_start
	ln -s "$(command -v busybox)" "$folder/env"
	rule_add command victim drop 100%
	for line in "$BASH" '/usr/bin/env bash' '/usr/bin/env -S bash -u' "$folder/env bash"; do
		script_make "$folder/victim" "$line"
		script_make "$folder/bystander" "$line"
		on_client "$folder/victim" "$SERVER4" 9 true
		on_client "$folder/bystander" "$SERVER4" 9 true
		((count += 10))
		assert_counted "$RULE" "$count" "$count"
	done
	# a file whose name ends in env is not env: nothing is its script's
	cp "$BASH" "$folder/notenv"
	script_make "$folder/victim" "$folder/notenv"
	on_client "$folder/victim" "$SERVER4" 9 "$BASH" -c "for i in 1 2 3; do echo >/dev/udp/$SERVER4/9; done"
	assert_counted "$RULE" $((count + 10)) $((count + 10))
}

@test "command: what a script executes is free, also if env has found the interpreter" {
	local line

	receiver_start
	rule_add command victim drop 100%
	script_make "$BATS_TEST_TMPDIR/victim" '/usr/bin/env bash'
	on_client "$BATS_TEST_TMPDIR/victim" "$SERVER4" 9 "$(as bystander udpsend)" "$SERVER4" "$PORT" 25
	assert_received bystander 25
	assert_counted "$RULE" 10 10
	# with an interpreter that is a script of env's again
	script_make "$BATS_TEST_TMPDIR/middle" '/usr/bin/env bash'
	sed -i '2,$d' "$BATS_TEST_TMPDIR/middle"
	echo 'exec bash "$@"' >>"$BATS_TEST_TMPDIR/middle"
	script_make "$BATS_TEST_TMPDIR/victim" "/usr/bin/env $BATS_TEST_TMPDIR/middle"
	on_client "$BATS_TEST_TMPDIR/victim" "$SERVER4" 9 "$(as bystander udpsend)" -n again "$SERVER4" "$PORT" 25
	assert_received again 25
	assert_counted "$RULE" 10 10
}

@test "command: a script that runs already is found by the name that ps prints" {
	local folder=$BATS_TEST_TMPDIR

	receiver_start
	cp "$BASH" "$folder/interpreter"
	mkfifo "$folder/start"
	printf '#!/usr/bin/env %s\nread -r _ <%s; echo >/dev/udp/%s/%s; echo sent; read -r _ <%s\n' \
		"$folder/interpreter" "$folder/start" "$SERVER4" "$PORT" "$folder/start" >"$folder/victim"
	chmod +x "$folder/victim"
	start client running "$folder/victim"
	named() { [ "$(cat "/proc/$(pid running)/comm")" = interpreter ]; }
	busywait 5 named
	rule_add command interpreter drop 100%
	echo >"$folder/start"
	wait_line running '^sent$'
	assert_counted "$RULE" 1 1
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

# device_make NAME INDEX|'': on the client, with a peer on the server, IPv4 and IPv6.
device_make() {
	ip -n "$CLIENT" link add "$1" ${2:+index "$2"} type veth peer name far netns "$SERVER"
	ip -n "$CLIENT" addr add 198.51.100.1/24 dev "$1"
	ip -n "$CLIENT" addr add 2001:db8:5::1/64 dev "$1" nodad
	ip -n "$SERVER" addr add 198.51.100.2/24 dev far
	ip -n "$SERVER" addr add 2001:db8:5::2/64 dev far nodad
	ip -n "$CLIENT" link set "$1" up
	ip -n "$SERVER" link set far up
}

device_index() {
	ip -n "$CLIENT" -o link show "$1" | cut -d : -f 1
}

# device_replace: the client's device "gone" by another one with its number.
device_replace() {
	local index

	index=$(device_index gone)
	ip -n "$CLIENT" link del gone
	device_make new "$index"
}

# to_victim LABEL: ten packets over each of the two protocols come in at the client.
to_victim() {
	on_server "$(as sender udpsend)" -n "$1-4" 198.51.100.1 "$PORT" 10
	on_server "$(as sender udpsend)" -n "$1-6" 2001:db8:5::1 "$PORT" 10
}

# from_victim: the same the other way.
from_victim() {
	send victim 198.51.100.2 9 10 || :
	send victim 2001:db8:5::2 9 10 || :
}

@test "device: one that gets the number of a removed one loses nothing that comes in" {
	local named label

	for named in 'dev gone' 'dev lo dev gone'; do
		device_make gone ''
		port_take
		start client victim "$(as victim udpcount)" "$PORT"
		wait_line victim '^ready$'
		# shellcheck disable=SC2086
		RULE=$(vsh add $named command victim direction ingress drop 100%)
		to_victim before
		assert_counted "$RULE" 20 20 ingress
		device_replace
		to_victim after
		vsh repair || :
		to_victim repair
		assert_counted "$RULE" 20 20 ingress
		for label in before-4 after-4 after-6 repair-4 repair-6; do
			assert_equal "$label $(received "$label" 2 victim 20)" "$label $([ $label = before-4 ] && echo 0 || echo 10)"
		done
		stop victim
		vsh del "$RULE"
		ip -n "$CLIENT" link del new
	done
}

@test "device: nor does it lose what visible denied would deny" {
	device_make gone ''
	RULE=$(vsh add dev gone command victim drop 100% visible denied)
	from_victim 2>/dev/null
	assert_counted "$RULE" 20 20
	device_replace
	from_victim
	assert_counted "$RULE" 20 20
	ip -n "$CLIENT" link del new
}

@test "device: nor by a rule for the old one when another rule brings a classifier to it" {
	local old

	device_make gone ''
	old=$(vsh add dev gone command victim drop 100%)
	device_replace
	RULE=$(vsh add dev new command victim drop 0%)
	from_victim
	assert_counted "$old" 0 0
	assert_counted "$RULE" 20 0
	vsh del "$RULE"
	RULE=$(vsh add dev all command victim drop 0%)
	vsh change "$old" drop 99%
	from_victim
	assert_counted "$old" 0 0
	assert_counted "$RULE" 20 0
	ip -n "$CLIENT" link del new
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

# in_cgroup PATH COMMAND...: on the client.
in_cgroup() {
	# shellcheck disable=SC2016
	on_client sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$@"
}

# anew PATH...: each is removed, and made again in the other order.
anew() {
	local i

	for ((i = $#; i > 0; i--)); do
		busywait 5 rmdir "${!i}"
	done
	mkdir "$@"
}

# entries MAP: how many it has.
entries() {
	bpftool -j map dump pinned "/sys/fs/bpf/tc/globals/$1" | jq length
}

@test "cgroup: one that is made anew under the path is the target, from its first packet on" {
	local group i

	receiver_start
	group=$(cgroup_make service)
	mkdir "$group/inner" "$group/beside"
	rule_add cgroup "$group/inner" drop 100%
	in_cgroup "$group/inner" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	for ((i = 0; i < 70; i++)); do # more often than there is room for numbers of cgroups
		anew "$group/inner"
	done
	in_cgroup "$group/inner" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	assert_counted "$RULE" 50 50
	anew "$group/beside"
	rmdir "$group/beside"
	anew "$group" "$group/inner"
	mkdir "$group/beside" "$group/inner/inner" "$group/inner2"
	in_cgroup "$group/inner/inner" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	in_cgroup "$group/beside" "$(as beside udpsend)" "$SERVER4" "$PORT" 25
	in_cgroup "$group/inner2" "$(as inner2 udpsend)" "$SERVER4" "$PORT" 25
	assert_received victim 0
	assert_received beside 25
	assert_received inner2 25
	assert_counted "$RULE" 75 75
	assert_equal "$(entries vsh_cgroups)" 1
}

@test "cgroup: show says that it is gone, and no more when it is there again" {
	local group

	group=$(cgroup_make service)
	rule_add cgroup "$group" drop 100%
	assert_equal "$(rule_field "$RULE" state)" active
	rmdir "$group"
	assert_equal "$(rule_field "$RULE" state)" 'cgroup gone'
	assert_regex "$(vershitify show "$RULE")" '\(cgroup gone\)$'
	mkdir "$group"
	assert_equal "$(rule_field "$RULE" state)" active
	refute_regex "$(vershitify show "$RULE")" 'gone'
}

@test "cgroup: of two rules for one path each follows it, until it is deleted" {
	local group first second

	receiver_start
	group=$(cgroup_make service)
	rule_add cgroup "$group" drop 0%
	first=$RULE
	rule_add cgroup "$group" drop 100%
	second=$RULE
	anew "$group"
	in_cgroup "$group" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	assert_counted "$first" 25 0
	vershitify del "$first"
	in_cgroup "$group" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	anew "$group"
	in_cgroup "$group" "$(as victim udpsend)" "$SERVER4" "$PORT" 25
	assert_received victim 25
	assert_counted "$second" 50 50
	rule_add command other drop 0%
	vershitify del "$second"
	assert_equal "$(entries vsh_cgroups) $(entries vsh_followed)" '0 0'
}

@test "cgroup: where the kernel does not tell of a new one, the next command finds it" {
	local group

	receiver_start
	group=$(cgroup_make service)
	rule_add cgroup "$group" drop 100%
	rm /sys/fs/bpf/vershitify/link_vsh_cgroup_new
	anew "$group"
	sender_start waiting victim "$SERVER4" "$PORT" 25
	pid waiting >"$group/cgroup.procs"
	batch waiting
	assert_received victim 25
	vershitify show
	batch waiting
	assert_received victim 25
	assert_counted "$RULE" 25 25
	assert_equal "$(entries vsh_cgroups)" 1
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
