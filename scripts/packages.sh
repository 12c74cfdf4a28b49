# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# packages.sh - a library: find what this machine lacks and install the distribution's packages for it.
#
#	. scripts/packages.sh
#	packages_need build run test || exit 1
#
# Needs: build (make, compilers, libbpf), run (the tools that the commands call), demo (what the
# demonstration shows it with), test, bench, lint, vm (virtual machines), chroot (a bare system to try on).
#
# Nothing is asked of the machine but a POSIX shell and its package manager. Where nothing is missing,
# nothing is installed, no network is touched and no root is needed.

# Not everybody's root has these on the path, and ip, tc and bpftool live there.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# packages_table: what each need consists of, and which package brings it.
# NEED PROBE APT DNF PACMAN APK ZYPPER; "a|b" is the first of them that the distribution has, "-" none.
#
# PROBE: cmd:NAME a command; pc:NAME a library that pkg-config knows; hdr:FILE a system header;
# bats:NAME a library of bats; fn:NAME the function probe_NAME below.
packages_table() {
	cat <<-'END'
		build cmd:make make make make make make
		build cmd:cc gcc gcc gcc gcc gcc
		build hdr:stdio.h libc6-dev glibc-devel glibc musl-dev glibc-devel
		build hdr:linux/bpf.h linux-libc-dev kernel-headers linux-api-headers linux-headers linux-glibc-devel
		build cmd:clang clang clang clang clang clang
		build fn:llvm_strip llvm llvm llvm llvm llvm
		build cmd:pkg-config pkgconf|pkg-config pkgconf-pkg-config pkgconf pkgconf pkgconf-pkg-config|pkg-config
		build pc:libbpf libbpf-dev libbpf-devel libbpf libbpf-dev libbpf-devel
		build pc:jansson libjansson-dev jansson-devel jansson jansson-dev libjansson-devel
		build pc:libmaxminddb libmaxminddb-dev libmaxminddb-devel libmaxminddb libmaxminddb-dev libmaxminddb-devel
		build pc:libmicrohttpd libmicrohttpd-dev libmicrohttpd-devel libmicrohttpd libmicrohttpd-dev libmicrohttpd-devel
		build pc:libseccomp libseccomp-dev libseccomp-devel libseccomp libseccomp-dev libseccomp-devel
		build cmd:scdoc scdoc scdoc scdoc scdoc scdoc
		run cmd:ip iproute2 iproute iproute2 iproute2 iproute2
		run cmd:tc iproute2 iproute-tc iproute2 iproute2-tc iproute2
		run cmd:bpftool bpftool|linux-tools-generic bpftool bpf bpftool bpftool
		run cmd:nsenter util-linux util-linux util-linux util-linux-misc|util-linux util-linux
		run cmd:flock util-linux util-linux util-linux flock util-linux
		run cmd:mount mount util-linux util-linux mount util-linux
		demo cmd:ping iputils-ping iputils iputils iputils-ping|iputils iputils
		demo cmd:sysctl procps procps-ng procps-ng procps procps
		test cmd:bats bats bats bats bats bats
		test bats:bats-support bats-support bats-support bats-support bats-support bats-support
		test bats:bats-assert bats-assert bats-assert bats-assert bats-assert bats-assert
		test cmd:timeout coreutils coreutils coreutils coreutils coreutils
		test cmd:ps procps procps-ng procps-ng procps procps
		test cmd:sysctl procps procps-ng procps-ng procps procps
		test cmd:ping iputils-ping iputils iputils iputils-ping|iputils iputils
		test cmd:curl curl curl curl curl curl
		test cmd:iperf3 iperf3 iperf3 iperf3 iperf3 iperf
		test cmd:ncat ncat nmap-ncat nmap nmap-ncat ncat
		test cmd:socat socat socat socat socat socat
		test cmd:dig bind9-dnsutils|dnsutils bind-utils bind bind-tools bind-utils
		test cmd:python3 python3 python3 python python3 python3
		test cmd:jq jq jq jq jq jq
		test cmd:ethtool ethtool ethtool ethtool ethtool ethtool
		test cmd:dash dash dash dash dash dash
		test cmd:busybox busybox-static|busybox busybox busybox busybox busybox
		test fn:fuzzer libclang-rt-dev|clang compiler-rt compiler-rt compiler-rt clang
		test fn:asan gcc libasan gcc-libs - libasan8
		test fn:ubsan gcc libubsan gcc-libs - libubsan1
		test cmd:gnuplot gnuplot-nox|gnuplot gnuplot-minimal|gnuplot gnuplot gnuplot gnuplot
		test cmd:script bsdutils util-linux util-linux util-linux-misc|util-linux util-linux
		test cmd:taskset util-linux util-linux util-linux util-linux-misc|util-linux util-linux
		test cmd:node nodejs nodejs nodejs nodejs nodejs|nodejs-default
		test fn:jsdom node-jsdom - - - -
		bench cmd:iperf3 iperf3 iperf3 iperf3 iperf3 iperf
		bench cmd:jq jq jq jq jq jq
		test cmd:nft nftables nftables nftables nftables nftables
		test cmd:dot graphviz graphviz graphviz graphviz graphviz
		test cmd:tshark tshark wireshark-cli wireshark-cli tshark wireshark
		bench cmd:nft nftables nftables nftables nftables nftables
		bench cmd:gnuplot gnuplot-nox|gnuplot gnuplot-minimal|gnuplot gnuplot gnuplot gnuplot
		lint cmd:shellcheck shellcheck ShellCheck shellcheck shellcheck ShellCheck
		lint cmd:shfmt shfmt shfmt shfmt shfmt shfmt
		lint cmd:clang-format clang-format clang-tools-extra clang clang-extra-tools clang-tools
		lint cmd:cppcheck cppcheck cppcheck cppcheck cppcheck cppcheck
		lint cmd:dash dash dash dash dash dash
		lint cmd:busybox busybox-static|busybox busybox busybox busybox busybox
		vm fn:qemu qemu-system-x86 qemu-system-x86-core qemu-system-x86 qemu-system-x86_64 qemu-x86
		vm fn:static_busybox busybox-static busybox busybox busybox-static busybox-static
		vm cmd:bash bash bash bash bash bash
		vm cmd:cpio cpio cpio cpio cpio cpio
		vm cmd:depmod kmod kmod kmod kmod kmod
		vm cmd:xz xz-utils xz xz xz xz
		chroot cmd:debootstrap debootstrap debootstrap debootstrap debootstrap debootstrap
	END
}

