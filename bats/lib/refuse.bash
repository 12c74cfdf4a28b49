# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# refuse.bash - words that no command takes, and what it says of them.
#
# The test file sets
#   COMMAND      vershitify or pingkiller: who is to speak
#   REFUSING     the function that calls it
# and defines
#   words_with   OPTION VALUE: words of a whole command that could be carried out if VALUE were good, each
#                ended by a zero byte

# What a script that builds a command line can get wrong, whatever the option.
# shellcheck disable=SC1003,SC2016 # meant as they stand
ODD_WORDS=(
	''
	' '
	'-'
	'--'
	$'\xff\xfe'
	$'new\nline'
	$'\e[31mred'
	$'tab\there'
	'$(touch pwned)'
	'`touch pwned`'
	';touch pwned'
	'| touch pwned'
	'> pwned'
	'*'
	'../../../etc/passwd'
	'%s%s%n'
	"it's"
	'"'
	'\'
)
# Where a number is wanted.
# shellcheck disable=SC2054 # a comma in a number
ODD_NUMBERS=(
	-1
	+1
	1e3
	0x10
	1,5
	1.2.3
	.
	nan
	inf
	abc
	1abc
	'1 2'
	99999999999999999999999999
	340282366920938463463374607431768211456
	٣
)

# refused STATUS WORD...: exactly one line, not long, quotable on a terminal, nothing on stdout. STATUS may be two, as
# "1 2".
refused() {
	local wanted=$1 shown
	shift
	run --separate-stderr "$REFUSING" "$@"
	# shellcheck disable=SC2154 # bats sets it
	shown="$(printf '%q ' "${@:0:20}"): status $status, stdout '$output', stderr '$stderr'"
	case " $wanted " in
	*" $status "*) ;;
	*) fail "wanted status $wanted. $shown" ;;
	esac
	[ -z "$output" ] || fail "something on stdout. $shown"
	[ "$(wc -l <<<"$stderr")" = 1 ] || fail "not one line. $shown"
	[[ $stderr == "$COMMAND.sh: "?* ]] || fail "not our message. $shown"
	[ "${#stderr}" -lt 400 ] || fail "too long. $shown"
	! LC_ALL=C grep -q '[[:cntrl:]]' <<<"$stderr" || fail "control bytes. $shown"
	iconv -f UTF-8 -t UTF-8 <<<"$stderr" >/dev/null || fail "not UTF-8. $shown"
}

# refused_values STATUS OPTION VALUE...: in a command that has nothing else to be refused.
refused_values() {
	local wanted=$1 option=$2 value words
	shift 2
	for value in "$@"; do
		mapfile -d '' words < <(words_with "$option" "$value")
		refused "$wanted" "${words[@]}"
	done
}
