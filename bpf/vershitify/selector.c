// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "selector.h"
#include "vsh.h"
#include "words.h"

const char *const selector_any[] = { "any", NULL };

struct name {
	const char *name;
	unsigned int number;
};

static const struct name protocols[] = {
	{ "tcp", IPPROTO_TCP },	     { "udp", IPPROTO_UDP },   { "icmp", IPPROTO_ICMP },
	{ "icmp6", IPPROTO_ICMPV6 }, { "sctp", IPPROTO_SCTP }, {},
};

/* In the order of the bits. */
static const struct name flags[] = {
	{ "fin", 0x01 }, { "syn", 0x02 }, { "rst", 0x04 },
	{ "psh", 0x08 }, { "ack", 0x10 }, { "urg", 0x20 },
	{ "ece", 0x40 }, { "cwr", 0x80 }, {},
};

/* RFC 2474, 2597, 3246, 5865, 8622. */
static const struct name classes[] = {
	{ "cs0", 0 },	{ "le", 1 },	{ "cs1", 8 },  { "af11", 10 },
	{ "af12", 12 }, { "af13", 14 }, { "cs2", 16 }, { "af21", 18 },
	{ "af22", 20 }, { "af23", 22 }, { "cs3", 24 }, { "af31", 26 },
	{ "af32", 28 }, { "af33", 30 }, { "cs4", 32 }, { "af41", 34 },
	{ "af42", 36 }, { "af43", 38 }, { "cs5", 40 }, { "va", 44 },
	{ "ef", 46 },	{ "cs6", 48 },	{ "cs7", 56 }, {},
};

/* What each word says, by enum vsh_ask. */
static const struct {
	const char *word;
	unsigned int max; /* of its numbers */
	bool ranges; /* N-M */
	const struct name *names;
} asks[] = {
	[VSH_ASK_PROTO] = { "proto", 255, false, protocols },
	[VSH_ASK_SPORT] = { "sport", 65535, true, NULL },
	[VSH_ASK_DPORT] = { "dport", 65535, true, NULL },
	[VSH_ASK_TCP_FLAGS] = { "tcp-flags", 255, false, flags },
	[VSH_ASK_SIZE] = { "size", 65535, true, NULL },
	[VSH_ASK_DSCP] = { "dscp", 63, false, classes },
	[VSH_ASK_SRC] = { "src", 0, false, NULL },
	[VSH_ASK_DST] = { "dst", 0, false, NULL },
};

/* --- from words ----------------------------------------------------------------------------- */

static void condition_forget(struct vsh_selector *selector, enum vsh_ask ask)
{
	selector->asked &= ~(1U << ask);
	selector->negated &= ~(1U << ask);
	selector->count[ask] = 0;
	if (ask < VSH_ASK_NUMBERS)
		memset(selector->range[ask], 0, sizeof(selector->range[ask]));
	else
		memset(selector->prefix[ask - VSH_ASK_NUMBERS], 0, sizeof(selector->prefix[0]));
}

/* The first of these words begins a new list, also where the rule had one. A list is of values that
 * are meant, or of values that are not.
 */
static int condition_begin(const struct cursor *cursor, struct vsh_selector *selector,
			   enum vsh_ask ask)
{
	bool again = cursor->given & cursor->row->group;

	if (!again)
		condition_forget(selector, ask);
	if (selector->count[ask] == VSH_SELECT_MAX)
		return misuse("%s: a rule takes at most %d of these", cursor->said, VSH_SELECT_MAX);
	if (again && cursor->negated != (selector->negated >> ask & 1))
		return misuse("%s: either all with \"not\" or none", cursor->said);
	selector->asked |= 1U << ask;
	if (cursor->negated)
		selector->negated |= 1U << ask;
	return DONE;
}

/* True: the word was "any", and *status is set. Nothing goes with it. */
static bool any_take(const struct cursor *cursor, const char *word, struct vsh_selector *selector,
		     enum vsh_ask ask, int *status)
{
	bool again = cursor->given & cursor->row->group;

