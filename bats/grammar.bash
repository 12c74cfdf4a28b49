# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# grammar.bash - what help, manual page and completion of a command say, as lists of words to compare.
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

# The grammar in the help text: usage and definitions without their explanations.
help_words() {
	"$COMMAND" help | awk -v values="^($VALUES)$" -v name="${COMMAND}[.]sh" '
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
