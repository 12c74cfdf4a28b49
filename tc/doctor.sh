# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# doctor: what of us works on this machine, what does not and why, what is in the way or left over, and
# what to do about it. This is what all tools look at; what is one's alone is in doctor-TOOL.sh.
#
# What a rule needs is done as a rule does it, by the same functions, and undone: a probe that resembles
# it would tell of itself.

doctor_begin() {
	doctor_problems=0 doctor_section='' doctor_report='' doctor_unread='' doctor_missing=''
}

# doctor_print FORMAT WORD...: what it sets up is taken down again, whether or not that can be written.
doctor_print() {
	# shellcheck disable=SC2059 # the caller's
	printf "$@" 2>/dev/null || doctor_unread=1
}

# doctor_topic NAME: of the lines that follow.
doctor_topic() {
	doctor_section=$1
	[ -n "$json" ] || doctor_print '%s\n' "$1"
}

# doctor_tell STATE NAME [WORD...]: in capitals what keeps something from working that is needed or asked
# for. The others: ok, note, replaced, lost.
doctor_tell() {
	doctor_state=$1 doctor_name=$2
	shift 2
	case $doctor_state in
	[A-Z]*) doctor_problems=$((doctor_problems + 1)) ;;
	esac
	if [ -n "$json" ]; then
		doctor_report="$doctor_report$doctor_section	$doctor_state	$doctor_name	$*$newline"
	else
		doctor_print '%-9s%s%s\n' "$doctor_state" "$doctor_name" "${*:+: $*}"
	fi
}

# doctor_end: the sum, and the status that says it.
doctor_end() {
	if [ -n "$json" ]; then
		doctor_json 2>/dev/null || doctor_unread=1
	elif [ "$doctor_problems" = 0 ]; then
		doctor_print 'all well\n'
	else
		doctor_print '%s to look at\n' "$doctor_problems"
	fi
	[ -z "$doctor_unread" ] || say "cannot write the output"
	[ "$doctor_problems$doctor_unread" = 0 ]
}

# doctor_json: the report as an array of objects. What a terminal might obey is not in it (words_quote).
doctor_json() {
	printf '%s' "$doctor_report" | awk -F '\t' '
		function string(text) {
			gsub(/\\/, "\\\\", text)
			gsub(/"/, "\\\"", text)
			return "\"" text "\""
		}
		BEGIN { printf "[" }
		{
			printf "%s{\"topic\":%s,\"state\":%s,\"name\":%s,\"text\":%s}",
				(NR > 1 ? "," : ""), string($1), string($2), string($3), string($4)
		}
		END { print "]" }'
}

# doctor_tools: fails if one is missing, since what comes next needs them all.
doctor_tools() {
	local lack name package said

	doctor_topic tools
	lack=$(tools_missing)
	if [ -n "$lack" ]; then
		while read -r name package; do
			doctor_tell MISSING "$name" "install the package $package; the rest was not looked at"
		done <<-END
			$lack
		END
		return 1
	fi
	doctor_tell ok "all that is needed"
	for name in tc ip; do
		case $("$name" -V 2>&1) in
		*iproute2*) ;;
		*) doctor_tell MISSING "$name" "the one of iproute2: $(command -v "$name") is another (package iproute2)" ;;
		esac
	done
	said=$(bpftool version 2>&1) ||
		doctor_tell MISSING bpftool "it does not work: $(words_quote "${said##*"$newline"}") (package bpftool)"
	command -v jq >/dev/null || doctor_tell note jq "missing; -p, indented JSON, needs it (package jq)"
}

doctor_kernel() {
	doctor_topic kernel
	doctor_tell ok release "$(uname -r)"
	if [ -r /sys/kernel/btf/vmlinux ]; then
		doctor_tell ok BTF "types of the kernel"
	else
		doctor_tell MISSING BTF "no /sys/kernel/btf/vmlinux: a kernel with CONFIG_DEBUG_INFO_BTF, and /sys mounted"
	fi
	case $(cat /sys/kernel/security/lockdown 2>/dev/null) in
	*'[confidentiality]'*)
		doctor_tell BLOCKED lockdown "at confidentiality, programs may not read the kernel's memory: boot with lockdown=integrity"
		;;
	esac
	doctor_capabilities
}

