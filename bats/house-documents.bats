#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is written about vershitify.sh, held against what it does: help, manual page, completion, README,
# recipes, examples, the demonstration.
# vm: ^README: the same by hand
#
#   $CLIENT: commands of the documents  eth0 192.0.2.1 ---------- 192.0.2.2 eth0  :$SERVER
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031
# Much here is for another shell; words are read, not lines:
# shellcheck disable=SC2016,SC2013

load helpers
load lib/grammar

export COMMAND=vershitify VALUES='ERRNO|PERCENT|TIME|RATE|PRESET|PREFIX|PROTO|PORTS|FLAGS|DSCP' RULES='RULES|LOSS|DELAY' FEWEST=40
MANUAL=$TOP/scripts/man/vershitify.8.scd
COMPLETION=$TOP/scripts/completion/vershitify.bash

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin; }
teardown() {
	test_end
	[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || umount /sys/fs/bpf
	[ ! -e "/run/netns/$CLIENT" ] || ip -n "$CLIENT" link del stack 2>/dev/null || :
}

# --- one grammar -------------------------------------------------------------------

# Everything that it ever offers, but devices.
completion_words() {
	{
		offered ''
		offered -interface lo ''
		offered add ''
		offered run ''
		offered change 1 ''
		offered play file ''
		typed_values
	} | words_only
}

# Words of the rule, and those after the file of "play".
table() {
	if [ -n "${TABLE-}" ]; then
		printf '%s\n' "$TABLE"
	else
		"$TOP/build/vsh" words vershitify
		"$TOP/build/vsh" words --more vershitify
	fi
}

# Values of words that are typed as they are.
typed_values() {
	local word flags value each

	while IFS=$'\t' read -r word _ _ _ flags value _; do
		[[ $flags != *dashed* ]] || continue
		for each in ${value//|/ }; do
			[[ $each != [a-z]* ]] || offered add "$word" "$each"
		done
	done < <(table)
}

@test "table, help and manual have the same words, with the same values" {
	assert_one_grammar
}

@test "a word that is not in all of table, help and manual is found" {
	assert_grammar_is_held seed
}

@test "help and completion have the same words and options" {
	assert_same_words help "$(help_words)" completion "$(completion_words)"
}

# usage REGEX: the words of the lines of help that match, without the values of words.
usage() {
	vershitify help | sed -nE "/^Examples:/q; /$1/ { s/\([^)]*\)//g; s/^[A-Z]+ +:=|vershitify\.sh|dev all|for ever|repeat off//g; p }" | words_only
}

@test "completion offers in each place what help has there" {
	local rule match hold

	hold=$(usage '^HOLD|^  +duplicate|^  +slot TIME|^  +egress' | grep -vxE 'packets|bytes')
	match=$(usage '^MATCH|^  +tcp-flags' | grep -vx any)
	rule=$({
		usage '^RULE|^WHO|^WHEN|^  +\[offset|^  +\[visible|^  +\[send'
		echo "loss
$match
$hold"
	} | LC_ALL=C sort)
	assert [ "$(wc -l <<<"$rule")" -gt 39 ]
	assert_equal "$(offered add '' | LC_ALL=C sort)" "$rule"
	assert_equal "$(offered run '' | LC_ALL=C sort)" "$(printf '%s\n' -- --fail-unmatched --svg --timeline "$rule")"
	assert_equal "$(offered change 1 '' | LC_ALL=C sort)" \
		"$({
			usage ' change |^WHEN|^  +\[(per|connect)' | grep -vx change
			echo "loss
$match
$hold"
		} | LC_ALL=C sort)"
	assert_equal "$(offered add direction '' | LC_ALL=C sort)" "$(usage '^DIR')"
	assert_equal "$(offered add visible '' | LC_ALL=C sort)" "$(usage '^HOW')"
}

