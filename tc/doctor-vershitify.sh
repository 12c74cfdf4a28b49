# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What doctor looks at for vershitify.sh. Where nothing is set up, all that a rule would need is set up and
# taken down again, under the lock; the journal says "down" meanwhile, so that the next command finishes
# what is interrupted.

# Programs of the root cgroup that some rules need.
doctor_hooks='cg_ingress cg_egress connect4 connect6 bind4 bind6 sendmsg4 sendmsg6'

doctor() {
	doctor_begin
	doctor_tools && {
		doctor_kernel
		doctor_pid_namespace
		doctor_mounts
		doctor_cgroup
		doctor_leftovers
		doctor_rules
		doctor_devices
	}
	doctor_end
}

doctor_cgroup() {
	cgroup_find
	if [ -n "$cgroup_root" ]; then
		doctor_tell ok cgroup2 "at $cgroup_root"
	elif grep -qw cgroup2 /proc/filesystems; then
		doctor_tell note cgroup2 "not mounted: mounted below $state when it is needed"
	else
		doctor_tell MISSING cgroup2 "the kernel has no control groups of version 2: one with CONFIG_CGROUPS"
	fi
}

# doctor_leftovers: pins, records and programs of rules that are gone.
doctor_leftovers() {
	doctor_topic set-up
	doctor_left=''
	if doctor_unsafe || doctor_elsewhere; then
		doctor_left=1
		return
	fi
	if setup_is_there; then
		doctor_tell ok loaded "rules: $("$vsh" show | grep -c .)"
		[ -z "$("$vsh" plan reap)" ] ||
			doctor_tell note "rules of runs that were killed" "the next command that changes anything removes them"
		doctor_fill
		doctor_missed
		doctor_standings
		return
	fi
	if [ -n "$(ls -A "$state" 2>/dev/null)" ]; then
		doctor_tell LEFT "$state" "records of a set-up that is gone: vershitify.sh down"
		doctor_left=1
	fi
	if classifiers_are_left; then
		doctor_tell LEFT vsh_egress "a classifier of ours is attached somewhere: vershitify.sh down"
		doctor_left=1
	fi
	[ -n "$doctor_left" ] || doctor_tell ok "not loaded"
}

# classifiers_are_left: those of set-ups in other mount namespaces are not.
classifiers_are_left() {
	doctor_others=$(programs_of_others)
	for doctor_id in $(bpftool prog show name "$filter_program" 2>/dev/null | sed -n 's/^\([0-9]*\): .*/\1/p'); do
		case " $doctor_others " in
		*" $doctor_id "*) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# doctor_standings: rules that do not rule as they should.
doctor_standings() {
	while IFS='	' read -r id standing why _; do
		case $standing in
		detached) doctor_tell GONE "rule $id" "detached: $why: vershitify.sh repair attaches it again" ;;
		'device gone') doctor_tell GONE "rule $id" "device gone: $why, which a rule names: change $id dev DEV, or del $id" ;;
		'namespace gone') doctor_tell GONE "rule $id" "its network namespace is gone: del $id" ;;
		'cgroup gone') doctor_tell note "rule $id" "its cgroup is gone; one that is made anew there is its target" ;;
		expired) doctor_tell ok "rule $id" expired ;;
		esac
	done <<-END
		$(helper standing)
	END
}

# doctor_fill: maps that are full.
doctor_fill() {
	while IFS='	' read -r map used room what; do
		[ "$used" -lt "$room" ] ||
			doctor_tell FULL "$map" "all $room $what that there can be are there: no further one is taken"
	done <<-END
		$("$vsh" fill)
	END
}

# doctor_missed: what escapes rules that are there.
doctor_missed() {
	local rule what

	while IFS='	' read -r rule what; do
		[ -z "$rule" ] || doctor_tell MISSED "rule $rule" "$what"
	done <<-END
		$("$vsh" missed)
	END
}

# doctor_rules: does what a rule needs, or looks at what it needs where there are rules.
doctor_rules() {
	doctor_works=''
	if setup_is_there; then
		doctor_attached
	elif [ -z "$doctor_left" ]; then
		doctor_said=$(trial 2>&1) || doctor_tell FAILS "a rule" "$(doctor_failure "$doctor_said")"
		doctor_works=$(printf '%s\n' "$doctor_said" | sed -n 's/^works //p')
		doctor_holding "$doctor_said"
	fi
	doctor_topic programs
	doctor_missing=$(pins_missing)
	doctor_programs "$doctor_works" tracker.o receive.o vershitify.o hold.o calls.o
}

# trial: a set-up without a rule, which hits nobody, and its end. Prints "works PROGRAM" for each program that
# is where a rule would have it.
trial() {
	needs_all
	change_hold
	trial_status=0
	# Somebody may have been faster.
	if vershitify_leftovers; then
		say "not tried: a killed command has left something (vershitify.sh down)"
		trial_status=1
	elif ! setup_is_there; then
		journal_begin down
		trial_set_up || trial_status=1
		teardown
	fi
	change_end
	return "$trial_status"
}

