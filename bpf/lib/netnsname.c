// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of network namespaces. To find one takes a walk through files and processes, hence once. */
#include <string.h>
#include <sys/stat.h>
#include "site.h"

#define NAMES_MAX 64

struct known {
	uint64_t cookie;
	uint32_t inode; /* 0: it is gone */
	char name[SITE_NAME_LEN]; /* empty: it has none, or is gone */
};

static void name_find(struct known *known, uint64_t cookie)
{
	struct stat file;
	struct site site;

	*known = (struct known){ .cookie = cookie };
	if (!site_open(&site, cookie))
		return;
	strcpy(known->name, site.name);
	if (!fstat(site.netns, &file))
		known->inode = file.st_ino;
	site_close(&site);
}

static const struct known *known_find(uint64_t cookie)
{
	static struct known names[NAMES_MAX];
	static size_t count;
	struct known *known = names;

	while (known < names + count && known->cookie != cookie)
		known++;
	if (known == names + count) {
		if (count == NAMES_MAX)
			known = names; /* so many: the first is looked for again */
		else
			count++;
		name_find(known, cookie);
	}
	return known;
}

const char *netns_name(uint64_t cookie)
{
	const struct known *known = cookie ? known_find(cookie) : NULL;

	return known && *known->name ? known->name : NULL;
}

uint32_t netns_inode(uint64_t cookie)
{
	return cookie ? known_find(cookie)->inode : 0;
}
