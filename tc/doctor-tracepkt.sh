# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What doctor looks at for tracepkt.sh: an echo is traced over the loopback device of a network namespace
# that goes with it.

doctor() {
	doctor_begin
	doctor_tools && {
		doctor_kernel
		doctor_pid_namespace
		doctor_others
		doctor_trace
		doctor_topic programs
		doctor_programs '' tracepkt.o
	}
	doctor_end
}

# doctor_others: what of vershitify's and pingkiller's is read.
doctor_others() {
	doctor_topic set-up
	doctor_unsafe || doctor_elsewhere || :
}

doctor_trace() {
	doctor_topic trace
	# shellcheck disable=SC2016 # for the inner shell
	if doctor_said=$(unshare --net sh -c 'ip link set lo up && "$0" trace "$1" -W 1 127.0.0.1' "$vsh" "$objects" 2>&1); then
		doctor_tell ok path "an echo and its answer were seen on loopback"
	else
		doctor_tell FAILS path "$(doctor_failure "$doctor_said")"
	fi
}
