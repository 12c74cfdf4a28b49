# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the completions of all commands offer in the same way: devices, network namespaces, paths. Works with
# bash alone; bash-completion only loads it when it is needed.

# _vsh_devices [NETNS]. Not from /sys/class/net, which is that of whoever has mounted it.
_vsh_devices() {
	ip ${1:+-n "$1"} -o link show 2>/dev/null | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'
}

_vsh_namespaces() {
	(cd /run/netns 2>/dev/null && shopt -s nullglob && printf '%s\n' *)
}

# _vsh_offer CANDIDATE...: those that begin with the word at the cursor. Not "compgen -W",
# which would carry out what somebody has put into the name of a device.
_vsh_offer() {
	local word

	for word; do
		[[ $word && $word == "${COMP_WORDS[COMP_CWORD]}"* ]] || continue
		printf -v word %q "$word"
		COMPREPLY+=("$word")
	done
}

# _vsh_offer_lines FUNCTION [ARG...]: each line that it prints is a candidate.
_vsh_offer_lines() {
	local lines

	mapfile -t lines < <("$@")
	_vsh_offer "${lines[@]}"
}

# _vsh_offer_paths -f|-d|-c: files, folders, or commands.
_vsh_offer_paths() {
	compopt -o filenames 2>/dev/null # fails where no key was pressed: in tests
	mapfile -t COMPREPLY < <(compgen "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}
