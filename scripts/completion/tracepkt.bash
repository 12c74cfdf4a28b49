# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for tracepkt.sh: its options, network namespaces, names of hosts, and words of a filter.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

# The options that the helper knows, each with its dash, or two.
_tracepkt_options() {
	_vsh_helper words tracepkt | sed 's/\t.*//; s/^../-&/; s/^/-/'
}

_tracepkt_filter() {
	_vsh_helper words --more tracepkt | sed 's/\t.*//'
}

_tracepkt_listens() {
	local word

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word != --listen && $word != -listen ]] || return 0
	done
	return 1
}

_tracepkt() {
	COMPREPLY=()
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-n) _vsh_offer_lines _vsh_namespaces ;;
	-M) _vsh_offer "do" dont ;;
	-w | --svg) compopt -o default 2>/dev/null ;;
	-[ciWs] | -tcp | --tcp | -udp | --udp | -first | --first | -for | --for | host | net | port | command | pid) ;;
	exe | cgroup) mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}") ;;
	*)
		_vsh_offer -n -j -color -v --dry-run -V doctor help
		_vsh_offer_lines _tracepkt_options
		if _tracepkt_listens; then
			_vsh_offer_lines _tracepkt_filter
			return
		fi
		mapfile -O "${#COMPREPLY[@]}" -t COMPREPLY < <(compgen -A hostname -- "${COMP_WORDS[COMP_CWORD]}")
		;;
	esac
}

complete -F _tracepkt tracepkt.sh tracepkt
