#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The build itself, in a copy of the tree: what is made again after a change. No root is needed, and nothing
# is loaded.
#
# bats sets stderr, and status and output anew in each test:
# shellcheck disable=SC2154,SC2030,SC2031

load helpers

TREE_TARGETS='all testprograms benchprograms sanitize'

# One copy for the whole file, with everything built.
setup_file() {
	export TREE=$BATS_FILE_TMPDIR/tree
	mkdir "$TREE"
	cp -a "$TOP"/{Makefile,bpf,tc,scripts,bats} "$TREE"
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
