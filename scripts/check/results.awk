# SPDX-License-Identifier: GPL-2.0-or-later
#
# results.awk - what the log of a run says of each test that was asked for, whether it tells of it or not.
#
#	awk -v run=RUN -v end=WHY -v failures=FILE -f results.awk TESTS FILES LOG
#
# TESTS: lines of tests.awk. FILES: the names of the files, in the order of the report. LOG: lines
# "KERNEL FILE: LINE", where LINE is of TAP, or "::ended STATUS" when the file is through; WHY says why the
# run as a whole ended, for the files that have no such line.
#
# Output: lines "RUN FILE NUMBER VERDICT MS NAME REASON" (tabs between). VERDICT is pass, fail or skip; number 0
# is the file itself. What failed tests have printed is appended to FILE.

BEGIN { OFS = "\t" }

function record(number, verdict, name, reason, ms) {
	gsub(/\t/, " ", name)
	gsub(/\t/, " ", reason)
	if (verdict == "fail")
		failed[file]++
	if (number > last[file])
		last[file] = number
	line[file, number] = line[file, number] run OFS file OFS number OFS verdict OFS ms + 0 OFS name OFS reason "\n"
}

# A verdict waits for the comments that follow it: they say why.
function flush() {
	if (open)
		record(number, verdict, name, reason, ms)
	open = 0
}

# All that is known of the file, in the order of its tests; what is not known has failed.
function finish(ended, why,    n) {
	flush()
	for (n = 1; n <= wanted[file] || n <= plan[file]; n++)
		if (!((file, n) in line))
			record(n, "fail", (file, n) in names ? names[file, n] : "test " n, "did not run, " why)
	if (!failed[file] && (ended != 0 || !last[file]))
		record(0, "fail", "(the file)", last[file] ? why : "no tests in it")
	for (n = 0; n <= last[file]; n++)
		printf "%s", line[file, n]
	finished[file] = 1
}

FILENAME == ARGV[1] {
	split($0, field, "\t")
	names[field[1], field[2]] = field[3]
	wanted[field[1]] = field[2]
	next
}
FILENAME == ARGV[2] {
	files[++count] = $0
	asked[$0] = 1
	next
}

{
	sub(/^[^ ]+ /, "")
	file = substr($0, 1, index($0, ": ") - 1)
	if (!(file in asked) || file in finished)
		next
	$0 = substr($0, length(file) + 3)
}
/^::ended / {
	why = "bats ended with status " $2
	if ($2 == 124)
		why = "the time limit ended it"
	if ($2 == 137)
		why = "bats was killed"
	finish($2, why)
	next
}
/^1\.\.[0-9]+$/ {
	plan[file] = substr($0, 4) + 0
	next
}
/^(not )?ok [0-9]+ / {
	flush()
	verdict = $1 == "ok" ? "pass" : "fail"
	reason = ""
	number = verdict == "pass" ? $2 : $3
	name = $0
	sub(/^(not )?ok [0-9]+ /, "", name)
	if (verdict == "pass" && match(name, / in [0-9]+ms # skip/)) {
		verdict = "skip"
		reason = substr(name, RSTART + RLENGTH)
		sub(/^ /, "", reason)
		name = substr(name, 1, RSTART + RLENGTH - 8)
	}
	ms = 0
	if (match(name, / in [0-9]+ms$/)) {
		ms = substr(name, RSTART + 4, RLENGTH - 6)
		name = substr(name, 1, RSTART - 1)
	}
	# bats gives a failed setup_file the number of the first test, though that did not run.
	if (name ~ /^(setup|teardown)_file failed$/)
		number = 0
	open = 1
	if (verdict == "fail")
		print run " " file ": " $0 >>failures
	next
}
open && verdict == "fail" && /^# / && reason == "" { reason = substr($0, 3) }
open && verdict == "fail" && /^#   `/ { reason = reason " " substr($0, 5) }
open && verdict == "fail" { print run ": " $0 >>failures }

END {
	for (n = 1; n <= count; n++) {
		file = files[n]
		if (!(file in finished))
			finish(1, end)
	}
}
