#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Models of loss: losses that depend on those before, and packets that are lost by their number. The model is one
# header (bpf/vershitify/model.h), compiled for the kernel and for the host: what the host makes of it is held
# against the exact law (build/test/model), what the kernel makes of it against the host, packet by packet.
# vm: ^(each model: the kernel|netem: )
#
#   $CLIENT                                   $SERVER
#   victim     eth0 .1 --------- .2 eth0      receiver: numbered datagrams
#   the rule
#
# bats sets stderr:
# shellcheck disable=SC2154

load helpers

MODEL=$PROGRAMS/model

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() { test_begin standing; }
teardown() { test_end; }

# Of each model, with defaults and without.
models() {
	cat <<-'END'
		random 10% 25%
		random 25% 50%
		gemodel 1% 10%
		gemodel 5% 20% 90% 0.5%
		gemodel 30% 40% 70% 20%
		state 10%
		state 5% 40% 10% 60% 1%
		state 1% 20% 5% 30% 0.5%
		burst 5% 10
		burst 1% 3.5
		gi 3%
		gi 3% 8 60% 0.5% 2
		gi 10% 20 50% 0% 4
	END
}

# --- on the host -------------------------------------------------------------------

@test "each model has the loss and the lengths of runs that its definition says" {
	local model

	while read -r model; do
		# shellcheck disable=SC2086 # words
		run "$MODEL" law $model
		assert_equal "$model: $status $output" "$model: 0 "
	done < <(models)
}

@test "packets are lost by their number: every, first, list" {
	local words verdicts

	while IFS=: read -r words verdicts; do
		# shellcheck disable=SC2086 # words
		assert_equal "$words: $("$MODEL" verdicts 0 0 12 $words)" "$words: $verdicts"
	done <<-'END'
		every 3:001001001001
		every 3 offset 1:100100100100
		every 3 offset 2:010010010010
		every 1:111111111111
		first 5:111110000000
		list 1,4-6,9:100111001000
		list 12:000000000001
	END
}

@test "100 % is exact, whatever the model" {
	local model

	for model in 'random 100% 25%' 'gemodel 50% 50% 100% 100%' 'state 0% 100% 0% 100% 100%' 'gemodel 0%'; do
		# shellcheck disable=SC2086 # words
		run -0 "$MODEL" received 7 0 1000000 $model
		case $model in
		state*) assert_output --regexp '^500000 ' ;; # each other one, by definition
		*' 0%') assert_output --regexp '^1000000 ' ;;
		*) assert_output --regexp '^0 ' ;;
		esac
	done
}

# verdicts_are_kept PROGRAM
verdicts_are_kept() {
	local model socket

	while read -r model; do
		for socket in 0 1; do
			# shellcheck disable=SC2086 # words
			printf '%s\t%s\t%s\n' "$model" "$socket" "$("$1" verdicts 7 "$socket" 64 $model)"
		done
	done < <(models) >"$BATS_TEST_TMPDIR/verdicts"
	run -0 diff -u "$TOP/bats/model.tsv" "$BATS_TEST_TMPDIR/verdicts"
}

# The first verdicts of two sockets: the same for ever, on every machine and by every compiler.
@test "the sequences of seed 7 are those that they have always been" {
	verdicts_are_kept "$MODEL"
	command -v clang >/dev/null || skip "there is no clang"
	clang -std=gnu11 -D_GNU_SOURCE -O2 -I"$TOP/bpf" -I"$TOP/bpf/lib" -I"$TOP/bpf/vershitify" \
		"$TOP/bats/programs/model.c" -lm -o "$BATS_TEST_TMPDIR/model"
	verdicts_are_kept "$BATS_TEST_TMPDIR/model"
}

# --- in the kernel -----------------------------------------------------------------

# sequence_is SOCKET COUNT MODEL: of COUNT datagrams those arrived that the host's model lets pass.
sequence_is() {
	local received hash

	# shellcheck disable=SC2086 # words
	read -r received hash < <("$MODEL" received 7 "$1" "$2" $3)
	assert_equal "$3: $(received "${4:-victim}") $(received "${4:-victim}" 4)" "$3: $received $hash"
}

@test "each model: the kernel loses the very packets that the host's model does" {
	local model

	while read -r model; do
		receiver_start
		# shellcheck disable=SC2086 # words
		rule_add command victim loss $model seed 7
		send victim "$SERVER4" "$PORT" 20000
		sequence_is 0 20000 "$model"
		send bystander "$SERVER4" "$PORT" 100
		assert_received bystander 100
		stop receiver
		vershitify del "$RULE"
	done <<-'END'
		gemodel 5% 20% 90% 0.5%
		state 5% 40% 10% 60% 1%
		gi 3% 8 60% 0.5% 2
		every 7 offset 3
		list 1,4-6,9,1000-2000
	END
}

