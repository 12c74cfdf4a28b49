/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How events are told: a line each, as text or as JSON. */
#ifndef VSH_EVENT_H
#define VSH_EVENT_H

#include "standing.h"
#include <stdbool.h>
#include <stdint.h>
#include "vershitify.h"

/* What a program has sent. */
void event_print(bool is_json, const struct vsh_event *event);

void lost_print(bool is_json, uint64_t events);
void expired_print(bool is_json, uint32_t id);
void missed_print(bool is_json, uint32_t id, enum vsh_miss miss, uint64_t times);
void standing_print(bool is_json, uint32_t id, const struct sight *sight);
void counts_print(bool is_json, uint64_t passed, uint64_t dropped);

#endif
