// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person wants dropped, in words, as the programs have it. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "file.h"
#include "ping.h"
#include "values.h"
#include "words.h"

#define LINES_MAX 1000001 /* of a file of prefixes, with comments; one more than is read */
#define RATE_MAX 1000000
#define BURST_DEFAULT 5 /* as nft's "limit" has it */
#define SAMPLE_DEFAULT 64
#define SAMPLE_MAX 1000000

/* --- one word each ---------------------------------------------------------------- */

/* The length of the header in front of IP is known for these kinds of device. */
static int link_layer_find(const char *name, struct pk_config *config)
{
	struct ifreq request = {};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return failure("socket: %s", strerror(errno));
	strcpy(request.ifr_name, name);
	err = ioctl(fd, SIOCGIFHWADDR, &request) ? errno : 0;
	close(fd);
	if (err)
		return failure("dev %s: %s", quoted(name), strerror(err));
	switch (request.ifr_hwaddr.sa_family) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return DONE;
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
		config->bare = true;
		return DONE;
	default:
		return failure("device %s has frames of a kind that is not understood (type %u)",
			       quoted(name), request.ifr_hwaddr.sa_family);
	}
}

static int dev_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	const char *name = word_next(cursor);
	int status = device_find(name, &request->label.ifindex);

	if (status != DONE)
		return status;
	strcpy(request->label.dev, name);
	return link_layer_find(name, &request->config);
}

static const char *const hook_choices[] = { "auto", "native", "generic", "tc", NULL };

static int hook_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	size_t index;
	int status = word_choice(cursor, &index);

	if (status == DONE)
		request->hook = hook_choices[index];
	return status;
}

static int type_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	const char *word = word_next(cursor);

	if (ping_types_parse(request->config.types, word))
		return misuse("type %s: a number from 0 to %d, or a name, as in type echo-request",
			      quoted(word), PK_TYPES - 1);
	return DONE;
}

static int all_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	(void)cursor;
	request->label.all_icmp = true;
	return DONE;
}

static int code_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	uint64_t number;
	int status = number_value(cursor, "a number", 0, PK_TYPES - 1, &number);

	if (status != DONE)
		return status;
	request->config.codes[number / 64] |= 1ULL << number % 64;
	request->config.conditions |= PK_CODE;
	return DONE;
}

static int family_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
		if (!strcmp(cursor->row->name, ping_family_names[f]))
			request->label.families |= 1 << f;
	return DONE;
}

/* 0, or -EINVAL: as the programs look it up, the family before the address. */
static int key_parse(const char *word, struct pk_prefix *key)
{
	struct prefix prefix;

	if (prefix_parse(word, &prefix))
		return -EINVAL;
	*key = (struct pk_prefix){
		.bits = PK_FAMILY_BITS + prefix.bits,
		.family = prefix.is_ipv6 ? PK_IPV6 : PK_IPV4,
	};
	memcpy(key->address, prefix.address, sizeof(key->address));
	return 0;
}

static int prefix_add(struct ping_prefixes *prefixes, const struct pk_prefix *prefix)
{
	struct pk_prefix *entries;

	if (prefixes->count == PK_PREFIXES_MAX)
		return misuse("at most %d prefixes", PK_PREFIXES_MAX);
	/* One more block at each power of two. */
	if (!(prefixes->count & (prefixes->count - 1))) {
		entries = realloc(prefixes->entries,
				  (prefixes->count ? prefixes->count * 2 : 1) * sizeof(*entries));
		if (!entries)
			return failure("%s", strerror(ENOMEM));
		prefixes->entries = entries;
	}
	prefixes->entries[prefixes->count++] = *prefix;
	return DONE;
}

static int prefix_word_add(struct ping_prefixes *prefixes, struct cursor *cursor)
{
	const char *word = word_next(cursor);
	struct pk_prefix prefix;

	if (key_parse(word, &prefix))
		return misuse("%s %s: an address or a prefix, as in 192.0.2.0/24 or 2001:db8::/32",
			      cursor->said, quoted(word));
	return prefix_add(prefixes, &prefix);
}

