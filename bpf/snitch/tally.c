// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include "tally.h"

#define BUCKETS 16384
#define ROWS_MAX 65536 /* beyond that, those go that nothing is open of, or new ones are one */

/* Which row a connection is in; that can change, from the listener's to who has accepted. */
struct member {
	struct member *next;
	uint64_t number;
	struct tally_row *row;
};

struct tally {
	enum tally_by by;
	struct tally_row *rows[BUCKETS];
	struct member *members[BUCKETS];
	size_t count; /* of rows */
	uint64_t attempts; /* that have got no number */
	struct tally_row others; /* of a summary, which keeps all its rows */
	struct tally_sums all;
};

struct row_key {
	uint64_t number;
	uint64_t attempt; /* that has got no number */
	uint32_t pid;
	uint16_t port;
	uint8_t protocol;
	uint8_t pad;
	uint8_t remote[16];
	char comm[SNT_COMM_LEN];
};

_Static_assert(sizeof(struct row_key) <= sizeof(((struct tally_row *)0)->key),
	       "a row has room for its key");

struct tally *tally_open(enum tally_by by)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	tally->by = by;
	tally->others.is_others = true;
	return tally;
}

static void members_free(struct member *member)
{
	while (member) {
		struct member *next = member->next;

		free(member);
		member = next;
	}
}

static void rows_free(struct tally_row *row)
{
	while (row) {
		struct tally_row *next = row->next;

		free(row);
		row = next;
	}
}

void tally_close(struct tally *tally)
{
	for (size_t i = 0; tally && i < BUCKETS; i++) {
		members_free(tally->members[i]);
		rows_free(tally->rows[i]);
	}
	free(tally);
}

/* FNV-1a. */
static size_t bucket_of(const void *bytes, size_t length)
{
	const uint8_t *byte = bytes;
	uint64_t hash = 0xcbf29ce484222325ULL;

	while (length--)
		hash = (hash ^ *byte++) * 0x100000001b3ULL;
	return hash % BUCKETS;
}

static struct row_key key_of(struct tally *tally, const struct snt_event *event)
{
	struct row_key key = {};

	if (tally->by == TALLY_PROCESS)
		key.pid = event->process.pid;
	if (tally->by == TALLY_PROCESS || tally->by == TALLY_SUMMARY)
		strncpy(key.comm, event->process.comm, sizeof(key.comm));
	if (tally->by == TALLY_REMOTE || tally->by == TALLY_SUMMARY)
		memcpy(key.remote, event->remote, sizeof(key.remote));
	if (tally->by == TALLY_SUMMARY) {
		key.protocol = event->protocol;
		key.port = event->is_passive ? 0 : event->remote_port;
	}
	if (tally->by == TALLY_CONNECTION)
		key.number = event->number;
	if (tally->by == TALLY_CONNECTION && !event->number)
		key.attempt = ++tally->attempts;
	return key;
}

/* NULL: there is no memory. */
static struct tally_row *row_of(struct tally *tally, const struct snt_event *event)
{
	struct row_key key = key_of(tally, event);
	struct tally_row **bucket = &tally->rows[bucket_of(&key, sizeof(key))];
	struct tally_row *row;

	for (row = *bucket; row; row = row->next)
		if (!memcmp(row->key, &key, sizeof(key)))
			return row;
	if (tally->by == TALLY_SUMMARY && tally->count >= ROWS_MAX)
		return &tally->others;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	memcpy(row->key, &key, sizeof(key));
	row->next = *bucket;
	*bucket = row;
	tally->count++;
	return row;
}

