# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# command.bash - the commands under test: calling them, and reading what they say of a rule.

# vershitify WORDS...: descriptor 3 belongs to bats and would keep it waiting.
vershitify() {
	timeout -k 5 $((30 * PATIENCE)) "$VERSHITIFY" "$@" 3>&-
}

tracepkt() {
	timeout -k 5 $((30 * PATIENCE)) "$TRACEPKT" "$@" 3>&-
}

snitch() {
	timeout -k 5 $((30 * PATIENCE)) "$SNITCH" "$@" 3>&-
}

pingkiller() {
	timeout -k 5 $((30 * PATIENCE)) "$PINGKILLER" "$@" 3>&-
}

# In the namespace where the target's devices are.
vsh() {
	vershitify -n "$CLIENT" "$@"
}

# In the namespace where pings arrive.
pk() {
	pingkiller -n "$SERVER" "$@"
}

# rule_add WORDS...: on the client's device; the new rule's number goes to $RULE.
rule_add() {
	RULE=$(vsh add dev eth0 "$@")
}

# counter RULE seen|dropped [egress|ingress [packets|segments|bytes]]
counter() {
	vershitify -s show "$1" | awk -v direction="${3:-egress}" -v count="$2" -v unit="${4:-packets}" '
		$1 == direction && $2 == count {
			for (i = 3; i <= NF && $i != unit; i++);
			print $(i - 1)
			found = 1
		}
		END { exit !found }'
}

# somebody_listens: a foreground run or a monitor has registered the ring of its events.
somebody_listens() {
	bpftool -j map dump pinned /sys/fs/bpf/tc/globals/vsh_lost | jq -e 'any(.[].formatted.value; .pid != 0)' >/dev/null
}

# rule_field RULE NAME: a field of "show -j".
rule_field() {
	vershitify -j -s show "$1" | jq -r ".[0].$2"
}