@test "the words and options of help are the program's own" {
	local word known

	known=$(help_words)
	# what it says itself when it is told nonsense
	run -2 --separate-stderr vershitify nonsense
	assert_equal "$stderr" "vershitify.sh: what is nonsense? (commands: $("$TOP/build/vsh" words --commands vershitify | paste -sd , | sed 's/,/, /g'); help says more)"
	run -2 --separate-stderr vershitify --nonsense
	assert_equal "$stderr" "vershitify.sh: what is --nonsense? (options: $("$TOP/build/vsh" words --options vershitify | paste -sd , | sed 's/,/, /g'); help says more)"
	run -2 --separate-stderr "$TOP/build/vsh" plan add nonsense
	for word in $(sed 's/.*(a rule: //; s/)//; s/,/ /g' <<<"$stderr"); do
		assert grep -qxF -e "$word" <<<"$known"
		run "$TOP/build/vsh" plan add "$word"
		refute_output --partial 'what is'
	done
}

@test "every command of the list is known to its script" {
	local tool word

	for tool in vershitify pingkiller; do
		for word in $("$TOP/build/vsh" words --commands "$tool"); do
			run --separate-stderr "$tool" "$word" nonsense nonsense nonsense
			refute_regex "$stderr" "what is $word\\?"
		done
	done
}

@test "--fail-unmatched is a word of run, and of nothing else" {
	run -2 vsh add dev eth0 command victim drop 1% --fail-unmatched
	assert_output --partial 'what is "--fail-unmatched"?'
	run -2 vsh -interface eth0 -command victim -drop 1 --fail-unmatched
	assert_output --partial 'what is "--fail-unmatched"?'
	run -2 vsh run dev eth0 --fail-unmatched drop 1% --fail-unmatched -- true
	assert_output --partial 'duplicate "--fail-unmatched"'
	# as an argument it is one
	run -1 vsh change 1 command --fail-unmatched
	run -2 vsh run dev --fail-unmatched drop 1% -- true
	assert_output --partial 'invalid device name "--fail-unmatched"'
}

@test "every option of help is taken" {
	local word

	for word in $(help_words | grep -xE -e '--?[A-Za-z-]+' |
		grep -vxE -e '-(n|b|V|interface|command|drop)|--|--(fail-unmatched|timeline|svg)'); do
		run -0 vershitify "$word" help
		assert_output --partial 'RULE :='
	done
	run -0 vershitify -n "$CLIENT" help
	run -0 vershitify -b - </dev/null
	run -0 vershitify -V
}

@test "the manual's numbers are the program's own" {
	local name text number manual

	manual=$(tr -s '\n\t ' ' ' <"$MANUAL")
	while IFS=: read -r name text; do
		number=$(sed -n "s/^#define $name (*\([0-9]*\).*/\1/p" "$TOP"/bpf/vershitify/vershitify.h "$TOP"/bpf/lib/reader.h)
		[ "$number" -lt 10000 ] || number=$((number / 1000)),$(printf %03d $((number % 1000)))
		grep -qF "${text//N/$number}" <<<"$manual" || fail "$name: the manual has not '${text//N/$number}'"
	done <<-'END'
		VSH_RULES_MAX:There can be N rules
		VSH_RULES_MAX:# LIMITS N rules, 16 devices
		VSH_DEVS_MAX:rules, N devices a rule
		VSH_TASKS_MAX:N target processes
		VSH_CGROUP_DEPTH:N levels of cgroups
		VSH_CGROUP_DEPTH:more than N levels deep
		VSH_FLOWS_MAX:after N later connections
		VSH_LISTENERS_MAX:Up to N can listen
		RING_BYTES:monitor N KiB
	END
	for text in $(sed -n 's/^filter_\(pref\|handle\)=//p' "$TOP/tc/filter.sh" "$TOP/tc/vershitify.sh"); do
		assert grep -qF "$text" "$MANUAL"
		assert grep -qF "$text" "$TOP/README.md"
	done
	assert grep -qF 'pref 3 handle 0x5653' "$TOP/README.md"
	assert grep -qF 'preference 3 and handle 0x5653' <<<"$manual"
}

@test "the manual page names each reason for a drop" {
	local reason

	for reason in $(sed -n '/reason_names\[\] =/,/^};/p' "$TOP/bpf/vershitify/counters.c" | grep -o '"[a-z_]*"' | tr -d '"' | grep -vx passed); do
		assert grep -qF "_${reason}_" "$MANUAL"
	done
	assert [ -n "${reason-}" ]
}

