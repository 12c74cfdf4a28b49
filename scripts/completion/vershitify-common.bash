# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the completions of all commands offer in the same way: devices, network namespaces, paths, and the
# words of a tool, which are the helper's (vsh words). Works with bash alone; bash-completion only loads it
# when it is needed.

_vsh_folder=$(dirname "${BASH_SOURCE[0]}")

# _vsh_helper WORD...: the helper of the tree, or of the same installation as this file or the program typed.
_vsh_helper() {
	local helper program

	program=$(type -P "${COMP_WORDS[0]}")
	for helper in "$_vsh_folder"/../../{build,../lib/vershitify}/vsh ${program:+"${program%/*}/../lib/vershitify/vsh"}; do
		[[ -x $helper ]] || continue
		"$helper" "$@" 2>/dev/null
		return
	done
}

# _vsh_devices [NETNS]. Not from /sys/class/net, which is that of whoever has mounted it.
_vsh_devices() {
	local -a inside=()

	case ${1-} in
	'') ;;
	pid:*) inside=(nsenter --net="/proc/${1#pid:}/ns/net") ;;
	*/*) inside=(nsenter --net="$1") ;;
	*) inside=(nsenter --net="/run/netns/$1") ;;
	esac
	"${inside[@]}" ip -o link show 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'
}

# _vsh_netns_take: the value of -n at $i goes to $netns. A colon is a word of its own for bash, so that pid:N
# is three of them: $i is the last one then.
_vsh_netns_take() {
	netns=${COMP_WORDS[i]-}
	[[ $netns == pid && ${COMP_WORDS[i + 1]-} == : ]] || return 0
	netns=pid:${COMP_WORDS[i + 2]-}
	((i += 2))
}

_vsh_offer_namespaces() {
	case ${COMP_WORDS[COMP_CWORD]} in
	*/*) _vsh_offer_paths -f ;;
	*) _vsh_offer_lines _vsh_namespaces ;;
	esac
}

_vsh_namespaces() {
	(cd /run/netns 2>/dev/null && shopt -s nullglob && printf '%s\n' * pid:)
}

# _vsh_offer CANDIDATE...: those that begin with the word at the cursor. Not "compgen -W",
# which would carry out what somebody has put into the name of a device.
_vsh_offer() {
	local word

	for word; do
		[[ $word && $word == "${COMP_WORDS[COMP_CWORD]}"* ]] || continue
		printf -v word %q "$word"
		COMPREPLY+=("$word")
	done
}

# _vsh_offer_first TOOL: its options and commands.
_vsh_offer_first() {
	_vsh_offer_lines _vsh_helper words --options "$1"
	_vsh_offer_lines _vsh_helper words --commands "$1"
}

# _vsh_offer_lines FUNCTION [ARG...]: each line that it prints is a candidate.
_vsh_offer_lines() {
	local lines

	mapfile -t lines < <("$@")
	_vsh_offer "${lines[@]}"
}

# _vsh_offer_paths -f|-d|-c: files, folders, or commands.
_vsh_offer_paths() {
	compopt -o filenames 2>/dev/null # fails where no key was pressed: in tests
	mapfile -t COMPREPLY < <(compgen "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

# _vsh_offer_values WORD VALUE NETNS: what help calls VALUE, as in DEV|all: in small letters it is typed as
# it is.
_vsh_offer_values() {
	local kind

	for kind in ${2//|/ }; do
		case $1:$kind in
		*:DEV) _vsh_offer_lines _vsh_devices "$3" ;;
		*:PRESET) _vsh_offer_lines _vsh_presets ;;
		*:TYPE) _vsh_offer_lines _vsh_helper ping types ;;
		cgroup:PATH) _vsh_offer_paths -d ;;
		*:PATH | *:FILE) _vsh_offer_paths -f ;;
		*:[a-z]*) _vsh_offer "$kind" ;;
		esac
	done
}

_vsh_presets() {
	_vsh_helper presets | sed 's/ .*//'
}

# _vsh_table_read TOOL: its rows, to arrays of the caller.
_vsh_table_read() {
	local row word least most group flags value

	while IFS=$'\t' read -r row least most group flags value _; do
		word=${row#-}
		word=${word#-}
		words+=("$word")
		table[$word.typed]=$row
		table[$word.least]=$least
		table[$word.most]=${most/many/255}
		table[$word.group]=$group
		table[$word.flags]=,$flags,
		table[$word.value]=$value
	done < <(_vsh_helper words "$1")
}

# _vsh_word_follow WORD: takes it as an argument of the present word, or as the next one.
_vsh_word_follow() {
	local word=${1#-}

	word=${word#-}
	case $word in
	'' | *[!a-z0-9-]*) word=none ;;
	esac
	if ((took < least)) || { ((took < most)) && [[ ! ${table[$word.group]-} && $word != not ]]; }; then
		took=$((took + 1))
		return
	fi
	previous=$word took=0 least=${table[$word.least]-0} most=${table[$word.most]-0}
	said[$word]=1 said[${table[$word.group]-$word}.group]=1
}

# _vsh_word_is_left WORD WITHOUT: can it be said now? WITHOUT: flags that it must not have, as in "new,run".
_vsh_word_is_left() {
	local flags=${table[$1.flags]} flag

	for flag in dashed ${2//,/ }; do
		[[ $flags != *,$flag,* ]] || return
	done
	[[ $previous != not || $flags == *,not,* ]] || return
	[[ ! ${said[${table[$1.group]}.group]-} ]] && return
	# again: lists, but not what has nothing to add
	[[ $flags == *,list,* && ! (${said[$1]-} && ${table[$1.most]} == 0) ]]
}

# _vsh_offer_words TOOL NETNS FIRST WITHOUT [CANDIDATE...]: the values of the word before, or the words of
# the table that are left after those since word FIRST. Candidates take their place: where words have dashes.
_vsh_offer_words() {
	local netns=$2 i=$3 without=$4 previous='' took=0 least=0 most=0 word has_not=''
	local -a words=()
	local -A table=() said=()

	_vsh_table_read "$1"
	shift 4
	for (( ; i < COMP_CWORD; i++)); do _vsh_word_follow "${COMP_WORDS[i]}"; done
	# After those that are needed come numbers, unless it is a list.
	if ((took < least || most == 255 || (!least && took < most))); then
		_vsh_offer_values "$previous" "${table[$previous.value]}" "$netns"
	fi
	((took >= least)) || return
	if (($#)); then
		for word; do [[ ${said[${word#-}]-} ]] || _vsh_offer "$word"; done
		return
	fi
	for word in "${words[@]}"; do
		[[ ${table[$word.flags]} != *,not,* ]] || has_not=not
		! _vsh_word_is_left "$word" "$without" || _vsh_offer "${table[$word.typed]}"
	done
	[[ $previous == not ]] || _vsh_offer "$has_not"
}
