// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include "loss.h"
#include "vsh.h"
#include "words.h"

int loss_parse(const char *word, __u64 *millionths)
{
	uint64_t loss;

	switch (percent_parse(word, &loss)) {
	case 0:
		*millionths = loss;
		return DONE;
	case -EDOM:
		/* Only zeros are in front of the point, as many as anybody likes. */
		return misuse(
			"drop %s: say 0%s%% for that part of a percent, or 100 times as much for a share of 1",
			quoted(word), strchr(word, '.'));
	default:
		return misuse("drop %s: a percentage from 0 to 100 with up to 6 decimals",
			      quoted(word));
	}
}
