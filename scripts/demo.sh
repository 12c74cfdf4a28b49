#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - see one program lose packets, and another one beside it none. Needs root, a minute for
# packages and compiler the first time, and ten seconds from then on. All of it happens in two
# network namespaces made for it:
#
#   NAME-a: ping and bystander, 192.0.2.1  eth0 ---- eth0  192.0.2.2, answers :NAME-b
#
# The bystander is the same program under another name. With the word "tracepkt" there is a third namespace, and it
# shows where a packet goes, and where one is lost that a rule drops:
#
#   NAME-a: tracepkt.sh  eth0 ---- eth0  NAME-b, which routes  right ---- left  198.51.100.2, answers :NAME-c
#
# With the word "snitch" it shows where a command connects, and what becomes of that.
#
# The exit status is 0 if ping lost the share
# that was asked for, the bystander nothing, and nothing was left behind.

set -eu

percent=25 count=300
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
lab=demo-$$
work='' loss_pid='' ping_pid='' bystander_pid='' verdicts=''
newline='
'

usage() {
	cat <<'END'
Usage: demo.sh [tracepkt | snitch | --help]

Shows one program lose packets, and another one beside it none. Needs root. Installs what is missing and
builds, a minute the first time; then it takes ten seconds, in two network namespaces made for it.
With "tracepkt" it shows where a packet goes, and where one is lost that a rule drops; with "snitch" where a
command connects, and what becomes of that.
The exit status is 0 if all was as it should be, 1 if not, 2 for a wrong word.
END
}

die() {
	printf 'demo.sh: %s\n' "$*" >&2
	exit 1
}

# say WORD...: the demo's own lines stand out from what the commands print.
say() {
	printf '\n# %s\n' "$*"
}

clean_up() {
	trap '' INT TERM HUP
	for pid in $ping_pid $bystander_pid $loss_pid; do
		kill "$pid" 2>/dev/null || :
	done
	# It has a rule to take back, in a namespace that is still needed for that.
	[ -z "$loss_pid" ] || wait "$loss_pid" || :
	[ ! -e "/run/netns/$lab-c" ] || ip netns del "$lab-c"
	[ -z "$work" ] || "$top/scripts/netlab.sh" down "$lab"
	[ -z "$work" ] || rm -rf "$work"
}

# loss_show: what the command prints, as it comes. Its first line says that it is at work.
loss_show() {
	while IFS= read -r line; do
		printf '%s\n' "$line"
		: >"$work/at-work"
	done
}

loss_start() {
	printf '$ ip netns exec %s vershitify.sh -interface eth0 -command ping -drop %s\n' "$lab-a" "$percent"
	mkfifo "$work/output"
	loss_show <"$work/output" &
	show_pid=$!
	ip netns exec "$lab-a" "$top/scripts/vershitify.sh" \
		-interface eth0 -command ping -drop "$percent" >"$work/output" &
	loss_pid=$!
	while [ ! -e "$work/at-work" ]; do
		kill -0 "$loss_pid" 2>/dev/null || die "it has ended already"
		sleep 0.05
	done
}

# Not Ctrl-C: a shell starts its background processes with that ignored.
loss_end() {
	kill -TERM "$loss_pid"
	wait "$loss_pid" || :
	loss_pid=
	wait "$show_pid"
}

# pings_send: both at once; answers are counted by ping itself.
pings_send() {
	ip netns exec "$lab-a" ping -q -i 0.01 -c "$count" 192.0.2.2 >"$work/ping" &
	ping_pid=$!
	ip netns exec "$lab-a" "$work/bystander" -q -i 0.01 -c "$count" 192.0.2.2 >"$work/other" &
	bystander_pid=$!
	# 1 is a lost packet, no failure.
	wait "$ping_pid" || :
	ping_pid=
	wait "$bystander_pid" || :
	bystander_pid=
}

# table_print: "NAME sent answered lost" for each, from the last lines of ping.
table_print() {
	awk -v percent="$percent" '
	BEGIN { printf "%-10s %8s %9s %8s\n", "who", "sent", "answered", "lost" }
	/packets transmitted/ {
		name = FILENAME ~ /ping$/ ? "ping" : "bystander"
		sent[name] = $1
		lost[name] = $1 - $4
		printf "%-10s %8d %9d %7.2f%%\n", name, $1, $4, 100 * ($1 - $4) / $1
	}
	END {
		# Outside of five standard deviations once in two million times.
		n = sent["ping"]
		p = percent / 100
		far = lost["ping"] - n * p
		right = n && far * far <= 25 * n * p * (1 - p)
		spared = sent["bystander"] && !lost["bystander"]
		print "\n" (right ? "yes" : "NO ") "  ping lost about " percent "%"
		print (spared ? "yes" : "NO ") "  the bystander lost nothing"
		exit !(right && spared)
	}' "$work/ping" "$work/other"
}

