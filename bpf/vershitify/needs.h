/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VSH_NEEDS_H
#define VSH_NEEDS_H

#include <linux/types.h>
#include "vershitify.h"

/* After all other fields: what they ask of the classifier (enum vsh_need). */
void needs_finish(struct vsh_rule *rule);

#endif
