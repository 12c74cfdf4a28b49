#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# chroot.sh - the set-up on a machine that lacks everything: make an empty Debian (or Ubuntu) system of
# this machine's release, from this machine's package sources, put the tracked files there and let them
# do the rest. Nothing but a shell, the package manager and what they stand on is in there at the start.
#
# The chroot has files, /run and a BPF file system of its own; kernel, network, /dev and the rest of /sys
# are this machine's.

set -eu

usage() {
	cat <<'END'
Usage: chroot.sh [--keep] [COMMAND [ARG...]]

Runs COMMAND in the project's folder inside the chroot; without one scripts/demo.sh, then
scripts/check.sh --no-vm. The exit status is the command's.

  --keep   leave the folder of the chroot (it is printed), without its mounts

The chroot is made under ${TMPDIR:-/var/tmp} and takes about 2 GB and a few minutes.
END
}

die() {
	printf 'chroot.sh: %s\n' "$*" >&2
	exit 1
}

# sources_list: "RELEASE URI COMPONENT" of each package source of the distribution itself. Others are
# left out: their keys are not there, and what is needed has to be found without them.
sources_list() {
	apt-get indextargets --format "\$(ORIGIN)|\$(RELEASE)|\$(REPO_URI)|\$(COMPONENT)" 'Created-By: Packages' |
		awk -F '|' -v id="$ID" 'tolower($1) == id { print $2, $3, $4 }'
}

# system_make: debootstrap, and the configuration of the package manager
system_make() {
	local uri components

	sources_list >"$root.sources"
	uri=$(awk -v release="$VERSION_CODENAME" '$1 == release { print $2; exit }' "$root.sources")
	[ -n "$uri" ] || die "apt knows no source of $ID $VERSION_CODENAME (are its lists there? try: apt-get update)"
	components=$(awk -v release="$VERSION_CODENAME" '$1 == release { print $3 }' "$root.sources" | sort -u | paste -sd ,)
	echo "chroot.sh: making an empty $ID $VERSION_CODENAME in $root" >&2
	debootstrap --variant=minbase --components="$components" "$VERSION_CODENAME" "$root" "$uri" >"$root.log" 2>&1 || {
		tail -n 20 "$root.log" >&2
		die "debootstrap failed"
	}
	sed -E 's/^([^ ]+) ([^ ]+) /deb \2 \1 /' "$root.sources" >"$root/etc/apt/sources.list"
	# Proxies and the like. What concerns the kinds of lists stays behind.
	apt-config dump Acquire | grep -v '^Acquire::\(IndexTargets\|Changelogs\)' >"$root/etc/apt/apt.conf.d/90chroot"
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	# Installing a package must start no service: it would be one of this machine.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# system_mount: what a command there expects of the kernel. The folder becomes a mount of its own, so
# that nothing of it reaches other mount namespaces, and one call can take all of it away.
system_mount() {
	mount --bind "$root" "$root"
	mount --make-private "$root"
	mount -t proc proc "$root/proc"
	for dir in sys dev; do
		mount --rbind "/$dir" "$root/$dir"
		mount --make-rslave "$root/$dir"
	done
	# With /run, all that we leave between two commands: rules of this machine are not seen in there.
	mount -t bpf bpf "$root/sys/fs/bpf"
	mount -t tmpfs -o mode=755 run "$root/run"
}

# files_copy: what is tracked, and nothing else: a file that somebody forgot to add must be missed.
files_copy() {
	mkdir -p "$root/$folder"
	if [ -n "$(git -C "$top" ls-files 2>/dev/null | head -n 1)" ]; then
		(cd "$top" && git ls-files -z | tar --null -T - -cf -)
	else
		echo "chroot.sh: no tracked files here, taking all but build/" >&2
		(cd "$top" && tar --exclude=./build --exclude=./.git -cf - .)
	fi | tar -xf - -C "$root/$folder"
}

# chroot_run COMMAND...: with nothing of this machine's environment but proxies
chroot_run() {
	echo "chroot.sh: $*" >&2
	# shellcheck disable=SC2016 # the inner shell's words
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "/$folder" "$@"
}

# processes_end: whoever still lives in the chroot keeps its mounts busy.
processes_end() {
	local dir

	for dir in /proc/[0-9]*; do
		case $(readlink "$dir/root" 2>/dev/null) in
		"$root" | "$root"/*)
			echo "chroot.sh: still running in there, ended: process ${dir#/proc/} ($(cat "$dir/comm" 2>/dev/null))" >&2
			kill -9 "${dir#/proc/}" 2>/dev/null || true
			;;
		esac
	done
}

clean_up() {
	trap - EXIT INT TERM HUP
	[ -n "$root" ] || return 0
	processes_end
	if grep -q " ${root}[ /]" /proc/self/mountinfo; then
		umount -R "$root" 2>/dev/null || umount -R -l "$root" || true
	fi
	rm -f "$root.sources" "$root.log"
	# Never into /dev or /sys, whatever went wrong with the mounts.
	if grep -q " ${root}[ /]" /proc/self/mountinfo; then
		echo "chroot.sh: cannot unmount $root; it is left as it is" >&2
	elif [ -z "$keep" ]; then
		rm -rf --one-file-system "$root"
	else
		echo "chroot.sh: kept $root" >&2
	fi
}

keep='' root='' folder=srv/vershitify
case ${1:-} in
--keep)
	keep=1
	shift
	;;
-h | --help | help)
	usage
	exit
	;;
-*)
	usage >&2
	exit 2
	;;
esac
[ "$(id -u)" = 0 ] || die "needs root: it mounts and changes roots (sudo bats/chroot.sh)"
top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
. "$top/scripts/packages.sh"
# shellcheck source=/dev/null
. /etc/os-release
case $(packages_manager):${VERSION_CODENAME:-} in
apt:?*) ;;
*) die "works only where packages come through apt" ;;
esac
packages_need chroot

trap clean_up EXIT
trap 'exit 130' INT TERM HUP
root=$(mktemp -d "${TMPDIR:-/var/tmp}/vershitify-chroot.XXXXXX")
root=$(realpath "$root")
chmod 755 "$root"
system_make
system_mount
files_copy
if [ $# -gt 0 ]; then
	chroot_run "$@"
else
	chroot_run scripts/demo.sh
	chroot_run scripts/check.sh --no-vm
fi
