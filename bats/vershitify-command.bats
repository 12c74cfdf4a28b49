#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands and options of vershitify.sh: what they do, print and return.
#
#   $CLIENT: victim, bystander, the rules  eth0 ---------- eth0  receiver  :$SERVER

load helpers

setup_file() { suite_begin; }
teardown_file() {
	rm -rf "/etc/netns/$CLIENT"
	rmdir /etc/netns 2>/dev/null || :
	suite_end
}
setup() { test_begin; }
teardown() { test_end; }

rules_shown() {
	vershitify -j show | jq length
}

state_with_counts() {
	system_state
	vershitify -j -s show
}

# one_line_error STATUS: what "run --separate-stderr" ran has failed with it, saying so in one line.
one_line_error() {
	# shellcheck disable=SC2154 # bats sets it
	assert_equal "$status: $(wc -l <<<"$stderr") line" "$1: 1 line"
	assert_regex "$stderr" '^vershitify\.sh: .'
	assert_output ''
}

# --- add, show ------------------------------------------------------------------

@test "add prints the rule's number and nothing else" {
	run -0 vsh add dev eth0 command victim drop 25%
	assert_output 1
	run -0 vsh add dev eth0 command other drop 25%
	assert_output 2
}

@test "add takes its words in any order, and 'loss' for 'drop'" {
	vsh add seed 7 loss 25 direction both command victim for 1h visible local children dev eth0
	run -0 vershitify -j show
	assert_equal "$(jq -c '.[0] | [.dev, .command, .children, .direction, .drop_percent, .seed, .visible]' <<<"$output")" \
		'[["eth0"],"victim",true,"both",25,7,"local"]'
}

@test "a number that is free again is given to the next rule" {
	vsh add dev eth0 command one drop 1%
	vsh add dev eth0 command two drop 1%
	vershitify del 1
	run -0 vsh add dev eth0 command three drop 1%
	assert_output 1
}

@test "64 rules can be, the 65th is refused and changes nothing" {
	local before n

	before=$BATS_TEST_TMPDIR/batch
	for n in {1..64}; do echo "add dev eth0 command rule$n drop 1%"; done >"$before"
	run -0 vsh -b "$before"
	assert_equal "${#lines[@]}" 64
	before=$(vsh show)
	run --separate-stderr vsh add dev eth0 command another drop 1%
	one_line_error 1
	assert_equal "$(vsh show)" "$before"
}

@test "show prints a rule in the words that made it" {
	vsh add dev eth0 command ping drop 25% seed 7
	run -0 vsh show
	assert_output 'rule 1 dev eth0 command ping direction egress drop 25% seed 7'
}

@test "what show prints can be given to add again" {
	local words group id

	group=$(cgroup_make group)
	sleep 60 3>&- &
	for words in "dev eth0 dev lo command victim children drop 0.1%" \
		"dev all exe $(as victim udpsend) direction ingress drop 33.333333% seed 18446744073709551615" \
		"dev eth0 pid $! direction both drop 100% visible local" \
		"dev eth0 cgroup $group drop 0% seed 0" \
		"dev eth0 command victim drop 99.999999% visible denied"; do
		# shellcheck disable=SC2086
		id=$(vsh add $words)
		vsh show "$id" >"$BATS_TEST_TMPDIR/first"
		vershitify del "$id"
		# shellcheck disable=SC2046
		vsh add $(sed 's/^rule [0-9]* //' "$BATS_TEST_TMPDIR/first")
		assert_equal "$(vsh show "$id")" "$(cat "$BATS_TEST_TMPDIR/first")"
		vershitify del "$id"
	done
	kill $!
}

@test "show without rules prints nothing, as JSON an empty list" {
	run -0 vershitify show
	assert_output ''
	run -0 vershitify -j show
	assert_output '[]'
	run -0 vershitify -s show
	assert_output ''
}

@test "show ID prints that rule only" {
	vsh add dev eth0 command one drop 1%
	vsh add dev eth0 command two drop 2%
	run -0 vsh show 2
	assert_output 'rule 2 dev eth0 command two direction egress drop 2%'
	assert_equal "$(vershitify -j show 2 | jq -c '[.[].id]')" '[2]'
}

@test "show -s adds what was seen and dropped, by direction" {
	receiver_start
	vsh add dev eth0 command victim drop 100%
	send victim -s 100 "$SERVER4" "$PORT" 10
	run -0 vsh -s show
	assert_line --index 0 --partial 'rule 1 dev eth0 command victim direction egress drop 100%'
	assert_line --index 2 '    egress seen 10 packets 10 segments 1420 bytes'
	assert_line --index 3 '    egress dropped 10 packets 10 segments 1420 bytes'
	assert_line --index 4 '    ingress seen 0 packets 0 segments 0 bytes'
	assert_line --index 5 '    ingress dropped 0 packets 0 segments 0 bytes'
	# with numbers of twelve digits as well
	assert_equal "$(awk '{ gsub(/ (10|1420) /, " 123456789012 "); if (length > 80) print }' <<<"$output")" ''
}

@test "show -s counts what is dropped by reason: JSON always, text where there are several" {
	receiver_start
	vsh add dev eth0 command victim drop 100%
	send victim -s 100 "$SERVER4" "$PORT" 10
	assert_equal "$(rule_field 1 egress.reasons | jq -c .)" '{"loss":{"packets":10,"segments":10,"bytes":1420}}'
	assert_equal "$(rule_field 1 ingress.reasons)" '{}'
	run -0 vershitify -s show
	refute_output --partial loss
	vsh change 1 seed 7
	send victim -s 100 "$SERVER4" "$PORT" 5
	vsh change 1 drop 0%
	send victim -s 100 "$SERVER4" "$PORT" 2
	assert_equal "$(rule_field 1 egress.reasons | jq -c '[.loss.packets, .seeded_loss.packets, length]')" '[10,5,2]'
	run -0 vershitify -s show
	assert_line '    egress dropped 15 packets 15 segments 2130 bytes'
	assert_line '    egress loss 10 packets 10 segments 1420 bytes'
	assert_line '    egress seeded_loss 5 packets 5 segments 710 bytes'
	run -0 vershitify stats
	assert_line 'rule 1 egress seen 17 packets 17 segments 2414 bytes'
	assert_line 'rule 1 egress seeded_loss 5 packets 5 segments 710 bytes'
	assert_equal "$(vershitify -j stats | jq -c '.egress.reasons | map_values(.bytes)')" '{"loss":1420,"seeded_loss":710}'
}