# Of the programs and maps that the kernel holds now, whoever still uses them.
memory_pinned() {
	{
		bpftool -j map show
		bpftool -j prog show
	} | jq -s 'add | [.[] | select(.name // "" | startswith("vsh_")) | .bytes_memlock] | add // 0'
}

@test "the memory of an idle set-up is what the manual says" {
	local bytes before

	assert grep -qF 'less than 4 MiB' <(tr -s '\n' ' ' <"$MANUAL")
	vershitify down
	sleep 0.5 # the kernel frees what is not used any more a moment later
	before=$(memory_pinned)
	vsh add dev all command victim direction both drop 1%
	bytes=$(($(memory_pinned) - before))
	((bytes > 100000 && bytes < 4 * 1024 * 1024)) || fail "it is $bytes bytes"
}

@test "the manual page is made, and looks like one" {
	run -0 scdoc <"$MANUAL"
	assert_line --regexp '^\.TH "vershitify" "8"'
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' FILES EXAMPLES OVERHEAD LIMITS 'SEE ALSO'; do
		assert_line --regexp "^\\.SH \"?$section\"?\$"
	done
}

# --- completion ------------------------------------------------------------------------

@test "completion: devices, of the chosen namespace" {
	ip -n "$CLIENT" link add stack type veth peer name other netns "$SERVER"
	run -0 offered -n "$CLIENT" add dev ''
	assert_line eth0
	assert_line stack
	assert_line all
	refute_line other
	# however it is said; a colon is a word of its own for bash
	receiver_start
	for word in "/run/netns/$SERVER" "/proc/$(pid receiver)/ns/net" "pid:$(pid receiver)" 'pid :'; do
		# shellcheck disable=SC2086,SC2046
		run -0 offered -n $word $([ "$word" != 'pid :' ] || pid receiver) add dev ''
		assert_line other
	done
	run -0 offered -n pid : 1
	assert_output ''
	run -0 offered -n pi
	assert_output pid:
	run -0 offered -n /run/netn
	assert_output /run/netns
	# and of the one that it is typed in
	run -0 on_client bash -c '. "$0"; COMP_WORDS=(vershitify.sh -interface s) COMP_CWORD=2; _vershitify; echo "${COMPREPLY[@]}"' "$COMPLETION"
	assert_output stack
	run -0 offered -interface lo -n
	assert_output ''
}

@test "completion: namespaces, rules, and nothing that was said already" {
	run -0 offered -n "$LAB"
	assert_output "$CLIENT
$SERVER"
	vsh add dev eth0 command one drop 1%
	vsh add dev eth0 command two drop 1%
	for word in change del show; do
		run -0 offered "$word" ''
		assert_output '1
2'
	done
	run -0 offered -n "$CLIENT" add dev lo pid 1 loss 3 children ''
	assert_output 'dev
direction
delay
distribution
reorder
gap
duplicate
corrupt
rate
slot
limit
egress
ingress
preset
offset
per
connect
bind
send
seed
after
for
repeat
visible
proto
src
dst
sport
dport
tcp-flags
size
dscp
force
not'
	# a value is no word
	run -0 offered add command dev ''
	assert_line dev
	run -0 offered flush ''
	assert_output ''
	run -0 offered add seed ''
	assert_output ''
	run -0 offered add drop 25 ''
	assert_line seed
	refute_line gemodel
	run -0 offered add preset atc-d
	assert_output atc-dsl
}

@test "completion: after -- it is the command's turn" {
	run -0 offered run dev lo drop 1 -- ech
	assert_line echo
	run -0 offered run dev lo drop 1 -- cat "$TOP/READ"
	assert_output "$TOP/README.md"
}

@test "completion: what is in a device's name is not carried out" {
	cd "$BATS_TEST_TMPDIR"
	ip -n "$CLIENT" link add stack type veth peer name '$(>gone)' netns "$SERVER"
	run -0 offered -n "$SERVER" add dev ''
	assert_line '\$\(\>gone\)'
	refute [ -e gone ]
}

