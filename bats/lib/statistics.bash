# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# statistics.bash - how many losses a share may be.

# binomial N PERCENT: prints LOW HIGH. A count of N independent events, each of
# that probability, is outside in one case of a million (half on either side).
# Summed from the weights themselves, relative to the largest: exact, and so at
# 0 and 100 %, where only one count is possible.
binomial() {
	awk -v n="$1" -v percent="$2" -v alpha=1e-6 'BEGIN {
		p = percent / 100
		if (p <= 0) { print 0, 0; exit }
		if (p >= 1) { print n, n; exit }
		mode = int((n + 1) * p)
		if (mode > n) mode = n
		weight[mode] = sum = 1
		for (high = mode; high < n && weight[high] > 1e-40; high++)
			sum += weight[high + 1] = weight[high] * (n - high) / (high + 1) * p / (1 - p)
		for (low = mode; low > 0 && weight[low] > 1e-40; low--)
			sum += weight[low - 1] = weight[low] * low / (n - low + 1) * (1 - p) / p
		for (tail = weight[low]; tail <= sum * alpha / 2; tail += weight[++low]);
		for (tail = weight[high]; tail <= sum * alpha / 2; tail += weight[--high]);
		print low, high
	}'
}

# assert_binomial COUNT N PERCENT
assert_binomial() {
	local low high

	read -r low high < <(binomial "$2" "$3")
	(($1 >= low && $1 <= high)) || fail "$1 of $2 is not $3 %: expected $low to $high"
}