/* What follows a "#" is not read, nor are blanks around the prefix. */
static char *line_trim(char *line)
{
	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, " \t\r");
	for (size_t n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

static int prefix_lines_add(struct ping_prefixes *prefixes, const char *path, FILE *file)
{
	struct pk_prefix prefix;
	int status = DONE, number = 0;
	static char line[LINE_BYTES];
	char *word;
	const char *wrong;

	while (status == DONE && number < LINES_MAX && line_read(line, file, &wrong)) {
		number++;
		if (wrong)
			return misuse("%s, line %d: %s", quoted(path), number, wrong);
		word = line_trim(line);
		if (!*word)
			continue;
		status = key_parse(word, &prefix)
				 ? misuse("%s, line %d: %s is not an address or prefix",
					  quoted(path), number, quoted(word))
				 : prefix_add(prefixes, &prefix);
	}
	if (status == DONE && ferror(file))
		return failure("%s: %s", quoted(path), strerror(errno));
	if (status == DONE && number == LINES_MAX)
		return misuse("%s: at most %d lines", quoted(path), LINES_MAX - 1);
	return status;
}

static int prefix_file_add(struct ping_prefixes *prefixes, struct cursor *cursor)
{
	const char *path = word_next(cursor);
	int fd = file_open(path, true);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	size_t before = prefixes->count;
	int status;

	if (fd == -EISDIR)
		return failure("%s: neither a file nor a pipe", quoted(path));
	if (!file)
		return failure("%s: %s", quoted(path), strerror(fd < 0 ? -fd : errno));
	status = prefix_lines_add(prefixes, path, file);
	fclose(file);
	/* With none, everybody would be meant. */
	if (status == DONE && prefixes->count == before)
		status = failure("%s: no prefixes found", quoted(path));
	return status;
}

static int src_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return prefix_word_add(&request->src, cursor);
}

static int dst_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return prefix_word_add(&request->dst, cursor);
}

static int src_file_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return prefix_file_add(&request->src, cursor);
}

static int dst_file_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return prefix_file_add(&request->dst, cursor);
}

static int drop_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	uint64_t loss;
	int status = percent_value(cursor, &loss);

	if (status == DONE)
		request->label.loss = loss;
	return status;
}

static const struct {
	const char *name;
	uint64_t ns;
} rate_units[] = {
	{ "s", 1000000000 },
	{ "m", 60000000000 },
	{ "h", 3600000000000 },
};

#define RATE_UNITS (sizeof(rate_units) / sizeof(rate_units[0]))

static int rate_value(struct cursor *cursor, struct pk_rate *asked)
{
	const char *word = word_next(cursor);
	const char *slash = strchr(word, '/');
	char packets[16] = "";
	uint64_t rate;

	if (slash && (size_t)(slash - word) < sizeof(packets))
		memcpy(packets, word, slash - word);
	for (size_t i = 0; *packets && i < RATE_UNITS; i++) {
		if (strcmp(slash + 1, rate_units[i].name))
			continue;
		if (number_parse(packets, RATE_MAX, &rate) || !rate)
			break;
		asked->packets = rate;
		asked->ns = rate_units[i].ns;
		return DONE;
	}
	return misuse("%s %s: packets (1 to %d) in a time, as in 10/s, 10/m, 10/h", cursor->said,
		      quoted(word), RATE_MAX);
}

static int rate_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return rate_value(cursor, &request->label.source);
}

static int rate_all_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return rate_value(cursor, &request->label.all);
}

static int burst_value(struct cursor *cursor, struct pk_rate *asked)
{
	uint64_t burst;
	int status = number_value(cursor, "a number of packets", 1, RATE_MAX, &burst);

	if (status == DONE)
		asked->burst = burst;
	return status;
}

static int burst_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return burst_value(cursor, &request->label.source);
}