@test "completion: it is there for both names" {
	run -0 bash -c '. "$0"; complete -p vershitify vershitify.sh' "$COMPLETION"
	assert_output 'complete -F _vershitify vershitify
complete -F _vershitify vershitify.sh'
}

# --- by hand ------------------------------------------------------------------------------

# by_hand_begin: the mount that the README's commands make where it is missing would be left.
by_hand_begin() {
	if ! mountpoint -q /sys/fs/bpf; then
		mount -t bpf bpf /sys/fs/bpf
		touch "$BATS_TEST_TMPDIR/mounted"
	fi
	cd "$TOP" || return
}

# blocks FILE [MARK]: the shell commands in the fenced blocks, or in the one that follows a line with MARK.
blocks() {
	awk -v mark="${2-}" '
		mark != "" && index($0, mark) { marked = 1 }
		/^```$/ && inside { inside = 0; marked = 0; next }
		/^```sh$/ && (mark == "" || marked) { inside = 1; next }
		inside { print }' "$1"
}

@test "README: the same by hand, as it stands: ping loses its share, and everything goes away again" {
	local before sent answered

	vershitify down
	by_hand_begin
	before=$(system_state)
	blocks "$TOP/README.md" 'by hand:' >"$BATS_TEST_TMPDIR/block"
	assert grep -q '^tc filter add' "$BATS_TEST_TMPDIR/block"
	# nothing but these
	run ! grep -vE '^(#.*|mountpoint .*|tc .*|bpftool .*|build/vsh .*|	sed .*|	bpftool .*|ping .*|rm -r /sys/fs/bpf/.*|cgroup=.*|)$' "$BATS_TEST_TMPDIR/block"
	run -0 on_client sh -e "$BATS_TEST_TMPDIR/block"
	read -r sent answered < <(awk '/packets transmitted/ { print $1, $4 }' <<<"$output")
	assert_binomial $((sent - answered)) "$sent" 25
	# of each processor: passed, loss, seeded loss, loss of a model, refused (bpf/vershitify/reasons.h)
	assert_equal "$(grep -o '"packets": [0-9]*' <<<"$output" | awk '{ n[NR % 5] += $2 } END { print n[0] + n[1] + n[2] + n[3] + n[4], n[0] + n[2] + n[3] + n[4] }')" \
		"$sent $((sent - answered))"
	assert_state "$before"
}

@test "README: a bystander loses nothing while the rule made by hand is there" {
	vershitify down
	by_hand_begin
	receiver_start
	# up to the ping, with another target
	blocks "$TOP/README.md" 'by hand:' | sed -e '/^ping /,$d' -e 's/command ping drop 25%/command victim drop 100%/' >"$BATS_TEST_TMPDIR/block"
	run -0 on_client sh -e "$BATS_TEST_TMPDIR/block"
	send victim "$SERVER4" "$PORT" 100
	send bystander "$SERVER4" "$PORT" 100
	assert_received victim 0
	assert_received bystander 100
	vershitify down
	on_client tc qdisc del dev eth0 clsact
}

@test "tc/README.md: each recipe works as it stands" {
	local before

	vershitify down
	by_hand_begin
	before=$(system_state)
	{
		blocks "$TOP/README.md" 'by hand:' | sed '/^# A rule/,$d'
		blocks "$TOP/tc/README.md" | sed "s/NAME/$SERVER/g"
	} >"$BATS_TEST_TMPDIR/block"
	run on_client sh -ex "$BATS_TEST_TMPDIR/block"
	assert_success
	# two rules on the client are left of three, the one on the server's side is its own
	assert_line --regexp '^rule 2 dev eth0 command curl direction egress drop 10% visible denied$'
	assert_line --regexp "^rule 3 -n $SERVER dev eth0 command ping direction egress drop 25%\$"
	refute_line --regexp '^rule 1 '
	run -0 state_of_netns "$SERVER"
	assert_output --partial vsh_egress
	vershitify down
	on_client tc qdisc del dev eth0 clsact
	on_client tc qdisc del dev lo clsact
	on_server tc qdisc del dev eth0 clsact
	assert_state "$before"
}

