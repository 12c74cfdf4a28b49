# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What doctor looks at for snitch.sh: the helper connects to itself over the loopback device of a network
# namespace that goes with it, and has to see that.

doctor() {
	doctor_begin
	doctor_tools && {
		doctor_kernel
		doctor_cgroup2
		doctor_watch
		doctor_topic programs
		doctor_programs '' snitch.o tcp.o
	}
	doctor_end
}

doctor_cgroup2() {
	doctor_topic mounts
	if [ -n "$cgroup_root" ]; then
		doctor_tell ok cgroup2 "at $cgroup_root"
	else
		doctor_tell lost cgroup2 "not mounted: UDP, and connects that fail at once, are not seen (mount -t cgroup2 cgroup2 FOLDER)"
	fi
}

doctor_watch() {
	doctor_topic watch
	# shellcheck disable=SC2016 # for the inner shell
	if doctor_said=$(unshare --net sh -c 'ip link set lo up && exec "$@"' sh \
		"$vsh" ${cgroup_root:+-C "$cgroup_root"} snitch "$objects" try 2>&1); then
		doctor_tell ok connection "one was seen on loopback, from both sides"
	else
		doctor_tell FAILS connection "$(doctor_failure "$doctor_said")"
	fi
}
