// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of devices, and what is shown of names. */
#include <string.h>
#include "site.h"
#include "trace.h"
#include "utf8.h"

void device_name(uint64_t netns_cookie, uint32_t ifindex, char name[TPK_NAME_LEN])
{
	struct site site;

	strcpy(name, "?");
	if (!site_open(&site, netns_cookie))
		return;
	site_device_name(&site, ifindex, name);
	site_close(&site);
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
