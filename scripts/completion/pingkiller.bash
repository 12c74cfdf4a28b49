# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Completion for pingkiller.sh: its words, devices, network namespaces, ICMP types, and files where a file
# is meant. Works with bash alone; bash-completion only loads it when it is needed.

# _pingkiller_devices [NETNS]. Not from /sys/class/net, which is that of whoever has mounted it.
_pingkiller_devices() {
	ip ${1:+-n "$1"} -o link show 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'
}

_pingkiller_namespaces() {
	(cd /run/netns 2>/dev/null && shopt -s nullglob && printf '%s\n' *)
}

# _pingkiller_offer CANDIDATE...: those that begin with the word at the cursor. Not "compgen -W",
# which would carry out what somebody has put into the name of a device.
_pingkiller_offer() {
	local word

	for word; do
		[[ $word && $word == "${COMP_WORDS[COMP_CWORD]}"* ]] || continue
		printf -v word %q "$word"
		COMPREPLY+=("$word")
	done
}

# _pingkiller_offer_lines FUNCTION [ARG...]: each line that it prints is a candidate.
_pingkiller_offer_lines() {
	local lines

	mapfile -t lines < <("$@")
	_pingkiller_offer "${lines[@]}"
}

_pingkiller_files() {
	compopt -o filenames 2>/dev/null # fails where no key was pressed: in tests
	mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}

# _pingkiller_value WORD NETNS: what can follow WORD. 1: WORD takes no value.
_pingkiller_value() {
	case $1 in
	-n) _pingkiller_offer_lines _pingkiller_namespaces ;;
	dev) _pingkiller_offer_lines _pingkiller_devices "$2" ;;
	hook) _pingkiller_offer auto native generic tc ;;
	type)
		_pingkiller_offer echo-request echo-reply destination-unreachable packet-too-big time-exceeded \
			parameter-problem source-quench redirect router-advertisement router-solicitation \
			timestamp-request timestamp-reply info-request info-reply address-mask-request \
			address-mask-reply mld-listener-query mld-listener-report mld-listener-done \
			nd-router-solicit nd-router-advert nd-neighbor-solicit nd-neighbor-advert nd-redirect \
			router-renumbering mld2-listener-report
		;;
	src-file | dst-file | plot) _pingkiller_files ;;
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
	for word in "${words[@]}"; do [[ ! ${left[$word]-} ]] || _pingkiller_offer "$word"; done
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
		_pingkiller_offer -n -j -v --dry-run -V dev show stats plot stop help
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
			_pingkiller_offer dev
		fi
		;;
	esac
}

complete -F _pingkiller pingkiller.sh pingkiller
