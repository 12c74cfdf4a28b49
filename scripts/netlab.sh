#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# netlab.sh - a laboratory of two network namespaces and one cable.
#
#     namespace NAME-a                      namespace NAME-b
#   +---------------------+               +---------------------+
#   | lo    127.0.0.1 ::1 |               | lo    127.0.0.1 ::1 |
#   |                     |   veth pair   |                     |
#   | eth0  192.0.2.1/24  +---------------+ eth0  192.0.2.2/24  |
#   |       2001:db8::1/64|               |       2001:db8::2/64|
#   +---------------------+               +---------------------+
#
# Nothing leaves it: neither namespace has a route to anywhere else. The
# addresses are the ones that RFC 5737 and RFC 3849 reserve for documents.

set -eu

usage() {
	cat <<'END'
Usage: netlab.sh up NAME      make namespaces NAME-a and NAME-b, cabled eth0 to eth0
       netlab.sh down NAME    remove them again; nothing there is no error
       netlab.sh help

NAME-a has 192.0.2.1 and 2001:db8::1, NAME-b has 192.0.2.2 and 2001:db8::2.
NAME: up to 64 of A-Z a-z 0-9 _ -, the first one a letter or a digit.
END
}

misuse() {
	printf 'netlab.sh: %s\n' "$*" >&2
	exit 2
}

fail() {
	printf 'netlab.sh: %s\n' "$*" >&2
	exit 1
}

# Somebody's word inside a message: what is not printable becomes a question mark.
word_quote() {
	printf "'%s'" "$(printf %s "$1" | LC_ALL=C tr -c ' -~' '?' | cut -c 1-40)"
}

# A name becomes part of a path below /run/netns: no slash, no dot, no control
# bytes. The C locale keeps letters of other alphabets out of the ranges.
name_check() {
	LC_ALL=C
	case $1 in
	'') misuse "a name is missing (try: netlab.sh help)" ;;
	[!A-Za-z0-9]* | *[!A-Za-z0-9_-]*)
		misuse "$(word_quote "$1") is not a valid name: only A-Z a-z 0-9 _ -, the first one a letter or a digit"
		;;
	esac
	[ "${#1}" -le 64 ] || misuse "$(word_quote "$1")... is too long a name: at most 64 characters"
}

lab_exists() {
	[ -e "/run/netns/$1-a" ] || [ -e "/run/netns/$1-b" ]
}

# The device goes with its namespace, but the kernel takes a moment to remove
# it; deleted by name it is gone when this returns.
lab_down() {
	for side in a b; do
		[ -e "/run/netns/$1-$side" ] || continue
		ip -n "$1-$side" link del eth0 2>/dev/null || :
		ip netns del "$1-$side"
	done
}

# side_up NAMESPACE HOST: HOST is the last number of both addresses. nodad,
# because otherwise the IPv6 address cannot be used for its first second.
side_up() {
	ip -n "$1" link set lo up
	ip -n "$1" addr add "192.0.2.$2/24" dev eth0
	ip -n "$1" addr add "2001:db8::$2/64" dev eth0 nodad
	ip -n "$1" link set eth0 up
}

# An interface without carrier at first does duplicate address detection for its
# link-local address when the carrier comes. Wait for both addresses to be usable.
side_wait() {
	tries=0
	while ip -n "$1" -6 addr show dev eth0 | grep -q tentative; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "$1: the IPv6 addresses of eth0 stay tentative"
		sleep 0.05
	done
}

lab_up() {
	! lab_exists "$1" || fail "there is a $1-a or $1-b already (remove it: netlab.sh down $1)"
	undo=$1
	trap '[ -z "$undo" ] || lab_down "$undo"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	ip netns add "$1-a"
	ip netns add "$1-b"
	# No waiting for addresses that nobody here could hold already.
	for side in a b; do
		nsenter --net="/run/netns/$1-$side" \
			sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
	done
	ip link add eth0 netns "$1-a" type veth peer name eth0 netns "$1-b"
	side_up "$1-a" 1
	side_up "$1-b" 2
	side_wait "$1-a"
	side_wait "$1-b"
	undo=
}

case ${1-} in
up | down)
	[ $# -le 2 ] || misuse "one name is enough (try: netlab.sh help)"
	name_check "${2-}"
	[ "$(id -u)" = 0 ] || fail "only root can make or remove namespaces (try: sudo netlab.sh $1 $2)"
	"lab_$1" "$2"
	;;
help | -h | -help | --help) usage ;;
'') misuse "a command is required: up or down (try: netlab.sh help)" ;;
*) misuse "$(word_quote "$1") is not up, down or help" ;;
esac
