# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: GPL-2.0-or-later
#
# processes.bash - targets and bystanders: programs under other names, in the lab, and their end.

# -g: bats loads this file from within a function.
declare -gA STARTED=()

# as COMM PROGRAM: prints a copy of the program (one of ours by its name, any
# other by its path) whose processes are called COMM.
as() {
	local program=$2 copy

	case $program in */*) ;; *) program=$PROGRAMS/$program ;; esac
	copy=$BATS_FILE_TMPDIR/as/${program##*/}/$1
	if [ ! -x "$copy" ]; then
		mkdir -p "${copy%/*}"
		cp "$program" "$copy"
	fi
	printf '%s\n' "$copy"
}

# nsenter, because "ip netns exec" would hide the BPF file system.
on_client() {
	nsenter --net="/run/netns/$CLIENT" -- "$@" 3>&-
}

on_server() {
	nsenter --net="/run/netns/$SERVER" -- "$@" 3>&-
}

# start client|server|here NAME COMMAND...: in the background, stopped at the
# latest when the test ends. pid NAME, output NAME, errors NAME tell about it.
start() {
	local where=$1 name=$2 enter=()
	shift 2
	case $where in
	client) enter=(nsenter "--net=/run/netns/$CLIENT" --) ;;
	server) enter=(nsenter "--net=/run/netns/$SERVER" --) ;;
	esac
	# who had the name before is stopped in the end, too
	[ -z "${STARTED[$name]-}" ] || STARTED["$name before ${STARTED[$name]}"]=${STARTED[$name]}
	# here, and not only by the process: what an earlier one has said must not be waited for
	: >"$BATS_TEST_TMPDIR/$name.out"
	: >"$BATS_TEST_TMPDIR/$name.err"
	# One simple command without functions, so that $! is the process that becomes COMMAND.
	# A shell starts background commands with INT ignored, and no trap could undo that.
	"${enter[@]}" env --default-signal=INT,QUIT "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- </dev/null &
	STARTED[$name]=$!
}

pid() {
	printf '%s\n' "${STARTED[$1]}"
}

# is_called NAME COMM: what was started has become this program (and is no longer one that sets it up).
is_called() {
	[ "$(cat "/proc/${STARTED[$1]}/comm")" = "$2" ]
}

output_of() {
	cat "$BATS_TEST_TMPDIR/$1.out"
}

errors_of() {
	cat "$BATS_TEST_TMPDIR/$1.err"
}

# stop NAME [SIGNAL]: and wait for it. Its exit status is kept in $EXIT_STATUS.
stop() {
	kill -s "${2:-TERM}" "${STARTED[$1]}" 2>/dev/null || :
	finish "$1"
}

# finish NAME: wait for it to end by itself; its exit status goes to $EXIT_STATUS.
finish() {
	EXIT_STATUS=0
	wait "${STARTED[$1]}" || EXIT_STATUS=$?
	unset "STARTED[$1]"
}

# With what they have started in turn.
processes_stop() {
	local name

	for name in "${!STARTED[@]}"; do
		{
			family_kill "${STARTED[$name]}"
			wait "${STARTED[$name]}"
		} 2>/dev/null || :
	done
	STARTED=()
}

# Not every kernel has the list, and pgrep looks at every process there is.
children_of() {
	if [ -e "/proc/$1/task/$1/children" ]; then
		cat "/proc/$1/task"/*/children
	else
		pgrep -P "$1"
	fi
}

family_kill() {
	local child

	# Stopped, it starts no others meanwhile.
	kill -s STOP "$1" || return 0
	for child in $(children_of "$1"); do
		family_kill "$child"
	done
	kill -s KILL "$1"
}

# busywait SECONDS COMMAND...: until COMMAND succeeds.
busywait() {
	local end=$((SECONDS + $1 * PATIENCE + 1))
	shift
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

lines_count() {
	grep -cE -- "$2" "$BATS_TEST_TMPDIR/$1.out" || :
}

lines_are() {
	(($(lines_count "$1" "$2") >= $3))
}

# wait_line NAME REGEX [COUNT]: until what was started has printed it (COUNT times).
wait_line() {
	if ! busywait 20 lines_are "$1" "$2" "${3:-1}"; then
		echo "$1 has printed:" >&2
		output_of "$1" >&2
		errors_of "$1" >&2
		return 1
	fi
}

# go NAME: tell it to go on (SIGUSR1).
go() {
	kill -s USR1 "${STARTED[$1]}"
}

ended() {
	! kill -0 "${STARTED[$1]}" 2>/dev/null
}

# fdinfo_of NAME FIELD: what its open files have in this field, a line each.
fdinfo_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/${STARTED[$1]}/fdinfo/"* | sort -u
}

# programs_of NAME: ids of the BPF programs that it holds.
programs_of() {
	fdinfo_of "$1" prog_id
}

# are_gone IDS: none of these programs is loaded any more.
are_gone() {
	local id

	for id in $1; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}