# --- examples ------------------------------------------------------------------------------

# examples_run FILE: each line that calls vershitify.sh is parsed, in the laboratory, and nothing is done.
examples_run() {
	local line group count=0

	group=$(cgroup_make group)
	vsh add dev eth0 command one drop 1%
	start client target "$(as nginx udpsend)" -w "$SERVER4" 9 1
	while read -r line; do
		run -0 --separate-stderr example "$(sed -e "s|/system.slice/nginx.service|$group|; s|-n lab |-n $CLIENT |" \
			-e "s|pid 4242|pid $(pid target)|; s|/usr/sbin/nginx|$(as nginx udpsend)|" <<<"$line")"
		count=$((count + 1))
	done < <(sed -nE 's/(\+\+)?$//; s/^[ \t]*(vershitify\.sh )/\1/p' "$1")
	assert [ "$count" -ge "$2" ]
	assert_equal "$(vershitify show)" "rule 1 -n $CLIENT dev eth0 command one direction egress drop 1%"
}

example() {
	vershitify.sh() { vsh --dry-run "$@"; }
	eval "$1"
}

@test "examples: those of the help text" {
	vershitify help | sed '1,/^Examples:/d' >"$BATS_TEST_TMPDIR/help"
	examples_run "$BATS_TEST_TMPDIR/help" 4
}

@test "examples: those of the manual" {
	sed '1,/^# EXAMPLES/d' "$MANUAL" >"$BATS_TEST_TMPDIR/manual"
	examples_run "$BATS_TEST_TMPDIR/manual" 10
}

@test "examples: those of the README" {
	sed -n '/^## Every day/,/^## /p' "$TOP/README.md" >"$BATS_TEST_TMPDIR/readme"
	examples_run "$BATS_TEST_TMPDIR/readme" 6
}