	if (!strcmp(word, selector_any[0])) {
		condition_forget(selector, ask);
		*status = again || cursor->negated ? misuse("\"%s any\" stands alone", cursor->said)
						   : DONE;
		return true;
	}
	*status = again && !selector->count[ask] ? misuse("\"%s any\" stands alone", cursor->said)
						 : condition_begin(cursor, selector, ask);
	return *status != DONE;
}

static bool name_find(const struct name *names, const char *word, size_t length, __u16 *number)
{
	for (; names && names->name; names++)
		if (strlen(names->name) == length && !strncmp(names->name, word, length)) {
			*number = names->number;
			return true;
		}
	return false;
}

static bool number_take(const char *word, size_t length, enum vsh_ask ask, __u16 *number)
{
	char digits[8];
	uint64_t value;

	if (name_find(asks[ask].names, word, length, number))
		return true;
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, word, length);
	digits[length] = '\0';
	if (number_parse(digits, asks[ask].max, &value))
		return false;
	*number = value;
	return true;
}

/* "80", "80-90", "udp". */
static bool range_take(const char *word, enum vsh_ask ask, struct vsh_range *range)
{
	const char *dash = asks[ask].ranges ? strchr(word, '-') : NULL;
	size_t length = dash ? (size_t)(dash - word) : strlen(word);

	if (!number_take(word, length, ask, &range->first))
		return false;
	range->last = range->first;
	if (dash && !number_take(dash + 1, strlen(dash + 1), ask, &range->last))
		return false;
	return range->first <= range->last;
}

/* "syn,ack": at least one. */
static bool flags_take(const char *word, size_t length, __u16 *bits)
{
	const char *end = word + length;
	__u16 bit;

	*bits = 0;
	for (;; word++) {
		size_t part = strcspn(word, ",/");

		if (!name_find(flags, word, part, &bit))
			return false;
		*bits |= bit;
		word += part;
		if (word == end)
			return true;
	}
}

/* "syn", "syn/syn,ack": the flags that are set, of those that are looked at. */
static bool flags_of_take(const char *word, struct vsh_range *range)
{
	const char *slash = strchr(word, '/');
	size_t length = slash ? (size_t)(slash - word) : strlen(word);

	if (!flags_take(word, length, &range->first))
		return false;
	range->last = range->first;
	if (slash &&
	    (strchr(slash + 1, '/') || !flags_take(slash + 1, strlen(slash + 1), &range->last)))
		return false;
	return !(range->first & ~range->last);
}

static struct vsh_prefix prefix_of(const struct prefix *from)
{
	struct vsh_prefix prefix = { .version = from->is_ipv6 ? 6 : 4 };
	unsigned char *mask = (unsigned char *)prefix.mask;

	memcpy(prefix.address, from->address, sizeof(prefix.address));
	for (unsigned int i = 0; i < from->bits; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	return prefix;
}

static bool prefix_take(const char *word, struct vsh_prefix *to)
{
	struct prefix prefix;

	if (prefix_parse(word, &prefix))
		return false;
	*to = prefix_of(&prefix);
	return true;
}

static bool value_take(const char *word, struct vsh_selector *selector, enum vsh_ask ask)
{
	__u32 i = selector->count[ask];

	if (ask >= VSH_ASK_NUMBERS)
		return prefix_take(word, &selector->prefix[ask - VSH_ASK_NUMBERS][i]);
	if (ask == VSH_ASK_TCP_FLAGS)
		return flags_of_take(word, &selector->range[ask][i]);
	return range_take(word, ask, &selector->range[ask][i]);
}

static enum vsh_ask ask_find(const char *word)
{
	enum vsh_ask ask = 0;

