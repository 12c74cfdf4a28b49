# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for pingkiller.sh: its words, devices, network namespaces, ICMP types, and files where a file
# is meant.

# shellcheck source=scripts/completion/vershitify-common.bash
. "$(dirname "${BASH_SOURCE[0]}")/vershitify-common.bash"

# _pingkiller_value WORD NETNS: what can follow WORD. 1: WORD takes no value.
_pingkiller_value() {
	case $1 in
	-n) _vsh_offer_lines _vsh_namespaces ;;
	dev) _vsh_offer_lines _vsh_devices "$2" ;;
	hook) _vsh_offer auto native generic tc ;;
	type)
		_vsh_offer echo-request echo-reply destination-unreachable packet-too-big time-exceeded \
			parameter-problem source-quench redirect router-advertisement router-solicitation \
			timestamp-request timestamp-reply info-request info-reply address-mask-request \
			address-mask-reply mld-listener-query mld-listener-report mld-listener-done \
			nd-router-solicit nd-router-advert nd-neighbor-solicit nd-neighbor-advert nd-redirect \
			router-renumbering mld2-listener-report
		;;
	src-file | dst-file | plot) _vsh_offer_paths -f ;;
	code | src | dst | rate | burst | drop | loss | for | sample) ;;
	*) return 1 ;;
	esac
}

# _pingkiller_what NETNS FIRST: the value of the word before, or the words that were not said since
# word FIRST. Lists can be said again.
_pingkiller_what() {
	local i=$2 word
	local -A left=()
	local -a words=(hook type all-icmp code ipv4 ipv6 src src-file dst dst-file rate burst drop loss for sample
		background)

	for word in "${words[@]}"; do left[$word]=1; done
	for (( ; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		'' | type | code | src | src-file | dst | dst-file) ;;
		drop | loss) left[drop]='' left[loss]='' ;;
		*) left[$word]='' ;;
		esac
		case $word in
		all-icmp | ipv4 | ipv6 | background | '') ;;
		*)
			if ((++i == COMP_CWORD)); then
				_pingkiller_value "$word" "$1"
				return
			fi
			;;
		esac
	done
	for word in "${words[@]}"; do [[ ! ${left[$word]-} ]] || _vsh_offer "$word"; done
}

_pingkiller() {
	local netns='' i last=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	# Where the command stands, after the options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-n)
			if ((++i == COMP_CWORD)); then
				_pingkiller_value -n ''
				return
			fi
			netns=${COMP_WORDS[i]}
			;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i == COMP_CWORD)); then
		_vsh_offer -n -j -v --dry-run -V dev show stats plot stop doctor help
		return
	fi
	case ${COMP_WORDS[i]} in
	dev)
		if ((COMP_CWORD == i + 1)); then
			_pingkiller_value dev "$netns"
		else
			_pingkiller_what "$netns" $((i + 2))
		fi
		;;
	show | stats | stop | plot)
		if [[ $last == dev ]]; then
			_pingkiller_value dev "$netns"
		elif [[ $last == plot ]]; then
			_pingkiller_value plot ''
		elif ((COMP_CWORD <= i + 2)); then
			_vsh_offer dev
		fi
		;;
	esac
}

complete -F _pingkiller pingkiller.sh pingkiller