@test "examples: each batch file, without doing it and done" {
	local file before

	for file in "$TOP"/scripts/examples/*.batch; do
		before=$(system_state)
		run -0 vsh --dry-run -b "$file"
		assert_equal "$(system_state)" "$before"
		run -0 vsh -b "$file"
		assert_equal "$(vershitify show | wc -l)" "$(grep -c '^add ' "$file")"
		vershitify flush
	done
}

@test "examples: each scenario" {
	local file

	for file in "$TOP"/scripts/examples/*.scenario; do
		run -0 vsh --dry-run play "$file"
		assert_equal "$(wc -l <<<"$output")" "$(grep -vc '^#\|^$' "$file")"
	done
}

@test "the manual's scenario, as it stands" {
	awk '/^# SCENARIOS/ { part = 1 } part && /^```/ { if (text++) exit; next } text' "$MANUAL" >"$BATS_TEST_TMPDIR/scenario"
	run -0 vsh --dry-run play "$BATS_TEST_TMPDIR/scenario"
	assert_equal "$(wc -l <<<"$output")" 4
}

# script NAME WORD...: in the client's namespace, with vershitify.sh on the path.
script() {
	on_client env PATH="${VERSHITIFY%/*}:$PATH" "$TOP/scripts/examples/$1" "${@:2}"
}

@test "examples: loss-sweep.sh tells status and time for each loss" {
	local lost

	receiver_start
	run -0 --separate-stderr script loss-sweep.sh eth0 "$(as victim udpsend)" -n sweep "$SERVER4" "$PORT" 100
	assert_line --index 0 --regexp '^ +loss +status +seconds$'
	assert_line --index 1 --regexp '^ +0% +0 +[0-9]+\.[0-9][0-9]$'
	assert_line --index 7 --regexp '^ +40% +0 +[0-9]+\.[0-9][0-9]$'
	assert_equal "${#lines[@]}" 8
	# 76 of 700 on average; the same numbers are sent seven times
	lost=$((700 - $(received sweep) - $(received sweep 3)))
	((lost > 10 && lost < 170))
	run -0 --separate-stderr script loss-sweep.sh eth0 sh -c 'exit 3'
	assert_line --index 1 --regexp '^ +0% +3 '
}

@test "examples: retry-test.sh passes, and fails with the words to have the failure again" {
	receiver_start
	run -0 script retry-test.sh eth0 20 3 "$(as victim udpsend)" "$SERVER4" "$PORT" 10
	assert_line 'passed, 3 rounds'
	run -1 script retry-test.sh eth0 20 3 true
	assert_line 'failed with status 124; again: vershitify.sh run dev eth0 drop 20 seed 0 -- true'
}

# --- the demonstration -----------------------------------------------------------------------

# Numbers aside: each becomes N, blanks are one, and lines that are the same then are one.
numbers_hide() {
	sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g; s/ $//' | uniq
}

# Up to the time it takes to install what is missing, as nothing is.
@test "the demonstration: ping loses, the bystander does not, in less than 20 s, and README shows it" {
	local before began=$SECONDS

	vershitify down
	before=$(state_at_rest)
	run -0 "$TOP/scripts/demo.sh" 3>&-
	[ -n "${VSH_VM-}" ] || assert [ $((SECONDS - began)) -lt 20 ]
	assert_line 'yes  ping lost about 25%'
	assert_line 'yes  the bystander lost nothing'
	assert_line 'yes  nothing is left behind'
	assert_line --regexp '^dropping: dev eth0 command ping direction egress drop 25%'
	assert_line --regexp '^process launched: [0-9]+ demo\.sh ping$'
	refute_line --partial 'launched: bystander'
	# the last counts are what ping itself says
	assert_equal "$(awk '$1 == "Passed" { last = $2 " " $4 } END { print last }' <<<"$output")" \
		"$(awk '$1 == "ping" { print $3, $2 - $3 }' <<<"$output")"
	assert_state "$before"
	sed -n '/^```console$/,/^```$/p' "$TOP/README.md" | sed -e '1d;$d' -e '/^\$ sudo /d' >"$BATS_TEST_TMPDIR/transcript"
	assert_equal "$(numbers_hide <"$BATS_TEST_TMPDIR/transcript")" "$(numbers_hide <<<"$output")"
}

@test "the demonstration: it says NO, and fails, where nothing is lost" {
	local tree=$BATS_TEST_TMPDIR/tree

	mkdir "$tree"
	cp -a "$TOP"/{Makefile,bpf,build,scripts,tc} "$tree"
	sed -i 's/-drop "\$percent" >/-drop 0 >/; s/count=300/count=100/' "$tree/scripts/demo.sh"
	run ! cmp "$tree/scripts/demo.sh" "$TOP/scripts/demo.sh"
	run -1 "$tree/scripts/demo.sh" 3>&-
	assert_line 'NO   ping lost about 25%'
	assert_line 'yes  the bystander lost nothing'
}

@test "the demonstration of snitch: each call of the command is told, and what became of it" {
	run -0 "$TOP/scripts/demo.sh" snitch 3>&-
	refute_line --regexp '^NO'
	assert_line 'yes  nothing is left behind'
}

@test "the demonstration: ended early it leaves nothing" {
	local before signal

	vershitify down
	before=$(state_at_rest)
	for signal in INT TERM HUP; do
		start here demo "$TOP/scripts/demo.sh"
		wait_line demo '^process launched'
		stop demo "$signal"
		assert_state "$before"
	done
}

@test "the demonstration: without root it says so in one line" {
	run -1 --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$TOP/scripts/demo.sh"
	assert_output ''
	assert_regex "$stderr" '^demo\.sh: .*root'
	assert_equal "$(wc -l <<<"$stderr")" 1
}

@test "each script prints what it is for when it is asked, and does nothing else" {
	local script word

	for script in "$TOP"/.ci/run "$TOP"/scripts/*.sh "$TOP"/scripts/*/*.sh "$TOP"/bats/*.sh; do
		[ -x "$script" ] || continue
		for word in --help -h; do
			# without rights, so that it could do nothing if it tried
			run -0 --separate-stderr timeout "$((10 * PATIENCE))" setpriv --reuid 65534 --regid 65534 --clear-groups "$script" "$word" 3>&-
			assert_regex "$output" '^Usage: '
			assert_equal "$script $word: $stderr" "$script $word: "
			[ "$script" = "$TOP/.ci/run" ] || assert_regex "${lines[0]}" "${script##*/}"
		done
	done
	run -2 --separate-stderr "$TOP/scripts/demo.sh" nonsense
	assert_output ''
}