probe_llvm_strip() {
	command -v llvm-strip >/dev/null 2>&1 && return
	local dir file

	for dir in $(printf '%s' "$PATH" | tr : ' '); do
		for file in "$dir"/llvm-strip-[0-9]*; do
			[ ! -x "$file" ] || return 0
		done
	done
	return 1
}

# Compilers come without the run-time libraries of their sanitizers where they are packed apart.
probe_fuzzer() {
	probe_link clang 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return !d && n > 8; }' \
		-fsanitize=fuzzer,address,undefined
}

probe_asan() {
	probe_link cc 'int main(void) { return 0; }' -fsanitize=address
}

probe_ubsan() {
	probe_link cc 'int main(void) { return 0; }' -fsanitize=undefined
}

# probe_link COMPILER SOURCE FLAG...: does this link?
probe_link() {
	local compiler="$1" source="$2"

	shift 2
	printf '%s\n' "$source" | "$compiler" -x c "$@" -o /dev/null - >/dev/null 2>&1
}

# Others do not pack it, and leave out the tests that take it.
probe_jsdom() {
	[ -e /usr/share/nodejs/jsdom ] || ! command -v apt-get >/dev/null
}

probe_qemu() {
	command -v "qemu-system-$(uname -m)" >/dev/null 2>&1
}

# The guest's first program has no libraries beside it.
probe_static_busybox() {
	local busybox

	busybox=$(command -v busybox.static || command -v busybox) || return 1
	! ldd "$busybox" >/dev/null 2>&1
}

# package_present PROBE: is it there?
package_present() {
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	hdr:*) package_header "${1#hdr:}" ;;
	bats:*) package_bats "${1#bats:}" ;;
	fn:*) "probe_${1#fn:}" ;;
	esac
}

package_header() {
	local dir

	for dir in /usr/include /usr/local/include; do
		[ ! -e "$dir/$1" ] || return 0
	done
	return 1
}

# Where distributions put the libraries of bats.
package_bats() {
	local dir

	for dir in $(printf '%s' "${BATS_LIB_PATH:-}" | tr : ' ') /usr/lib/bats /usr/local/lib/bats /usr/share/bats /usr/lib /usr/share /usr/lib/node_modules; do
		[ ! -e "$dir/$1/load.bash" ] || return 0
	done
	return 1
}

# packages_manager: apt, dnf, pacman, apk or zypper: the first that is there.
packages_manager() {
	local manager

	for manager in apt-get dnf pacman apk zypper; do
		if command -v "$manager" >/dev/null 2>&1; then
			printf '%s\n' "${manager%-get}"
			return
		fi
	done
	return 1
}

