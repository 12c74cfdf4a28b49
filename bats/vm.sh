#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm.sh - run one command on a stock Debian kernel under qemu, with this machine's own root file system.
#
# The guest sees "/" of this machine through 9p, read-only, under an overlay kept in guest memory: the
# command may write anywhere, and nothing reaches this machine except in the folders shared with -s.
# It has fresh tmpfs on /tmp and /run, so what lies there has to be shared too; proc, sysfs, cgroup2
# (/sys/fs/cgroup), bpffs, tracefs; loopback up; no network card; VSH_VM=1 in the environment.

set -euo pipefail

usage() {
	cat <<'END'
Usage: vm.sh [-k KERNEL] [-r ROOT] [-s DIR]... [-t SECONDS] [-m MB] [-c CPUS] [-v] [--] COMMAND [ARG...]
       vm.sh -f [-k KERNEL]

  -k KERNEL   a series (6.1, 6.12: the newest such kernel that the distribution has; default 6.1),
              or with -r an exact release
  -r ROOT     take ROOT/boot/vmlinuz-KERNEL and ROOT/lib/modules/KERNEL (default: the distribution's
              package, unpacked under ${XDG_CACHE_HOME:-~/.cache}/vershitify; nothing is installed)
  -s DIR      share DIR with the guest, read-write, at the same path (repeatable)
  -t SECONDS  time limit (default 300)
  -m MB       memory of the guest (default 2048)
  -c CPUS     processors of the guest (default 1: emulated, a second one takes a fifth of the speed)
  -v          show the guest's kernel log too (it is kept in the cache folder in any case)
  -f          only fetch the kernel, and print its release

The output of COMMAND comes out on stdout, its exit status is vm.sh's own. Others: 2 misused, 3 no such
kernel in the distribution, 124 time limit, 125 the guest died or did not get as far as COMMAND.
ACCEL and CPU in the environment choose qemu's accelerator and processor (default: the machine's own where
it can, emulation otherwise).

Example: vm.sh -k 6.12 bats bats/egress.bats
END
}

# die STATUS MESSAGE...
die() {
	local status=$1

	shift
	printf 'vm.sh: %s\n' "$*" >&2
	exit "$status"
}

# kernel_package SERIES: the name of the newest package of that series. The plain flavour, not "cloud":
# that one lacks the 9p file system. Signed and debugging variants have longer names.
kernel_package() {
	local arch

	command -v apt-cache dpkg >/dev/null || return
	arch=$(dpkg --print-architecture)
	apt-cache pkgnames "linux-image-$1." | grep -Ex "linux-image-${1//./\\.}\.[0-9.-]+(\+[a-z0-9]+)?-$arch" |
		sort -V | tail -n 1
}

# kernel_unpack PACKAGE: fetch it and unpack it into the cache, unless it is there; print its folder.
kernel_unpack() {
	local version folder unpacked

	version=$(apt-cache show --no-all-versions "$1" | sed -n 's/^Version: //p')
	folder=$cache/$1_$version
	if [ ! -d "$folder" ]; then
		echo "vm.sh: fetching $1 $version" >&2
		unpacked=$(mktemp -d "$cache/unpack.XXXXXX")
		if ! (
			cd "$unpacked" && chmod 755 . &&
				apt-get -qq -o APT::Sandbox::User=root download "$1" >&2 &&
				dpkg -x ./*.deb . && rm -f ./*.deb &&
				{ [ -e lib ] || ln -s usr/lib lib; } &&
				depmod -b "$PWD" "$(kernel_release .)"
		); then
			rm -rf "$unpacked"
			return 1
		fi
		mv -T "$unpacked" "$folder" 2>/dev/null || rm -rf "$unpacked" # somebody else was faster
	fi
	printf '%s\n' "$folder"
}

# kernel_fetch SERIES: print the folder of the newest kernel of the series.
kernel_fetch() {
	local package kept

	kept=$(find "$cache" -mindepth 1 -maxdepth 1 -name "linux-image-$1.*" | sort -V | tail -n 1)
	package=$(kernel_package "$1") && kernel_unpack "$package" && return
	# Lists of packages that are too old name files that the server has thrown away.
	! command -v apt-get >/dev/null || apt-get -qq update >&2 || true
	package=$(kernel_package "$1") && kernel_unpack "$package" && return
	if [ -n "$kept" ]; then
		echo "vm.sh: cannot fetch a kernel $1, using ${kept##*/} from the cache" >&2
		printf '%s\n' "$kept"
		return
	fi
	[ -n "$package" ] || die 3 "no kernel $1 in this distribution's packages; unpack one and name it with -r"
	die 1 "cannot fetch $package; is there a network?"
}

