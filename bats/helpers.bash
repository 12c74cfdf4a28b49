# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# helpers.bash - what the suites share. A suite starts with
#
#	load helpers
#	setup_file() { suite_begin; }
#	teardown_file() { suite_end; }
#	setup() { test_begin; }
#	teardown() { test_end; }
#
# The laboratory (scripts/netlab.sh) is made once a file, under a random name:
#
#   namespace $CLIENT                           namespace $SERVER
#   target and bystander run here               what arrives is counted here
#   eth0 192.0.2.1 2001:db8::1  ---- veth ----  eth0 192.0.2.2 2001:db8::2
#
# Each test starts and ends without rules; the file ends without anything of
# ours on the machine (leak_check).
#
# LAB_SHELL=1 opens a shell in $CLIENT before each test begins, as in
#
#	LAB_SHELL=1 bats bats/vershitify-verdict.bats -f 'drop 25%'
#
# with these functions (vsh add ..., on_server tcpdump ...). The test goes on when
# the shell ends, with the rules that it has left, and fails instead if its status
# is not 0. Any other value is a command, which bash runs there in the shell's place.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

TOP=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
# Another installation can be tested by naming its command.
VERSHITIFY=${VERSHITIFY:-$TOP/scripts/vershitify.sh}
PINGKILLER=${PINGKILLER:-$TOP/scripts/pingkiller.sh}
# shellcheck disable=SC2034 # in lib/command.bash
TRACEPKT=${TRACEPKT:-$TOP/scripts/tracepkt.sh}
# shellcheck disable=SC2034 # likewise
SNITCH=${SNITCH:-$TOP/scripts/snitch.sh}
PROGRAMS=$TOP/build/test

CLIENT4=192.0.2.1 CLIENT6=2001:db8::1
SERVER4=192.0.2.2 SERVER6=2001:db8::2

# An emulated machine is slow: fewer packets, more patience.
if [ -n "${VSH_VM-}" ]; then
	PACKETS=10000 PATIENCE=20
else
	PACKETS=100000 PATIENCE=1
fi

# shellcheck source=bats/lib/command.bash
. "$TOP/bats/lib/command.bash"
# shellcheck source=bats/lib/processes.bash
. "$TOP/bats/lib/processes.bash"
# shellcheck source=bats/lib/datagrams.bash
. "$TOP/bats/lib/datagrams.bash"
# shellcheck source=bats/lib/statistics.bash
. "$TOP/bats/lib/statistics.bash"
# shellcheck source=bats/lib/machine.bash
. "$TOP/bats/lib/machine.bash"
# shellcheck source=bats/lib/state.bash
. "$TOP/bats/lib/state.bash"
# shellcheck source=bats/lib/topology.bash
. "$TOP/bats/lib/topology.bash"
# shellcheck source=bats/lib/lab.bash
. "$TOP/bats/lib/lab.bash"