@test "each socket has a chain of its own, and its own place in the count" {
	local model

	for model in 'burst 10% 5' 'first 10'; do
		receiver_start
		# shellcheck disable=SC2086 # words
		rule_add command victim drop $model seed 7
		send victim -n one "$SERVER4" "$PORT" 2000
		send victim -n two "$SERVER4" "$PORT" 2000
		sequence_is 0 2000 "$model" one
		sequence_is 1 2000 "$model" two
		stop receiver
		vershitify del "$RULE"
	done
}

# 4 standard deviations are 1.6 points; the seed is fixed.
@test "sockets with one datagram each lose as many as any: the chain does not begin in its good state" {
	receiver_start
	rule_add command victim loss gemodel 5% 20% seed 1
	send victim -o "$SERVER4" "$PORT" 10000
	run -0 counter "$RULE" dropped
	((output >= 1840 && output <= 2160)) || fail "$output of 10000"
	assert_received victim $((10000 - output))
}

# The seed is fixed here, too.
@test "a chain that comes to sockets which were counted before does not begin in its good state either" {
	run -0 "$MODEL" later 1 0 10000 gemodel 5% 20%
	((output >= 1840 && output <= 2160)) || fail "$output of 10000"
}

@test "per rule: sockets with one packet each share one count, and one chain" {
	receiver_start
	rule_add command victim drop every 3 per rule
	send victim -o "$SERVER4" "$PORT" 3000
	assert_counted "$RULE" 3000 1000
	sequence_is 0 3000 'every 3'
	stop receiver
	receiver_start
	rule_add command sharer per rule drop burst 20% 4 seed 7
	send sharer -o "$SERVER4" "$PORT" 2000
	sequence_is 0 2000 'burst 20% 4' sharer
}

# Whoever sends takes the next verdict: two processes lose together what one would have lost.
@test "several processes send by one socket: what is lost depends on the number of the packet alone" {
	local pass="$BATS_TEST_TMPDIR/pass" n=$((PACKETS / 2))

	rule_add command victim loss gemodel 10% 10% seed 7
	start client taker "$(as other udpsend)" -w -R "$pass" "$SERVER4" 9 "$n"
	wait_line taker '^waiting$'
	start client giver "$(as victim udpsend)" -P "$pass" "$SERVER4" 9 "$n"
	wait_line taker '^ready$'
	wait_line giver '^ready$'
	go taker
	go giver
	wait_line giver '^sent '
	wait_line taker '^sent '
	assert_counted "$RULE" $((2 * n)) \
		$((2 * n - $("$MODEL" received 7 0 $((2 * n)) gemodel 10% 10% | cut -d ' ' -f 1)))
}

@test "a rule of the same number begins anew on a socket that stays open" {
	receiver_start
	rule_add command nobody drop 0%
	sender_start stream victim "$SERVER4" "$PORT" 10
	for _ in 1 2; do
		rule_add command victim drop first 3
		batch stream
		assert_counted "$RULE" 10 3
		vershitify del "$RULE"
	done
}

@test "a change of the model takes the next packet on, with the count that there is" {
	receiver_start
	rule_add command victim drop every 2
	sender_start stream victim "$SERVER4" "$PORT" 10
	batch stream
	assert_counted "$RULE" 10 5
	vershitify change "$RULE" drop list 1-5,12
	batch stream
	assert_counted "$RULE" 20 6
	vershitify change "$RULE" drop 100%
	batch stream
	assert_counted "$RULE" 30 16
}

@test "a seed that was drawn for a chain goes with it, one that was said stays" {
	rule_add command victim drop burst 2% 5
	vershitify change "$RULE" drop 10%
	assert_equal "$(vershitify show "$RULE" | rule_words)" 'dev eth0 command victim direction egress drop 10%'
	vershitify change "$RULE" drop burst 2% 5 seed 7
	vershitify change "$RULE" drop 10%
	assert_equal "$(vershitify show "$RULE" | rule_words)" 'dev eth0 command victim direction egress drop 10% seed 7'
}

@test "ingress: what the target receives is lost by a model, too" {
	port_take
	start client victim "$(as victim udpcount)" "$PORT"
	wait_line victim '^ready$'
	rule_add command victim direction ingress drop list 2-4,10
	on_server "$PROGRAMS/udpsend" -n source "$CLIENT4" "$PORT" 20
	assert_equal "$(received source 2 victim 4)" 16
	assert_counted "$RULE" 20 4 ingress
}

@test "losses of a model are counted as such" {
	rule_add command victim drop first 2
	send victim "$SERVER4" 9 5
	assert_equal "$(vershitify -j -s show "$RULE" | jq -c '.[0].egress.reasons | map_values(.packets)')" '{"model_loss":2}'
}

# --- words --------------------------------------------------------------------------