static struct member **member_at(struct tally *tally, uint64_t number)
{
	struct member **at = &tally->members[bucket_of(&number, sizeof(number))];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

/* The connection is open, in this row. */
static void member_set(struct tally *tally, uint64_t number, struct tally_row *row)
{
	struct member **at = member_at(tally, number), *member = *at;

	if (!member) {
		member = calloc(1, sizeof(*member));
		if (!member)
			return;
		member->number = number;
		*at = member;
		tally->all.open++;
	} else if (member->row == row) {
		return;
	} else {
		member->row->sums.open--;
	}
	member->row = row;
	row->sums.open++;
}

static void member_drop(struct tally *tally, uint64_t number)
{
	struct member **at = member_at(tally, number), *member = *at;

	if (!member)
		return;
	member->row->sums.open--;
	tally->all.open--;
	*at = member->next;
	free(member);
}

static void sums_add(struct tally_sums *sums, const struct snt_event *event)
{
	sums->sent += event->sent_new;
	sums->received += event->received_new;
	sums->sent_new += event->sent_new;
	sums->received_new += event->received_new;
	sums->failed += event->kind == SNT_FAILED;
	sums->ended += event->kind == SNT_ENDED;
	if (event->kind == SNT_ENDED || event->kind == SNT_OPEN)
		sums->retransmits += event->retransmits;
}

void tally_take(struct tally *tally, const struct snt_event *event)
{
	struct tally_row *row = row_of(tally, event);

	sums_add(&tally->all, event);
	if (!row)
		return;
	sums_add(&row->sums, event);
	row->last = *event;
	if (event->kind == SNT_ENDED || event->kind == SNT_FAILED)
		member_drop(tally, event->number);
	else
		member_set(tally, event->number, row);
}

/* One of a connection that is over was shown once more. */
static bool is_gone(const struct tally *tally, const struct tally_row *row, bool is_full)
{
	return !row->sums.open && !row->sums.sent_new && !row->sums.received_new &&
	       (is_full || tally->by == TALLY_CONNECTION);
}

void tally_turn(struct tally *tally)
{
	bool is_full = tally->count > ROWS_MAX;

	for (size_t i = 0; i < BUCKETS; i++) {
		struct tally_row **at = &tally->rows[i];

		while (*at) {
			struct tally_row *row = *at;

			if (is_gone(tally, row, is_full)) {
				*at = row->next;
				tally->count--;
				free(row);
				continue;
			}
			row->sums.sent_new = row->sums.received_new = 0;
			at = &row->next;
		}
	}
	tally->all.sent_new = tally->all.received_new = 0;
}

const struct tally_sums *tally_all(const struct tally *tally)
{
	return &tally->all;
}

static uint64_t weight(const struct tally_row *row, enum tally_sort sort)
{
	const struct tally_sums *sums = &row->sums;

	switch (sort) {
	case TALLY_RATE:
		return sums->sent_new + sums->received_new;
	case TALLY_SENT:
		return sums->sent;
	case TALLY_RECEIVED:
		return sums->received;
	case TALLY_OPEN:
		return sums->open;
	case TALLY_FAILED:
		return sums->failed;
	default:
		return sums->sent + sums->received;
	}
}

/* Equal ones by their bytes, and then always in the same order. */
static int rows_compare(const void *first, const void *second, void *sort)
{
	const struct tally_row *a = *(const struct tally_row *const *)first;
	const struct tally_row *b = *(const struct tally_row *const *)second;
	uint64_t of_a = weight(a, *(enum tally_sort *)sort);
	uint64_t of_b = weight(b, *(enum tally_sort *)sort);

	if (of_a == of_b) {
		of_a = weight(a, TALLY_BYTES);
		of_b = weight(b, TALLY_BYTES);
	}
	if (of_a == of_b)
		return memcmp(a->key, b->key, sizeof(a->key));
	return of_a < of_b ? 1 : -1;
}

static bool has_others(const struct tally *tally)
{
	const struct tally_sums *sums = &tally->others.sums;

	return sums->open || sums->ended || sums->failed || sums->sent || sums->received;
}

const struct tally_row **tally_rows(const struct tally *tally, enum tally_sort sort, size_t *count)
{
	const struct tally_row **rows = calloc(tally->count + 1, sizeof(*rows));

	*count = 0;
	if (rows && has_others(tally))
		rows[(*count)++] = &tally->others;
	for (size_t i = 0; rows && i < BUCKETS; i++)
		for (const struct tally_row *row = tally->rows[i]; row; row = row->next)
			rows[(*count)++] = row;
	if (rows)
		qsort_r(rows, *count, sizeof(*rows), rows_compare, &sort);
	return rows;
}
