#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# snitch.sh - who connects where? Prints the connections of this machine as they happen, each with its
# process. Words, options and what is said; the helper does the work, and changes nothing of the system.

set -u

speaker=snitch.sh
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
# shellcheck source=tc/doctor-snitch.sh
. "$library/doctor-snitch.sh"

help() {
	cat <<'END'
Usage: snitch.sh [OPTIONS] [WATCH]
       snitch.sh [OPTIONS] list [WATCH]
       snitch.sh [OPTIONS] top [WATCH]
       snitch.sh [OPTIONS] run [WATCH] -- COMMAND [ARG...]
       snitch.sh [OPTIONS] tcp [WATCH]
       snitch.sh page RECORDING PAGE
       snitch.sh [OPTIONS] doctor | help

Prints the connections of this machine, TCP and UDP, as they happen, each with
its process, and the bytes that they carry; until Ctrl-C. list: a table of
those that are open now. top: who sends and receives most, in a table that is
redrawn. run: COMMAND and its descendants, and a table of
sums at its end, on standard error; the exit status is COMMAND's. page: a map
of what -j has printed before.

WATCH :=   -x              a table, with a line for each connection when it ends
           -i TIME         between sums of bytes: seconds, or as in 200ms
                           (default: 1)
           --for TIME      for so long
           --first N       so many lines
           --command NAME  only processes of this name
           --pid N         only this process
           --exe PATH      only processes that execute this file
           --cgroup PATH   only processes of this cgroup
           --children      with all their descendants
           --to PREFIX     only this address on the other side, or this network
           --port PORT     only with this port, on either side
           --direction egress|ingress
                           only what this side, or the other one, has begun
           --tcp | --udp   only this protocol
           --failed        only what fails
           --idle TIME     UDP has ended when it was idle for that time
                           (default: 60)
           --by process|remote|connection
                           what a row of top is about (default: process)
           --sort rate|bytes|sent|received|open|failed
                           its largest rows first (default: rate)
           PAGE            instead of printing
PAGE    := --html FILE     a map and a table to look at in a browser, at the end
           --live [PORT]   the same, served on loopback meanwhile
           --geo FILE      where addresses are: a database in MaxMind's format,
                           or a text as in tor-geoipdb, the default; or none
           --home LAT,LON  where this machine is (default: by its time zone)
OPTIONS := -n NETNS        only this network namespace
           -j              JSON, one object a line
           -v              show each command
           --dry-run       only show them
           -V              version

Exit status: 0 done, 1 failed or something was lost, 2 misuse; of run: that of
COMMAND, 125 not set up, 126 COMMAND cannot be run, 127 not found.

Examples:
  snitch.sh
  snitch.sh -x --command curl
  snitch.sh list --port 443
  snitch.sh tcp --command curl
  snitch.sh -x --udp --port 53
  snitch.sh top --by remote --sort bytes
  snitch.sh run -- curl -sS https://192.0.2.2/
  snitch.sh -j --failed --to 2001:db8::/32 --for 5m
  snitch.sh --for 1h --html hour.html
  snitch.sh --live
END
}

while [ $# -gt 0 ]; do
	option_take $# "$@" || break
	shift "$option_words"
done

if [ "${1-}" = help ]; then
	put '%s\n' "$(help)"
	exit
fi

# A recording is read without privileges.
if [ "${1-}" = page ]; then
	[ -z "${netns_wanted+set}" ] || die 2 "-n chooses what is watched, not what was recorded"
	needs_tools
	needs_built snitch-page
	shift
	set -- "$vsh" page "$objects" "$@"
	run_show "$@"
	[ -z "$dry_run" ] || exit 0
	exec "$@"
fi
[ -z "${netns_wanted+set}" ] || netns_choose "$netns_wanted"
if [ "${1-}" = doctor ]; then
	[ $# = 1 ] || die 2 "doctor takes no words"
	[ -n "$tools_lack" ] || needs_root
	needs_built snitch.o tcp.o
	cgroup_find
	doctor
	exit
fi
needs_root
needs_built snitch.o tcp.o
cgroup_find
watched=snitch
[ "${1-}" != tcp ] || {
	watched=tcp
	shift
}
set -- "$vsh" ${netns_name:+-N "$netns_file"} ${cgroup_root:+-C "$cgroup_root"} ${json:+-j} "$watched" "$objects" "$@"
run_show "$@"
# In this process's place: a signal for one is for the other.
[ -n "$dry_run" ] || exec "$@"
