/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_MTU_H
#define VSH_MTU_H

#include <stdint.h>
#include "vershitify.h"

/* Bytes of the largest packet that the rule's devices take, those of this namespace; 1500 at least. */
uint32_t devices_mtu(const struct vsh_rule *rule, const struct vsh_label *label);

#endif
