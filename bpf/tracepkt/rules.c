// SPDX-License-Identifier: GPL-2.0-or-later
/* What vershitify's rules have to do with it. */
#include <stdlib.h>
#include "maps.h"
#include "trace.h"
#include "vershitify.h"
#include "words.h"

int rules_check(void)
{
	int status = pin_check(VSH_MAPS_DIR, "vsh_labels", sizeof(struct vsh_label));

	if (status == DONE)
		status = pin_check(VSH_MAPS_DIR, "vsh_tracer", sizeof(uint32_t));
	if (status == DONE)
		status = pin_check(VSH_MAPS_DIR, "vsh_dropped", sizeof(struct vsh_dropped));
	return status;
}

bool rule_loss(uint32_t number, char *text, size_t size)
{
	struct vsh_label *labels = calloc(VSH_RULES_MAX, sizeof(*labels));
	bool is_known =
		labels && number && number <= VSH_RULES_MAX &&
		!pin_read(VSH_MAPS_DIR, "vsh_labels", labels, VSH_RULES_MAX, sizeof(*labels));

	if (is_known)
		percent_format(labels[number - 1].loss, text, size);
	free(labels);
	return is_known;
}
