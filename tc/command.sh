# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What our commands have in common: options that mean the same in each of them, and what has to be there
# before one can work. A command sets $speaker, its name, and $library, the folder of this file.

version=0.1.0
# The folder of what was built.
objects=${library%/tc}
[ ! -e "$objects/Makefile" ] || objects=$objects/build
vsh=$objects/vsh
tool=${speaker%.sh}
# cron's PATH, and that of many a user, lacks the folders of tc, bpftool and ip.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

json='' verbose='' dry_run='' color=''
netns_name='' netns_file=/proc/self/ns/net cgroup_root=''
unset netns_wanted

# The status of a failure. A command that ends with somebody else's status has another one.
failed=1

# files_private: what we make from here on is root's alone. The caller's umask is for the commands that we start.
files_private() {
	# shellcheck disable=SC2034 # for what starts a command
	caller_umask=$(umask)
	umask 077
}

# tools_table: what our scripts call, and the packages that bring it.
tools_table='tc iproute2
ip iproute2
bpftool bpftool
nsenter util-linux
flock util-linux
mount mount
umount mount
awk mawk
sed sed
grep grep
cat coreutils
cut coreutils
head coreutils
id coreutils
ls coreutils
mkdir coreutils
mkfifo coreutils
mv coreutils
readlink coreutils
rm coreutils
rmdir coreutils
sort coreutils
stat coreutils
tail coreutils
tr coreutils
uname coreutils
xargs findutils'

# tools_missing: those of the table that are not to be found, a line "TOOL PACKAGE" each. Nothing but the
# shell is used.
tools_missing() {
	while read -r missing_tool missing_package; do
		command -v "$missing_tool" >/dev/null || printf '%s %s\n' "$missing_tool" "$missing_package"
	done <<-END
		$tools_table
	END
}

tools_lack=$(tools_missing)
user=$(id -u 2>/dev/null)

needs_tools() {
	[ -z "$tools_lack" ] || die "$failed" "${tools_lack%% *} is missing ($speaker doctor names its package)"
}

needs_root() {
	needs_tools
	[ "$user" = 0 ] || die "$failed" "only root may do that (sudo $speaker ...)"
}

# capability_is_there NUMBER: in the effective set (include/uapi/linux/capability.h).
capability_is_there() {
	while read -r capability_set capability_bits; do
		[ "$capability_set" != CapEff: ] || break
	done </proc/self/status
	[ $((0x$capability_bits >> $1 & 1)) = 1 ]
}

# needs_capabilities: those without which nothing can be attached, or found again by its number.
needs_capabilities() {
	capability_is_there 12 || die "$failed" "CAP_NET_ADMIN is missing: give it to this shell or container"
	capability_is_there 21 || die "$failed" "CAP_SYS_ADMIN is missing: give it to this shell or container"
}

needs_pid_namespace() {
	pid_namespace_is_first ||
		die "$failed" "this is not the machine's own pid namespace: process numbers would be wrong (run it outside)"
}

# needs_built OBJECT...
needs_built() {
	for built in vsh "$@"; do
		[ -e "$objects/$built" ] || die "$failed" "$objects/$built is missing: run make"
	done
}

# needs_value OPTION COUNT: of words that are left, with the option itself.
needs_value() {
	[ "$2" -gt 1 ] || die 2 "$1 needs a value"
}

# option_take COUNT OPTION [VALUE]: one that every command has. How many words it took goes to
# $option_words; 1 if it is none of these.
option_take() {
	option_words=1
	case $2 in
	-n | -netns | --netns)
		needs_value "$2" "$1"
		netns_wanted=$3
		option_words=2
		;;
	-j | -json | --json) json=1 ;;
	-v | -verbose | --verbose) verbose=1 ;;
	-dry-run | --dry-run) dry_run=1 ;;
	-V | -Version | --version)
		put '%s %s\n' "${speaker%.sh}" "$version"
		exit
		;;
	-h | -help | --help)
		put '%s\n' "$(help)"
		exit
		;;
	*) return 1 ;;
	esac
}

# color_take OPTION: of the commands that have colours. 1 if it is another one.
color_take() {
	option_words=1
	# shellcheck disable=SC2034 # for the commands that have colours
	case $1 in
	-color | --color | -color=always | --color=always) color=1 ;;
	-color=auto | --color=auto) { [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && color=1; } || color= ;;
	-color=never | --color=never) color= ;;
	*) return 1 ;;
	esac
}

# word_refuse KIND WORD: misuse, and what there is of that kind, commands or options (vsh words).
word_refuse() {
	local word known=''

	for word in $("$vsh" words "--$1" "$tool" 2>/dev/null); do
		known="$known${known:+, }$word"
	done
	die 2 "what is $(words_quote "$2")? (${known:+$1: $known; }help says more)"
}

# help_is_asked VALUED WORD...: is there a "help" where a keyword can stand, up to where somebody else's
# command begins? What a keyword takes is the helper's knowledge, who is asked only if there is a "help" at
# all; without a helper each word stands alone. VALUED: words of the script's own, as in "plot 1".
help_is_asked() {
	case " $* " in
	*' help '*) ;;
	*) return 1 ;;
	esac
	asked_valued=$newline$1$newline$("$vsh" words --valued "${speaker%.sh}" 2>/dev/null)$newline
	shift
	asked_skip=0
	for asked_word; do
		case $asked_skip:$asked_word in
		0:help) return 0 ;;
		0:--) return 1 ;;
		0:*) asked_skip=$(help_arguments "$asked_word") ;;
		*) asked_skip=$((asked_skip - 1)) ;;
		esac
	done
	return 1
}

# help_arguments WORD: how many it takes; in the original's line it has dashes before it.
help_arguments() {
	arguments_word=${1#-}
	arguments_word=${arguments_word#-}
	case $arguments_word in
	*[!a-z0-9-]*) arguments_word= ;;
	esac
	case $asked_valued in
	*"$newline$arguments_word "*)
		arguments_rest=${asked_valued#*"$newline$arguments_word "}
		echo "${arguments_rest%%"$newline"*}"
		;;
	*) echo 0 ;;
	esac
}
