# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for snitch.sh: its options and network namespaces, names and numbers of processes.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

# The options that the helper knows, each with its dashes: a letter has one.
_snitch_options() {
	_vsh_helper words snitch | sed 's/\t.*//; s/^.$/-&/; t; s/^/--/'
}

# Names, or numbers, of the processes that there are.
_snitch_comms() {
	sort -u /proc/[0-9]*/comm 2>/dev/null
}

_snitch_pids() {
	(cd /proc && printf '%s\n' [0-9]*)
}

# Words of a command to run are not ours.
_snitch_runs() {
	local word

	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[ "$word" != -- ] || return 0
	done
	return 1
}

_snitch() {
	COMPREPLY=()
	if _snitch_runs; then
		_vsh_offer_paths -c
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-n) _vsh_offer_namespaces ;;
	--command) _vsh_offer_lines _snitch_comms ;;
	--pid) _vsh_offer_lines _snitch_pids ;;
	--exe) _vsh_offer_paths -f ;;
	--cgroup) _vsh_offer_paths -d ;;
	--by) _vsh_offer process remote connection ;;
	--sort) _vsh_offer rate bytes sent received open failed ;;
	--direction) _vsh_offer egress ingress ;;
	--html | --geo | page) _vsh_offer_paths -f ;;
	--for | --first | --to | --port | --idle | --home | -i) ;;
	*)
		_vsh_offer -n -j -v --dry-run -V list top run tcp page doctor help
		_vsh_offer_lines _snitch_options
		;;
	esac
}

complete -F _snitch snitch.sh snitch
