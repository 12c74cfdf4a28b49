# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for vershitify.sh: its words, devices, network namespaces, numbers of rules, and paths
# where a path is meant. Works with bash alone; bash-completion only loads it when it is needed.

# _vershitify_devices [NETNS]. Not from /sys/class/net, which is that of whoever has mounted it.
_vershitify_devices() {
	ip ${1:+-n "$1"} -o link show 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'
}

_vershitify_namespaces() {
	(cd /run/netns 2>/dev/null && shopt -s nullglob && printf '%s\n' *)
}

# The same program is asked that is being typed; it answers root only.
_vershitify_rules() {
	"${COMP_WORDS[0]}" show 2>/dev/null | awk '$1 == "rule" { print $2 }'
}

# _vershitify_offer CANDIDATE...: those that begin with the word at the cursor. Not "compgen -W",
# which would carry out what somebody has put into the name of a device.
_vershitify_offer() {
	local word

	for word; do
		[[ $word && $word == "${COMP_WORDS[COMP_CWORD]}"* ]] || continue
		printf -v word %q "$word"
		COMPREPLY+=("$word")
	done
}

# _vershitify_offer_lines FUNCTION [ARG...]: each line that it prints is a candidate.
_vershitify_offer_lines() {
	local lines

	mapfile -t lines < <("$@")
	_vershitify_offer "${lines[@]}"
}

_vershitify_paths() {
	compopt -o filenames 2>/dev/null # fails where no key was pressed: in tests
	mapfile -t COMPREPLY < <(compgen "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

# _vershitify_value WORD NETNS: what can follow WORD. 1: WORD takes no value.
_vershitify_value() {
	case $1 in
	-n) _vershitify_offer_lines _vershitify_namespaces ;;
	-interface) _vershitify_offer_lines _vershitify_devices "$2" ;;
	dev)
		_vershitify_offer_lines _vershitify_devices "$2"
		_vershitify_offer all
		;;
	direction) _vershitify_offer egress ingress both ;;
	visible) _vershitify_offer wire local denied ;;
	exe | -b) _vershitify_paths -f ;;
	cgroup) _vershitify_paths -d ;;
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
	for word; do [[ ! ${left[$word]-} ]] || _vershitify_offer "$word"; done
}

# _vershitify_run NETNS FIRST: a rule up to "--", then somebody else's command.
_vershitify_run() {
	local i

	for ((i = $2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		if ((COMP_CWORD == i + 1)); then
			_vershitify_paths -c
		else
			_vershitify_paths -f
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
		_vershitify_offer -n -j -p -s -v --dry-run -b -color -V \
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
			_vershitify_offer_lines _vershitify_rules
		else
			_vershitify_rule "$netns" $((i + 2)) dev direction drop loss seed for visible
		fi
		;;
	del | show)
		((COMP_CWORD > i + 1)) || _vershitify_offer_lines _vershitify_rules
		;;
	esac
}

complete -F _vershitify vershitify.sh vershitify
