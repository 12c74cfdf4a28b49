# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for vershitify.sh: its words, devices, network namespaces, numbers of rules, and paths
# where a path is meant.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

_vershitify_play() {
	_vsh_helper words --more vershitify | cut -f 1
}

# The same program is asked that is being typed; it answers root only.
_vershitify_rules() {
	"${COMP_WORDS[0]}" show 2>/dev/null | awk '$1 == "rule" { print $2 }'
}

_vershitify_option() {
	case $1 in
	-n) _vsh_offer_namespaces ;;
	-b) _vsh_offer_paths -f ;;
	esac
}

# _vershitify_run NETNS FIRST: a rule up to "--", then somebody else's command.
_vershitify_run() {
	local i

	for ((i = $2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if ((COMP_CWORD == i + 1)); then
			_vsh_offer_paths -c
		else
			_vsh_offer_paths -f
		fi
		return
	done
	_vsh_offer_words vershitify "$1" "$2" ''
	_vsh_offer --
}

_vershitify() {
	local netns='' i word
	local -a first

	COMPREPLY=()
	mapfile -t first < <(_vsh_helper words --first vershitify)
	first=("${first[@]/#/-}")
	# Where the command stands, after the options; the line of the original has none.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n | -b)
			if ((++i == COMP_CWORD)); then
				_vershitify_option "${COMP_WORDS[i - 1]}"
				return
			fi
			[[ ${COMP_WORDS[i - 1]} == -b ]] || _vsh_netns_take
			((i < COMP_CWORD)) || return 0
			;;
		-*)
			word=${COMP_WORDS[i]#-}
			[[ " ${first[*]} " != *" -${word#-} "* ]] || break
			;;
		*) break ;;
		esac
	done
	if ((i == COMP_CWORD)); then
		_vsh_offer_first vershitify
		_vsh_offer "${first[@]}"
		return
	fi
	case ${COMP_WORDS[i]} in
	-*) _vsh_offer_words vershitify "$netns" "$i" '' "${first[@]}" ;;
	add) _vsh_offer_words vershitify "$netns" $((i + 1)) run ;;
	run) _vershitify_run "$netns" $((i + 1)) ;;
	change)
		if ((COMP_CWORD == i + 1)); then
			_vsh_offer_lines _vershitify_rules
		else
			_vsh_offer_words vershitify "$netns" $((i + 2)) new,run
		fi
		;;
	play)
		case $((COMP_CWORD - i)) in
		1) _vsh_offer_paths -f ;;
		2) _vsh_offer_lines _vershitify_play ;;
		esac
		;;
	del | show)
		((COMP_CWORD > i + 1)) || _vsh_offer_lines _vershitify_rules
		;;
	esac
}

complete -F _vershitify vershitify.sh vershitify
