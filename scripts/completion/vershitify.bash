# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for vershitify.sh: its words, devices, network namespaces, numbers of rules, and paths
# where a path is meant.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

# The same program is asked that is being typed; it answers root only.
_vershitify_rules() {
	"${COMP_WORDS[0]}" show 2>/dev/null | awk '$1 == "rule" { print $2 }'
}

_vershitify_option() {
	case $1 in
	-n) _vsh_offer_lines _vsh_namespaces ;;
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
	[[ ${COMP_WORDS[*]:$2:COMP_CWORD-$2} == *--fail-unmatched* ]] || _vsh_offer --fail-unmatched
	_vsh_offer --
}

_vershitify() {
	local netns='' i

	COMPREPLY=()
	# Where the command stands, after the options; the line of the original has none.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n | -b)
			if ((++i == COMP_CWORD)); then
				_vershitify_option "${COMP_WORDS[i - 1]}"
				return
			fi
			[[ ${COMP_WORDS[i - 1]} == -b ]] || netns=${COMP_WORDS[i]}
			;;
		-interface | --interface | -command | --command | -drop | --drop) break ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i == COMP_CWORD)); then
		_vsh_offer -n -j -p -s -v --dry-run -b -color -V \
			run add change del flush down show stats monitor doctor help -interface -command -drop
		return
	fi
	case ${COMP_WORDS[i]} in
	-*) _vsh_offer_words vershitify "$netns" "$i" '' -interface -command -drop ;;
	add) _vsh_offer_words vershitify "$netns" $((i + 1)) '' ;;
	run) _vershitify_run "$netns" $((i + 1)) ;;
	change)
		if ((COMP_CWORD == i + 1)); then
			_vsh_offer_lines _vershitify_rules
		else
			_vsh_offer_words vershitify "$netns" $((i + 2)) new
		fi
		;;
	del | show)
		((COMP_CWORD > i + 1)) || _vsh_offer_lines _vershitify_rules
		;;
	esac
}

complete -F _vershitify vershitify.sh vershitify
