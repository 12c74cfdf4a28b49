// SPDX-License-Identifier: GPL-2.0-or-later
/* The path as a ladder: a rung for each device of each namespace, with the request on its way down on the
 * left, and the reply on its way up on the right; or a packet that is listened to. It is printed when that has ended.
 */
#include <stdlib.h>
#include "site.h"
#include "trace.h"
#include "vsh.h"

#define NAME_WIDTH 16
#define HALF_WIDTH 24

/* A hop or a drop. */
struct row {
	struct row *next; /* of its direction: downwards */
	struct spot place;
	uint64_t since_first_ns, since_last_ns;
	char *verdict; /* of a drop, else NULL */
	char *addresses; /* that it has got here, or NULL */
	unsigned int fragments; /* that have come by; 0: it was whole */
};

/* What has come by of an echo that has not ended. */
struct ladder {
	struct ladder *next;
	const struct trace *trace;
	struct row *request, **request_end; /* the first, and where the next has to hang */
	struct row *reply; /* the last that came, which is the highest */
};

static struct ladder *ladders;

static struct ladder *ladder_find(const struct trace *trace)
{
	struct ladder *ladder = ladders;

	while (ladder && ladder->trace != trace)
		ladder = ladder->next;
	return ladder;
}

static struct ladder *ladder_of(const struct trace *trace)
{
	struct ladder *ladder = ladder_find(trace);

	if (ladder)
		return ladder;
	ladder = calloc(1, sizeof(*ladder));
	if (!ladder)
		return NULL;
	ladder->trace = trace;
	ladder->request_end = &ladder->request;
	ladder->next = ladders;
	ladders = ladder;
	return ladder;
}

/* A packet that is listened to has no way back. */
static bool is_upwards(const struct hop *hop)
{
	return hop->packet->is_reply && !hop->trace->is_listened;
}

static struct row *row_add(const struct hop *hop)
{
	struct ladder *ladder = ladder_of(hop->trace);
	struct row *row = ladder ? calloc(1, sizeof(*row)) : NULL;

	if (!row)
		return NULL;
	row->place = hop->place;
	row->since_first_ns = hop->since_first_ns;
	row->since_last_ns = hop->since_last_ns;
	if (is_upwards(hop)) {
		row->next = ladder->reply;
		ladder->reply = row;
	} else {
		*ladder->request_end = row;
		ladder->request_end = &row->next;
	}
	return row;
}

/* Where another fragment of it has come by, or NULL. */
static struct row *row_of_first(const struct hop *hop)
{
	const struct ladder *ladder = ladder_find(hop->trace);
	struct row *row = ladder ? (is_upwards(hop) ? ladder->reply : ladder->request) : NULL;

	while (row &&
	       (row->verdict || row->place.netns_cookie != hop->place.netns_cookie ||
		row->place.ifindex != hop->place.ifindex || row->place.out != hop->place.out))
		row = row->next;
	return row;
}

static void hop(const struct hop *hop)
{
	const struct packet *packet = hop->packet;
	struct row *row = packet->fragment_begin ? row_of_first(hop) : NULL;

	if (row) {
		row->fragments++;
		return;
	}
	row = row_add(hop);
	if (row && packet->is_fragment)
		row->fragments = 1;
	if (row && hop->before &&
	    asprintf(&row->addresses, "%s -> %s", packet->source, packet->destination) < 0)
		row->addresses = NULL;
}

static void drop(const struct hop *hop)
{
	struct row *row = row_add(hop);

	if (row)
		row->verdict = verdict_text(hop);
}

/* --- printing -------------------------------------------------------------------------------- */

/* What goes out through a device on the way there comes in through it on the way back. */
static bool is_same_rung(const struct row *request, const struct row *reply)
{
	return !request->verdict && !reply->verdict &&
	       request->place.netns_cookie == reply->place.netns_cookie &&
	       request->place.ifindex == reply->place.ifindex &&
	       request->place.out != reply->place.out;
}

