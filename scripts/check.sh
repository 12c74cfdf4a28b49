#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh - prove the project: install what is missing, build, lint, run every test on this kernel, and
# again on Debian's kernels in virtual machines.
#
# The verdict is drawn from what was printed, test by test, against what was asked for: a test that did
# not run, because bats, the guest or the time limit ended first, counts as failed.

set -eu

usage() {
	cat <<'END'
Usage: check.sh [--no-vm | --vm-only] [--every] [--kernel SERIES]... [FILE.bats...]
       check.sh --tap FILE.bats...

  --no-vm           only on this machine's kernel
  --vm-only         only in virtual machines (no lint)
  --every           in virtual machines, too, every test: more than an hour
  --kernel SERIES   a kernel for the virtual machines, as 6.1; repeatable (default: 6.1 and 6.12)
  --tap             only run the files, here, and print bats' raw output with marks

Without files: all of bats/*.bats. Virtual machines run, of the files that contain a line "# vm: REGEX",
the tests whose names match: emulation is slow, so those that differ from kernel to kernel.
A test that is skipped here has to pass in one of the virtual machines, or the check fails; it may stay
skipped where an option or a list of files asked for a part of the check only.

The last line is "N passed, N failed" (and ", N skipped"): tests, once for each kernel they ran on, and
the steps before them. The exit status is 0 if nothing failed, 1 if something did, 2 for a wrong word.
Logs stay in build/check/. Environment: FILE_SECONDS, VM_SECONDS, FUZZ_SECONDS limit one file of tests
here (600), the virtual machines (4200; with --every 7200), one fuzz target (10).
END
}

misuse() {
	printf 'check.sh: %s\n' "$*" >&2
	exit 2
}

die() {
	printf 'check.sh: %s\n' "$*" >&2
	exit 1
}

# --- one run of bats ----------------------------------------------------------------------------

# suite_run FILE...: bats, one file at a time, so that one that breaks takes no other along. Each line
# begins with the kernel and the file; one that goes on with "::ended" closes the file.
suite_run() {
	local file status release pipe="$work/pipe" foreground=--foreground

	# Without the option, Ctrl-C would not reach the tests; the timeout of busybox needs none.
	timeout $foreground 1 true 2>/dev/null || foreground=
	release=$(uname -r)
	mkfifo "$pipe"
	for file in "$@"; do
		lines_mark "$release $file" <"$pipe" &
		{
			status=0
			# shellcheck disable=SC2086 # an option or nothing
			VSH_CHECK="$$ $file" timeout $foreground -k 10 "$FILE_SECONDS" \
				bats --tap --timing --filter "$(tests_filter "$file")" "$file" \
				</dev/null 2>&1 || status=$?
			printf '::ended %s\n' "$status"
		} >"$pipe"
		wait $!
		case $status in
		124 | 137) stragglers_kill "VSH_CHECK=$$ $file" ;;
		esac
	done
	rm -f "$pipe"
}

# tests_filter FILE: the expression that names of tests have to match here.
tests_filter() {
	[ -z "${VSH_VM-}" ] || vm_filter "$1"
}

# lines_mark MARK: copy until the file is closed. What a straggler says later must not be taken for the
# result of another test, nor may it keep anybody waiting.
lines_mark() {
	local line

	while IFS= read -r line; do
		printf '%s: %s\n' "$1" "$line"
		case $line in
		::ended*) break ;;
		esac
	done
}

# stragglers_kill VARIABLE=VALUE: end the processes that were started with it in their environment.
stragglers_kill() {
	local dir

	for dir in /proc/[0-9]*; do
		! grep -qF "$1" "$dir/environ" 2>/dev/null || kill -9 "${dir#/proc/}" 2>/dev/null || true
	done
}

# logs_follow LOG...: show files that grow, from their start. Files and no pipe, because a process that
# a test leaves behind would keep a pipe open for ever.
logs_follow() {
	tail -q -n +1 -f "$@" &
	follower=$!
}

logs_unfollow() {
	sleep 1 # tail looks once a second
	kill "$follower" 2>/dev/null || true
	wait "$follower" 2>/dev/null || true
	follower=
}

# suite_here FILE...
suite_here() {
	local run log status=0

	run=$(uname -r)
	log=$logs/$run.tap
	announce "tests on this kernel, $run"
	: >"$log"
	logs_follow "$log"
	suite_run "$@" >>"$log" 2>&1 || status=$?
	logs_unfollow
	results_read "$run" "$log" "the run ended with status $status" "$@"
}

# --- results ------------------------------------------------------------------------------------

# tests_list vm|here FILE...: the tests that have to run there, in the order of the files, as tests.awk has them.
tests_list() {
	local file filter where="$1"

	shift
	for file in "$@"; do
		filter=
		[ "$where" = here ] || filter=$(vm_filter "$file")
		FILTER=$filter awk -f "$top/scripts/check/tests.awk" "$file"
	done
}

# results_read RUN LOG END FILE...: append to $results what LOG says of each test of FILE..., and to $failures
# what failed tests printed (results.awk).
results_read() {
	local run="$1" log="$2" end="$3"

	shift 3
	case $run in
	*" vm") tests_list vm "$@" >"$work/expected" ;;
	*) tests_list here "$@" >"$work/expected" ;;
	esac
	printf '%s\n' "$@" >"$work/files"
	awk -v run="$run" -v end="$end" -v failures="$failures" -f "$top/scripts/check/results.awk" \
		"$work/expected" "$work/files" "$log" >>"$results"
}

# step_record VERDICT NAME: VERDICT is pass, fail, or note, which counts as neither
step_record() {
	printf '%s\t%s\n' "$1" "$2" >>"$steps"
}

# step_run NAME COMMAND...: one step of the check; its status is what the command returned.
step_run() {
	local name="$1"

	shift
	announce "$name"
	if "$@"; then
		step_record pass "$name"
	else
		step_record fail "$name"
		return 1
	fi
}

announce() {
	printf '\n== %s (%s s)\n' "$1" "$(($(date +%s) - started))"
}

# results_slowest: where the time goes
results_slowest() {
	printf '\n'
	sort -t "$(printf '\t')" -k5,5nr "$results" | head -n 5 |
		awk -F '\t' '{ printf "%s%7.1f s  %s, kernel %s\n", NR == 1 ? "slowest:\n" : "", $5 / 1000, $6, $1 }'
	printf '\n'
}

# results_tell: all there is to say. 0 if nothing failed.
results_tell() {
	results_slowest
	awk -v whole="$whole" -v failures="$failures" -f "$top/scripts/check/report.awk" "$steps" "$results"
}

# --- the steps ----------------------------------------------------------------------------------

# finish: tell, and leave with the status that belongs to it.
finish() {
	local status=0

	results_tell || status=1
	exit "$status"
}

clean_up() {
	local guest

	[ -z "$follower" ] || kill "$follower" 2>/dev/null || true
	for guest in $guests; do
		kill "${guest%%:*}" 2>/dev/null || true
	done
	[ -z "$work" ] || rm -rf "$work"
}

interrupted() {
	echo 'check.sh: interrupted' >&2
	exit 130
}

started=$(date +%s)
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
follower='' guests='' work=''
kernels='6.1 6.12' kernels_asked='' here=1 vms=1 tap='' whole=1 every=''

# Options first, then files, which are taken from where the caller stands.
while [ $# -gt 0 ]; do
	case $1 in
	--no-vm) vms='' whole='' ;;
	--vm-only) here='' whole='' ;;
	--every) every=1 ;;
	--kernel | --kernel=*)
		word=${1#--kernel}
		if [ -n "$word" ]; then
			word=${word#=}
		else
			[ $# -gt 1 ] || misuse "--kernel wants a series, as 6.12"
			shift
			word=$1
		fi
		case $word in
		[0-9]*.[0-9]*) ;;
		*) misuse "--kernel $word: wants a series, as 6.12" ;;
		esac
		kernels_asked="$kernels_asked $word" whole=''
		;;
	--tap) tap=1 ;;
	-h | --help | help)
		usage
		exit
		;;
	-*) misuse "unknown option $1; check.sh --help shows the usage" ;;
	*) break ;;
	esac
	shift
done
[ -n "$here$vms" ] || misuse "--no-vm and --vm-only leave nothing to do"
[ -n "$vms" ] || [ -z "$kernels_asked" ] || misuse "--kernel chooses virtual machines, --no-vm refuses them"
[ -n "$vms" ] || [ -z "$every" ] || misuse "--every is for virtual machines, --no-vm refuses them"
kernels=${kernels_asked:-$kernels}
if [ -n "$every" ]; then
	: "${FILE_SECONDS:=3600}" "${VM_SECONDS:=7200}"
else
	: "${FILE_SECONDS:=600}" "${VM_SECONDS:=4600}"
fi
for file in "$@"; do
	[ -r "$file" ] || misuse "no file $file"
	# The same words have to mean the same files in the guest, and in bats' output.
	case $(realpath -- "$file") in
	"$top"/bats/*.bats) ;;
	*) misuse "$file is not one of this project's bats/*.bats" ;;
	esac
done
files=$(for file in "$@"; do realpath -- "$file" | sed "s|^.*/bats/|bats/|"; done)
[ $# -eq 0 ] || whole=''
cd "$top"
[ -n "$files" ] || files=$(for file in bats/*.bats; do [ ! -e "$file" ] || printf '%s\n' "$file"; done)

# shellcheck source=scripts/check/vms.sh
. "$top/scripts/check/vms.sh"
trap clean_up EXIT
# PIPE as well: a shell that nobody listens to would leave the guests behind.
trap interrupted INT TERM HUP PIPE
work=$(mktemp -d)
if [ -n "$tap" ]; then
	# shellcheck disable=SC2086 # the names of test files have no blanks
	suite_run $files
	exit
fi

[ "$(id -u)" = 0 ] || die "needs root: it attaches programs to the kernel (sudo scripts/check.sh)"
logs=$top/build/check
mkdir -p "$logs"
rm -f "$logs"/*.tap
results=$work/results steps=$work/steps failures=$work/failures
: >"$results"
: >"$steps"

. "$top/scripts/packages.sh"
# shellcheck disable=SC2046 # two words or three
step_run "packages" packages_need build run demo test $([ -z "$here" ] || echo lint) || finish
if [ -n "$vms" ] && ! packages_need vm; then
	[ -n "$here" ] || die "virtual machines are all that was asked for, and they cannot be had"
	step_record note "virtual machines: not run, qemu cannot be installed here"
	vms=
fi
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
step_run "build" make -j"$jobs" all testprograms sanitize || finish
guest_files=
if [ -n "$vms" ]; then
	# shellcheck disable=SC2086 # the names of test files have no blanks
	guest_files=$(vm_files $files)
	# shellcheck disable=SC2086 # as above
	[ -z "$guest_files" ] || vms_start $guest_files
fi
if [ -n "$here" ]; then
	step_run "lint" make -k lint || true
	# shellcheck disable=SC2086 # as above
	[ -z "$files" ] || suite_here $files
fi
# shellcheck disable=SC2086 # as above
vms_wait $guest_files
announce "done"
finish
