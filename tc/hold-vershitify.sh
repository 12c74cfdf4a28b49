# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The detour of packets that a rule holds. A classifier writes a mark into skb->tc_index; a filter right after
# it sends what has the mark to an ifb of the rule, whose queues are tbf and netem; the ifb sends each packet on
# from where it came. No queue of a device is touched. Each direction has an ifb; what comes in has a classifier
# for this alone. $state/holds records each ifb before it is made, a line each:
#
#	NAME NETNS_INODE NETNS_COOKIE NETNS_FILE
#
# An ifb of ours is told from others of its name by its address. While one is down or gone, what is sent to it is
# lost, and the sender told so: the filters go before it, and come after it.

egress_steer_pref=$((filter_pref + 1))
ingress_pref=$((filter_pref + 1))
ingress_steer_pref=$((filter_pref + 2))
ingress_program=vsh_ingress
ifb_address=56:53:48:00:00:00

# feature_or WHAT OPTIONS COMMAND...: as net_run_or, and says what the kernel has to be built with.
feature_or() {
	local what="$1" options="$2"

	shift 2
	net run_kept "$@" && return
	say "$what${run_said:+: $run_said} (it takes a kernel with $options)"
	return 1
}

# ifbs_look: the names of those of ours in the chosen network namespace, and "up" or "down", a line each.
ifbs_look() {
	net command ip -o link show type ifb 2>/dev/null | LC_ALL=C awk -v address="$ifb_address" '
		$2 ~ /^vsh[1-9][0-9]?(in)?:$/ && index($0, " link/ether " address " ") {
			sub(/:$/, "", $2)
			print $2, ($3 ~ /[<,]UP[,>]/ ? "up" : "down")
		}'
}

# ifb_is_there NAME
ifb_is_there() {
	case $newline$(ifbs_look) in
	*"$newline$1 "*) return 0 ;;
	esac
	return 1
}

# hold_make NAME COOKIE: an ifb without a queue, or what is there of it.
hold_make() {
	hold_record "$1" "$2" || return
	# otherwise the kernel makes two of its own with the module
	[ -e /sys/module/ifb ] || run_quietly modprobe ifb numifbs=0
	if ! ifb_is_there "$1"; then
		hold_add "$1" || {
			hold_forget "$1" "$2"
			return 1
		}
	fi
	# the kernel speaks IPv6 on each device that it can, unasked
	if [ -e /proc/sys/net/ipv6 ]; then
		net_run_or "cannot set up $1" ip link set dev "$1" addrgenmode none || return
	fi
	net_run_or "cannot set up $1" ip link set dev "$1" up
}

# hold_add NAME
hold_add() {
	if [ -n "$(device_index "$1" 2>/dev/null)" ]; then
		say "cannot make $1, which holds packets: there is another device of that name (ip$(netns_option) link del $1)"
		return 1
	fi
	feature_or "cannot make $1, which holds packets" CONFIG_IFB \
		ip link add name "$1" address "$ifb_address" type ifb
}

# hold_queue NAME WORD...: adds a queue, or changes it.
hold_queue() {
	local name="$1" option=CONFIG_NET_SCH_NETEM

	shift
	case " $* " in
	*' tbf '*) option=CONFIG_NET_SCH_TBF ;;
	esac
	feature_or "cannot hold packets: $*" "$option" tc qdisc replace dev "$name" "$@"
}

# hold_unqueue NAME WORD...: with what is in it.
hold_unqueue() {
	local name="$1"

	shift
	net run_quietly tc qdisc del dev "$name" "$@"
}