# The programs of directions come first, since a rule can do without them: what is said of those is said again
# of the programs.
trial_set_up() {
	setup_load || return 1
	for trial_hook in $doctor_hooks; do
		hook_attach "${trial_hook#cg_}" "vsh_$trial_hook" 2>/dev/null || :
	done
	pins_list | sed 's/^/works /'
	trial_attach || return
	printf 'works vsh_egress\n'
	trial_hold
}

# trial_hold: on the device of trial_attach. A rule can do without, too.
trial_hold() {
	if trial_said=$(hold_try "$trial_line" "$(netns_cookie "$netns_file")" 2>&1); then
		printf 'holds\n'
	else
		printf 'holds not: %s\n' "$(doctor_failure "$trial_said")"
	fi
}

# doctor_holding TRIAL: whether packets can be held, which takes more of the kernel than to lose them.
doctor_holding() {
	case $newline$1 in
	*"${newline}holds$newline"* | *"${newline}holds") doctor_tell ok "delay, rate ..." "netem, tbf and ifb work" ;;
	*"${newline}holds not: "*)
		doctor_tell note "delay, rate ..." "$(printf '%s\n' "$1" | sed -n 's/^holds not: //p')"
		;;
	esac
}

# pins_list: the programs that are pinned, or whose links are.
pins_list() {
	for pin in "$pins"/*; do
		pin=${pin##*/}
		printf '%s\n' "${pin#link_}"
	done
}

# trial_attach: the classifier to the first device that has room for it.
trial_attach() {
	trial_look=$(filters_look) || return
	while read -r trial_ifindex trial_device trial_qdisc trial_place _; do
		[ -z "$(obstacle_tell "$trial_device" "$trial_qdisc" "$trial_place")" ] || continue
		trial_line="dev $trial_ifindex $trial_device$newline"
		devices_attach "$trial_line" "$(netns_cookie "$netns_file")"
		return
	done <<-END
		$trial_look
	END
	say "no device here has room for a classifier"
	return 1
}

# doctor_attached: what is loaded, and whether it still is where the rules need it.
doctor_attached() {
	doctor_needed=$("$vsh" plan needed)
	cgroup_is_attached vsh_sock_create ||
		doctor_tell GONE vsh_sock_create "detached from $cgroup_root by somebody (vershitify.sh repair): the next add or run attaches it again"
	for doctor_hook in $doctor_hooks; do
		case $doctor_needed in
		*"hook $doctor_hook"*)
			cgroup_is_attached "vsh_$doctor_hook" ||
				doctor_tell GONE "vsh_$doctor_hook" "detached from $cgroup_root by somebody: vershitify.sh repair attaches it again"
			;;
		esac
	done
	doctor_works=$(pins_list)
}

# doctor_devices: of the chosen network namespace.
doctor_devices() {
	doctor_topic "devices${netns_name:+ of $(words_quote "$netns_name")}"
	doctor_cookie=$(netns_cookie "$netns_file")
	doctor_needed=''
	! setup_is_there || doctor_needed=$("$vsh" plan needed | sed -n "s/^dev $doctor_cookie //p")
	doctor_look=$(filters_look)
	doctor_ifbs=$newline$(ifbs_look | cut -d ' ' -f 1)$newline
	while read -r doctor_ifindex doctor_dev doctor_qdisc doctor_place doctor_earlier _ doctor_tcx _; do
		[ -z "$doctor_ifindex" ] || doctor_device "$doctor_dev" "$doctor_ifindex"
	done <<-END
		$doctor_look
	END
}

# device_is_needed IFINDEX: by a rule, as one of its devices or of all.
device_is_needed() {
	case $newline$doctor_needed$newline in
	*"$newline$1$newline"* | *"${newline}all$newline"*) return 0 ;;
	esac
	return 1
}

# doctor_device DEV IFINDEX
doctor_device() {
	case $doctor_ifbs in
	*"$newline$1$newline"*) return ;; # ours
	esac
	if [ "$doctor_place:$doctor_qdisc" = ours:clsact ]; then
		doctor_tell ok "$1" "our classifier is attached"
	elif [ "$doctor_place" = taken ] || [ "$doctor_qdisc" = ingress ]; then
		doctor_tell BLOCKED "$1" "$(obstacle_tell "$1" "$doctor_qdisc" "$doctor_place")"
	elif ! device_is_needed "$2"; then
		doctor_tell ok "$1" "not attached, has room"
	elif device_is_recorded "$2" "$doctor_cookie"; then
		doctor_tell GONE "$1" "our classifier was taken away by somebody (vershitify.sh repair): change ID dev $1 attaches it again"
	else
		doctor_tell note "$1" "came after \"dev all\", and has no classifier: change ID dev all"
	fi
	[ "$doctor_earlier" = 0 ] ||
		doctor_tell note "$1" "filters run before ours: what they accept for good is not seen by it (tc$(netns_option) filter show dev $1 egress)"
	[ "$doctor_tcx" = 0 ] ||
		doctor_tell note "$1" "$doctor_tcx tcx program(s) run before clsact and can hide packets from ours (bpftool net)"
}