@test "README names the two commands, and they are there" {
	local file

	for file in scripts/demo.sh scripts/check.sh; do
		assert grep -qx "    sudo $file .*" "$TOP/README.md"
		assert [ -x "$TOP/$file" ]
	done
	# every file that it points to
	for file in $(grep -oE '\]\([a-zA-Z/.]+\)' "$TOP/README.md" | tr -d ']()'); do
		assert [ -e "$TOP/$file" ]
	done
}

@test "CONTRIBUTING: what it names is there, and its example is of the form that it asks for" {
	local page=$TOP/CONTRIBUTING.md name target subject

	assert grep -qF '(CONTRIBUTING.md)' "$TOP/README.md"
	for name in $(grep -oE '`[A-Za-z]+(/[A-Za-z.]*)*`' "$page" | tr -d '`' | grep -E '[/.]|^Makefile$'); do
		assert [ -e "$TOP/${name/TOOL/vershitify}" ]
	done
	for name in $(grep -oE '`[A-Z]+_?[A-Z]+` of the' "$page" | tr -d '`' | cut -d ' ' -f 1) LIBRARIES; do
		assert grep -q "^$name := " "$TOP/Makefile"
	done
	for target in $(grep -oE '\bmake [a-z]+' "$page" | cut -d ' ' -f 2 | sort -u); do
		assert grep -q "^$target:.* ## " "$TOP/Makefile"
	done
	for name in $(sed -n '/^opens a shell/,/^its status/p' "$page" | grep -oE '`[a-z_]+' | tr -d '`'); do
		assert [ "$(type -t "$name")" = function ]
	done
	subject=$(sed -n 's/^    \([a-z]*: .*\)/\1/p' "$page")
	assert_regex "$subject" '^[a-z]+: [a-z][^.]*$'
	assert [ "${#subject}" -le 72 ]
}

# --- the results pages -----------------------------------------------------------------------

@test "the results pages: their commands are there, and so is what they show" {
	local bench=$TOP/scripts/bench sections word file page

	run -0 "$bench/run.sh" help
	sections=$(sed -n 's/.*or some of: //p' <<<"$output")
	assert [ "$(wc -w <<<"$sections")" -gt 10 ]
	for word in $(sed -n 's|.*scripts/bench/run\.sh \([a-z ]*\).*|\1|p' "$bench"/RESULTS*.md); do
		assert grep -qw "$word" <<<"$sections"
	done
	# each section is explained, and one that a page tells how to repeat
	for word in $sections; do
		assert grep -qE "(^|  )$word  " <<<"$output"
		assert grep -qw "run\.sh .*$word" "$bench"/RESULTS*.md
	done
	for page in "$bench"/RESULTS*.md; do
		for file in $(grep -oE '\]\([a-zA-Z./]+\)' "$page" | tr -d ']()'); do
			assert [ -e "$bench/$file" ]
		done
	done
}

