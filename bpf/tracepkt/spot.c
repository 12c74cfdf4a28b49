// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of devices, and of network namespaces: to find one of these takes a walk through files and
 * processes, hence once.
 */
#include <string.h>
#include <sys/stat.h>
#include "site.h"
#include "trace.h"
#include "utf8.h"

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

void device_name(uint64_t netns_cookie, uint32_t ifindex, char name[TPK_NAME_LEN])
{
	struct site site;

	strcpy(name, "?");
	if (!site_open(&site, netns_cookie))
		return;
	site_device_name(&site, ifindex, name);
	site_close(&site);
}

uint32_t netns_inode(uint64_t cookie)
{
	return cookie ? known_find(cookie)->inode : 0;
}

/* What a terminal might obey is not shown. */
static const char *shown(const char *name)
{
	static char ring[4][SITE_NAME_LEN];
	static unsigned int next;
	char *text = ring[next++ % 4];
	size_t length = strnlen(name, SITE_NAME_LEN - 1);
	size_t n;

	memcpy(text, name, length);
	text[length] = '\0';
	for (size_t i = 0; i < length; i += n ?: 1) {
		n = utf8_length((unsigned char *)text + i, length - i);
		if (!n || utf8_is_control((unsigned char *)text + i, n))
			memset(text + i, '?', n ?: 1);
	}
	return text;
}

const char *device_shown(const struct spot *place)
{
	return *place->dev ? shown(place->dev) : "-";
}

const char *netns_shown(const struct spot *place)
{
	const char *name = netns_name(place->netns_cookie);
	char number[16];

	snprintf(number, sizeof(number), "%u", place->netns_inode);
	return shown(name ?: number);
}