doctor_capabilities() {
	capability_is_there 12 ||
		doctor_tell MISSING CAP_NET_ADMIN "nothing can be attached: give it to this shell or container"
	if capability_is_there 21; then
		capability_is_there 38 || doctor_tell note CAP_PERFMON "missing; CAP_SYS_ADMIN does instead"
		capability_is_there 39 || doctor_tell note CAP_BPF "missing; CAP_SYS_ADMIN does instead"
	else
		doctor_tell MISSING CAP_SYS_ADMIN "what is attached cannot be found again: give it to this shell or container"
	fi
}

doctor_pid_namespace() {
	pid_namespace_is_first ||
		doctor_tell BLOCKED "pid namespace" "not the machine's own, process numbers would be wrong: run it outside"
}

doctor_mounts() {
	doctor_topic mounts
	if ! grep -qw bpf /proc/filesystems; then
		doctor_tell MISSING bpffs "the kernel has none: one with CONFIG_BPF_SYSCALL"
	elif ! bpffs_is_mounted; then
		doctor_tell note bpffs "not mounted at $bpffs: mounted when it is needed"
	elif [ ! -w "$bpffs" ]; then
		doctor_tell BLOCKED bpffs "read-only: mount -o remount,rw $bpffs"
	else
		doctor_tell ok bpffs "at $bpffs"
	fi
	[ -w /run ] || doctor_tell BLOCKED /run "records cannot be written there: mount -o remount,rw /run"
}

# doctor_unsafe: true, and said, if somebody else has to do with what is ours.
doctor_unsafe() {
	doctor_said=$(trust_look_all)
	[ -n "$doctor_said" ] || return
	while read -r doctor_path doctor_why; do
		doctor_tell UNSAFE "$doctor_path" "$doctor_why: see what it is, then remove it or give it to root alone"
	done <<-END
		$doctor_said
	END
}

# doctor_elsewhere: true, and said, if it is not to be seen from here.
doctor_elsewhere() {
	doctor_pid=$(place_elsewhere) || return
	doctor_tell BLOCKED set-up "$(place_say "$doctor_pid")"
}

# doctor_programs PRESENT OBJECT...: PRESENT are the names of those that have been loaded as a rule loads
# them; of the others the helper is asked why. $doctor_missing are those that a set-up has no pins of, a line each.
doctor_programs() {
	doctor_present=$1 doctor_all=$("$vsh" programs)
	shift
	for doctor_object; do
		while IFS='	' read -r object program need purpose lost replaced; do
			[ "$object" != "$doctor_object" ] ||
				doctor_program "$program" "$need" "$purpose" "$lost" "$replaced"
		done <<-END
			$doctor_all
		END
	done
}

# doctor_program NAME needed|optional PURPOSE LOST REPLACED
doctor_program() {
	case $newline$doctor_present$newline in
	*"$newline$1$newline"*)
		doctor_tell ok "$1" "$3"
		return
		;;
	esac
	if doctor_said=$("$vsh" try "$objects" "$1" 2>&1); then
		case $newline$doctor_missing$newline in
		*"$newline$1$newline"*) doctor_tell GONE "$1" "its pin was taken away by somebody: $speaker repair loads it again" ;;
		*) doctor_tell ok "$1" "$3" ;;
		esac
		return
	fi
	doctor_said=${doctor_said##*"which $3: "}
	case $2:$5 in
	needed:*) doctor_tell MISSING "$1" "$4 ($doctor_said): it takes a kernel that loads it" ;;
	*:?*) doctor_tell replaced "$1" "by $5; $4 ($doctor_said)" ;;
	*) doctor_tell lost "$1" "$4 ($doctor_said)" ;;
	esac
}

# doctor_failure TEXT: what we have said of a failure, out of all that was printed meanwhile.
doctor_failure() {
	printf '%s\n' "$1" | sed -n "/^$speaker: note: /d; s/^$speaker: //p" | tail -n 1
}
