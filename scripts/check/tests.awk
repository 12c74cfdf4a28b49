# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests.awk - the tests in one file of tests: lines "FILE NUMBER NAME", separated by tabs. The names are read
# from the source, since a run that died cannot tell them.
#
# Environment: FILTER, a regex that names have to match (in the environment, because "-v" would read its
# backslashes).

/^[ \t]*@test[ \t].*\{/ {
	name = $0
	sub(/^[ \t]*@test[ \t]+/, "", name)
	sub(/[ \t]+\{[^{]*$/, "", name)
	if (name ~ /^".*"$/ || name ~ /^\047.*\047$/)
		name = substr(name, 2, length(name) - 2)
	gsub(/\\/, "", name)
	gsub(/\t/, " ", name)
	if (name !~ ENVIRON["FILTER"])
		next
	print FILENAME "\t" ++n "\t" name
}
