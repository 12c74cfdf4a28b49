#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tracepkt.sh - where does a packet go? Sends echoes, or listens to what others send, and prints each
# device and network namespace that they and their answers come by. Words, options and what is said; the helper does the work,
# and changes nothing of the system.

set -u

speaker=tracepkt.sh
self=$0
[ ! -L "$self" ] || self=$(readlink -f "$self")
case $self in
/*) ;;
*) self=$PWD/$self ;;
esac
here=${self%/*}

# In the source tree the parts lie beside this file, installed below lib.
library=$here/../tc
[ -e "$here/../Makefile" ] || library=$here/../lib/vershitify/tc

# shellcheck source=tc/looking.sh
. "$library/looking.sh"
# shellcheck source=tc/place.sh
. "$library/place.sh"
# shellcheck source=tc/trust.sh
. "$library/trust.sh"
# shellcheck source=tc/enter.sh
. "$library/enter.sh"
# shellcheck source=tc/doctor-tracepkt.sh
. "$library/doctor-tracepkt.sh"

help() {
	cat <<'END'
Usage: tracepkt.sh [OPTIONS] [PROBE] [FORMAT] TARGET
       tracepkt.sh [OPTIONS] --listen [FILTER] [--first N] [--for TIME] [FORMAT]
       tracepkt.sh [OPTIONS] doctor | help

Sends one echo request to TARGET, a name or an address, and prints each device
and network namespace that it and its answer come by; at the end, how it went.
With --tcp or --udp it is a SYN or a datagram, for where pings are filtered.
With --listen nothing is sent: it prints the same of packets that others send,
until Ctrl-C.

PROBE :=   --tcp PORT   a SYN to that port: answered, refused or lost
           --udp PORT   a datagram to that port, likewise
           -c N         how many (default: 1)
           -i TIME      between them: seconds, or as in 200ms (default: 1)
           -W TIME      how long an answer is waited for (default: 4)
           -s BYTES     that an echo or a datagram carries (default: 56)
           -M do        do not let it be fragmented; -M dont: anywhere
           -4 | -6      which addresses of a name
FORMAT :=  --tree       as a ladder: the request down, the reply up
           --dot        as a graph in Graphviz's language, at the end
           --svg FILE   draw the graph too (Graphviz draws it)
           -w FILE      write the packets too, for wireshark (pcapng), a comment each
FILTER :=  [icmp] [tcp] [udp] [host ADDR | net PREFIX] [port N] [WHO]
WHO :=     {command NAME | exe PATH | pid N | cgroup PATH} [children]
           whose sockets send it, as in vershitify.sh
           --first N    that many packets
           --for TIME   that long: seconds, or as in 5m
OPTIONS := -n NETNS     start in this network namespace: a name, pid:N or a
                        path; with --listen: packets that come by there
           -j           JSON, one object a line
           -color       colours, also into a pipe; -color=never: nowhere
           -v           show each command
           --dry-run    only show them
           -V           version

Exit status: 0 every probe was answered or refused, 1 one was not, or a
failure, 2 misuse.

Examples:
  tracepkt.sh 172.17.0.2
  tracepkt.sh -n blue -c 3 -i 200ms 2001:db8::2
  tracepkt.sh -s 1472 -M do 192.0.2.1
  tracepkt.sh --tcp 443 192.0.2.1
  tracepkt.sh --tree -w path.pcapng 192.0.2.1
  tracepkt.sh --svg path.svg 192.0.2.1
  tracepkt.sh --listen tcp port 443 command curl --first 20
END
}

# Where the rules are, whose losses are told, and what drops pings.
# shellcheck disable=SC2034 # in place.sh and trust.sh
state=/run/vershitify trust_more="$bpffs/tc/globals/vsh_* $bpffs/pingkiller $bpffs/pingkiller/* $bpffs/pingkiller/*/*"
# Where "ip netns exec" hides /sys/fs/bpf, rules could not be told.
[ "$user" != 0 ] || [ -n "${VSH_ENTERED:-}$tools_lack" ] || host_enter "$self" "$@"
unset VSH_ENTERED

color_take -color=auto
while [ $# -gt 0 ]; do
	option_take $# "$@" || color_take "$1" || break
	shift "$option_words"
done

[ $# -gt 0 ] || {
	help >&2
	exit 2
}
if [ "$1" = help ]; then
	put '%s\n' "$(help)"
	exit
fi

[ -z "${netns_wanted+set}" ] || netns_choose "$netns_wanted"
if [ "$1" = doctor ]; then
	[ $# = 1 ] || die 2 "doctor takes no words"
	[ -n "$tools_lack" ] || needs_root
	needs_built tracepkt.o
	doctor
	exit
fi
needs_root
needs_built tracepkt.o
needs_pid_namespace
needs_trust
needs_place
cgroup_find
run_last "$vsh" ${netns_name:+-N "$netns_file"} ${cgroup_root:+-C "$cgroup_root"} ${json:+-j} ${color:+-c} trace "$objects" "$@"
