# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What our commands have in common: options that mean the same in each of them, and what has to be there
# before one can work. A command sets $speaker, its name, and $objects, the folder of what was built.

version=0.1.0
vsh=$objects/vsh
user=$(id -u)

json='' verbose='' dry_run=''
netns_name='' netns_file=/proc/self/ns/net cgroup_root=''
unset netns_wanted

# The status of a failure. A command that ends with somebody else's status has another one.
failed=1

needs_root() {
	[ "$user" = 0 ] || die "$failed" "only root may do that (sudo $speaker ...)"
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
		printf '%s %s\n' "${speaker%.sh}" "$version"
		exit 0
		;;
	-h | -help | --help)
		help
		exit 0
		;;
	*) return 1 ;;
	esac
}
