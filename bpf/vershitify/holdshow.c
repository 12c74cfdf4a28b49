// SPDX-License-Identifier: GPL-2.0-or-later
/* What netem does to packets, told in words and in JSON. */
#include <string.h>
#include "holdwords.h"
#include "netem.h"
#include "words.h"

bool holds_packets(const struct vsh_label *label)
{
	return hold_is_asked(&label->hold[VSH_EGRESS]) || hold_is_asked(&label->hold[VSH_INGRESS]);
}

static void one_print(FILE *out, char before, const struct vsh_hold *hold)
{
	char text[24];

	if (!hold_is_asked(hold))
		return;
	hold_words(out, before, hold);
	if (hold->rate_bytes) {
		byterate_format(hold->rate_bytes, text, sizeof(text));
		fprintf(out, "%crate %s", before, text);
	}
	if (hold->overhead || hold->atm)
		fprintf(out, " %u", hold->overhead);
	if (hold->atm)
		fprintf(out, " %d %d", ATM_CELL, ATM_HEADER);
	fprintf(out, "%climit %u", before, hold->limit);
}

static void side_print(FILE *out, char before, const char *side, const struct vsh_hold *hold)
{
	if (!hold_is_asked(hold))
		return;
	fprintf(out, "%c%s", before, side);
	one_print(out, before, hold);
}

void hold_print(FILE *out, char before, const struct vsh_label *label, bool both)
{
	const struct vsh_hold *egress = &label->hold[VSH_EGRESS];
	const struct vsh_hold *ingress = &label->hold[VSH_INGRESS];

	if (both && memcmp(egress, ingress, sizeof(*egress))) {
		side_print(out, before, "egress", egress);
		side_print(out, before, "ingress", ingress);
		return;
	}
	one_print(out, before, hold_is_asked(egress) ? egress : ingress);
}

static void share_print_json(struct json *json, const char *name, uint32_t millionths)
{
	char text[24];

	percent_format(millionths, text, sizeof(text));
	json_number_text(json, name, text);
}

static void table_print_json(struct json *json, const char *table)
{
	json_string(json, "distribution", table[0] ? table : "uniform");
}

static void slot_print_json(struct json *json, const struct vsh_hold *hold)
{
	if (!hold->slot_ns[0] && !hold->slot_ns[1])
		return;
	json_object_begin(json, "slot");
	table_print_json(json, hold->slot_distribution);
	json_number(json, hold->slot_distribution[0] ? "mean_ns" : "from_ns", hold->slot_ns[0]);
	json_number(json, hold->slot_distribution[0] ? "jitter_ns" : "to_ns", hold->slot_ns[1]);
	if (hold->slot_packets)
		json_number(json, "packets", hold->slot_packets);
	if (hold->slot_bytes)
		json_number(json, "bytes", hold->slot_bytes);
	json_object_end(json);
}

static void one_print_json(struct json *json, const char *side, const struct vsh_hold *hold)
{
	if (!hold_is_asked(hold))
		return;
	json_object_begin(json, side);
	json_number(json, "delay_ns", hold->delay_ns);
	json_number(json, "jitter_ns", hold->jitter_ns);
	table_print_json(json, hold->distribution);
	share_print_json(json, "reorder_percent", hold->reorder);
	json_number(json, "gap", hold->gap);
	share_print_json(json, "duplicate_percent", hold->duplicate);
	share_print_json(json, "corrupt_percent", hold->corrupt);
	if (hold->rate_bytes) {
		json_number(json, "rate_bits", hold->rate_bytes * 8);
		json_number(json, "overhead_bytes", hold->overhead);
		json_bool(json, "atm", hold->atm);
	}
	slot_print_json(json, hold);
	json_number(json, "limit_packets", hold->limit);
	json_object_end(json);
}

void hold_print_json(struct json *json, const struct vsh_label *label)
{
	if (!holds_packets(label))
		return;
	json_object_begin(json, "hold");
	one_print_json(json, "egress", &label->hold[VSH_EGRESS]);
	one_print_json(json, "ingress", &label->hold[VSH_INGRESS]);
	json_object_end(json);
}