# hold_steer DEVICES NAME HOOK MARK: DEVICES as in devices_attach. Those of "any" may have vanished.
hold_steer() {
	local kind ifindex dev batch='' status=0 pref="$egress_steer_pref"

	if [ "$3" = ingress ]; then
		[ -e "$pins/$ingress_program" ] || run "$vsh" load "$objects" "$ingress_program" || return
		pref=$ingress_steer_pref
	fi
	steers_have_room "$1" "$3" "$pref" || return
	while read -r kind ifindex dev; do
		[ -n "$dev" ] || continue
		batch_device "$dev" "$ifindex"
		[ "$3" = egress ] ||
			batch="${batch}filter replace dev $batch_word ingress protocol all pref $ingress_pref handle $filter_handle bpf direct-action object-pinned $pins/$ingress_program$newline"
		batch="${batch}filter replace dev $batch_word $3 protocol all pref $pref handle $4 basic match meta(tc_index eq $(($4))) action mirred egress redirect dev $2$newline"
	done <<-END
		$1
	END
	tc_batch "$batch" && return
	while read -r kind ifindex dev; do
		[ -n "$dev" ] || continue
		batch_device "$dev" "$ifindex"
		run_said=$(batch_failure "$batch_word")
		[ -n "$run_said" ] || continue
		[ "$kind" = dev ] || [ -n "$(device_name "$ifindex")" ] || continue
		say "cannot steer packets of device $(words_quote "$dev"): $run_said (it takes a kernel with CONFIG_NET_CLS_BASIC, CONFIG_NET_EMATCH_META and CONFIG_NET_ACT_MIRRED)"
		status=1
	done <<-END
		$1
	END
	return "$status"
}

# steers_have_room DEVICES HOOK PREF: says of the first where others have a filter at a preference of ours, which
# are those up to PREF.
steers_have_room() {
	local indexes dev pref taken

	[ -n "$1" ] || return 0
	indexes=$(printf '%s' "$1" | cut -d ' ' -f 2)
	# shellcheck disable=SC2086 # numbers
	taken=$(helper filters $indexes | awk -v hook="$2" -v first="$filter_pref" -v last="$3" -v besides="$filter_besides" '
		$1 == "device" { dev = $5 }
		$1 == "filter" && $3 == hook && $4 > first + 0 && $4 <= last + 0 && $6 != "0x0" &&
			$3 " " $4 " " $5 " " $6 " " $7 !~ besides { print dev, $4; exit }')
	[ -n "$taken" ] || return 0
	read -r dev pref <<-END
		$taken
	END
	say "device $(words_quote "$dev"): another filter has pref $pref, which is ours (tc$(netns_option) filter show dev $dev $2)"
	return 1
}

# steers_look [IFINDEX...]: the filters of ours that steer, and the classifier of what comes in, a line each:
#
#	IFINDEX DEV HOOK PREF KIND HANDLE
#
# shellcheck disable=SC2120 # some callers have words
steers_look() {
	[ -e "$state/holds" ] || return 0
	helper filters "$@" | awk -v besides="$filter_besides" '
		$1 == "device" { dev = $5 }
		$1 == "filter" && $6 != "0x0" && $3 " " $4 " " $5 " " $6 " " $7 ~ besides { print $2, dev, $3, $4, $5, $6 }'
}

# steers_of MARK STEERS: those with the mark, and the classifiers of what comes in where they are the last ones.
steers_of() {
	printf '%s\n' "$2" | awk -v mark="$1" '
		$6 == mark { print; next }
		$3 != "ingress" { next }
		$5 == "bpf" { classifier[$1] = $0; next }
		{ others[$1] = 1 }
		END {
			for (ifindex in classifier)
				if (!(ifindex in others))
					print classifier[ifindex]
		}'
}

# steers_batch STEERS [IFINDEX]: what takes these away, or those of them that are on one device, for tc_batch.
steers_batch() {
	local ifindex dev hook pref kind handle

	printf '%s\n' "$1" | while read -r ifindex dev hook pref kind handle; do
		case $handle:${2:-$ifindex} in
		?*:"$ifindex") ;;
		*) continue ;;
		esac
		batch_device "$dev" "$ifindex"
		printf '%s\n' "filter del dev $batch_word $hook protocol all pref $pref handle $handle $kind"
	done
}

