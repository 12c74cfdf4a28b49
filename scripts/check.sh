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
here (600), the virtual machines (2700; with --every 7200), one fuzz target (10).
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

# tests_filter FILE: the expression that names of tests have to match here; in a virtual machine (see
# bats/vm.sh) the file has one.
tests_filter() {
	[ -z "${VSH_VM-}" ] || [ -n "${EVERY-}" ] || sed -n 's/^# vm: //p' "$1"
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
			env FILE_SECONDS="$VM_SECONDS" EVERY="$every" scripts/check.sh --tap "$@" >"$logs/$run-vm.tap" 2>&1 &
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

# --- results ------------------------------------------------------------------------------------

# tests_list vm|here FILE...: lines "FILE NUMBER NAME", separated by tabs, in the order of the files.
# The names are read from the source, since a run that died cannot tell them.
tests_list() {
	local where="$1"

	shift
	awk -v where="$where" -v every="$every" '
	FNR == 1 {
		n = 0
		filter = ""
	}
	where == "vm" && !every && /^# vm: / { filter = substr($0, 7) }
	/^[ \t]*@test[ \t].*\{/ {
		name = $0
		sub(/^[ \t]*@test[ \t]+/, "", name)
		sub(/[ \t]+\{[^{]*$/, "", name)
		if (name ~ /^".*"$/ || name ~ /^\047.*\047$/)
			name = substr(name, 2, length(name) - 2)
		gsub(/\\/, "", name)
		gsub(/\t/, " ", name)
		if (name !~ filter)
			next
		print FILENAME "\t" ++n "\t" name
	}' "$@"
}

# results_read RUN LOG END FILE...: append to $results a line "RUN FILE NUMBER VERDICT MS NAME
# REASON" (tabs between) for each test of FILE..., whether LOG tells of it or not; and to $failures what
# failed tests printed.
results_read() {
	local run="$1" log="$2" end="$3"

	shift 3
	case $run in
	*" vm") tests_list vm "$@" >"$work/expected" ;;
	*) tests_list here "$@" >"$work/expected" ;;
	esac
	printf '%s\n' "$@" >"$work/files"
	awk -v run="$run" -v end="$end" -v failures="$failures" '
	BEGIN { OFS = "\t" }

	function record(number, verdict, name, reason, ms) {
		gsub(/\t/, " ", name)
		gsub(/\t/, " ", reason)
		if (verdict == "fail")
			failed[file]++
		if (number > last[file])
			last[file] = number
		line[file, number] = line[file, number] run OFS file OFS number OFS verdict OFS ms + 0 OFS name OFS reason "\n"
	}

	# A verdict waits for the comments that follow it: they say why.
	function flush() {
		if (open)
			record(number, verdict, name, reason, ms)
		open = 0
	}

	# All that is known of the file, in the order of its tests; what is not known has failed.
	function finish(ended, why,    n) {
		flush()
		for (n = 1; n <= wanted[file] || n <= plan[file]; n++)
			if (!((file, n) in line))
				record(n, "fail", (file, n) in names ? names[file, n] : "test " n, "did not run, " why)
		if (!failed[file] && (ended != 0 || !last[file]))
			record(0, "fail", "(the file)", last[file] ? why : "no tests in it")
		for (n = 0; n <= last[file]; n++)
			printf "%s", line[file, n]
		finished[file] = 1
	}

	FILENAME == ARGV[1] {
		split($0, field, "\t")
		names[field[1], field[2]] = field[3]
		wanted[field[1]] = field[2]
		next
	}
	FILENAME == ARGV[2] {
		files[++count] = $0
		asked[$0] = 1
		next
	}

	{
		sub(/^[^ ]+ /, "")
		file = substr($0, 1, index($0, ": ") - 1)
		if (!(file in asked) || file in finished)
			next
		$0 = substr($0, length(file) + 3)
	}
	/^::ended / {
		why = "bats ended with status " $2
		if ($2 == 124)
			why = "the time limit ended it"
		if ($2 == 137)
			why = "bats was killed"
		finish($2, why)
		next
	}
	/^1\.\.[0-9]+$/ {
		plan[file] = substr($0, 4) + 0
		next
	}
	/^(not )?ok [0-9]+ / {
		flush()
		verdict = $1 == "ok" ? "pass" : "fail"
		reason = ""
		number = verdict == "pass" ? $2 : $3
		name = $0
		sub(/^(not )?ok [0-9]+ /, "", name)
		if (verdict == "pass" && match(name, / in [0-9]+ms # skip/)) {
			verdict = "skip"
			reason = substr(name, RSTART + RLENGTH)
			sub(/^ /, "", reason)
			name = substr(name, 1, RSTART + RLENGTH - 8)
		}
		ms = 0
		if (match(name, / in [0-9]+ms$/)) {
			ms = substr(name, RSTART + 4, RLENGTH - 6)
			name = substr(name, 1, RSTART - 1)
		}
		# bats gives a failed setup_file the number of the first test, though that did not run.
		if (name ~ /^(setup|teardown)_file failed$/)
			number = 0
		open = 1
		if (verdict == "fail")
			print run " " file ": " $0 >>failures
		next
	}
	open && verdict == "fail" && /^# / && reason == "" { reason = substr($0, 3) }
	open && verdict == "fail" && /^#   `/ { reason = reason " " substr($0, 5) }
	open && verdict == "fail" { print run ": " $0 >>failures }

	END {
		for (n = 1; n <= count; n++) {
			file = files[n]
			if (!(file in finished))
				finish(1, end)
		}
	}' "$work/expected" "$work/files" "$log" >>"$results"
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

# results_tell: the table of tests and kernels, the reasons of what was skipped or failed, what the
# failed tests printed (last, where the end of a log is all that is kept), the sums.
# 0 if nothing failed.
results_tell() {
	results_slowest
	awk -F '\t' -v whole="$whole" -v failures="$failures" '
	FILENAME == ARGV[1] {
		step[++steps] = $2
		step_verdict[steps] = $1
		sum[$1]++
		next
	}
	{
		test = $2 SUBSEP $6
		if (!($1 in column)) {
			column[$1] = ++columns
			head[columns] = $1
			sub(/\+.*|-[a-z].*| .*/, "", head[columns])
		}
		if (!(test in row)) {
			row[test] = ++rows
			row_file[rows] = $2
			row_name[rows] = $6
		}
		cell[row[test], column[$1]] = $4
		why[row[test], column[$1]] = $7
		if ($4 != "skip")
			ran[row[test]] = 1
		sum[$4]++
	}
	END {
		for (c = 1; c <= columns; c++)
			printf "%-10.10s", head[c]
		if (columns)
			printf "\n"
		indent = sprintf("%" columns * 10 + 2 "s", "")
		for (r = 1; r <= rows; r++) {
			if (row_file[r] != file)
				printf "%s\n", file = row_file[r]
			for (c = 1; c <= columns; c++)
				printf "%-10s", (r, c) in cell ? cell[r, c] : "-"
			printf "%s\n", row_name[r]
			for (c = 1; c <= columns; c++)
				if ((r, c) in why && cell[r, c] != "pass")
					printf "%s%s: %s%s\n", indent, head[c], cell[r, c], why[r, c] == "" ? "" : ", " why[r, c]
			if (whole && !ran[r]) {
				printf "%sfail, it ran on no kernel at all\n", indent
				sum["fail"]++
			}
		}
		if (!rows) {
			print "fail: no test was run"
			sum["fail"]++
		}
		print ""
		while ((getline text <failures) > 0)
			print text
		for (s = 1; s <= steps; s++)
			printf "%-10s%s\n", step_verdict[s], step[s]
		printf "%d passed, %d failed", sum["pass"], sum["fail"]
		if (sum["skip"])
			printf ", %d skipped", sum["skip"]
		printf "\n"
		exit sum["fail"] != 0
	}' "$steps" "$results"
}

# --- the steps ----------------------------------------------------------------------------------

# vm_files FILE...: those that are meant for virtual machines
vm_files() {
	if [ -n "$every" ]; then
		printf '%s\n' "$@"
	else
		grep -l '^# vm: ' "$@" || true
	fi
}

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
	: "${FILE_SECONDS:=600}" "${VM_SECONDS:=2700}"
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
