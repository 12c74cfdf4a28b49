#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The build itself, in a copy of the tree: what is made again after a change, what is missed, what is said. No
# root is needed, and nothing is loaded.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

TREE_TARGETS='all testprograms benchprograms sanitize'

# One copy for the whole file, with everything built.
setup_file() {
	export TREE=$BATS_FILE_TMPDIR/tree
	mkdir "$TREE"
	cp -a "$TOP"/{Makefile,CHANGELOG.md,bpf,tc,scripts,bats} "$TREE"
	# shellcheck disable=SC2086 # names of targets
	make -s -j "$(nproc)" -C "$TREE" $TREE_TARGETS >&2 3>&-
}

# in_tree WORD...: make, there.
in_tree() {
	make --no-print-directory -C "$TREE" "$@" 3>&-
}

# fuzzers: the programs of the fuzz targets, which take too long to be made here.
fuzzers() {
	local source

	for source in "$TREE"/bats/fuzz/*.c; do
		source=${source##*/}
		printf 'build/fuzz/%s\n' "${source%.c}"
	done
}

# --- headers -----------------------------------------------------------------------

# compiled: of the commands on stdin that compile, lines "SOURCE OBJECT".
compiled() {
	awk '{
		source = object = ""
		for (i = 1; i <= NF; i++) {
			if ($i ~ /\.c$/ && source == "")
				source = $i
			if ($i == "-o")
				object = $(i + 1)
		}
		if (source != "" && object != "")
			print source, object
	}'
}

