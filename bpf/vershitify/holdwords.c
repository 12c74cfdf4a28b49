// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "holdwords.h"
#include "loss.h"
#include "mtu.h"
#include "netem.h"
#include "presets.h"
#include "values.h"
#include "words.h"

/* tc before 6.9 counts a delay in ticks of 64 ns, with 32 bits. */
#define DELAY_MAX_NS 274000000000ULL
#define DELAY_STEP_NS 1000
/* The kernel cuts a jitter off at 2^31 - 1 ns without a word (netem_change() in sch_netem.c). */
#define JITTER_MAX_NS 2147000000ULL
/* What tbf's bucket of a device with large packets fills in, in 32 bits of 64 ns: see netem.c. */
#define RATE_MIN_BYTES 1000
#define RATE_MAX_BYTES 12500000000ULL
#define GAP_MAX 1000000
#define LIMIT_ASKED_MAX 10000000
#define OVERHEAD_MAX 65535

const char *const distribution_choices[] = { "uniform", "normal", "pareto", "paretonormal", NULL };
const char *const slot_choices[] = { "distribution", "packets", "bytes", NULL };

/* --- the directions that words are for -------------------------------------------------- */

#define EGRESS (1U << VSH_EGRESS)
#define INGRESS (1U << VSH_INGRESS)

static void hold_begin(struct request *request)
{
	if (request->held)
		return;
	request->held = true;
	request->sides = EGRESS | INGRESS;
	memset(request->label.hold, 0, sizeof(request->label.hold));
}

/* Those that the present word is for, one after the other, from NULL to NULL. */
static struct vsh_hold *hold_next(struct request *request, const struct vsh_hold *hold)
{
	struct vsh_hold *holds = request->label.hold;

	for (int i = hold ? hold - holds + 1 : 0; i < VSH_DIRECTIONS; i++)
		if (request->sides >> i & 1)
			return &holds[i];
	return NULL;
}

#define each_hold(request, hold) \
	for (struct vsh_hold * (hold) = NULL; ((hold) = hold_next(request, hold));)

/* From here on words are for one direction, and can be said again for it. */
int side_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;

	hold_begin(request);
	request->sides = cursor->row->group == WORD_EGRESS ? EGRESS : INGRESS;
	request->given |= cursor->given;
	cursor->given &= ~(uint64_t)WORDS_SIDED;
	return DONE;
}

/* --- values ----------------------------------------------------------------------------- */

static int bare_refuse(const struct cursor *cursor, const char *word)
{
	return misuse(
		"%s %s: with a unit, as in 100ms (a bare time is microseconds to some versions of tc, nanoseconds to others)",
		cursor->said, quoted(word));
}

/* A time of 0 to max. */
static int span_value(struct cursor *cursor, uint64_t max, uint64_t step, uint64_t *ns)
{
	const char *word = word_next(cursor);
	char most[24], least[24];
	uint64_t bare;

	if (!number_parse(word, UINT64_MAX, &bare))
		return bare_refuse(cursor, word);
	if (!span_parse(word, ns) && *ns <= max && *ns % step == 0)
		return DONE;
	time_format(max, most, sizeof(most));
	time_format(step, least, sizeof(least));
	return misuse("%s %s: a time of up to %s in steps of %s, as in 100ms", cursor->said,
		      quoted(word), most, least);
}

/* What netem gets wrong is not passed on. */
static int correlation_refuse(struct cursor *cursor, const char *why)
{
	if (!word_is_number(cursor))
		return DONE;
	return misuse("%s: no correlation (%s): %s", cursor->said, quoted(word_next(cursor)), why);
}

static int table_value(struct cursor *cursor, char name[VSH_TABLE_LEN])
{
	const char *word = word_next(cursor), *p = word;

	while (isalnum((unsigned char)*p) || *p == '_' || (p > word && (*p == '-' || *p == '.')))
		p++;
	if (!*word || *p || p - word >= VSH_TABLE_LEN)
		return misuse("%s %s: %s", cursor->said, quoted(word), DISTRIBUTION_ACCEPTS);
	memset(name, 0, VSH_TABLE_LEN);
	strcpy(name, word);
	return DONE;
}

/* --- one word each ---------------------------------------------------------------------- */

