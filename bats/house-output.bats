#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the helper writes with: the writer of JSON. No root is needed.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

@test "JSON: commas stand between values, and nowhere else" {
	run -0 "$TOP/build/test/json"
	assert_equal "${lines[0]}" '{"empty":{},"least":0,"most":18446744073709551615,"lists":[[],{},[null,[1,2],true]],"average":0.67,"percent":99.999999,"full":"full","part":"in","in \"quotes\"":{"no":false,"nothing":null}}'
	assert_equal "${lines[1]}" '[]'
	run -0 jq -c . <<<"$output"
	assert_equal "${#lines[@]}" 2
}

# word BYTES: the word as JSON has it. jq reads it as a string of as many characters as there were.
word() {
	"$TOP/build/test/json" "$1" | tail -n 1
}

@test "JSON: a string of any bytes is one, its control characters are escaped" {
	assert_equal "$(word plain)" '["plain"]'
	assert_equal "$(word $'"\\')" '["\"\\"]'
	assert_equal "$(word $'\n\t\x01\x1f\x7f\xc2\x85')" '["\u000a\u0009\u0001\u001f\u007f\u0085"]'
	assert_equal "$(word $'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80')" $'["\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"]'
	# cut off, overlong, half of a pair, above the last character
	assert_equal "$(word $'a\xc3')" '["a\ufffd"]'
	assert_equal "$(word $'\xc0\xaf')" '["\ufffd\ufffd"]'
	assert_equal "$(word $'\xed\xa0\x80')" '["\ufffd\ufffd\ufffd"]'
	assert_equal "$(word $'\xf4\x90\x80\x80')" '["\ufffd\ufffd\ufffd\ufffd"]'
	assert_equal "$(word $'\n"\\\xff' | jq -r '.[0] | explode | join(" ")')" '10 34 92 65533'
}

# A bracket alone in quotes, a name and its colon, a string after a bracket or a comma: so only JSON looks.
by_hand="[ (]'[][{}]'"'|"[][{}]+"|\\":[^ ]|[[{,]\\"'

@test "JSON is written by json.c, and nowhere by hand" {
	local file

	cd "$TOP" || return
	assert grep -qE -- "$by_hand" <<<'	printf("{\"id\":%u", id);'
	assert grep -qE -- "$by_hand" <<<"	putchar('}');"
	assert grep -qE -- "$by_hand" <<<'	puts("]");'
	for file in bpf/*/*.[ch]; do
		[ "$file" != bpf/lib/json.c ] || continue
		run -1 grep -nE -- "$by_hand" "$file"
	done
}