# hold_try DEVICE-LINE COOKIE: all that a rule needs which holds packets, to hold none.
hold_try() {
	hold_make vsh1 "$2" && hold_queue vsh1 root handle 1: tbf rate 1mbit burst 2000 limit 2000 &&
		hold_queue vsh1 parent 1:1 handle a: netem limit 1 delay 1ms &&
		hold_steer "$1" vsh1 egress "$(hold_mark vsh1)"
}

# --- records ------------------------------------------------------------------------------------

# hold_record NAME COOKIE
hold_record() {
	local known=''

	! grep -qs "^$1 [0-9]* $2 " "$state/holds" || return 0
	[ ! -e "$state/holds" ] || known=$(cat "$state/holds")
	record_write holds "${known:+$known$newline}$1 $(netns_inode "$netns_file") $2 $netns_file"
}

# holds_write LINES
holds_write() {
	[ -z "$dry_run" ] || return 0
	if [ -n "$1" ]; then
		record_write holds "${1%"$newline"}"
	else
		rm -f "$state/holds"
	fi
}

# hold_forget NAME COOKIE
hold_forget() {
	holds_write "$(grep -v "^$1 [0-9]* $2 " "$state/holds" 2>/dev/null)"
}

# --- the end ------------------------------------------------------------------------------------

# holds_trim NEEDED: the ifbs that no rule needs any more (see "vsh plan needed"). Fails if one is left.
holds_trim() {
	local name inode cookie file kept='' status=0

	[ -r "$state/holds" ] || return 0
	while read -r name inode cookie file; do
		[ -n "$file" ] || continue
		case $newline$1$newline in
		*"${newline}ifb $cookie $name$newline"*) ;;
		*)
			! hold_release "$name" "$inode" "$cookie" "$file" || continue
			status=1
			;;
		esac
		kept="$kept$name $inode $cookie $file$newline"
	done <<-END
		$(cat "$state/holds")
	END
	holds_write "$kept"
	return "$status"
}

# holds_find: records ifbs of ours that have none, as after /run was emptied; but for those of set-ups in other
# mount namespaces.
holds_find() {
	local netns_name netns_file name

	[ -z "$(programs_of_others)" ] || return 0
	for netns_file in /proc/self/ns/net /run/netns/*; do
		[ -e "$netns_file" ] || continue
		netns_name=$netns_file
		for name in $(ifbs_look | cut -d ' ' -f 1); do
			state_ensure
			hold_record "$name" "$(netns_cookie "$netns_file")" </dev/null
		done
	done
}

# hold_release NAME INODE COOKIE FILE: in whatever namespace it is.
hold_release() {
	local netns_name netns_file

	netns_file=$(netns_find "$2" "$3" "$4") || return 0
	netns_name=$netns_file
	[ "$2" != "$(netns_inode /proc/self/ns/net)" ] || netns_name=
	hold_remove "$1" </dev/null
}

# hold_remove NAME: in the chosen namespace: the filters that steer to it, then the ifb. Devices may vanish
# meanwhile.
hold_remove() {
	local steers

	steers=$(hold_steers "$1") || return
	if ! tc_batch "${steers:+$steers$newline}"; then
		steers=$(hold_steers "$1") || return
		[ -z "$steers" ] || {
			say "cannot take away the filters that steer to $1: ${batch_failures%%"$newline"*}"
			return 1
		}
	fi
	! ifb_is_there "$1" || net run_kept ip link del dev "$1" || ! ifb_is_there "$1" || {
		say "cannot remove $1${run_said:+: $run_said}"
		return 1
	}
}

# hold_steers NAME: what takes away the filters that steer to it, for tc_batch.
hold_steers() {
	local steers

	# shellcheck disable=SC2119 # all devices
	steers=$(steers_look) || return
	steers_batch "$(steers_of "$(hold_mark "$1")" "$steers")"
}

# hold_mark NAME: that of the packets which are sent there, as vsh filters prints it.
hold_mark() {
	local number="${1#vsh}"

	case $number in
	*in) printf '0x%x\n' $((0x5680 + ${number%in} - 1)) ;;
	*) printf '0x%x\n' $((0x5600 + number - 1)) ;;
	esac
}