	while (strcmp(asks[ask].word, word))
		ask++;
	return ask;
}

int selector_parse(struct cursor *cursor, struct vsh_selector *selector)
{
	enum vsh_ask ask = ask_find(cursor->row->name);
	const char *word = word_next(cursor);
	int status;

	if (any_take(cursor, word, selector, ask, &status))
		return status;
	if (!value_take(word, selector, ask))
		return misuse("%s %s: %s", cursor->said, quoted(word), cursor->row->accepts);
	selector->count[ask]++;
	return DONE;
}

/* --- to words ------------------------------------------------------------------------------- */

#define VALUE_MAX 72 /* "2001:db8:.../128", "fin,syn,.../fin,syn,..." */

static const char *name_of(const struct name *names, unsigned int number)
{
	for (; names && names->name; names++)
		if (names->number == number)
			return names->name;
	return NULL;
}

static void flags_format(char *text, unsigned int bits)
{
	const char *between = "";

	for (const struct name *flag = flags; flag->name; flag++) {
		if (!(bits & flag->number))
			continue;
		text += sprintf(text, "%s%s", between, flag->name);
		between = ",";
	}
}

static void flags_of_format(char text[VALUE_MAX], const struct vsh_range *range)
{
	flags_format(text, range->first);
	if (range->first == range->last)
		return;
	strcat(text, "/");
	flags_format(text + strlen(text), range->last);
}

static void range_format(char text[VALUE_MAX], enum vsh_ask ask, const struct vsh_range *range)
{
	const char *name = name_of(asks[ask].names, range->first);

	if (ask == VSH_ASK_TCP_FLAGS)
		flags_of_format(text, range);
	else if (name)
		strcpy(text, name);
	else if (range->first == range->last)
		sprintf(text, "%u", range->first);
	else
		sprintf(text, "%u-%u", range->first, range->last);
}

static unsigned int prefix_bits(const struct vsh_prefix *prefix)
{
	unsigned int bits = 0;

	for (int i = 0; i < 4; i++)
		bits += __builtin_popcount(prefix->mask[i]);
	return bits;
}

static void prefix_format(char text[VALUE_MAX], const struct vsh_prefix *prefix)
{
	bool is_ipv6 = prefix->version == 6;
	unsigned int bits = prefix_bits(prefix);

	inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, prefix->address, text, VALUE_MAX);
	if (bits != (is_ipv6 ? 128 : 32))
		sprintf(text + strlen(text), "/%u", bits);
}

static void value_format(char text[VALUE_MAX], const struct vsh_selector *selector,
			 enum vsh_ask ask, __u32 i)
{
	if (ask < VSH_ASK_NUMBERS)
		range_format(text, ask, &selector->range[ask][i]);
	else
		prefix_format(text, &selector->prefix[ask - VSH_ASK_NUMBERS][i]);
}

static bool asks_for(const struct vsh_selector *selector, enum vsh_ask ask)
{
	return selector->asked >> ask & 1;
}

static bool is_negated(const struct vsh_selector *selector, enum vsh_ask ask)
{
	return selector->negated >> ask & 1;
}

void selector_print(FILE *out, char before, const struct vsh_selector *selector)
{
	char text[VALUE_MAX];

	for (enum vsh_ask ask = 0; ask < VSH_ASKS; ask++)
		for (__u32 i = 0; asks_for(selector, ask) && i < selector->count[ask]; i++) {
			value_format(text, selector, ask, i);
			fprintf(out, "%c%s%s %s", before, is_negated(selector, ask) ? "not " : "",
				asks[ask].word, text);
		}
}

static void condition_print_json(struct json *json, const struct vsh_selector *selector,
				 enum vsh_ask ask)
{
	char text[VALUE_MAX];

	json_object_begin(json, NULL);
	json_string(json, "word", asks[ask].word);
	json_bool(json, "not", is_negated(selector, ask));
	json_array_begin(json, "values");
	for (__u32 i = 0; i < selector->count[ask]; i++) {
		value_format(text, selector, ask, i);
		json_string(json, NULL, text);
	}
	json_array_end(json);
	json_object_end(json);
}

void selector_print_json(struct json *json, const struct vsh_selector *selector)
{
	if (!selector->asked)
		return;
	json_array_begin(json, "match");
	for (enum vsh_ask ask = 0; ask < VSH_ASKS; ask++)
		if (asks_for(selector, ask))
			condition_print_json(json, selector, ask);
	json_array_end(json);
}
