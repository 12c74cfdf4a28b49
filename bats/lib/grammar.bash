# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# grammar.bash - what the helper's table, help, manual page and completion of a command say, as lists of words
# to compare.
#
# The test file sets
#   COMMAND      vershitify or pingkiller: the function of helpers.bash, and the one of the completion
#   MANUAL       its page's source
#   COMPLETION   its completion
#   VALUES       regex: names of values, in whose definitions nothing is typed as it is
#   RULES        regex: the manual's sections that define words, besides COMMANDS and OPTIONS
#   FEWEST       there are more words than that

# words_only: of any text the words and options that are typed as they are, one a line, each once.
words_only() {
	tr -s '][{}|, \t' '\n' | grep -xE -e '--|--?[A-Za-z][a-z-]*|[a-z][a-z0-9-]*' | LC_ALL=C sort -u
}

# help_text: the command's, or $HELP.
help_text() {
	if [ -n "${HELP-}" ]; then
		printf '%s\n' "$HELP"
	else
		"$COMMAND" help
	fi
}

# The grammar in the help text: usage and definitions without their explanations.
help_words() {
	help_text | awk -v values="^($VALUES)$" -v name="${COMMAND}[.]sh" '
		/^Examples:/ { exit }
		match($0, /\([a-z]+ is another word/) { print substr($0, RSTART + 1, RLENGTH - 17) }
		/^Usage:/ { part = "usage" }
		/^[A-Z]+ +:=/ { part = $1 }
		/^$/ { part = "" }
		part == "" || part ~ values || $1 ~ values { next }
		{ gsub(/\([^)]*(\)|$)/, ""); sub(/^[A-Z]+ +:=/, ""); sub(/^Usage:/, ""); gsub(name, "") }
		part == "OPTIONS" { print $1; next }
		{ print }' | words_only
}

# The same of the manual: what is bold in the synopsis and in the heads of definitions.
manual_words() {
	awk -v sections="^(COMMANDS|OPTIONS|$RULES)$" '
		/^# / { part = $2; synopsis = part == "SYNOPSIS"; next }
		synopsis { print; next }
		part !~ sections { next }
		/^\t/ { if (head != "") print head }
		{ head = /^\t/ ? "" : $0 }' "$MANUAL" |
		grep -oE '\*[^*]+\*' | tr -d '*' | grep -v "^$COMMAND" | words_only
}

# table: of the command's words, as the helper has it; or $TABLE.
table() {
	if [ -n "${TABLE-}" ]; then
		printf '%s\n' "$TABLE"
	else
		"$TOP/build/vsh" words "$COMMAND"
	fi
}

# table_words: its words, and those of their values that are typed as they are; but those with a dash.
table_words() {
	table | awk -F '\t' '
		$5 ~ /dashed/ { next }
		{ print $1 }
		$5 ~ /(^|,)not(,|$)/ { print "not" }
		{ for (i = split($6, values, "|"); i; i--) if (values[i] ~ /^[a-z]/) print values[i] }' |
		LC_ALL=C sort -u
}

# command_words: what comes first on the command line, by the helper's list.
command_words() {
	"$TOP/build/vsh" words --commands "$COMMAND"
}

# assert_one_grammar: the table has the words of help, and help those of the manual; commands and options
# aside, of which the helper has lists. Each stands in help and manual with the value that the table says.
# (It returns by itself: within "run" a failure does not.)
assert_one_grammar() {
	local word flags value help page

	help=$(help_words)
	page=$(manual_words)
	assert_same_words table "$({
		table_words
		command_words
		"$TOP/build/vsh" words --options "$COMMAND"
		"$TOP/build/vsh" words --first "$COMMAND" | sed 's/^/-/'
	} | LC_ALL=C sort -u)" help "$(grep -vxF -e -- <<<"$help")" || return
	assert_same_words help "$help" manual "$page" || return
	while IFS=$'\t' read -r word _ _ _ flags value _; do
		grep -qxF -e "$word" <<<"$help" || fail "help has not '$word'" || return
		value=${value%%|*}
		[[ $value == [A-Z]* && $flags != *alias* ]] || continue
		help_text | grep -qF -e "$word $value" || fail "help has not '$word $value'" || return
		grep -qF -e "*$word* _${value}_" "$MANUAL" || fail "the manual has not '$word $value'" || return
	done < <(table)
}

# assert_grammar_is_held WORD (one that takes N): if one of the three lacks it, or has a word alone, that is found.
assert_grammar_is_held() {
	local word=$1 whole tab=$'\t'

	assert_one_grammar
	whole=$(table)
	TABLE=$whole$'\nalone\t0\t0\talone\t-\t-\tno value' run ! assert_one_grammar
	assert_output --partial '< alone'
	TABLE=$(grep -v "^$word$tab" <<<"$whole") run ! assert_one_grammar
	assert_output --partial "> $word"
	whole=$(help_text)
	HELP=${whole//"[$word N]"/} run ! assert_one_grammar
	assert_output --partial "< $word"
	HELP=${whole//"[$word N]"/"[$word TIME]"} run ! assert_one_grammar
	assert_output --partial "help has not '$word N'"
	sed "s/\\*$word\\*/$word/" "$MANUAL" >"$BATS_TEST_TMPDIR/manual"
	MANUAL=$BATS_TEST_TMPDIR/manual run ! assert_one_grammar
	assert_output --partial "< $word"
}

# offered WORD...: what completion makes of the last word.
offered() {
	local program=${COMMAND^^}

	bash -c '. "$1"; complete=_$2; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $complete; printf "%s\n" "${COMPREPLY[@]}"' \
		offered "$COMPLETION" "$COMMAND" "${!program}" "$@" 3>&-
}

# assert_same_words NAME WORDS NAME WORDS
assert_same_words() {
	local difference

	assert [ "$(wc -l <<<"$2")" -gt "$FEWEST" ]
	difference=$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$4")) || fail "$1 (<) and $3 (>): $difference"
}