# kernel_release ROOT: the release of the newest kernel under ROOT/boot
kernel_release() {
	find "$1/boot/" -name 'vmlinuz-*' -printf '%f\n' | sed 's/^vmlinuz-//' | sort -V | tail -n 1
}

# initramfs_make FILE: busybox, and the modules that it takes to mount 9p and overlay
initramfs_make() {
	local dir file name

	dir=$scratch/initramfs
	mkdir -p "$dir"/{bin,m,proc,sys,dev,lo,up,new}
	cp "$(command -v busybox.static || command -v busybox)" "$dir/bin/busybox"
	for name in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -d "$root" -S "$release" --show-depends "$name" || true # built in: nothing to load
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=${file##*/}
		case $name in
		*.xz) name=${name%.xz} && xz -dc "$file" >"$dir/m/$name" ;;
		*.zst) name=${name%.zst} && zstd -dcq "$file" >"$dir/m/$name" ;;
		*) cp "$file" "$dir/m/" ;;
		esac
		printf '%s\n' "$name"
	done >"$dir/m/order"
	cat >"$dir/init" <<'END'
#!/bin/busybox sh
b=/bin/busybox
export PATH=/bin
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for m in $($b cat /m/order); do
	$b insmod "/m/$m" || $b echo "insmod $m failed"
done
# mount9p TAG DIR OPTIONS
mount9p() {
	$b mkdir -p "$2"
	$b mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"
}
mount9p hostroot /lo ro,cache=loose
$b mount -t tmpfs up /up
$b mkdir /up/u /up/w
$b mount -t overlay -o lowerdir=/lo,upperdir=/up/u,workdir=/up/w root /new
for d in proc sys dev; do
	$b mount -o move "/$d" "/new/$d"
done
$b mount -t tmpfs -o mode=1777 tmp /new/tmp
$b mount -t tmpfs -o mode=755 run /new/run
mount9p modules "/new/lib/modules/$($b uname -r)" ro,cache=loose
mount9p control /new/run/vm rw,cache=none
n=0
while read -r d; do
	mount9p "share$n" "/new$d" rw,cache=none
	n=$((n + 1))
done </new/run/vm/shares
exec $b switch_root /new /bin/bash /run/vm/stage2
END
	chmod +x "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet | gzip -1) >"$1"
}

# control_make COMMAND...: the folder that tells the guest what to do, and where it leaves the status
control_make() {
	mkdir "$control"
	printf '%s\n' "${shares[@]+"${shares[@]}"}" | sed '/^$/d' >"$control/shares"
	{
		printf 'cd %q || { echo "vm.sh: the guest does not see this folder; share it with -s"; exit 125; }\n' "$PWD"
		printf '%q ' "$@"
	} >"$control/command"
	cat >"$control/stage2" <<'END'
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TERM=dumb VSH_VM=1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
ip link set lo up
stty -F /dev/ttyS1 raw -echo 2>/dev/null
bash /run/vm/command </dev/null >/dev/ttyS1 2>&1
echo $? >/run/vm/status.new
mv /run/vm/status.new /run/vm/status
sync
# The serial line's buffer has to run dry first.
sleep 0.1
echo b >/proc/sysrq-trigger
sleep 10
END
}

