# SPDX-License-Identifier: GPL-2.0-or-later
#
# report.awk - the table of tests and kernels, the reasons of what was skipped or failed, what the failed tests
# printed (last, where the end of a log is all that is kept), the sums. Exits 0 if nothing failed.
#
#	awk -v whole=1 -v failures=FILE -f report.awk STEPS RESULTS
#
# STEPS: lines "VERDICT NAME" (a tab between). RESULTS and FILE: of results.awk, for all runs. With "whole" a
# test that was skipped wherever it ran has failed.

BEGIN { FS = "\t" }

FILENAME == ARGV[1] {
	step[++steps] = $2
	step_verdict[steps] = $1
	sum[$1]++
	next
}
{
	test = $2 SUBSEP $6
	if (!($1 in column)) {
		column[$1] = ++columns
		head[columns] = $1
		sub(/\+.*|-[a-z].*| .*/, "", head[columns])
	}
	if (!(test in row)) {
		row[test] = ++rows
		row_file[rows] = $2
		row_name[rows] = $6
	}
	cell[row[test], column[$1]] = $4
	why[row[test], column[$1]] = $7
	if ($4 != "skip")
		ran[row[test]] = 1
	sum[$4]++
}
function columns_print(    c) {
	for (c = 1; c <= columns; c++)
		printf "%-10.10s", head[c]
	if (columns)
		printf "\n"
}

# row_print R: the verdict for each kernel, and below it why it is no "pass".
function row_print(r,    c, indent) {
	indent = sprintf("%" columns * 10 + 2 "s", "")
	for (c = 1; c <= columns; c++)
		printf "%-10s", (r, c) in cell ? cell[r, c] : "-"
	printf "%s\n", row_name[r]
	for (c = 1; c <= columns; c++)
		if ((r, c) in why && cell[r, c] != "pass")
			printf "%s%s: %s%s\n", indent, head[c], cell[r, c], why[r, c] == "" ? "" : ", " why[r, c]
	if (whole && !ran[r]) {
		printf "%sfail, it ran on no kernel at all\n", indent
		sum["fail"]++
	}
}

function sums_print(    s) {
	for (s = 1; s <= steps; s++)
		printf "%-10s%s\n", step_verdict[s], step[s]
	printf "%d passed, %d failed", sum["pass"], sum["fail"]
	if (sum["skip"])
		printf ", %d skipped", sum["skip"]
	printf "\n"
}

END {
	columns_print()
	for (r = 1; r <= rows; r++) {
		if (row_file[r] != row_file[r - 1])
			print row_file[r]
		row_print(r)
	}
	if (!rows) {
		print "fail: no test was run"
		sum["fail"]++
	}
	print ""
	while ((getline text <failures) > 0)
		print text
	sums_print()
	exit sum["fail"] != 0
}
