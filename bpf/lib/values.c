// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include "values.h"
#include "vsh.h"
#include "words.h"

int device_find(const char *name, uint32_t *ifindex)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return misuse("invalid device name %s (1 to %d bytes)", quoted(name), IFNAMSIZ - 1);
	/* The kernel takes "eth0:" for eth0, as the name of an old alias. */
	*ifindex = strchr(name, ':') ? 0 : if_nametoindex(name);
	return *ifindex ? DONE : failure("cannot find device %s", quoted(name));
}

int percent_value(struct cursor *cursor, uint64_t *millionths)
{
	const char *word = word_next(cursor);

	switch (percent_parse(word, millionths)) {
	case 0:
		return DONE;
	case -EDOM:
		/* Only zeros are in front of the point, as many as anybody likes. */
		return misuse(
			"%s %s: say 0%s%% for that part of a percent, or 100 times as much for a share of 1",
			cursor->said, quoted(word), strchr(word, '.'));
	default:
		return misuse("%s %s: a percentage from 0 to 100 with up to 6 decimals",
			      cursor->said, quoted(word));
	}
}

int time_value(struct cursor *cursor, uint64_t *ns)
{
	const char *word = word_next(cursor);
	uint64_t ignored;

	if (!number_parse(word, UINT64_MAX, &ignored))
		return misuse("%s %s: with a unit, as in 30s, 500ms, 5m, 1h", cursor->said,
			      quoted(word));
	if (time_parse(word, ns))
		return misuse("%s %s: a time of up to 10 years, as in 30s, 500ms, 5m, 1h",
			      cursor->said, quoted(word));
	return DONE;
}

int seconds_value(struct cursor *cursor, uint64_t *ns)
{
	const char *word = word_next(cursor);

	if (!seconds_parse(word, ns))
		return DONE;
	return misuse("%s %s: seconds, or a time as in 200ms", cursor->said, quoted(word));
}

int number_value(struct cursor *cursor, const char *what, uint64_t min, uint64_t max,
		 uint64_t *number)
{
	const char *word = word_next(cursor);

	if (!number_parse(word, max, number) && *number >= min)
		return DONE;
	return misuse("%s %s: %s from %llu to %llu", cursor->said, quoted(word), what,
		      (unsigned long long)min, (unsigned long long)max);
}