# packages_missing MANAGER NEED...: lines "PROBE PACKAGE" for what is not there; PACKAGE is this
# manager's, "-" if none is known (or if MANAGER is not one of the table's).
packages_missing() {
	local by="$1"

	shift
	packages_table | while read -r need probe apt dnf pacman apk zypper; do
		case " $* " in
		*" $need "*) ;;
		*) continue ;;
		esac
		package_present "$probe" && continue
		case $by in
		apt) name=$apt ;;
		dnf) name=$dnf ;;
		pacman) name=$pacman ;;
		apk) name=$apk ;;
		zypper) name=$zypper ;;
		*) name=- ;;
		esac
		printf '%s %s\n' "$probe" "$name"
	done
}

# packages_choose MANAGER NAME...: each name once, and of "a|b" the one that this release has.
packages_choose() {
	local by="$1" names chosen

	shift
	for names in "$@"; do
		chosen=${names%%|*}
		while [ "$names" != "${names#*|}" ] && ! package_known "$by" "$chosen"; do
			names=${names#*|}
			chosen=${names%%|*}
		done
		[ "$chosen" = - ] || printf '%s\n' "$chosen"
	done | sort -u
}

# package_known MANAGER NAME: does the package exist in this release?
package_known() {
	case $1 in
	apt) apt-cache policy "$2" 2>/dev/null | grep -q '^  Candidate: [^(]' ;;
	dnf) dnf -q info "$2" >/dev/null 2>&1 ;;
	pacman) pacman -Si "$2" >/dev/null 2>&1 ;;
	apk) [ -n "$(apk search -x "$2" 2>/dev/null)" ] ;;
	zypper) zypper -q search -x "$2" >/dev/null 2>&1 ;;
	esac
}

# packages_refresh MANAGER: bring the lists of packages up to date.
packages_refresh() {
	case $1 in
	apt) apt-get -q update ;;
	apk) apk update ;;
	pacman) pacman -Sy --noconfirm ;;
	zypper) zypper --non-interactive refresh ;;
	dnf) ;; # does it by itself
	esac
}

# packages_install MANAGER NAME...: no questions, and nothing that is merely recommended.
packages_install() {
	local by="$1"

	shift
	case $by in
	apt) DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@" ;;
	dnf) dnf -y --setopt=install_weak_deps=False install "$@" ;;
	pacman) pacman -S --needed --noconfirm "$@" ;;
	apk) apk add "$@" ;;
	zypper) zypper --non-interactive install --no-recommends "$@" ;;
	esac
}

# packages_need NEED...: install what is missing for these needs. What happens is told on stderr.
# 0 when all is there in the end, 1 when something is still missing (it says what, and what to do).
packages_need() {
	local by lack names name

	by=$(packages_manager) || by=none
	lack=$(packages_missing "$by" "$@")
	[ -n "$lack" ] || return 0

	if [ "$by" = none ]; then
		packages_complain "$lack" "no package manager that is known here (apt, dnf, pacman, apk, zypper); install by hand"
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		packages_complain "$lack" "only root can install packages; use sudo, or install by hand"
		return 1
	fi

	packages_refresh "$by" >&2 ||
		echo "packages.sh: cannot refresh the package lists (no network?); trying with the lists that are here" >&2
	# shellcheck disable=SC2046 # names of packages are words
	names=$(packages_choose "$by" $(packages_names "$lack") | tr '\n' ' ')
	if [ -n "$names" ]; then
		echo "packages.sh: installing $names" >&2
		# shellcheck disable=SC2086 # as above
		packages_install "$by" $names >&2 ||
			# One name that this release lacks must not keep the others away.
			for name in $names; do
				packages_install "$by" "$name" >&2 || echo "packages.sh: cannot install $name" >&2
			done
	fi

	lack=$(packages_missing "$by" "$@")
	[ -n "$lack" ] || return 0
	packages_complain "$lack" "still missing; install by hand"
	return 1
}

# packages_names LACK: the packages of packages_missing's answer LACK.
packages_names() {
	local probe name

	printf '%s\n' "$1" | while read -r probe name; do
		printf '%s\n' "$name"
	done
}

# packages_complain LACK REASON: one line that says what is missing.
packages_complain() {
	printf 'packages.sh: %s:' "$2" >&2
	printf '%s\n' "$1" | while read -r probe name; do
		probe=${probe#*:}
		if [ "$name" = - ]; then
			printf ' %s' "$probe"
		else
			printf ' %s (package %s)' "$probe" "${name%%|*}"
		fi
	done >&2
	printf '\n' >&2
}