# includers: lines "SOURCE HEADER" for each header that a source includes, directly or not. From the text of
# the files, not from what the compiler says, which is what make itself goes by. Sources are told by their
# path. What one includes is every file whose path ends with the name that is written there.
includers() {
	(cd "$TREE" && find bpf bats scripts/bench -name '*.[ch]' -exec awk '
	FNR == 1 {
		file[++files] = FILENAME
		for (name = FILENAME; sub(/^[^\/]*\//, "", name);)
			called[name] = called[name] " " FILENAME
	}
	/^#include "/ {
		name = $2
		gsub(/"|\.\.\//, "", name)
		includes[FILENAME] = includes[FILENAME] " " name
	}
	function visit(source, path,    names, paths, i, j) {
		if ((source, path) in seen)
			return
		seen[source, path] = 1
		print source, path
		split(includes[path], names, " ")
		for (i in names) {
			split(called[names[i]], paths, " ")
			for (j in paths)
				visit(source, paths[j])
		}
	}
	END {
		for (f = 1; f <= files; f++)
			visit(file[f], file[f])
	}' {} +)
}

# expected HEADER: the objects that are made from it.
expected() {
	awk -v header="$1" '
	FILENAME == ARGV[1] {
		if ($2 == header)
			includes[$1] = 1
		next
	}
	$1 in includes { print $2 }' "$BATS_TEST_TMPDIR/includers" "$BATS_TEST_TMPDIR/compiled" | sort -u
}

# remade [-v]: of the commands on stdin the objects that they make, fuzz targets only, or (-v) all others.
remade() {
	compiled | cut -d ' ' -f 2 | grep "$@" '^build/fuzz/' | sort -u
}

# assert_all_of TEXT LINES LINES: the second has each line of the first.
assert_all_of() {
	assert_equal "$1: $(comm -23 <(printf '%s' "$2") <(printf '%s\n' "$3"))" "$1: "
}

@test "a header that changes has every object made again that includes it, and no other" {
	local header objects count=0 stamp=$BATS_TEST_TMPDIR/stamp

	# shellcheck disable=SC2046,SC2086 # names of targets
	set -- $TREE_TARGETS $(fuzzers)
	includers >"$BATS_TEST_TMPDIR/includers"
	in_tree -n -B "$@" | compiled >"$BATS_TEST_TMPDIR/compiled"
	mkdir -p "$TREE/build/fuzz"
	# shellcheck disable=SC2046 # as above
	in_tree -s -t $(fuzzers)
	in_tree -q "$@" || fail "not everything is up to date"
	for header in $(cd "$TREE" && find bpf bats scripts/bench -name '*.h'); do
		objects=$(expected "$header")
		[ -n "$objects" ] || fail "$header is included by nothing"
		touch -r "$TREE/$header" "$stamp"
		touch "$TREE/$header"
		run -0 in_tree -n "$@"
		touch -r "$stamp" "$TREE/$header"
		assert_equal "$header: $(remade -v <<<"$output" | xargs)" "$header: $(grep -v ^build/fuzz/ <<<"$objects" | xargs)"
		# a fuzz target waits for all headers: it may be made in vain
		assert_all_of "$header" "$(grep ^build/fuzz/ <<<"$objects")" "$(remade <<<"$output")"
		count=$((count + 1))
	done
	assert [ "$count" -gt 15 ]
}

# without_line FILE REGEX: `make lint-headers` fails where FILE has lost that line, and names FILE.
without_line() {
	cp -p "$TREE/$1" "$BATS_TEST_TMPDIR/kept"
	sed -i "/$2/d" "$TREE/$1"
	run ! cmp "$TREE/$1" "$BATS_TEST_TMPDIR/kept"
	run ! in_tree lint-headers
	cp -p "$BATS_TEST_TMPDIR/kept" "$TREE/$1"
	assert_output --partial "${1##*/}:"
}

@test "a header that needs another to have been included first is noticed" {
	local header

	without_line bpf/vershitify/event.bpf.h '^#include <bpf\/bpf_core_read.h>'
	without_line bpf/lib/random.bpf.h '^#include "kernel.bpf.h"'
	without_line bpf/vershitify/select.h '^#include <linux\/types.h>'
	without_line bpf/lib/pace.h '^#include <time.h>'
	without_line bats/fuzz/fuzz.h '^#include "lib\/vsh.h"'
	run -0 in_tree lint-headers
	# no header is left out
	run -0 in_tree -n lint-headers
	for header in $(cd "$TREE" && find bpf bats -name '*.h'); do
		assert_output --regexp " ${header}[ ;]"
	done
}

@test "how headers look is known to one file" {
	local known='struct (ethhdr|vlan_hdr|iphdr|ipv6hdr|frag_hdr|tcphdr|udphdr|icmphdr|icmp6hdr)\b'

	known+='|<(linux|net|netinet)/(if_ether|if_vlan|ethernet|ip|ip6|ipv6|tcp|udp|icmp|icmp6|icmpv6|in|in6)\.h>'
	known+='|->data(_end)?\b|_load_bytes|bpf_dynptr_from|\bETH_P_|_header (copy|ip|tcp|udp|icmp)\b'
	cd "$TREE"
	run ! grep -rnE "$known" bpf --include='*.bpf.[ch]' --exclude=header.bpf.h
	assert_output ''
	assert [ "$(grep -cE "$known" bpf/lib/header.bpf.h)" -gt 20 ]
}

# --- tools -----------------------------------------------------------------------------

# tools: their names, a line each.
tools() {
	sed -n 's/^TOOLS := //p' "$TREE/Makefile" | tr ' ' '\n'
}

# signs: what tells of a tool, a regular expression: the names of tools, of their objects, and what their programs'
# names begin with.
signs() {
	{
		tools
		build/vsh programs | awk '{ sub(/_.*/, "_", $2); print $2; print toupper($2); sub(/\..*/, "\\.(bpf\\.)?[co]\\>", $1); print $1 }'
	} | sort -u | paste -sd '|'
}

# shared_shell: the files of tc/ that are no tool's own.
shared_shell() {
	tools | sed 's/.*/tc\/([a-z]+-)?&\\.sh/' >"$BATS_TEST_TMPDIR/own"
	printf '%s\n' tc/*.sh | grep -vxEf "$BATS_TEST_TMPDIR/own"
}

@test "what tools share names no tool but in the list of tools" {
	cd "$TREE"
	run -0 signs
	assert_output --partial '|tracker'
	assert_output --regexp '(^|\|)pk_(\||$)'
	# guards of headers have the name of the house
	run ! eval "grep -rnE '$(signs)' bpf/lib --exclude=tools.c | grep -vE ':#(ifndef|define) [A-Z0-9_]+_H$'"
	assert_output ''
	# so have the records that all tools share, and a variable of the environment
	# shellcheck disable=SC2046 # names of files
	run -0 grep -nE "$(signs)" $(shared_shell)
	assert_equal "$(grep -v 'VSH_ENTERED=' <<<"$output" | cut -d : -f 1,3)" 'tc/lock.sh:common=/run/vershitify'
}

# helper_names UNDEFINED|DEFINED SOURCE...: what is not defined, or is, in these files of the helper.
helper_names() {
	local option=-u file

	[ "$1" != DEFINED ] || option='-g --defined-only'
	shift
	for file; do
		# shellcheck disable=SC2086 # options
		case $file in
		*.bpf.c | */tools.c) ;;
		*) nm $option "build/user/$(basename "$file" .c).o" | awk '{ print $NF }' ;;
		esac
	done | sort -u
}

@test "what the tools share in the helper needs nothing of a tool but by the list of tools" {
	cd "$TREE"
	helper_names UNDEFINED bpf/lib/*.c >"$BATS_TEST_TMPDIR/needed"
	# shellcheck disable=SC2046 # names of files
	helper_names DEFINED $(printf '%s\n' bpf/*/*.c | grep -v ^bpf/lib/) >"$BATS_TEST_TMPDIR/defined"
	assert grep -qx setns "$BATS_TEST_TMPDIR/needed"
	assert grep -qx pingkiller_tool "$BATS_TEST_TMPDIR/defined"
	run -0 comm -12 "$BATS_TEST_TMPDIR/needed" "$BATS_TEST_TMPDIR/defined"
	assert_output ''
}

@test "the helper and the shell lock one file" {
	assert_equal "$(sed -n 's/^const char lock_file\[\] = "\(.*\)";$/\1/p' "$TREE/bpf/lib/tools.c")" \
		"$(sh -c '. "$0/tc/lock.sh"; printf "%s\n" "$lock"' "$TREE")"
}

