# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for tracepkt.sh: its options, network namespaces, and names of hosts.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

# The options that the helper knows, each with its dash, or two.
_tracepkt_options() {
	_vsh_helper words tracepkt | sed 's/\t.*//; s/^../-&/; s/^/-/'
}

_tracepkt() {
	COMPREPLY=()
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-n) _vsh_offer_lines _vsh_namespaces ;;
	-M) _vsh_offer "do" dont ;;
	-[ciWs]) ;;
	-w | --svg) compopt -o default 2>/dev/null ;;
	*)
		_vsh_offer -n -j -color -v --dry-run -V doctor help
		_vsh_offer_lines _tracepkt_options
		mapfile -O "${#COMPREPLY[@]}" -t COMPREPLY < <(compgen -A hostname -- "${COMP_WORDS[COMP_CWORD]}")
		;;
	esac
}

complete -F _tracepkt tracepkt.sh tracepkt
