# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for pingkiller.sh: its words, devices, network namespaces, ICMP types, and files where a file
# is meant.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

_pingkiller() {
	local netns='' i last=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	# Where the command stands, after the options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n)
			if ((++i == COMP_CWORD)); then
				_vsh_offer_namespaces
				return
			fi
			_vsh_netns_take
			((i < COMP_CWORD)) || return 0
			;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i == COMP_CWORD)); then
		_vsh_offer_first pingkiller
		return
	fi
	case ${COMP_WORDS[i]} in
	dev) _vsh_offer_words pingkiller "$netns" "$i" '' ;;
	show | stats | stop | plot)
		if [[ $last == dev ]]; then
			_vsh_offer_lines _vsh_devices "$netns"
		elif [[ $last == plot ]]; then
			_vsh_offer_paths -f
		elif ((COMP_CWORD <= i + 2)); then
			_vsh_offer dev
		fi
		;;
	esac
}

complete -F _pingkiller pingkiller.sh pingkiller