# --- files ---------------------------------------------------------------------------

# missed FILE TARGET: without FILE there is no TARGET, and make names what it lacks.
missed() {
	local said

	mv "$TREE/$1" "$BATS_TEST_TMPDIR/away"
	rm -f "$TREE"/build/{vsh,snitch-page}
	if said=$(in_tree "$2" 2>&1); then
		fail "make $2 is content without $1"
	fi
	mv "$BATS_TEST_TMPDIR/away" "$TREE/$1"
	case $1 in
	bpf/*.bpf.c) assert_regex "$said" "No rule to make target '($1|build/$(basename "$1" .bpf.c).o)'" ;;
	bpf/*.c) assert_regex "$said" 'undefined reference' ;;
	*) assert_regex "$said" "No rule to make target '$1'" ;;
	esac
}

@test "a file that is missing breaks the build" {
	local file

	cd "$TREE"
	for file in bpf/*/*.c scripts/man/*.scd scripts/completion/*.bash tc/*.sh $(tools | sed 's/.*/scripts\/&.sh/'); do
		missed "$file" all
	done
	for file in scripts/bench/*.c; do
		missed "$file" benchprograms
	done
	in_tree -s all
}

@test "a file that is there is built, or installed" {
	local file made

	cd "$TREE"
	# shellcheck disable=SC2046 # names of targets
	made=$(in_tree -n -B all testprograms benchprograms $(fuzzers) install | tr -s ' ;' '\n')
	for file in bpf/*/*.c scripts/bench/*.c bats/programs/*.c bats/fuzz/*.c scripts/man/*.scd tc/*.sh scripts/examples/*; do
		assert grep -qxF "$file" <<<"$made"
	done
}

# --- one version ------------------------------------------------------------------------

@test "the version is written in one place, and every part says it" {
	local version page

	version=$(sed -n 's/^version=//p' "$TREE/tc/command.sh")
	cd "$TREE"
	# what tells of the past may name it, too
	run -0 grep -rlF "$version" --exclude-dir=build --exclude-dir=corpus .
	assert_equal "$(sort <<<"$output" | xargs)" \
		"./CHANGELOG.md ./scripts/bench/RESULTS-pingkiller.md ./scripts/bench/RESULTS.md ./tc/command.sh"
	assert_equal "$(grep -m 1 '^## ' CHANGELOG.md | cut -d ' ' -f 2)" "$version"

	cp -p tc/command.sh "$BATS_TEST_TMPDIR"
	sed -i 's/^version=.*/version=98.76.54/' tc/command.sh
	in_tree -s all sanitize
	assert_equal "$(build/vsh -V)" 'vsh 98.76.54'
	assert_equal "$(build/asan/vsh -V)" 'vsh 98.76.54'
	assert_equal "$(scripts/vershitify.sh -V)" 'vershitify 98.76.54'
	assert_equal "$(scripts/pingkiller.sh -V)" 'pingkiller 98.76.54'
	for page in build/*.8; do
		assert grep -q '^\.TH .*"vershitify 98\.76\.54"$' "$page"
	done
	sed -i '/^version=/d' tc/command.sh
	run ! in_tree all
	assert_output --partial 'tc/command.sh says no version'
	cp -p "$BATS_TEST_TMPDIR/command.sh" tc
	in_tree -s -B build/user/main.o build/asan/user/main.o
}

# --- what make says ------------------------------------------------------------------------

@test "make tells in one line what it makes, V=1 shows the commands, -s says nothing" {
	cd "$TREE"
	run -0 in_tree -B build/user/words.o build/pingkiller.o build/pingkiller.8
	assert_output '  CC        build/user/words.o
  BPF       build/pingkiller.o
  MAN       build/pingkiller.8'
	run -0 in_tree V=1 -B build/user/words.o build/pingkiller.o
	assert_line --regexp '^cc .* -c bpf/lib/words\.c -o build/user/words\.o$'
	assert_line --regexp '^clang .* -c bpf/pingkiller/pingkiller\.bpf\.c -o build/pingkiller\.o$'
	refute_line --regexp '^  (CC|BPF) '
	for words in -s -sj2 '-s CPPFLAGS=-Wall'; do
		# shellcheck disable=SC2086 # words
		run -0 in_tree $words -B build/user/words.o
		assert_output ''
	done
	# an "s" elsewhere on the line is no -s
	run -0 in_tree --warn-undefined-variables -B build/user/words.o CPPFLAGS=-s SCDOC=scdoc
	assert_line '  CC        build/user/words.o'
	# nor does quiet mean deaf
	run ! in_tree -B build/user/words.o CPPFLAGS='-include missing.h'
	assert_output --partial 'error'
}

@test "no command is run again for each use of a variable" {
	run -0 in_tree -p -n build/vsh
	assert_line --regexp '^LLVM_STRIP := [^$]'
	refute_line --regexp '^[A-Za-z_]+ = .*\$\(shell'
}
