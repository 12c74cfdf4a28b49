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

# _vershitify_value WORD NETNS: what can follow WORD. 1: WORD takes no value.
_vershitify_value() {
	case $1 in
	-n) _vsh_offer_lines _vsh_namespaces ;;
	-interface) _vsh_offer_lines _vsh_devices "$2" ;;
	dev)
		_vsh_offer_lines _vsh_devices "$2"
		_vsh_offer all
		;;
	direction) _vsh_offer egress ingress both ;;
	visible) _vsh_offer wire local denied ;;
	exe | -b) _vsh_offer_paths -f ;;
	cgroup) _vsh_offer_paths -d ;;
	command | pid | drop | loss | seed | for | -command | -drop) ;;
	*) return 1 ;;
	esac
}

# _vershitify_rule NETNS FIRST CANDIDATE...: the value of the word before, or the candidates that
# were not said since word FIRST. A target is named once, a device more than once.
_vershitify_rule() {
	local netns=$1 i=$2 word
	local -A left=()

	shift 2
	for word; do left[$word]=1; done
	for (( ; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]/#--/-}
		case $word in
		dev) ;;
		command | exe | pid | cgroup) left[command]='' left[exe]='' left[pid]='' left[cgroup]='' ;;
		drop | loss) left[drop]='' left[loss]='' ;;
		-fail-unmatched) left[-$word]='' ;;
		?*) left[$word]='' ;;
		esac
		case $word in
		children | force | -fail-unmatched | '') ;;
		*)
			if ((++i == COMP_CWORD)); then
				_vershitify_value "$word" "$netns"
				return
			fi
			;;
		esac
	done
	for word; do [[ ! ${left[$word]-} ]] || _vsh_offer "$word"; done
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
	_vershitify_rule "$1" "$2" dev command exe pid cgroup children drop loss direction seed for \
		visible force --fail-unmatched --
}

_vershitify() {
	local netns='' i

	COMPREPLY=()
	# Where the command stands, after the options; the line of the original has none.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n | -b)
			if ((++i == COMP_CWORD)); then
				_vershitify_value "${COMP_WORDS[i - 1]}" ''
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
	-*) _vershitify_rule "$netns" "$i" -interface -command -drop ;;
	add)
		_vershitify_rule "$netns" $((i + 1)) dev command exe pid cgroup children drop loss \
			direction seed for visible force
		;;
	run) _vershitify_run "$netns" $((i + 1)) ;;
	change)
		if ((COMP_CWORD == i + 1)); then
			_vsh_offer_lines _vershitify_rules
		else
			_vershitify_rule "$netns" $((i + 2)) dev direction drop loss seed for visible
		fi
		;;
	del | show)
		((COMP_CWORD > i + 1)) || _vsh_offer_lines _vershitify_rules
		;;
	esac
}

complete -F _vershitify vershitify.sh vershitify