int delay_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	uint64_t delay, jitter = 0;
	int status = span_value(cursor, DELAY_MAX_NS, DELAY_STEP_NS, &delay);

	if (status == DONE && word_is_number(cursor))
		status = span_value(cursor, JITTER_MAX_NS, DELAY_STEP_NS, &jitter);
	if (status == DONE && jitter && !delay)
		status = misuse("%s: a jitter is around a delay, which is 0 here", cursor->said);
	if (status == DONE)
		status = correlation_refuse(cursor, "netem takes that of a jitter and ignores it");
	if (status != DONE)
		return status;
	hold_begin(request);
	each_hold(request, hold)
	{
		hold->delay_ns = delay;
		hold->jitter_ns = jitter;
	}
	return DONE;
}

int distribution_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	char name[VSH_TABLE_LEN];
	int status = table_value(cursor, name);

	if (status != DONE)
		return status;
	/* netem's own without a table; tc has none of that name, whatever its manual says */
	if (!strcmp(name, "uniform"))
		memset(name, 0, sizeof(name));
	hold_begin(request);
	each_hold(request, hold) memcpy(hold->distribution, name, sizeof(name));
	return DONE;
}

/* A share without a correlation, which is refused with the reason why. */
static int share_parse(struct cursor *cursor, struct request *request, size_t offset,
		       const char *why)
{
	uint64_t share;
	int status = percent_value(cursor, &share);
	__u32 millionths;

	if (status == DONE)
		status = correlation_refuse(cursor, why);
	if (status != DONE)
		return status;
	millionths = share;
	hold_begin(request);
	each_hold(request, hold) memcpy((char *)hold + offset, &millionths, sizeof(millionths));
	return DONE;
}

#define OTHER_SHARE "with one netem takes another share than it is asked for (6.9% for 25% 50%)"

int reorder_parse(struct cursor *cursor, void *request)
{
	return share_parse(cursor, request, offsetof(struct vsh_hold, reorder), OTHER_SHARE);
}

int duplicate_parse(struct cursor *cursor, void *request)
{
	return share_parse(cursor, request, offsetof(struct vsh_hold, duplicate),
			   "tc does not pass it on to netem");
}

int corrupt_parse(struct cursor *cursor, void *request)
{
	return share_parse(cursor, request, offsetof(struct vsh_hold, corrupt), OTHER_SHARE);
}

static int packets_parse(struct cursor *cursor, struct request *request, size_t offset,
			 uint64_t max)
{
	uint64_t number;
	int status = number_value(cursor, "a number of packets", 1, max, &number);
	__u32 packets;

	if (status != DONE)
		return status;
	packets = number;
	hold_begin(request);
	each_hold(request, hold) memcpy((char *)hold + offset, &packets, sizeof(packets));
	return DONE;
}

int gap_parse(struct cursor *cursor, void *request)
{
	return packets_parse(cursor, request, offsetof(struct vsh_hold, gap), GAP_MAX);
}

int limit_parse(struct cursor *cursor, void *request)
{
	return packets_parse(cursor, request, offsetof(struct vsh_hold, limit), LIMIT_ASKED_MAX);
}

static int byterate_value(struct cursor *cursor, uint64_t *bytes)
{
	const char *word = word_next(cursor);
	uint64_t bare;

	if (!number_parse(word, UINT64_MAX, &bare))
		return misuse("%s %s: with a unit, as in 10mbit (a bare rate is bits to tc)",
			      cursor->said, quoted(word));
	if (!byterate_parse(word, bytes) && *bytes >= RATE_MIN_BYTES && *bytes <= RATE_MAX_BYTES)
		return DONE;
	return misuse("%s %s: a rate from 8kbit to 100gbit, as in 10mbit or 1.5mbps (bytes)",
		      cursor->said, quoted(word));
}

/* tc-netem(8) has any cells; tbf, which does the rate here, knows those of ATM. */
static int cells_value(struct cursor *cursor, bool *atm)
{
	uint64_t cell = 0, header = 0;
	int status;

	*atm = word_is_number(cursor);
	if (!*atm)
		return DONE;
	status = number_value(cursor, "bytes of a cell", 0, UINT32_MAX, &cell);
	if (status == DONE && word_is_number(cursor))
		status = number_value(cursor, "bytes of a cell's header", 0, UINT32_MAX, &header);
	if (status == DONE && (cell != ATM_CELL || header != ATM_HEADER))
		return misuse("%s: of cells only those of ATM can be counted (%d %d)", cursor->said,
			      ATM_CELL, ATM_HEADER);
	return status;
}

int rate_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	uint64_t rate, overhead = 0;
	bool atm = false;
	int status = byterate_value(cursor, &rate);

	if (status == DONE && word_is_number(cursor))
		status = number_value(cursor, "bytes", 0, OVERHEAD_MAX, &overhead);
	if (status == DONE)
		status = cells_value(cursor, &atm);
	if (status != DONE)
		return status;
	hold_begin(request);
	each_hold(request, hold)
	{
		hold->rate_bytes = rate;
		hold->overhead = overhead;
		hold->atm = atm;
	}
	return DONE;
}