loss_demo() {
	say "two network namespaces and a cable: 192.0.2.1 eth0 ---- eth0 192.0.2.2"
	loss_start
	say "$count pings of 192.0.2.2, and as many by \"bystander\", which is ping under another name"
	pings_send
	loss_end
	say "what they say themselves"
	table_print || status=1
}

# chain_make: a third namespace, to which the second one routes.
chain_make() {
	ip netns add "$lab-c"
	ip link add right netns "$lab-b" type veth peer name left netns "$lab-c"
	ip -n "$lab-b" addr add 198.51.100.1/24 dev right
	ip -n "$lab-c" addr add 198.51.100.2/24 dev left
	ip -n "$lab-b" link set right up
	ip -n "$lab-c" link set left up
	ip -n "$lab-a" route add 198.51.100.0/24 via 192.0.2.2
	ip -n "$lab-c" route add 192.0.2.0/24 via 198.51.100.1
	nsenter --net="/run/netns/$lab-b" sysctl -qw net.ipv4.ip_forward=1
}

# shown COMMAND WORD...: a command of ours, and what it prints, which is kept.
shown() {
	printf '$ %s\n' "$*"
	shown_command=$1
	shift
	"scripts/$shown_command" "$@" >"$work/shown" 2>&1 || :
	cat "$work/shown"
}

# verdict TEXT REGEX: was there one such line?
verdict() {
	if [ "$(grep -c "$2" "$work/shown")" = 1 ]; then
		verdicts="${verdicts}yes  $1$newline"
	else
		verdicts="${verdicts}NO   $1$newline"
		status=1
	fi
}

path_demo() {
	say "three network namespaces: $lab-a eth0 ---- eth0 $lab-b right ---- left $lab-c"
	chain_make
	shown tracepkt.sh -n "$lab-a" --tree 198.51.100.2
	verdict "there and back through 4 devices in 3 namespaces" '^seq 1: answered after 4 devices and 3 namespaces in '
	say "the same under a rule that drops what comes back"
	shown vershitify.sh -n "$lab-a" run dev eth0 direction ingress drop 100% -- scripts/tracepkt.sh -n "$lab-a" --tree -W 1 198.51.100.2
	verdict "the answer is lost by that rule, at the last device" "^seq 1: answer lost at eth0 of namespace $lab-a by us: rule [0-9]*, loss 100%"
	printf '\n%s' "$verdicts"
}

# calls: a datagram, a port that nobody listens at, and a network without a route.
calls='echo hello >/dev/udp/192.0.2.2/9; : <>/dev/tcp/192.0.2.2/9; : <>/dev/tcp/203.0.113.1/80'

connections_demo() {
	say "a command with a datagram, a closed port, and a network without a route"
	shown snitch.sh -n "$lab-a" run -x -- bash -c "$calls"
	verdict "the datagram went out, 6 bytes" ' egress  udp .* 6 .*-> 192\.0\.2\.2:9$'
	verdict "the closed port is told, and why" ' egress  tcp   ECONNREFUSED .*-> 192\.0\.2\.2:9$'
	verdict "the missing route is told, and why" ' egress  tcp   ENETUNREACH .*-> 203\.0\.113\.1:80$'
	verdict "the sums: 3 connections, 2 failed" '^ *3  *2  *6  *0  *0  in all$'
	printf '\n%s' "$verdicts"
}

# left_behind: what there still is of it on the device.
left_behind() {
	nsenter --net="/run/netns/$lab-a" tc qdisc show dev eth0 clsact
	nsenter --net="/run/netns/$lab-a" tc filter show dev eth0 egress 2>/dev/null || :
}

demo=loss_demo
case ${1-} in
'') ;;
tracepkt) demo=path_demo ;;
snitch) demo=connections_demo ;;
-h | --help | help)
	usage
	exit
	;;
*)
	printf 'demo.sh: it takes "tracepkt", "snitch" or no word; demo.sh --help says what it does\n' >&2
	exit 2
	;;
esac
[ "$(id -u)" = 0 ] || die "only root can make network namespaces and attach programs (sudo scripts/demo.sh)"
cd "$top"
. scripts/packages.sh
packages_need build run demo
make -s all

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
work=$(mktemp -d)
ln -s "$(command -v ping)" "$work/bystander"
scripts/netlab.sh up "$lab"

status=0
"$demo"
if [ -z "$(left_behind)" ]; then
	printf 'yes  nothing is left behind\n'
else
	printf 'NO   left behind: %s\n' "$(left_behind)"
	status=1
fi
exit "$status"