@test "show -j is JSON with every field" {
	vsh add dev eth0 command victim drop 12.5% seed 3 for 1h
	run -0 vershitify -j -s show
	assert_equal "$(jq -cr '.[0] | [(.id, .dev, .netns_cookie, .command, .children, .direction, .drop_percent, .seed,
		.visible, .state, .expires_in_ns, .processes, .sockets,
		.egress.seen.packets, .ingress.dropped.bytes) | type] | unique | join(" ")' <<<"$output")" \
		'array boolean number string'
	assert_equal "$(jq -c '.[0] | [.id, .dev, .command, .children, .direction, .drop_percent, .seed, .visible, .state]' <<<"$output")" \
		'[1,["eth0"],"victim",false,"egress",12.5,3,"wire","active"]'
	# without -s no counts
	run -0 vershitify -j show
	assert_equal "$(jq -c '.[0] | [has("egress"), has("processes")]' <<<"$output")" '[false,false]'
}

@test "show -j tells a seed of 64 bits to the last digit" {
	vsh add dev eth0 command victim drop 1% seed 18446744073709551615
	run -0 vershitify -j show
	assert_output --regexp '"seed":"?18446744073709551615"?,'
}

@test "-p makes the same JSON, over several lines" {
	vsh add dev eth0 command victim drop 1%
	vsh add dev eth0 command other drop 2%
	run -0 vershitify -j -p show
	((${#lines[@]} > 4))
	assert_equal "$(jq -cS . <<<"$output")" "$(vershitify -j show | jq -cS .)"
}

@test "show -s counts the target's processes and sockets" {
	receiver_start
	rule_add command victim drop 1%
	assert_equal "$(vershitify -j -s show | jq -c '.[0] | [.processes, .sockets]')" '[0,0]'
	sender_start first victim "$SERVER4" "$PORT" 1
	sender_start second victim "$SERVER4" "$PORT" 1
	sender_start bystander bystander "$SERVER4" "$PORT" 1
	assert_equal "$(vershitify -j -s show | jq -c '.[0] | [.processes, .sockets]')" '[2,2]'
	stop first
	gone() { [ "$(vershitify -j -s show | jq -c '.[0] | [.processes, .sockets]')" = '[1,1]' ]; }
	busywait 5 gone
}

@test "colours come with -color only, and change nothing but the colour" {
	local plain

	vsh add dev eth0 command victim drop 1%
	plain=$(vershitify show)
	refute_regex "$plain" $'\e'
	assert_regex "$(vershitify -color show)" $'\e'
	assert_equal "$(vershitify -color show | sed 's/\x1b\[[0-9;]*m//g')" "$plain"
}

@test "on a terminal NO_COLOR is honoured" {
	vsh add dev eth0 command victim drop 1%
	run -0 env NO_COLOR=1 script -qec "$VERSHITIFY show" /dev/null 3>&-
	assert_output --partial 'command victim'
	refute_output --partial $'\e'
}

# --- change, del, flush ----------------------------------------------------------

@test "change acts on the next packet" {
	local round

	receiver_start
	rule_add command victim drop 100%
	sender_start stream victim "$SERVER4" "$PORT" 100
	for round in 1 2 3 4 5; do
		vershitify change "$RULE" drop 0%
		batch stream
		assert_received victim $((round * 100))
		vershitify change "$RULE" drop 100%
		batch stream
		assert_received victim $((round * 100))
	done
	assert_counted "$RULE" 1000 500
}

@test "change leaves alone what it does not name" {
	vsh add dev eth0 dev lo command victim children direction both drop 25% seed 7 visible local
	vershitify -j show 1 | jq -S . >"$BATS_TEST_TMPDIR/before"
	vershitify change 1 drop 50%
	vershitify -j show 1 | jq -S '.[0].drop_percent = 25 | .[0].loss.loss_percent = 25' >"$BATS_TEST_TMPDIR/after"
	run -0 diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	assert_equal "$(vsh show 1)" \
		'rule 1 dev eth0 dev lo command victim children direction both drop 50% seed 7 visible local'
}

@test "change keeps what was counted" {
	receiver_start
	rule_add command victim drop 100%
	send victim "$SERVER4" "$PORT" 10
	vershitify change "$RULE" drop 0%
	send victim "$SERVER4" "$PORT" 10
	assert_counted "$RULE" 20 10
}

@test "change of the seed, the direction and the time is shown" {
	vsh add dev eth0 command victim drop 25%
	vsh change 1 seed 9 direction both for 1h
	run -0 vsh show
	assert_output --regexp '^rule 1 dev eth0 command victim direction both drop 25% seed 9 for '
}

@test "change of the device moves the rule" {
	receiver_start
	rule_add command victim drop 100%
	vsh change "$RULE" dev lo
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 10
	vsh change "$RULE" dev eth0
	send victim -n back "$SERVER4" "$PORT" 10
	assert_received back 0
}

@test "change of the direction attaches what that needs" {
	rule_add command victim drop 100%
	port_take
	start client target "$(as victim udpcount)" "$PORT"
	wait_line target '^ready$'
	on_server "$PROGRAMS/udpsend" -n first "$CLIENT4" "$PORT" 10
	vsh change "$RULE" direction ingress
	on_server "$PROGRAMS/udpsend" -n second "$CLIENT4" "$PORT" 10
	assert_equal "$(received first 2 target 10) $(received second 2 target 10)" '10 0'
}

@test "del ends the loss with the next packet, and takes no other rule along" {
	receiver_start
	rule_add command victim drop 100%
	vsh add dev eth0 command other drop 100%
	sender_start stream victim "$SERVER4" "$PORT" 10
	sender_start other other "$SERVER4" "$PORT" 10
	vershitify del "$RULE"
	batch stream
	batch other
	assert_received victim 10
	assert_received other 0
	assert_equal "$(vershitify -j show | jq -c '[.[].command]')" '["other"]'
}

@test "change, del and show of a rule that is not there fail with 1 and one line" {
	local command

	rule_add command victim drop 100%
	for command in 'change 9 drop 1%' 'del 9' 'show 9'; do
		# shellcheck disable=SC2086
		run --separate-stderr vershitify $command
		one_line_error 1
	done
	assert_equal "$(rules_shown)" 1
}

@test "flush deletes all rules, and is content with none" {
	receiver_start
	rule_add command victim drop 100%
	vsh add dev eth0 command other drop 100%
	vershitify flush
	assert_equal "$(rules_shown)" 0
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 10
	run -0 vershitify flush
	assert_output ''
}

# --- down --------------------------------------------------------------------------

@test "down removes everything, twice in a row without complaint" {
	local before

	vershitify down
	before=$(state_at_rest)
	vsh add dev eth0 dev lo command victim direction both drop 1%
	vsh add dev eth0 command victim visible denied drop 1%
	nsenter --net="/run/netns/$SERVER" "$VERSHITIFY" add dev eth0 command victim drop 1% 3>&-
	refute [ "$(system_state)" = "$before" ]
	run -0 --separate-stderr vershitify down
	assert_equal "$output$stderr" ''
	assert_state "$before"
	run -0 --separate-stderr vershitify down
	assert_equal "$output$stderr" ''
	assert_state "$before"
}

@test "down frees the target's open sockets" {
	receiver_start
	rule_add command victim drop 100%
	sender_start stream victim "$SERVER4" "$PORT" 10
	batch stream
	vershitify down
	batch stream
	assert_received victim 10
}

@test "down -n removes what is ours in that namespace, and nothing in another" {
	local before

	port_take
	start client receiver "$PROGRAMS/udpcount" "$PORT"
	wait_line receiver '^ready$'
	vershitify down
	before=$(state_of_netns "$CLIENT")
	vsh add dev eth0 command victim drop 100%
	vershitify -n "$SERVER" add dev eth0 command victim drop 100%
	vsh down
	assert_equal "$(state_of_netns "$CLIENT")" "$before"
	on_server "$(as victim udpsend)" "$CLIENT4" "$PORT" 10
	assert_received victim 0
	assert_equal "$(rules_shown)" 1
}

@test "a rule can be added right after down" {
	receiver_start
	rule_add command victim drop 100%
	vershitify down
	rule_add command victim drop 100%
	assert_equal "$RULE" 1
	send victim "$SERVER4" "$PORT" 10
	assert_received victim 0
	assert_counted "$RULE" 10 10
}

# --- stats, monitor -------------------------------------------------------------------

@test "stats prints the counters of every rule once" {
	receiver_start
	vsh add dev eth0 command victim drop 100%
	vsh add dev eth0 command other drop 0%
	send victim -s 100 "$SERVER4" "$PORT" 10
	send other -s 100 "$SERVER4" "$PORT" 20
	run -0 vershitify stats
	assert_line 'rule 1 egress seen 10 packets 10 segments 1420 bytes'
	assert_line 'rule 1 egress dropped 10 packets 10 segments 1420 bytes'
	assert_line 'rule 2 egress seen 20 packets 20 segments 2840 bytes'
	assert_line 'rule 2 egress dropped 0 packets 0 segments 0 bytes'
	refute_output --partial ' now '
	refute_output --partial time
	run -0 vershitify -j stats
	assert_equal "$(jq -sc '[.[] | [.id, .egress.seen.packets, .egress.dropped.packets]]' <<<"$output")" '[[1,10,10],[2,20,0]]'
}

@test "stats INTERVAL COUNT prints them that often" {
	vsh add dev eth0 command victim drop 100%
	run -0 vershitify stats 50ms 3
	assert_equal "$(grep -c '^rule 1 egress seen ' <<<"$output")" 3
}

@test "stats INTERVAL tells the time of each look, the rate and the loss since the one before" {
	receiver_start
	vsh add dev eth0 command victim drop 100%
	send victim -s 100 "$SERVER4" "$PORT" 50
	start here looking "$VERSHITIFY" stats 500ms 4
	start here looking-json "$VERSHITIFY" -j stats 500ms 4
	wait_line looking '^time '
	wait_line looking-json time
	send victim -s 100 "$SERVER4" "$PORT" 100
	finish looking
	finish looking-json
	run -0 output_of looking
	assert_equal "$(grep -cE '^time [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4}$' <<<"$output")" 4
	assert_equal "$(grep -c '^rule 1 egress now ' <<<"$output")" 3
	# 100 packets of 142 bytes in one of the looks, or split between two
	assert_equal "$(awk '/egress now/ { p += $5; b += $7 } END { print (p > 171 && p < 210), sprintf("%.0f", b / p) }' <<<"$output")" '1 142'
	assert_line --regexp '^rule 1 egress now [0-9.]+ packets/s [0-9.]+ bytes/s loss 100\.00%$'
	assert_line 'rule 1 egress now 0.0 packets/s 0.0 bytes/s'
	run -0 output_of looking-json
	assert_equal "$(jq -sc '[length, all(.time), .[0].now, (map(.now.egress.loss_percent) | max), .[1].now.ingress.loss_percent]' <<<"$output")" '[4,true,null,100,null]'
	assert_equal "$(jq -s 'map(.now.egress.packets_per_second // 0) | add | . > 171 and . < 210' <<<"$output")" true
}

@test "monitor prints launches, tagged sockets and the end of a rule's time" {
	local number

	receiver_start
	rule_add command victim drop 100%
	start here watching "$VERSHITIFY" monitor
	monitor_listens
	vsh add dev eth0 command other drop 100% for 300ms
	start client sender "$(as victim udpsend)" -w "$SERVER4" "$PORT" 1
	number=$(pid sender)
	wait_line watching "^process launched: $number [^ ]+ victim\$"
	wait_line watching "^socket tagged: $number victim rule 1\$"
	wait_line watching '^rule expired: 2$'
	stop watching INT
	assert_equal "$EXIT_STATUS" 0
}

@test "monitor -j prints one JSON object a line" {
	receiver_start
	rule_add command victim drop 100% for 1s
	start here watching "$VERSHITIFY" -j monitor
	monitor_listens
	wait_line watching '"event":"socket_tagged"'
	wait_line watching '"event":"rule_expired"'
	stop watching INT
	while read -r line; do jq -e 'type == "object" and (.event | type) == "string"' <<<"$line"; done \
		<"$BATS_TEST_TMPDIR/watching.out"
	assert_equal "$(jq -sc 'map(select(.event == "process_launched"))[0] | [(.pid | type), .parent, .child]' \
		"$BATS_TEST_TMPDIR/watching.out")" '["number","launcher","victim"]'
	assert_equal "$(jq -sc 'map(select(.event == "rule_expired"))[0].id' "$BATS_TEST_TMPDIR/watching.out")" 1
}

@test "monitor listens to a rule that is made at once after the last one is deleted" {
	local before

	receiver_start
	rule_add command victim drop 100%
	start here watching "$VERSHITIFY" monitor
	monitor_listens
	vershitify del "$RULE"
	rule_add command victim drop 100%
	before=$(lines_count watching '^process launched')
	monitor_listens "$before"
	stop watching
}

@test "monitor says how many events it has lost" {
	local helper

	receiver_start
	rule_add command victim drop 0%
	start here watching "$VERSHITIFY" monitor
	monitor_listens
	# Stopped it reads nothing, and each packet of this target is a new socket.
	helper=$(pgrep -P "$(pid watching)" -x vsh || pid watching)
	kill -s STOP "$helper"
	send victim -o "$SERVER4" "$PORT" 20000
	kill -s CONT "$helper"
	wait_line watching '^lost events: [0-9]+$'
	stop watching INT
	(($(output_of watching | awk '/^socket tagged:/ { n++ } /^lost events:/ { n += $3 } END { print n }') >= 20000))
}

@test "monitor leaves nothing behind, however it ends" {
	local before signal

	rule_add command victim drop 0%
	before=$(system_state)
	for signal in INT TERM HUP KILL; do
		start here watching "$VERSHITIFY" monitor
		monitor_listens
		stop watching "$signal"
		# a killed one cannot clean up; the next command does
		[ "$signal" != KILL ] || vershitify change "$RULE" drop 1%
		assert_state "$before"
	done
}

# Launches targets until the monitor prints one: then it listens.
# monitor_listens [BEFORE]: until more launches are told than BEFORE.
monitor_listens() {
	local before=${1-0}

	heard() {
		on_client "$(as launcher storm)" 1 1 "$(as victim udpsend)" "$SERVER4" "$PORT" 1
		(($(lines_count watching 'process.launched') > before))
	}
	[ -n "${PORT-}" ] || port_take
	busywait 10 heard
}

# --- doctor, help, version --------------------------------------------------------------

@test "doctor says what the kernel offers and which device has which filter" {
	rule_add command victim drop 1%
	run -0 vsh doctor
	assert_output --partial BTF
	assert_output --regexp 'eth0.*our'
	refute_output --partial MISSING
}

@test "doctor finds a device that came after 'dev all'" {
	vsh add dev all command victim drop 1%
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	run -0 vsh doctor
	ip -n "$CLIENT" link del eth1
	assert_output --partial eth1
}

@test "doctor says whether sockets that are passed are found at once" {
	rule_add command victim drop 1%
	run -0 vershitify doctor
	if lsm_works; then
		assert_line --regexp '^ok +vsh_receive'
	else
		assert_line --regexp '^replaced +vsh_receive: by vsh_iter_file; .*found by the next scan'
	fi
}

@test "a rule stays in its network namespace: change with devices of another is refused" {
	local before

	rule_add command victim drop 1%
	before=$(vershitify -j -s show)
	run -1 vershitify -n "$SERVER" change "$RULE" dev eth0
	assert_output --partial 'another network namespace'
	assert_equal "$(vershitify -j -s show)" "$before"
}

@test "doctor finds a rule whose device is gone" {
	ip link add eth1 netns "$CLIENT" type veth peer name eth1 netns "$SERVER"
	vsh add dev eth1 command victim drop 1%
	run -0 vsh doctor
	ip -n "$CLIENT" link del eth1
	run -1 vsh doctor
	assert_output --partial 'which a rule names'
}

@test "doctor finds what a killed run has left, and says what to do" {
	start client original "$VERSHITIFY" -interface eth0 -command victim -drop 25
	wait_line original .
	stop original KILL
	run -0 vsh doctor
	assert_output --partial 'rules of runs that were killed: the next command that changes anything removes them'
}

@test "doctor says which programs would run before ours" {
	requires tcx
	rule_add command victim drop 1%
	start client tcx "$PROGRAMS/foreign" tcx eth0 stranger
	wait_line tcx '^attached$'
	run -0 vsh doctor
	assert_output --regexp 'eth0: 1 tcx program'
}

@test "doctor changes nothing" {
	local before

	vershitify down
	before=$(state_at_rest)
	vsh doctor
	assert_equal "$(system_state)" "$before"
}

@test "help prints the grammar on stdout, at any place" {
	local word HELP

	run -0 --separate-stderr vershitify help
	assert_output --regexp '^Usage: vershitify\.sh -interface DEV -command NAME -drop '
	assert_equal "$stderr" ''
	HELP=$output
	for word in run add change del flush down show stats monitor doctor; do
		assert_output --partial "$word"
	done
	for word in -h --help 'add help' 'show help' 'add dev eth0 help'; do
		# shellcheck disable=SC2086
		run -0 vershitify $word
		assert_output "$HELP"
	done
}

@test "without any word it says where help is, and exits with 2" {
	run --separate-stderr vershitify
	assert_equal "$status" 2
	assert_output ''
	assert_regex "$stderr" help
}

@test "-V prints the version" {
	run -0 vershitify -V
	assert_output --regexp '^vershitify(\.sh)? [0-9]+\.[0-9]+'
	assert_equal "${#lines[@]}" 1
}

# --- -b, -v, --dry-run -----------------------------------------------------------------------

@test "-b reads one command a line, blank lines and comments between them" {
	printf '%s\n' '# two rules' 'add dev eth0 command one drop 1%' '' \
		'   add dev eth0 command two drop 2%   # the second' 'del 1' 'show' >"$BATS_TEST_TMPDIR/batch"
	run -0 vsh -b "$BATS_TEST_TMPDIR/batch"
	assert_output "1
2
rule 2 dev eth0 command two direction egress drop 2%"
}

@test "-b - reads from standard input" {
	run -0 vsh -b - <<<'add dev eth0 command one drop 1%'
	assert_output 1
	assert_equal "$(rules_shown)" 1
}

@test "-b stops at the first bad line and names it" {
	printf '%s\n' 'add dev eth0 command one drop 1%' 'add dev eth0 command two drop 200%' \
		'add dev eth0 command three drop 3%' >"$BATS_TEST_TMPDIR/batch"
	run --separate-stderr vsh -b "$BATS_TEST_TMPDIR/batch"
	assert_equal "$status" 2
	assert_regex "$stderr" 2
	assert_equal "$(vershitify -j show | jq -c '[.[].command]')" '["one"]'
}

@test "-b can quote a word with blanks in it" {
	printf '%s\n' "add dev eth0 command 'two words' drop 1%" "add dev eth0 command 'a \"b' drop 1%" >"$BATS_TEST_TMPDIR/batch"
	run -0 vsh -b "$BATS_TEST_TMPDIR/batch"
	assert_equal "$(vershitify -j show | jq -c '[.[].command]')" '["two words","a \"b"]'
}

@test "-v prints each command that changes something on stderr, and runs it" {
	vershitify down
	run -0 --separate-stderr vsh -v add dev eth0 command victim drop 1%
	assert_output 1
	assert_regex "$stderr" 'tc filter .*dev eth0 egress'
	assert_regex "$stderr" 'bpftool map update'
	assert_regex "$stderr" 'vsh load'
	assert_equal "$(rules_shown)" 1
}

@test "--dry-run of each command prints tc, bpftool and helper commands, and changes nothing" {
	local before words

	vershitify down
	before=$(state_at_rest)
	run -0 --separate-stderr vsh --dry-run add dev eth0 command victim direction both drop 1%
	assert_regex "$stderr" 'tc .*filter .*eth0'
	assert_regex "$stderr" 'bpftool .*map update'
	assert_regex "$stderr" 'bpftool .*cgroup attach'
	assert_regex "$stderr" 'vsh '
	assert_equal "$(system_state)" "$before"
	run -0 --separate-stderr vsh --dry-run run dev eth0 drop 1% -- touch "$BATS_TEST_TMPDIR/touched"
	assert_regex "$stderr" 'touch'
	assert_equal "$(system_state)" "$before"
	refute [ -e "$BATS_TEST_TMPDIR/touched" ]
	run -0 --separate-stderr vsh --dry-run -interface eth0 -command victim -drop 25
	assert_regex "$stderr" 'tc .*filter .*eth0'
	assert_equal "$(system_state)" "$before"
	vsh add dev eth0 command victim drop 1%
	before=$(state_with_counts)
	run -0 --separate-stderr vershitify --dry-run change 1 drop 50%
	assert_regex "$stderr" 'bpftool .*map update'
	run -0 --separate-stderr vershitify --dry-run del 1
	assert_regex "$stderr" 'bpftool .*map (update|delete)'
	for words in flush down; do
		run -0 --separate-stderr vershitify --dry-run "$words"
		assert_regex "$stderr" 'tc qdisc del .*eth0 clsact'
		assert_regex "$stderr" 'bpftool cgroup detach'
	done
	assert_equal "$(state_with_counts)" "$before"
}

@test "what --dry-run prints for add can be typed, and then loses packets" {
	local mounted

	receiver_start
	vershitify down
	mounted=$(findmnt -rn -t bpf /sys/fs/bpf) || :
	vsh --dry-run add dev eth0 command victim drop 100% 2>"$BATS_TEST_TMPDIR/commands"
	sed -i 's/^+ //' "$BATS_TEST_TMPDIR/commands"
	sh -e "$BATS_TEST_TMPDIR/commands" 3>&-
	send victim "$SERVER4" "$PORT" 10
	send bystander "$SERVER4" "$PORT" 10
	assert_received bystander 10
	assert_received victim 0
	vershitify down
	# what a person has mounted is not ours to unmount
	[ -n "$mounted" ] || umount /sys/fs/bpf
}

# --- run ----------------------------------------------------------------------------------------

@test "run ends with the command's own status" {
	local code

	for code in 0 1 3 77 255; do
		run "-$code" vsh run dev eth0 drop 1% -- sh -c "exit $code"
	done
}

@test "run passes a death by signal on, as a death by signal" {
	local signal

	for signal in TERM KILL SEGV; do
		run -0 python3 -c 'import subprocess, sys; print(-subprocess.run(sys.argv[1:]).returncode)' \
			"$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 1% -- sh -c "ulimit -c 0; kill -s $signal \$\$" 2>/dev/null 3>&-
		assert_line "$(kill -l "$signal")"
	done
}

@test "run returns 127 for a command that is not there and 126 for one that cannot be executed" {
	local before

	vershitify flush
	before=$(system_state)
	run -127 vsh run dev eth0 drop 1% -- "$BATS_TEST_TMPDIR/nothing"
	run -127 vsh run dev eth0 drop 1% -- no-such-command-anywhere
	touch "$BATS_TEST_TMPDIR/plain"
	run -126 vsh run dev eth0 drop 1% -- "$BATS_TEST_TMPDIR/plain"
	run -126 vsh run dev eth0 drop 1% -- "$BATS_TEST_TMPDIR"
	assert_equal "$(rules_shown)" 0
}

@test "run returns 125 if it cannot be set up, and does not start the command" {
	run -125 --separate-stderr vsh run dev nonesuch drop 1% -- touch "$BATS_TEST_TMPDIR/touched"
	one_line_error 125
	run -125 vershitify -n no-such-namespace run dev eth0 drop 1% -- touch "$BATS_TEST_TMPDIR/touched"
	refute [ -e "$BATS_TEST_TMPDIR/touched" ]
}

@test "run --fail-unmatched returns 124 if no traffic matched, and the command's status otherwise" {
	receiver_start
	run -124 vsh run dev eth0 drop 1% --fail-unmatched -- true
	run -0 vsh run dev eth0 drop 1% -- true
	run -0 vsh run dev eth0 drop 1% --fail-unmatched -- "$PROGRAMS/udpsend" "$SERVER4" "$PORT" 1
	run -3 vsh run dev eth0 drop 1% --fail-unmatched -- sh -c "$PROGRAMS/udpsend $SERVER4 $PORT 1; exit 3"
}

@test "run tags the command from its first instruction, whatever its name, and all its descendants" {
	receiver_start
	vsh run dev eth0 drop 100% -- "$(as first udpsend)" "$SERVER4" "$PORT" 10
	vsh run dev eth0 drop 100% -- sh -c "$(as second storm) 1 0 $(as third udpsend) $SERVER4 $PORT 10"
	vsh run dev eth0 drop 100% -- "$(as fourth udpsend)" -t worker "$SERVER4" "$PORT" 10
	send first -n outside "$SERVER4" "$PORT" 10
	assert_received first 0
	assert_received third 0
	assert_received fourth 0
	assert_received outside 10
}

@test "run with a target of its own: the command is free, the target is not" {
	receiver_start
	vsh run dev eth0 command victim drop 100% -- \
		sh -c "$(as victim udpsend) $SERVER4 $PORT 10; $(as bystander udpsend) $SERVER4 $PORT 10"
	assert_received victim 0
	assert_received bystander 10
}

@test "run with a target of its own: COMMAND itself sends what it likes" {
	receiver_start
	vsh run dev eth0 command victim drop 100% -- "$(as bystander udpsend)" "$SERVER4" "$PORT" 10
	assert_received bystander 10
}

@test "run passes on exit statuses that would be signals which end nothing" {
	local code

	for code in 145 147 148 150 156 255; do
		run timeout "$((20 * PATIENCE))" "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 1% -- sh -c "exit $code" 3>&-
		assert_equal "$status" "$code"
	done
}

@test "run prints a summary on stderr, the command's output alone on stdout" {
	receiver_start
	run -0 --separate-stderr vsh run dev eth0 drop 25% -- "$PROGRAMS/udpsend" "$SERVER4" "$PORT" 1000
	assert_output 'sent 1000 enobufs 0 eperm 0 other 0'
	assert_regex "$stderr" "$((1000 - $(received udpsend))) of 1000 packets"
	assert_regex "$stderr" '95% interval'
	assert_regex "$stderr" 'asked for 25%'
	assert_regex "$stderr" 'segments'
}

@test "the interval of run's summary is Wilson's" {
	receiver_start
	run -0 --separate-stderr vsh run dev eth0 drop 100% -- "$PROGRAMS/udpsend" "$SERVER4" "$PORT" 100
	# 100 of 100: z = 1.96 gives 1 / (1 + z^2 / 100) = 96.3 %
	assert_regex "$stderr" '96\.3.*100%'
}

@test "run says so when no traffic matched" {
	run -0 --separate-stderr vsh run dev eth0 drop 25% -- true
	assert_regex "$stderr" 'no traffic matched'
}

@test "run names the rule that comes first and has taken the packets" {
	receiver_start
	rule_add command first drop 0%
	rule_add command idle drop 0%
	vsh add dev lo command first drop 0%
	run -124 --separate-stderr vsh run dev eth0 drop 25% --fail-unmatched -- "$(as first udpsend)" "$SERVER4" "$PORT" 7
	assert_equal "$stderr" "vershitify.sh: note: another rule comes first: rule 1 dev eth0 command first direction egress drop 0%
vershitify.sh: no traffic matched
vershitify.sh: 7 packets went to a rule that comes first: rule 1 dev eth0 command first direction egress drop 0%"
	run -0 --separate-stderr vsh run dev eth0 drop 100% -- "$(as second udpsend)" "$SERVER4" "$PORT" 7
	refute_regex "$stderr" 'comes first'
}

@test "run names the rule that comes first before the command begins, however it names the target" {
	local words group

	group=$(cgroup_make group)
	for words in "command first" "exe $(as first udpsend)" "cgroup $(cgroup_root)" "pid $$ children"; do
		# shellcheck disable=SC2086 # words
		rule_add $words drop 0% force
		run -0 --separate-stderr vsh run dev eth0 drop 25% -- sh -c 'exec >&2; echo begins'
		[[ $words == command* || $words == exe* ]] || assert_regex "$stderr" "first: rule $RULE .*begins"
		run -0 --separate-stderr vsh run dev eth0 drop 25% -- "$(as first udpsend)" "$SERVER4" 9 1
		assert_regex "$stderr" "note: another rule comes first: rule $RULE dev eth0 ${words%% *} "
		run -0 --separate-stderr vsh run dev eth0 direction ingress drop 25% -- "$(as first udpsend)" "$SERVER4" 9 1
		refute_regex "$stderr" 'comes first'
		vershitify flush
	done
	for words in "command second" "exe $(as second udpsend)" "cgroup $group"; do
		# shellcheck disable=SC2086 # words
		rule_add $words drop 0%
		run -0 --separate-stderr vsh run dev eth0 drop 25% -- "$(as first udpsend)" "$SERVER4" 9 1
		refute_regex "$stderr" 'comes first'
		vershitify flush
	done
	# a run with a target of its own
	rule_add command victim drop 0%
	run -0 --separate-stderr vsh run dev eth0 command victim drop 25% -- true
	assert_regex "$stderr" "another rule comes first: rule $RULE "
	run -0 --separate-stderr vsh run dev eth0 command other drop 25% -- true
	refute_regex "$stderr" 'comes first'
}

@test "run -j prints its summary as one object on stderr" {
	receiver_start
	rule_add command first drop 0%
	run -0 --separate-stderr vsh -j run dev eth0 drop 100% -- \
		sh -c "$(as first udpsend) $SERVER4 $PORT 3 && $(as second udpsend) $SERVER4 $PORT 5" sh
	assert_output 'sent 3 enobufs 0 eperm 0 other 0
sent 5 enobufs 0 eperm 0 other 0'
	assert_equal "$(jq -c '[.rule.id, .egress.seen.packets, .egress.dropped.packets, .loss.egress.percent, .loss.ingress,
		(.loss.egress.low * 10 | round), (.older[] | [.command, .packets])]' <<<"$stderr")" \
		'[2,5,5,100,null,566,["first",3]]'
	run -124 --separate-stderr vsh -j run dev eth0 drop 1% --fail-unmatched -- true
	assert_equal "$(jq -c '[.egress.seen.packets, .loss.egress, .older]' <<<"$stderr")" '[0,null,[]]'
}

@test "run gives the command its standard input, arguments, folder and environment" {
	cd "$BATS_TEST_TMPDIR"
	# shellcheck disable=SC2016
	MARKER='a  b' run -0 --separate-stderr vsh run dev eth0 drop 1% -- \
		sh -c 'cat; pwd; printf "<%s>" "$@" "$MARKER"' sh 'two words' '' '*' $'new\nline' <<<'input'
	assert_output "input
$BATS_TEST_TMPDIR
<two words><><*><new
line><a  b>"
}

@test "run starts the command in the namespace, with its files from /etc/netns" {
	mkdir -p "/etc/netns/$CLIENT"
	echo 'nameserver 192.0.2.53' >"/etc/netns/$CLIENT/resolv.conf"
	run -0 --separate-stderr vsh run dev eth0 drop 1% -- sh -c 'readlink /proc/self/ns/net; cat /etc/resolv.conf'
	rm -r "/etc/netns/$CLIENT"
	assert_line --index 0 "$(on_client readlink /proc/self/ns/net)"
	assert_line --index 1 'nameserver 192.0.2.53'
}

@test "run leaves neither a rule nor anything else" {
	local before

	vershitify down
	before=$(state_at_rest)
	vsh run dev eth0 direction both drop 1% -- true
	assert_state "$before"
	run -3 vsh run dev eth0 drop 1% -- sh -c 'exit 3'
	assert_state "$before"
}

# run_ended_by SIGNAL: the command gets it, the rule goes.
run_ended_by() {
	local before

	vershitify down
	before=$(state_at_rest)
	# shellcheck disable=SC2016
	start here running "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 1% -- \
		sh -c 'trap "echo got it; exit 9" "$1"; echo ready; while :; do sleep 0.1; done' sh "$1"
	wait_line running '^ready$'
	stop running "$1"
	assert_equal "$EXIT_STATUS" 9
	wait_line running '^got it$'
	assert_state "$before"
}

@test "run passes TERM on to the command and ends as the command does" {
	run_ended_by TERM
}

@test "run passes INT on to the command and ends as the command does" {
	run_ended_by INT
}

@test "run passes HUP on to the command and ends as the command does" {
	run_ended_by HUP
}

@test "two runs at the same time: the first to end takes nothing from the other" {
	receiver_start
	start here running "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 100% -- "$(as victim udpsend)" -w "$SERVER4" "$PORT" 10
	wait_line running '^ready$'
	vsh run dev eth0 drop 100% -- "$(as second udpsend)" "$SERVER4" "$PORT" 10
	kill -s USR1 "$(pgrep -x victim)"
	wait_line running '^sent 10 '
	assert_received victim 0
	assert_received second 0
	stop running
}

# --- output ---------------------------------------------------------------------------------------

# fails_full COMMAND...: on a full device it ends with 1, and says in one line why.
fails_full() {
	# shellcheck disable=SC2016
	run -1 --separate-stderr sh -c 'exec "$@" >/dev/full' sh "$@" 3>&-
	assert_equal "${stderr%%: No space*}" "${1##*/}: cannot write the output"
}

@test "what cannot be written is a failure, whatever prints it" {
	local words

	rule_add command victim drop 1%
	for words in show '-s show' '-j show' '-j -p show' stats 'stats 1' '-j stats 1 2' doctor '-j doctor' help 'add help' -h -V; do
		# shellcheck disable=SC2086
		fails_full "$VERSHITIFY" $words
	done
	pingkiller -n "$CLIENT" dev eth0 background 2>/dev/null
	for words in show '-j show' stats '-j stats' 'stats 1' doctor help -V; do
		# shellcheck disable=SC2086
		fails_full "$PINGKILLER" $words
	done
	pingkiller stop
	for words in 'show' 'stats' 'fill' 'programs' 'words vershitify' 'filters' 'cookie' 'plan needed'; do
		# shellcheck disable=SC2086
		run --separate-stderr sh -c 'exec "$@" >/dev/full' sh "$TOP/build/vsh" $words 3>&-
		[ "$status" != 0 ] || fail "vsh $words: status 0"
	done
}

@test "add whose number cannot be written takes its rule back" {
	local before

	vershitify down
	before=$(state_at_rest)
	fails_full "$VERSHITIFY" -n "$CLIENT" add dev eth0 command victim drop 100%
	assert_state "$before"
	vsh add dev eth0 command victim drop 100% | true
	assert_state "$before"
	run -1 sh -c "echo add dev eth0 command victim drop 100% | '$VERSHITIFY' -n $CLIENT -b - >/dev/full" 3>&-
	assert_state "$before"
}

@test "a foreground that cannot say what it does ends with 1, and leaves nothing" {
	local before

	vershitify down
	before=$(state_at_rest)
	fails_full "$VERSHITIFY" -n "$CLIENT" -interface eth0 -command victim -drop 100
	assert_state "$before"
	fails_full "$PINGKILLER" -n "$CLIENT" dev eth0
	assert_state "$before"
	receiver_start
	start here front sh -c "exec '$VERSHITIFY' -j -n $CLIENT -interface eth0 -command victim -drop 100 >/dev/full"
	is_shown() { [ "$(rules_shown)" = 1 ]; }
	busywait 10 is_shown
	counts_lost() {
		send victim "$SERVER4" "$PORT" 1
		ended front
	}
	busywait 10 counts_lost
	finish front
	assert_equal "$EXIT_STATUS" 1
	processes_stop
	assert_state "$before"
}

# --- safety -----------------------------------------------------------------------------------------

@test "pid 1, sshd and the caller's own ancestors are refused, with a hint at force" {
	local words group

	for words in 'pid 1' 'command sshd' 'command sshd-session' "pid $$" "command $(cat /proc/$$/comm)" "exe /proc/$$/exe"; do
		# shellcheck disable=SC2086
		run --separate-stderr vsh add dev eth0 $words drop 0%
		assert [ "$status" = 1 -o "$status" = 2 ]
		one_line_error "$status"
		assert_regex "$stderr" force
	done
	group=$(cgroup_make group)
	run --separate-stderr sh -c "echo \$\$ >$group/cgroup.procs; '$VERSHITIFY' -n $CLIENT add dev eth0 cgroup $group drop 0%; \
		code=\$?; echo \$\$ >$(cgroup_root)/cgroup.procs; exit \$code" 3>&-
	assert [ "$status" = 1 -o "$status" = 2 ]
	assert_regex "$stderr" force
	assert_equal "$(rules_shown)" 0
}

@test "with force they are accepted" {
	vsh add dev eth0 pid $$ drop 0% force
	vsh add dev eth0 command sshd drop 0% force
	assert_equal "$(rules_shown)" 2
}

@test "not root: one clear line, exit 1" {
	local command

	for command in 'show' 'add dev eth0 command victim drop 1%' 'down' 'monitor' '-interface eth0 -command victim -drop 1'; do
		# shellcheck disable=SC2086
		run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$VERSHITIFY" $command
		one_line_error 1
		assert_regex "$stderr" '[Rr]oot'
	done
}

@test "help and -V need no root" {
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$VERSHITIFY" help
	run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$VERSHITIFY" -V
}

@test "eight at once: no rule is lost, none comes twice" {
	local n ids=()

	vershitify down
	for n in {1..8}; do
		start here "add$n" "$VERSHITIFY" -n "$CLIENT" add dev eth0 command "rule$n" drop "$n%"
	done
	for n in {1..8}; do
		finish "add$n"
		assert_equal "$(errors_of "add$n")$EXIT_STATUS" 0
		ids+=("$(output_of "add$n")")
	done
	assert_equal "$(printf '%s\n' "${ids[@]}" | sort -n | xargs)" '1 2 3 4 5 6 7 8'
	for n in {1..8}; do
		assert_equal "$(rule_field "${ids[n - 1]}" command)" "rule$n"
		assert_equal "$(rule_field "${ids[n - 1]}" drop_percent)" "$n"
	done
	for n in {1..8}; do
		start here "del$n" "$VERSHITIFY" del "$n"
		start here "new$n" "$VERSHITIFY" -n "$CLIENT" add dev eth0 command "new$n" drop 1%
	done
	for n in {1..8}; do
		finish "del$n"
		assert_equal "$EXIT_STATUS" 0
		finish "new$n"
		assert_equal "$EXIT_STATUS" 0
	done
	assert_equal "$(vershitify -j show | jq -c '[.[].command] | sort')" \
		'["new1","new2","new3","new4","new5","new6","new7","new8"]'
}

@test "eight runs at once all work, and leave nothing" {
	local before n

	vershitify down
	before=$(state_at_rest)
	receiver_start
	for n in {1..8}; do
		start here "run$n" "$VERSHITIFY" -n "$CLIENT" run dev eth0 drop 100% -- "$(as "run$n" udpsend)" "$SERVER4" "$PORT" 10
	done
	for n in {1..8}; do
		finish "run$n"
		assert_equal "$EXIT_STATUS" 0
		assert_received "run$n" 0
	done
	stop receiver
	assert_state "$before"
}