static bool next_is(const struct cursor *cursor, const char *word)
{
	return word_is_value(cursor) && !strcmp(*cursor->next, word);
}

static int slot_times(struct cursor *cursor, struct vsh_hold *slot)
{
	uint64_t from, to;
	int status = span_value(cursor, DELAY_MAX_NS, 1, &from);

	to = from;
	if (status == DONE && word_is_number(cursor))
		status = span_value(cursor, DELAY_MAX_NS, 1, &to);
	if (status == DONE && to < from)
		return misuse("%s: the second time is not below the first", cursor->said);
	slot->slot_ns[0] = from;
	slot->slot_ns[1] = to;
	return status;
}

static int slot_drawn(struct cursor *cursor, struct vsh_hold *slot)
{
	uint64_t mean, jitter;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status != DONE || index || !word_is_value(cursor))
		return status != DONE ? status : misuse("\"slot\" needs %s", SLOT_ACCEPTS);
	status = table_value(cursor, slot->slot_distribution);
	if (status == DONE && !strcmp(slot->slot_distribution, "uniform"))
		return misuse(
			"slot distribution \"uniform\": say the times from and to, as in slot 10ms 20ms");
	if (status == DONE && !word_is_number(cursor))
		return misuse("\"slot distribution\" needs a time and a jitter");
	if (status == DONE)
		status = span_value(cursor, DELAY_MAX_NS, 1, &mean);
	if (status == DONE && !word_is_number(cursor))
		return misuse("\"slot distribution\" needs a time and a jitter");
	if (status == DONE)
		status = span_value(cursor, JITTER_MAX_NS, 1, &jitter);
	if (status == DONE && !jitter)
		return misuse("slot distribution: the jitter is more than 0");
	if (status != DONE)
		return status;
	slot->slot_ns[0] = mean;
	slot->slot_ns[1] = jitter;
	return DONE;
}

/* "packets N" and "bytes N", each once, in any order. */
static int slot_room(struct cursor *cursor, struct vsh_hold *slot)
{
	int status = DONE;

	while (status == DONE && (next_is(cursor, "packets") || next_is(cursor, "bytes"))) {
		bool packets = next_is(cursor, "packets");
		uint32_t *room = packets ? &slot->slot_packets : &slot->slot_bytes;
		uint64_t number = 0;

		word_next(cursor);
		if (*room || !word_is_number(cursor))
			return misuse("\"slot\" takes packets N and bytes N, each once");
		status = number_value(cursor, packets ? "packets" : "bytes", 1, INT32_MAX, &number);
		*room = number;
	}
	return status;
}

int slot_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	struct vsh_hold slot = {};
	int status;

	status = word_is_number(cursor) ? slot_times(cursor, &slot) : slot_drawn(cursor, &slot);
	if (status == DONE)
		status = slot_room(cursor, &slot);
	if (status == DONE && !slot.slot_ns[0] && !slot.slot_ns[1] &&
	    (slot.slot_packets || slot.slot_bytes))
		status = misuse("slot: packets and bytes are for slots that are some time apart");
	if (status != DONE)
		return status;
	hold_begin(request);
	each_hold(request, hold)
	{
		memcpy(hold->slot_ns, slot.slot_ns, sizeof(slot.slot_ns));
		memcpy(hold->slot_distribution, slot.slot_distribution, VSH_TABLE_LEN);
		hold->slot_packets = slot.slot_packets;
		hold->slot_bytes = slot.slot_bytes;
	}
	return DONE;
}

int ecn_refuse(struct cursor *cursor, void *request)
{
	(void)cursor;
	(void)request;
	return misuse("\"ecn\": netem marks what it would lose, and losses are not netem's here");
}

/* --- all of them ------------------------------------------------------------------------ */

static int one_check(const struct vsh_hold *hold)
{
	if (hold->distribution[0] && !hold->jitter_ns)
		return misuse("\"distribution\" is that of a jitter (delay TIME JITTER)");
	if (hold->gap && !hold->reorder)
		return misuse("\"gap\" is for packets that are reordered (reorder PERCENT gap N)");
	if (hold->reorder && !hold->delay_ns)
		return misuse(
			"\"reorder\" needs a delay: packets overtake by not being delayed (delay TIME)");
	if (hold->limit && !hold_is_asked(hold))
		return misuse("\"limit\" is for packets that are held (delay, rate, slot)");
	return DONE;
}

