#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names that processes can have: up to 15 bytes that the kernel neither checks nor
# escapes. They are matched as they are, and print safely, in text and in JSON.

load helpers

setup_file() { suite_begin; }
teardown_file() { suite_end; }
setup() {
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
}
teardown() { test_end; }

# shellcheck disable=SC2016
ODD_NAMES=(
	'two words'
	"it's"
	'say "hi"'
	$'new\nline'
	$'\e[31mred\e[0m'
	$'tab\tname'
	'back\slash'
	$'\xff\xfe\x80'
	'$(reboot)'
	'-drop'
	'a;b|c&d>e'
	'(sd-pam)'
	'ünïcødé'
	$'\u202egnp.exe'
	'{"json":1}'
)

@test "a rule can name them, and hits exactly them" {
	local name copy sent=0

	receiver_start
	for name in "${ODD_NAMES[@]}"; do
		vershitify flush
		rule_add command "$name" drop 100%
		copy=$BATS_TEST_TMPDIR/${name//\//_}
		cp "$PROGRAMS/udpsend" "$copy"
		on_client "$copy" -n odd "$SERVER4" "$PORT" 10
		on_client "$(as bystander udpsend)" -b "$sent" "$SERVER4" "$PORT" 10
		sent=$((sent + 10))
		assert_counted "$RULE" 10 10
	done
	assert_received odd 0
	assert_received bystander "$sent"
}

@test "they print safely: one line a rule, no control bytes, valid UTF-8" {
	local name

	for name in "${ODD_NAMES[@]}"; do
		vsh add dev eth0 command "$name" drop 1%
	done
	run -0 vsh show
	assert_equal "${#lines[@]}" "${#ODD_NAMES[@]}"
	tr -d '\n' <<<"$output" >shown
	run -1 env LC_ALL=C grep -q '[[:cntrl:]]' shown
	iconv -f UTF-8 -t UTF-8 shown >/dev/null
}

@test "in JSON they are strings that read back as they are, but for bytes that are no UTF-8" {
	local name i back

	for name in "${ODD_NAMES[@]}"; do
		vsh add dev eth0 command "$name" drop 1%
	done
	vershitify -j show >shown
	jq -e . shown
	run -1 env LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f]' shown
	iconv -f UTF-8 -t UTF-8 shown >/dev/null
	i=0
	for name in "${ODD_NAMES[@]}"; do
		# A substitution would eat a newline at the end.
		back=$(
			jq -rj ".[$i].command" shown
			printf .
		)
		iconv -f UTF-8 -t UTF-8 <<<"$name" >/dev/null 2>&1 || name=$'\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd'
		assert_equal "${back%.}" "$name"
		i=$((i + 1))
	done
}

@test "they are words of a shell: what show prints can be read by one and added again" {
	local name words

	# shellcheck disable=SC2016
	for name in 'two words' "it's" 'say "hi"' '$(reboot)' 'a;b|c&d>e' 'ünïcødé' 'back\slash' 'a\x41b\101'; do
		vershitify flush
		vsh add dev eth0 command "$name" drop 1%
		vsh show >first
		vershitify flush
		sed 's/^rule [0-9]* /add /' first >again
		vsh -b again
		assert_equal "$(vsh show)" "$(cat first)"
		words=$(vershitify -j show | jq -r '.[0].command')
		assert_equal "$words" "$name"
	done
}

@test "what show prints of them makes the same rule again, byte for byte, in each shell that has \$'...'" {
	local name hex shell

	for name in "${ODD_NAMES[@]}" $'ends\n' $'\e' $'\xc2\x9b' $'\\\e\'"' $'\1771'; do
		vershitify flush
		vsh add dev eth0 command "$name" drop 1%
		vsh show >first
		hex=$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n')
		for shell in bash 'busybox sh'; do
			vershitify flush
			# shellcheck disable=SC2016
			$shell -c "$(sed 's/^rule [0-9]* /"$0" -n "$1" add /' first)" "$VERSHITIFY" "$CLIENT" 3>&-
			assert_equal "$shell: $(vsh show)" "$shell: $(cat first)"
			assert_equal "$shell: $(bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_comms | jq -r '.[0].key[]' | sed 's/^0x//' | tr -d '\n')" \
				"$shell: $(printf '%-32s' "$hex" | tr ' ' 0)"
		done
	done
}

@test "in JSON a name that is not UTF-8 has a second member in hexadecimal, for rules and devices" {
	local odd=$'d\xffev'

	vsh add dev eth0 command $'\xff\xfe\x80' drop 1%
	vsh add dev eth0 command 'ünï' drop 1%
	ip -n "$CLIENT" link add "$odd" type veth peer name odd-peer netns "$SERVER"
	LC_ALL=C.UTF-8 vsh add dev eth0 dev "$odd" command x drop 1%
	assert_equal "$(vershitify -j show | jq -c '[.[] | [.command_hex, .dev_hex]]')" \
		'[["fffe80",null],[null,null],[null,["65746830","64ff6576"]]]'
	run -0 vsh show 3
	assert_output --partial "dev eth0 dev \$'d\\377ev' command x"
	vershitify flush
	ip -n "$CLIENT" link del "$odd"
}

@test "the monitor prints them safely, in text and in JSON" {
	local name copy json

	rule_add command victim children drop 0%
	for json in '' -j; do
		# shellcheck disable=SC2086
		start here watching "$VERSHITIFY" $json monitor
		heard() {
			"$(as victim storm)" 1 1 /bin/true >/dev/null
			lines_are watching '[p]rocess.launched' 1
		}
		busywait 10 heard
		for name in "${ODD_NAMES[@]}"; do
			copy=$BATS_TEST_TMPDIR/${name//\//_}
			[ -e "$copy" ] || cp /bin/true "$copy"
			"$(as victim storm)" 1 1 "$copy" >/dev/null
		done
		"$(as victim storm)" 1 1 "$(as last-one /bin/true)" >/dev/null
		wait_line watching 'last-one'
		stop watching INT
		output_of watching | tr -d '\n' >shown
		run -1 env LC_ALL=C grep -q '[[:cntrl:]]' shown
		iconv -f UTF-8 -t UTF-8 shown >/dev/null
		if [ -n "$json" ]; then
			output_of watching | jq -e . >/dev/null
		else
			run -1 grep -vE '^(process launched|socket tagged|lost events): ' "$BATS_TEST_TMPDIR/watching.out"
		fi
	done
}
