# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vms.sh - a library of check.sh: which tests virtual machines run, and the machines beside the run on this
# kernel. A file of tests says "# vm: REGEX" if some of its tests differ from kernel to kernel.

# vm_filter FILE: the expression that names of tests have to match in a virtual machine; none with --every.
vm_filter() {
	[ -n "$every" ] || sed -n 's/^# vm: //p' "$1"
}

# vm_files FILE...: those that are meant for virtual machines
vm_files() {
	local file

	for file in "$@"; do
		[ -z "$every" ] && [ -z "$(vm_filter "$file")" ] || printf '%s\n' "$file"
	done
}

# vms_start FILE...: all virtual machines at the same time; each takes one processor, when nothing else
# wants it: the tests on this kernel have the machine as if to themselves.
vms_start() {
	local series run share

	# The guest has file systems of its own on /tmp and /run.
	case $top in
	/tmp/* | /run/*) share=$top ;;
	*) share=$logs ;;
	esac
	for series in $kernels; do
		run=$(vm_kernel "$series") || continue
		announce "tests in a virtual machine, kernel $run, begin"
		: >"$logs/$run-vm.tap"
		exec_idle bats/vm.sh -k "$series" -t "$VM_SECONDS" -s "$share" \
			env FILE_SECONDS="$VM_SECONDS" scripts/check.sh ${every:+--every} --tap "$@" \
			>"$logs/$run-vm.tap" 2>&1 &
		guests="$guests $!:$run"
	done
}

# exec_idle COMMAND...: becomes COMMAND, which gets what time others leave, and gives way to them at once.
exec_idle() {
	! chrt -i 0 true 2>/dev/null || exec chrt -i 0 "$@"
	exec nice -n 19 "$@"
}

# vms_wait FILE...
vms_wait() {
	local run guest status words

	[ -n "$guests" ] || return 0
	announce "tests in virtual machines"
	logs_follow "$logs"/*-vm.tap
	for guest in $guests; do
		status=0
		wait "${guest%%:*}" || status=$?
		case $status in
		124) words="the guest ran into its time limit of $VM_SECONDS s" ;;
		*) words="the guest ended with status $status" ;;
		esac
		# This machine may run the very same release: a name that differs.
		run=${guest#*:}
		results_read "$run vm" "$logs/$run-vm.tap" "$words" "$@"
	done
	guests=
	logs_unfollow
}

# vm_kernel SERIES: fetch the kernel, print its release. A kernel that was not asked for by name need
# not exist in every distribution.
vm_kernel() {
	local status=0

	bats/vm.sh -f -k "$1" || status=$?
	[ "$status" != 0 ] || return 0
	if [ "$status" = 3 ] && [ -z "$kernels_asked" ]; then
		step_record note "kernel $1: not run, this distribution does not have it"
	else
		step_record fail "kernel $1"
	fi
	return 1
}