# rule_words: what show says of a rule, without its number and the namespace.
rule_words() {
	sed -E 's/^rule [0-9]+ //; s/^-n [^ ]+ //'
}

@test "show prints a model in words that make it again, with the seed that was drawn" {
	local model said again

	while read -r model; do
		# shellcheck disable=SC2086 # words
		rule_add command victim drop $model
		said=$(vershitify show "$RULE" | rule_words)
		assert_regex "$said" ' seed [0-9]+$'
		vershitify del "$RULE"
		# shellcheck disable=SC2086 # words
		again=$(vsh add $said)
		assert_equal "$(vershitify show "$again" | rule_words)" "$said"
		vershitify del "$again"
	done < <(models)
}

@test "show: all values of a model are named, and in JSON by what they are" {
	local words shown json

	while IFS=: read -r words shown json; do
		# shellcheck disable=SC2086 # words
		rule_add command victim $words
		assert_equal "$(vershitify show "$RULE" | rule_words)" "dev eth0 command victim direction egress drop $shown"
		assert_equal "$(vershitify -j show "$RULE" | jq -c '.[0] | [.drop_percent, .loss]')" "$json"
		vershitify del "$RULE"
	done <<-'END'
		drop 25:25%:[25,{"model":"random","loss_percent":25}]
		drop random 25:25%:[25,{"model":"random","loss_percent":25}]
		loss 10 25 seed 7:random 10% 25% seed 7:[10,{"model":"random","loss_percent":10,"correlation_percent":25,"per":"socket"}]
		drop gemodel 1% seed 7:gemodel 1% 99% 100% 0% seed 7:[1,{"model":"gemodel","p_percent":1,"r_percent":99,"bad_loss_percent":100,"good_loss_percent":0,"per":"socket"}]
		drop state 1% seed 7:state 1% 99% 0% 100% 0% seed 7:[1,{"model":"state","p13_percent":1,"p31_percent":99,"p32_percent":0,"p23_percent":100,"p14_percent":0,"per":"socket"}]
		drop burst 2% 5 seed 7 per rule:burst 2% 5 per rule seed 7:[2,{"model":"burst","loss_percent":2,"burst_packets":5,"per":"rule"}]
		drop gi 20% seed 7:gi 20% 1.25 100% 0% 1 seed 7:[20,{"model":"gi","loss_percent":20,"burst_packets":1.25,"density_percent":100,"isolated_percent":0,"good_burst_packets":1,"per":"socket"}]
		drop burst 90% 9 seed 7:burst 90% 9 seed 7:[90,{"model":"burst","loss_percent":90,"burst_packets":9,"per":"socket"}]
		drop every 4 offset 1:every 4 offset 1:[25,{"model":"every","every":4,"offset":1,"per":"socket"}]
		drop first 3:first 3:[null,{"model":"first","packets":[[1,3]],"per":"socket"}]
		drop list 1,4-6,9:list 1,4-6,9:[null,{"model":"list","packets":[[1,1],[4,6],[9,9]],"per":"socket"}]
	END
}

@test "run: says the line that loses the same packets again, and asked is in the model's words" {
	local first again

	receiver_start
	run -0 --separate-stderr vsh run dev eth0 loss gemodel 10% 20% -- "$(as victim udpsend)" -n first "$SERVER4" "$PORT" 2000
	assert_regex "$stderr" 'packets dropped .*%; asked for gemodel 10% 20% 100% 0%'
	refute_regex "$stderr" interval
	again=$(sed -n "s/.*note: to lose the same packets again: vershitify.sh //p" <<<"$stderr")
	first=$(received first 4)
	read -ra again <<<"${again/-n first/-n second}"
	vershitify "${again[@]}"
	assert_equal "$(received second 4)" "$first"
	# what was typed can be typed again
	run -0 --separate-stderr vsh run dev eth0 loss gemodel 10% 20% seed 7 -- true
	refute_regex "$stderr" 'again:'
}

# --- netem beside it ----------------------------------------------------------------

@test "netem: of loss random 10% 25% ours loses 10 %, and netem not a fifth of it" {
	local dropped

	receiver_start
	on_client tc qdisc add dev eth0 root netem loss random 10% 25% limit 100000 ||
		skip "this kernel has no netem"
	send netem "$SERVER4" "$PORT" 20000
	on_client tc qdisc del dev eth0 root
	rule_add command victim loss random 10% 25% seed 7
	send victim "$SERVER4" "$PORT" 20000
	dropped=$(counter "$RULE" dropped)
	# of 2000: 4 standard deviations of such a chain
	((dropped >= 1780 && dropped <= 2220)) || fail "$dropped of 20000"
	assert_received victim $((20000 - dropped))
	dropped=$((20000 - $(received netem)))
	((dropped >= 150 && dropped <= 600)) || fail "netem: $dropped of 20000"
}
