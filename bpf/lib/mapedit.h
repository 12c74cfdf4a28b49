/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a plan that edit maps. They are the arguments of `bpftool map`:
 *
 *	update MAP key hex .. value hex ..
 *	delete MAP key hex ..
 */
#ifndef VSH_MAPEDIT_H
#define VSH_MAPEDIT_H

#include <stddef.h>

void map_update_print(const char *map, const void *key, size_t key_size, const void *value,
		      size_t value_size);
void map_delete_print(const char *map, const void *key, size_t key_size);

#endif