static int burst_all_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	return burst_value(cursor, &request->label.all);
}

static int for_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	uint64_t ns;
	int status = time_value(cursor, &ns);

	if (status != DONE)
		return status;
	request->label.lasts_ns = ns;
	request->config.expires_ns = boot_now_ns() + ns;
	request->config.conditions |= PK_ENDS;
	return DONE;
}

static int sample_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;
	uint64_t sample;
	int status = number_value(cursor, "a number (one packet of so many is timed; 0: none)", 0,
				  SAMPLE_MAX, &sample);

	if (status == DONE)
		request->config.sample = sample;
	return status;
}

static int background_parse(struct cursor *cursor, void *context)
{
	struct ping_request *request = context;

	(void)cursor;
	request->background = true;
	return DONE;
}

/* --- all of them -------------------------------------------------------------------- */

static const struct grammar_row rows[] = {
	{ "dev", PING_DEV, 1, 1, 0, dev_parse, "DEV", "the name of a device", NULL },
	{ "hook", PING_HOOK, 1, 1, 0, hook_parse, NULL, NULL, hook_choices },
	{ "type", PING_TYPE, 1, 1, ROW_LIST, type_parse, "TYPE",
	  "the name or number of an ICMP type", NULL },
	{ "all-icmp", PING_ALL, 0, 0, 0, all_parse, NULL, NULL, NULL },
	{ "code", PING_CODE, 1, 1, ROW_LIST, code_parse, "N", "the number of an ICMP code", NULL },
	{ "ipv4", PING_FAMILY, 0, 0, ROW_LIST, family_parse, NULL, NULL, NULL },
	{ "ipv6", PING_FAMILY, 0, 0, ROW_LIST, family_parse, NULL, NULL, NULL },
	{ "src", PING_SRC, 1, 1, ROW_LIST, src_parse, "PREFIX", "a prefix", NULL },
	{ "src-file", PING_SRC, 1, 1, ROW_LIST, src_file_parse, "FILE", "a file of prefixes",
	  NULL },
	{ "dst", PING_DST, 1, 1, ROW_LIST, dst_parse, "PREFIX", "a prefix", NULL },
	{ "dst-file", PING_DST, 1, 1, ROW_LIST, dst_file_parse, "FILE", "a file of prefixes",
	  NULL },
	{ "drop", PING_DROP, 1, 1, 0, drop_parse, "PERCENT", "a percentage", NULL },
	{ "loss", PING_DROP, 1, 1, ROW_ALIAS, drop_parse, "PERCENT", "a percentage", NULL },
	{ "rate", PING_RATE, 1, 1, 0, rate_parse, "RATE",
	  "a number of packets in a time, as in 10/s", NULL },
	{ "burst", PING_BURST, 1, 1, 0, burst_parse, "N", "a number of packets", NULL },
	{ "rate-all", PING_RATE_ALL, 1, 1, 0, rate_all_parse, "RATE",
	  "a number of packets in a time, as in 100/s", NULL },
	{ "burst-all", PING_BURST_ALL, 1, 1, 0, burst_all_parse, "N", "a number of packets", NULL },
	{ "for", PING_FOR, 1, 1, 0, for_parse, "TIME", "a time", NULL },
	{ "sample", PING_SAMPLE, 1, 1, 0, sample_parse, "N", "a number", NULL },
	{ "background", PING_BACKGROUND, 0, 0, 0, background_parse, NULL, NULL, NULL },
};

static const struct grammar_need needs[] = {
	{ PING_DEV, "a device is required" },
	{},
};

const struct grammar ping_grammar = {
	.rows = rows,
	.count = sizeof(rows) / sizeof(rows[0]),
	.about = "",
	.needs = needs,
};

static bool types_are_set(const struct pk_config *config)
{
	static const struct pk_config none;

	return memcmp(config->types, none.types, sizeof(none.types));
}

