// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of network namespaces. To find one takes a walk through files and processes, hence once. */
#include <string.h>
#include "site.h"
#include "trace.h"

#define NAMES_MAX 64

struct known {
	uint64_t cookie;
	char name[SITE_NAME_LEN]; /* empty: it has none, or is gone */
};

static void name_find(struct known *known, uint64_t cookie)
{
	struct site site;

	*known = (struct known){ .cookie = cookie };
	if (!site_open(&site, cookie))
		return;
	strcpy(known->name, site.name);
	site_close(&site);
}

const char *netns_name(uint64_t cookie)
{
	static struct known names[NAMES_MAX];
	static size_t count;
	struct known *known = names;

	if (!cookie)
		return NULL;
	while (known < names + count && known->cookie != cookie)
		known++;
	if (known == names + count) {
		if (count == NAMES_MAX)
			known = names; /* so many: the first is looked for again */
		else
			count++;
		name_find(known, cookie);
	}
	return *known->name ? known->name : NULL;
}
