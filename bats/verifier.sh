#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# verifier.sh - what the kernel's verifier makes of the programs in build/*.o: how many instructions it
# processes on all paths together, the stack that they take, how large they get. bats/verifier.tsv keeps
# the figures that bats/house-verifier.bats compares with.

set -eu

usage() {
	cat <<'END'
Usage: verifier.sh table             a table for this kernel, and one for each virtual machine
       verifier.sh renew             the same, and keep the figures in bats/verifier.tsv
       verifier.sh here OBJECT...    figures for this kernel, a line for each program: KERNEL OBJECT PROGRAM
                                     INSNS STACK XLATED JITED USEC (tabs between); INSNS is "refused" for one
                                     that the kernel has and does not let anybody load
       verifier.sh compare KEPT NOW  two files of figures: one line, and status 1, for each program of NOW that
                                     KEPT lacks or that has risen by more than a quarter, and for each that
                                     KEPT has too many

Compared are INSNS, STACK and XLATED. They may fall as they like, and what is kept as refused may be loaded. The verifier's logs stay in
build/check/verifier/RELEASE/OBJECT/.
END
}

die() {
	printf 'verifier.sh: %s\n' "$*" >&2
	exit 1
}

# --- figures -----------------------------------------------------------------------------------

# They change with the kernel's series, hardly with its patches.
kernel_series() {
	uname -r | sed 's/^\([0-9]*\.[0-9]*\).*/\1/'
}

# figures_here OBJECT...: 1 if one of them does not load; verify has then said why.
figures_here() {
	status=0
	for object; do
		name=$(basename "$object" .o)
		logs=$top/build/check/verifier/$(uname -r)/$name
		mkdir -p "$logs"
		if figures=$("$top/build/test/verify" "$object" "$logs"); then
			printf '%s\n' "$figures" | sed "s/^/$(kernel_series)$tab$name.o$tab/"
		else
			status=1
		fi
	done
	return "$status"
}

# figures_vm SERIES: the same in a virtual machine, whose output holds the words of the guest, too.
figures_vm() {
	"$top/bats/vm.sh" -k "$1" -s "$top" "$top/bats/verifier.sh" here "$top"/build/*.o >"$work/guest" || :
	tr -d '\r' <"$work/guest" | awk -F "$tab" 'NF == 8 { print; next } { print >"/dev/stderr" }'
	grep -q "^$1$tab" "$work/guest" || die "no figures from kernel $1"
}

# figures_compare KEPT NOW
figures_compare() {
	awk -F "$tab" '
	function complain(text) {
		print text
		wrong = 1
	}
	BEGIN {
		name[4] = "instructions processed"
		name[5] = "bytes of stack"
		name[6] = "bytes translated"
	}
	/^#/ { next }
	{ row = $1 FS $2 FS $3 }
	FILENAME == ARGV[1] {
		for (i = 4; i <= 6; i++)
			kept[row, i] = $i
		rows[row] = $1 FS $2
		next
	}
	!(row in rows) {
		complain($2 " " $3 ", kernel " $1 ": no figures are kept")
		next
	}
	{
		seen[row] = measured[$1 FS $2] = 1
		if (kept[row, 4] == "refused")
			next
		if ($4 == "refused") {
			complain($2 " " $3 ", kernel " $1 ": refused, kept are " kept[row, 4] " instructions processed")
			next
		}
		for (i = 4; i <= 6; i++)
			if ($i > kept[row, i] * 1.25)
				complain($2 " " $3 ", kernel " $1 ": " $i " " name[i] ", kept are " kept[row, i])
	}
	END {
		for (row in rows)
			if (rows[row] in measured && !(row in seen)) {
				split(row, part, FS)
				complain(part[2] " " part[3] ", kernel " part[1] ": figures are kept, but there is no such program")
			}
		exit wrong
	}' "$1" "$2"
}

# --- tables ------------------------------------------------------------------------------------

figures_everywhere() {
	figures_here "$top"/build/*.o || :
	for series in 6.1 6.12; do
		figures_vm "$series"
	done
}

tables_print() {
	awk -F "$tab" '
	$1 != kernel {
		printf "%s%-36s %8s %6s %8s %8s %8s\n", kernel ? "\n" : "", "kernel " $1, "insns", "stack", "xlated", "jited", "usec"
		kernel = $1
	}
	{ printf "%-36s %8s %6s %8s %8s %8s\n", $2 " " $3, $4, $5, $6, $7, $8 }' "$1"
}

# figures_keep FILE: in the place of what was kept for these kernels. Other releases of clang make other
# figures.
figures_keep() {
	grep -v '^#' "$top/bats/verifier.tsv" >"$work/kept" || :
	{
		printf '# What the verifier makes of each program: bats/verifier.sh renew has written this, with %s.\n' \
			"$("${CLANG:-clang}" --version | sed -n '1s/.*\(clang version [0-9]*\).*/\1/p')"
		printf '# kernel\tobject\tprogram\tinsns\tstack\txlated\n'
		{
			cut -f 1-6 "$1"
			awk -F "$tab" 'FILENAME == ARGV[1] { measured[$1]; next } !($1 in measured)' "$1" "$work/kept"
		} | sort -t "$tab" -k1,1V -k2,3
	} >"$top/bats/verifier.tsv"
}

top=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
tab='	'
work=''
case ${1-} in
help | --help | -h)
	usage
	exit
	;;
here)
	[ $# -gt 1 ] || set -- here "$top"/build/*.o
	shift
	figures_here "$@"
	;;
compare)
	[ $# = 3 ] || die "compare takes two files"
	figures_compare "$2" "$3"
	;;
table | renew)
	trap '[ -z "$work" ] || rm -rf "$work"' EXIT
	work=$(mktemp -d)
	figures_everywhere >"$work/figures"
	tables_print "$work/figures"
	[ "$1" = table ] || figures_keep "$work/figures"
	;;
*)
	usage >&2
	exit 2
	;;
esac