# overhead_holds MANUAL PAGE: on stdin lines "COLUMN@ROW@TEXT": the manual has TEXT, whose N is the number in
# that column (1 is the first after the name) of the first row of that name in PAGE's tables. With "text" for
# COLUMN, ROW is a regex, and N what its group matches anywhere in PAGE.
overhead_holds() {
	local section prose column row text number

	section=$(sed -n '/^# OVERHEAD/,/^# LIMITS/p' "$1" | tr -s '\n\t ' ' ')
	prose=$(tr -s '\n ' ' ' <"$2")
	while IFS=@ read -r column row text; do
		if [ "$column" = text ]; then
			[[ $prose =~ $row ]] || fail "$2 has not '$row'"
			number=${BASH_REMATCH[1]}
		else
			number=$(awk -F ' *[|] *' -v row="$row" -v column="$column" '
				{ gsub(/[*`]/, "") }
				$2 == row { print $(column + 2); exit }' "$2" | tr -d '+')
		fi
		[ -n "$number" ] || fail "$2 has no figure of '$row'"
		grep -qF "${text//N/$number}" <<<"$section" || fail "$1: OVERHEAD has not '${text//N/$number}'"
	done
}

@test "the manuals' figures of overhead are those of the results pages" {
	overhead_holds "$TOP/scripts/man/vershitify.8.scd" "$TOP/scripts/bench/RESULTS.md" <<-'END'
		1@bystander, ours@N (UDP)
		text@bystander \+([0-9.]+) \(original@(UDP), N (TCP); devices
		text@ingress, empty.*bystander, ours \| \+([0-9.]+)@*both* N A packet
		1@matched, ours@pass N (UDP)
		text@matched \+([0-9.]+) \(original@(UDP), N (TCP); received
		text@ingress, empty.*matched, ours \| \+([0-9.]+)@received: N A packet
		1@ours, drop 100%@dropped N, and the sender
		text@nothing in the caches: \+([0-9]+) ns for a matched@cache: N for a packet of a target
		text@\+([0-9]+) ns for a bystander's@target, N for one of a bystander
		text@opening sockets ([0-9,]+) with@making: N sockets a second
		text@opening sockets [0-9,]+ with, ([0-9,]+) without@a second instead of N,
		text@process: ([0-9,]+) a second one after the other@, N processes instead
		text@at work, ([0-9,]+) without; opening@instead of N. *add*
		text@`add`, from nothing / set up already \| ([0-9]+) ms@*add* takes N ms
		text@`add`, from nothing / set up already \| [0-9]+ ms / ([0-9]+) ms@set up and N ms otherwise
		text@takes ([0-9]+) ms until its command begins@*run* N ms until
	END
	overhead_holds "$TOP/scripts/man/pingkiller.8.scd" "$TOP/scripts/bench/RESULTS-pingkiller.md" <<-'END'
		1@a program that does nothing@does nothing takes N.
		1@echo request, dropped and counted (target: 30 ns, 1.3 times)@or not N to
		1@another type, passed and counted@to N; devices
		1@dropped, drop 50%@*drop* 50%: N;
		1@dropped, for 1h@*for*: N;
		1@dropped, src, 1 prefix@one prefix: N,
		1@dropped, src, 10,000 prefixes@with 10,000: N;
		1@dropped, rate 10/s@*rate*: N One
		1@dropped, every packet timed (sample 1)@timed N; of 64
		1@dropped, one packet in 64 timed (the default)@makes N on average
		1@pingkiller, native@cable takes N for each
		1@pingkiller, generic@XDP, N with *generic*
		1@pingkiller, hook tc@N with *hook tc*
		1@nothing: answered@and N where nobody
		1@nftables, ingress hook@hook (N) drops
	END
	overhead_holds "$TOP/scripts/man/tracepkt.8.scd" "$TOP/scripts/bench/RESULTS-tracepkt.md" <<-'END'
		3@flood of 20,000 UDP packets through a veth cable@N more in a flood
		1@flood of 20,000 UDP packets through a veth cable@only return take N;
		3@idle: one packet in 2 ms, with cold caches@N more where
		1@the helper@take N together
		text@\*\*([0-9.]+)\*\* times as many with tracepkt@has N times
	END
}

# Whatever measures is a section of run.sh, which is what `make bench` runs.
@test "make bench reaches every measurement" {
	local file names name

	names=$("$TOP/scripts/bench/run.sh" help | sed -n 's/.*or some of: //p')
	for name in $(sed -n 's/^section_\([a-z]*\)().*/\1/p' "$TOP"/scripts/bench/*.sh | grep -vx begin); do
		assert grep -qw "$name" <<<"$names"
	done
	for file in "$TOP"/scripts/bench/*.sh; do
		file=${file##*/}
		[ "$file" = run.sh ] || assert grep -qxF ". \"\$top/scripts/bench/$file\"" "$TOP/scripts/bench/run.sh"
	done
	run -0 make -n -C "$TOP" bench BENCH=verdict 3>&-
	assert_line 'scripts/bench/run.sh verdict'
}