/* A new rule has the directions of the words, if none was said. */
int hold_directions(struct request *request)
{
	uint32_t sides = request->preset_sides;

	if (request->given & WORD_EGRESS)
		sides |= EGRESS;
	if (request->given & WORD_INGRESS)
		sides |= INGRESS;
	if (sides && !(request->rule.hooks & VSH_PACKET_HOOKS) &&
	    !(request->given & WORD_DIRECTION)) {
		request->egress = sides & EGRESS;
		request->ingress = sides & INGRESS;
	}
	if ((request->given & WORD_EGRESS) && !request->egress)
		return misuse("\"egress\" is for direction egress or both");
	if ((request->given & WORD_INGRESS) && !request->ingress)
		return misuse("\"ingress\" is for direction ingress or both");
	return DONE;
}

/* A rule that gets another direction does the same there, unless netem's words say what. */
static void sides_finish(struct request *request)
{
	struct vsh_hold *holds = request->label.hold;
	bool was_egress = request->rule.hooks & (VSH_TC_EGRESS | VSH_CG_EGRESS);
	bool was_ingress = request->rule.hooks & VSH_CG_INGRESS;

	if (!request->held && was_egress && !was_ingress)
		holds[VSH_INGRESS] = holds[VSH_EGRESS];
	if (!request->held && was_ingress && !was_egress)
		holds[VSH_EGRESS] = holds[VSH_INGRESS];
	if (!request->egress)
		memset(&holds[VSH_EGRESS], 0, sizeof(*holds));
	if (!request->ingress)
		memset(&holds[VSH_INGRESS], 0, sizeof(*holds));
}

static void one_finish(const struct request *request, struct vsh_hold *hold)
{
	if (!hold->reorder)
		hold->gap = 0;
	else if (!hold->gap)
		hold->gap = 1;
	hold->mtu = hold->rate_bytes ? devices_mtu(&request->rule, &request->label) : 0;
	if (!hold->limit && hold_is_asked(hold))
		hold->limit = hold_limit(hold);
}

int hold_finish(struct request *request)
{
	struct vsh_hold *holds = request->label.hold;
	int status = DONE;

	sides_finish(request);
	for (int i = 0; status == DONE && i < VSH_DIRECTIONS; i++) {
		status = one_check(&holds[i]);
		one_finish(request, &holds[i]);
	}
	if (status == DONE && request->visible == VISIBLE_DENIED &&
	    hold_is_asked(&holds[VSH_EGRESS]))
		return misuse(
			"\"visible denied\" decides before there is a packet to hold (say wire or local)");
	return status;
}

/* --- presets ---------------------------------------------------------------------------- */

static const struct grammar_row preset_rows[] = {
	{ "drop", WORD_DROP, 1, LOSS_WORDS_MAX, 0, loss_parse, "PERCENT", LOSS_ACCEPTS,
	  loss_choices },
	HOLD_ROWS,
};

static const struct grammar preset_grammar = {
	.rows = preset_rows,
	.count = sizeof(preset_rows) / sizeof(preset_rows[0]),
	.about = "a preset: ",
};

/* A line has room for no more words than half of its bytes. */
static int line_split(char *line, char *words[PRESET_LINE_MAX / 2])
{
	int count = 0;

	for (char *word = strtok(line, " \t"); word; word = strtok(NULL, " \t"))
		words[count++] = word;
	return count;
}

static int place_refuse(const char *name)
{
	return misuse("\"preset\" stands before the words that change it (preset %s delay ...)",
		      quoted(name));
}

/* Its words, as if they stood in its place; but its directions give way to the rule's. */
int preset_parse(struct cursor *cursor, void *context)
{
	struct request *request = context;
	char line[PRESET_LINE_MAX], *words[PRESET_LINE_MAX / 2];
	const char *name = word_next(cursor);
	struct cursor inner;
	int count, status;

	if (request->held)
		return place_refuse(name);
	status = preset_find(name, line);
	if (status != DONE)
		return status;
	count = line_split(line, words);
	cursor_begin(&inner, &preset_grammar, count, words);
	hold_begin(request);
	status = grammar_read(&inner, request);
	if (status != DONE)
		return status;
	if (inner.given & cursor->given & WORD_DROP)
		return place_refuse(name);
	request->preset_sides = (inner.given & WORD_EGRESS ? EGRESS : 0) |
				(inner.given & WORD_INGRESS ? INGRESS : 0);
	request->given = (request->given & ~(WORD_EGRESS | WORD_INGRESS)) |
			 (inner.given & WORD_DROP);
	request->sides = EGRESS | INGRESS;
	return DONE;
}
