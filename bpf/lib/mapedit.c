// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include "mapedit.h"

static void hex_print(const void *bytes, size_t length)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < length; i++)
		printf(" %02x", p[i]);
}

void map_update_print(const char *map, const void *key, size_t key_size, const void *value,
		      size_t value_size)
{
	printf("update %s key hex", map);
	hex_print(key, key_size);
	printf(" value hex");
	hex_print(value, value_size);
	putchar('\n');
}

void map_delete_print(const char *map, const void *key, size_t key_size)
{
	printf("delete %s key hex", map);
	hex_print(key, key_size);
	putchar('\n');
}