static int types_finish(struct ping_request *request)
{
	struct pk_config *config = &request->config;

	if (!(request->given & PING_FAMILY))
		request->label.families = 1 << PK_IPV4 | 1 << PK_IPV6;
	if ((request->given & PING_ALL) && (request->given & PING_TYPE))
		return misuse("\"all-icmp\" cannot be combined with \"type\"");
	if (request->given & PING_ALL)
		memset(config->types, 0xff, sizeof(config->types));
	if (!(request->given & (PING_ALL | PING_TYPE))) {
		ping_types_parse(config->types, "echo-request");
		ping_types_parse(config->types, "echo-reply");
	}
	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++)
		if (!ping_has_family(&request->label, f))
			memset(config->types[f], 0, sizeof(config->types[f]));
	if (!types_are_set(config))
		return misuse("%s has no such type",
			      ping_has_family(&request->label, PK_IPV4) ? "ipv4" : "ipv6");
	return DONE;
}

/* A prefix of a family that is not meant would never match. */
static int prefixes_finish(const struct ping_request *request, const struct ping_prefixes *prefixes,
			   const char *name)
{
	for (size_t i = 0; i < prefixes->count; i++) {
		enum pk_family family = prefixes->entries[i].family;

		if (!ping_has_family(&request->label, family))
			return misuse(
				"\"%s\" has an address of %s, and only the other is asked for",
				name, ping_family_names[family]);
	}
	return DONE;
}

static void limit_finish(struct pk_rate *asked, struct pk_limit *limit)
{
	if (!asked->burst)
		asked->burst = BURST_DEFAULT;
	limit->packet_ns = (asked->ns + asked->packets / 2) / asked->packets;
	limit->burst_ns = limit->packet_ns * asked->burst;
}

static int rates_finish(struct ping_request *request)
{
	struct pk_config *config = &request->config;

	if ((request->given & PING_BURST) && !(request->given & PING_RATE))
		return misuse("\"burst\" goes with \"rate\", as in rate 10/s burst 20");
	if ((request->given & PING_BURST_ALL) && !(request->given & PING_RATE_ALL))
		return misuse(
			"\"burst-all\" goes with \"rate-all\", as in rate-all 100/s burst-all 200");
	if (request->given & PING_RATE) {
		limit_finish(&request->label.source, &config->source);
		config->conditions |= PK_RATE;
	}
	if (request->given & PING_RATE_ALL) {
		limit_finish(&request->label.all, &config->all);
		config->conditions |= PK_RATE_ALL;
	}
	return DONE;
}

static int request_finish(struct ping_request *request)
{
	struct pk_config *config = &request->config;
	int status = grammar_needs_check(&ping_grammar, request->given);

	if (status == DONE)
		status = types_finish(request);
	if (status == DONE)
		status = prefixes_finish(request, &request->src, "src");
	if (status == DONE)
		status = prefixes_finish(request, &request->dst, "dst");
	if (status == DONE)
		status = rates_finish(request);
	if (status != DONE)
		return status;
	if (request->src.count)
		config->conditions |= PK_SRC;
	if (request->dst.count)
		config->conditions |= PK_DST;
	if (!(request->given & PING_DROP))
		request->label.loss = PERCENT_MAX;
	config->threshold = percent_threshold(request->label.loss);
	if (config->threshold < PK_CERTAIN)
		config->conditions |= PK_SHARE;
	if (!(request->given & PING_SAMPLE))
		config->sample = SAMPLE_DEFAULT;
	return DONE;
}

int ping_request_parse(int argc, char **argv, struct ping_request *request)
{
	struct cursor cursor;
	int status;

	*request = (struct ping_request){ .hook = "auto" };
	cursor_begin(&cursor, &ping_grammar, argc, argv);
	status = grammar_read(&cursor, request);
	request->given = cursor.given;
	return status == DONE ? request_finish(request) : status;
}

void ping_request_free(struct ping_request *request)
{
	free(request->src.entries);
	free(request->dst.entries);
}