# export9p TAG DIR [OPTION]: one more folder for qemu to serve
export9p() {
	machine+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap${3:+,$3}")
	machine+=(-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

# accelerator: one thread emulates all of the guest's processors. With a thread for each, what a shell
# does all day (fork, exec) costs five times as much, in keeping the processors' page tables in step.
accelerator() {
	if [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; then
		echo kvm
	else
		echo tcg,thread=single
	fi
}

# processor: the plainest is emulated fastest. With random numbers of its own, or getrandom(2) is not ready
# for the first seconds, which the C library leaves in errno, where bpftool's batch mode takes it for an error;
# and able to count bits (popcnt), which libFuzzer does without asking.
processor() {
	case ${ACCEL:-$(accelerator)} in
	tcg*) echo qemu64,+rdrand,+popcnt ;;
	*) echo host ;;
	esac
}

# guest_run: qemu until it ends. In the background, so that a signal gets through to it at once.
guest_run() {
	local i status=0 modules

	modules=$(realpath "$root/lib/modules/$release")
	machine=(-accel "${ACCEL:-$(accelerator)}" -cpu "${CPU:-$(processor)}" -smp "$cpus" -m "$memory")
	machine+=(-nodefaults -no-user-config -display none -no-reboot)
	machine+=(-kernel "$root/boot/vmlinuz-$release" -initrd "$scratch/initramfs.gz")
	# norandmaps: programs at the same addresses in each process, or the emulator translates them anew at
	# each exec (three times slower).
	machine+=(-append "console=ttyS0 ${verbose:-quiet} panic=-1 mitigations=off nokaslr norandmaps tsc=reliable rcupdate.rcu_expedited=1")
	machine+=(-serial "file:$log" -chardev "stdio,id=out,signal=off" -serial chardev:out)
	export9p hostroot / readonly=on
	export9p modules "$modules" readonly=on
	export9p control "$control"
	for i in "${!shares[@]}"; do
		export9p "share$i" "${shares[i]}"
	done
	trap 'kill $(jobs -p) 2>/dev/null || :; wait; exit 130' INT TERM HUP
	timeout --foreground "$limit" qemu-system-x86_64 "${machine[@]}" </dev/null &
	wait "$!" || status=$?
	trap - INT TERM HUP
	return "$status"
}

kernel='' root='' shares=() limit=300 memory=2048 cpus=1 verbose='' fetch_only=''
case ${1:-} in
-h | --help | help)
	usage
	exit
	;;
esac
while getopts k:r:s:t:m:c:vf option; do
	case $option in
	k) kernel=$OPTARG ;;
	r) root=$(realpath "$OPTARG") ;;
	s) shares+=("$(realpath "$OPTARG")") ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	v) verbose=ignore_loglevel ;;
	f) fetch_only=1 ;;
	*)
		usage >&2
		exit 2
		;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || [ -n "$fetch_only" ] || die 2 "no command; vm.sh --help shows the usage"
[ "$(uname -m)" = x86_64 ] || die 3 "only x86_64 machines can run the guest so far, this is $(uname -m)"

cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/vershitify
mkdir -p "$cache"
if [ -z "$root" ]; then
	root=$(kernel_fetch "${kernel:-6.1}")
	kernel=
fi
release=${kernel:-$(kernel_release "$root")}
[ -r "$root/boot/vmlinuz-$release" ] || die 2 "no $root/boot/vmlinuz-$release"
if [ -n "$fetch_only" ]; then
	printf '%s\n' "$release"
	exit
fi
for program in qemu-system-x86_64 busybox cpio modprobe xz timeout; do
	command -v "$program" >/dev/null || die 1 "$program is missing; scripts/check.sh installs what it takes"
done

scratch=$(mktemp -d)
control=$scratch/control
log=$cache/console-$release.log
trap 'rm -rf "$scratch"' EXIT
initramfs_make "$scratch/initramfs.gz"
control_make "$@"
status=0
guest_run || status=$?
[ -z "$verbose" ] || cat "$log" >&2
[ ! -e "$control/status" ] || exit "$(cat "$control/status")"
[ "$status" != 124 ] || die 124 "time limit of $limit s"
die 125 "the guest ended without a status; its kernel log is $log"