static bool has_rung_below(const struct row *request, const struct row *reply)
{
	while (request && !is_same_rung(request, reply))
		request = request->next;
	return request;
}

static void netns_print(const struct spot *place)
{
	if (!place->netns_inode)
		return;
	printf("[%u]", place->netns_inode);
	if (netns_name(place->netns_cookie))
		printf(" %s", netns_shown(place));
	putchar('\n');
}

static void half_print(const struct row *row, bool is_reply)
{
	const char *direction = row->verdict ? "-" : row->place.out ? "out" : "in";
	int column;

	tint_begin(row->verdict ? TINT_DROP : is_reply ? TINT_REPLY : TINT_REQUEST);
	column = printf(" %c %-3s %8.3f %+8.3f", is_reply ? '^' : 'v', direction,
			row->since_first_ns / 1e6, row->since_last_ns / 1e6);
	if (row->verdict)
		words_wrap(2 + NAME_WIDTH + (is_reply ? HALF_WIDTH + 3 : 0) + column, row->verdict);
	tint_end();
}

static void details_print(const struct row *row, bool is_reply)
{
	char arrow = is_reply ? '^' : 'v';

	if (row && row->addresses)
		printf("    %c now %s\n", arrow, row->addresses);
	if (row && row->fragments)
		printf("    %c %u fragment%s\n", arrow, row->fragments,
		       row->fragments == 1 ? "" : "s");
}

/* Either can be NULL. */
static void rung_print(const struct row *request, const struct row *reply)
{
	const struct row *row = request ?: reply;

	printf("  %-*s", NAME_WIDTH, device_shown(&row->place));
	if (request)
		half_print(request, false);
	else
		printf("%*s", HALF_WIDTH, "");
	if (reply) {
		printf("   ");
		half_print(reply, true);
	}
	putchar('\n');
	details_print(request, false);
	details_print(reply, true);
}

static void head_print(bool is_listened)
{
	if (is_listened)
		printf("  %-*s%s\n", NAME_WIDTH, "INTERFACE", " PACKET        MS      +MS");
	else
		printf("  %-*s%-*s    %s\n", NAME_WIDTH, "INTERFACE", HALF_WIDTH,
		       " REQUEST       MS      +MS", "REPLY         MS      +MS");
}

static void ladder_print(const struct ladder *ladder)
{
	const struct row *request = ladder->request, *reply = ladder->reply;
	const struct spot *last = NULL;

	head_print(ladder->trace->is_listened);
	while (request || reply) {
		bool is_both = request && reply && is_same_rung(request, reply);
		bool is_request = is_both ||
				  (request && !(reply && !has_rung_below(request, reply)));
		bool is_reply = is_both || !is_request;
		const struct row *row = is_request ? request : reply;

		if (!last || last->netns_cookie != row->place.netns_cookie)
			netns_print(&row->place);
		last = &row->place;
		rung_print(is_request ? request : NULL, is_reply ? reply : NULL);
		if (is_request)
			request = request->next;
		if (is_reply)
			reply = reply->next;
	}
}

static void rows_free(struct row *row)
{
	while (row) {
		struct row *next = row->next;

		free(row->verdict);
		free(row->addresses);
		free(row);
		row = next;
	}
}

static void ladder_forget(struct ladder *ladder)
{
	struct ladder **place = &ladders;

	while (*place != ladder)
		place = &(*place)->next;
	*place = ladder->next;
	rows_free(ladder->request);
	rows_free(ladder->reply);
	free(ladder);
}

static void result(const struct trace *trace, int send_error)
{
	struct ladder *ladder = ladder_find(trace);

	if (ladder) {
		ladder_print(ladder);
		ladder_forget(ladder);
	}
	format_text.result(trace, send_error);
}

const struct format format_tree = { .hop = hop, .drop = drop, .result = result };
