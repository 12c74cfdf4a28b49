// SPDX-License-Identifier: GPL-2.0-or-later
#include "netem.h"
#include "words.h"

#define LIMIT_MIN 1000
#define LIMIT_MAX 100000
#define LIMIT_PACKET 1500 /* bytes */
#define FASTEST 1250000000 /* bytes a second: 10 Gbit/s */

#define NO_RATE 12500000000ULL /* bytes a second: 100 Gbit/s, and ... */
#define NO_RATE_BURST 1000000 /* ... more bytes than the largest packet of GSO */
/* Bytes beyond the MTU: the link layer's header with two VLAN tags, and its trailer. */
#define FRAME_BEYOND 64
/* What may go at once. Where a timer comes late, less is lost than that: tc-tbf(8) asks for a tick's worth, and
 * the slowest has 250 a second.
 */
#define BURST_PER_SECOND 250
#define BURST_PACKET 1500

static bool has_slots(const struct vsh_hold *hold)
{
	return hold->slot_ns[0] || hold->slot_ns[1];
}

bool hold_is_asked(const struct vsh_hold *hold)
{
	return hold->delay_ns || hold->rate_bytes || has_slots(hold) || hold->duplicate ||
	       hold->corrupt;
}

__u32 hold_limit(const struct vsh_hold *hold)
{
	__uint128_t late_ns = (__uint128_t)hold->jitter_ns * 4 + hold->delay_ns;
	__uint128_t bytes = late_ns * (hold->rate_bytes ?: FASTEST) / 1000000000;
	__uint128_t packets = (bytes * 3 / 2 + LIMIT_PACKET - 1) / LIMIT_PACKET;

	if (packets < LIMIT_MIN)
		return LIMIT_MIN;
	return packets > LIMIT_MAX ? LIMIT_MAX : packets;
}

static void span_print(FILE *out, __u64 ns)
{
	char text[24];

	time_format(ns, text, sizeof(text));
	fprintf(out, " %s", text);
}

static void share_print(FILE *out, char before, const char *word, __u32 millionths)
{
	char text[24];

	percent_format(millionths, text, sizeof(text));
	fprintf(out, "%c%s %s%%", before, word, text);
}

static void delay_print(FILE *out, char before, const struct vsh_hold *hold)
{
	fprintf(out, "%cdelay", before);
	span_print(out, hold->delay_ns);
	if (hold->jitter_ns)
		span_print(out, hold->jitter_ns);
	if (hold->distribution[0])
		fprintf(out, "%cdistribution %s", before, hold->distribution);
}

static void slot_print(FILE *out, char before, const struct vsh_hold *hold)
{
	fprintf(out, "%cslot", before);
	if (hold->slot_distribution[0])
		fprintf(out, " distribution %s", hold->slot_distribution);
	span_print(out, hold->slot_ns[0]);
	span_print(out, hold->slot_ns[1]);
	if (hold->slot_packets)
		fprintf(out, " packets %u", hold->slot_packets);
	if (hold->slot_bytes)
		fprintf(out, " bytes %u", hold->slot_bytes);
}

void hold_words(FILE *out, char before, const struct vsh_hold *hold)
{
	if (hold->delay_ns)
		delay_print(out, before, hold);
	if (hold->reorder) {
		share_print(out, before, "reorder", hold->reorder);
		fprintf(out, "%cgap %u", before, hold->gap);
	}
	if (hold->duplicate)
		share_print(out, before, "duplicate", hold->duplicate);
	if (hold->corrupt)
		share_print(out, before, "corrupt", hold->corrupt);
	if (has_slots(hold))
		slot_print(out, before, hold);
}

void hold_args(FILE *out, const struct vsh_hold *hold, const struct vsh_hold *before)
{
	fprintf(out, "limit %u", hold->limit);
	hold_words(out, ' ', hold);
	if (before && before->corrupt && !hold->corrupt)
		fputs(" corrupt 0%", out);
	if (before && has_slots(before) && !has_slots(hold))
		fputs(" slot 0ns", out);
}

bool hold_is_changeable(const struct vsh_hold *hold, const struct vsh_hold *before)
{
	return (hold->distribution[0] || !before->distribution[0]) &&
	       (hold->slot_distribution[0] || !before->slot_distribution[0]);
}

static __u64 burst_bytes(const struct vsh_hold *hold)
{
	__u64 tick = hold->rate_bytes / BURST_PER_SECOND;
	__u64 packets = (__u64)hold->mtu + FRAME_BEYOND + BURST_PACKET;

	return tick > packets ? tick : packets;
}

void hold_shaper_args(FILE *out, const struct vsh_hold *hold)
{
	__u64 rate = hold->rate_bytes ?: NO_RATE;
	__u64 burst = hold->rate_bytes ? burst_bytes(hold) : NO_RATE_BURST;

	fprintf(out, "rate %llubps burst %llu limit %llu", rate, burst, burst);
	if (hold->overhead)
		fprintf(out, " overhead %u", hold->overhead);
	if (hold->atm)
		fputs(" linklayer atm", out);
}
