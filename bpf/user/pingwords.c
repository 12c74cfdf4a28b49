// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person wants dropped, in words, as the programs have it. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "loss.h"
#include "ping.h"
#include "words.h"

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

static int dev_parse(struct ping_request *request, const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return misuse("%s is no device name (1 to %d bytes)", quoted(name), IFNAMSIZ - 1);
	/* The kernel takes "eth0:" for eth0, as the name of an old alias. */
	request->label.ifindex = strchr(name, ':') ? 0 : if_nametoindex(name);
	if (!request->label.ifindex)
		return failure("there is no device %s here", quoted(name));
	strcpy(request->label.dev, name);
	return link_layer_find(name, &request->config);
}

static int hook_parse(struct ping_request *request, const char *word)
{
	if (strcmp(word, "auto") && strcmp(word, "native") && strcmp(word, "generic") &&
	    strcmp(word, "tc"))
		return misuse("hook %s: auto, native, generic or tc", quoted(word));
	request->hook = word;
	return DONE;
}

static int type_parse(struct ping_request *request, const char *word)
{
	if (ping_types_parse(request->config.types, word))
		return misuse("type %s: a number from 0 to %d, or a name, as in type echo-request",
			      quoted(word), PK_TYPES - 1);
	return DONE;
}

static int code_parse(struct ping_request *request, const char *word)
{
	uint64_t number;

	if (number_parse(word, PK_TYPES - 1, &number))
		return misuse("code %s: a number from 0 to %d", quoted(word), PK_TYPES - 1);
	request->config.codes[number / 64] |= 1ULL << number % 64;
	request->config.conditions |= PK_CODE;
	return DONE;
}

/* 0, or -EINVAL. Bits behind the prefix are of no matter. */
static int prefix_parse(const char *word, struct pk_prefix *prefix)
{
	const char *slash = strchr(word, '/');
	uint64_t bits, bits_max = 32;
	char address[64];

	*prefix = (struct pk_prefix){ .family = PK_IPV4 };
	if (snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - word) : 63, word) >=
	    (int)sizeof(address))
		return -EINVAL;
	if (!slash && strlen(word) != strlen(address))
		return -EINVAL;
	if (inet_pton(AF_INET, address, prefix->address) != 1) {
		if (inet_pton(AF_INET6, address, prefix->address) != 1)
			return -EINVAL;
		prefix->family = PK_IPV6;
		bits_max = 128;
	}
	bits = bits_max;
	if (slash && number_parse(slash + 1, bits_max, &bits))
		return -EINVAL;
	for (unsigned int i = bits; i < bits_max; i++)
		prefix->address[i / 8] &= ~(0x80 >> i % 8);
	prefix->bits = PK_FAMILY_BITS + bits;
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

static int prefix_word_add(struct ping_prefixes *prefixes, const char *name, const char *word)
{
	struct pk_prefix prefix;

	if (prefix_parse(word, &prefix))
		return misuse("%s %s: an address or a prefix, as in 192.0.2.0/24 or 2001:db8::/32",
			      name, quoted(word));
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
	size_t size = 0;
	char *line = NULL, *word;
	ssize_t length;

	while (status == DONE && (errno = 0, length = getline(&line, &size, file)) >= 0) {
		number++;
		/* What is behind a zero byte would not be read, and nobody told. */
		if (strlen(line) != (size_t)length) {
			status = misuse("%s, line %d: there is a zero byte in it", quoted(path),
					number);
			break;
		}
		word = line_trim(line);
		if (!*word)
			continue;
		status = prefix_parse(word, &prefix)
				 ? misuse("%s, line %d: %s is no address or prefix", quoted(path),
					  number, quoted(word))
				 : prefix_add(prefixes, &prefix);
	}
	if (status == DONE && errno)
		status = failure("%s: %s", quoted(path), strerror(errno));
	free(line);
	return status;
}

static int prefix_file_add(struct ping_prefixes *prefixes, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t before = prefixes->count;
	int status;

	if (!file)
		return failure("%s: %s", quoted(path), strerror(errno));
	status = prefix_lines_add(prefixes, path, file);
	fclose(file);
	/* With none, everybody would be meant. */
	if (status == DONE && prefixes->count == before)
		status = failure("%s: there is no prefix in it", quoted(path));
	return status;
}

static int src_parse(struct ping_request *request, const char *word)
{
	return prefix_word_add(&request->src, "src", word);
}

static int dst_parse(struct ping_request *request, const char *word)
{
	return prefix_word_add(&request->dst, "dst", word);
}

static int src_file_parse(struct ping_request *request, const char *path)
{
	return prefix_file_add(&request->src, path);
}

static int dst_file_parse(struct ping_request *request, const char *path)
{
	return prefix_file_add(&request->dst, path);
}

static int drop_parse(struct ping_request *request, const char *word)
{
	return loss_parse(word, &request->label.loss);
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

static int rate_parse(struct ping_request *request, const char *word)
{
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
		request->label.rate = rate;
		request->label.rate_ns = rate_units[i].ns;
		return DONE;
	}
	return misuse("rate %s: packets (1 to %d) in a time, as in 10/s, 10/m, 10/h", quoted(word),
		      RATE_MAX);
}

static int burst_parse(struct ping_request *request, const char *word)
{
	uint64_t burst;

	if (number_parse(word, RATE_MAX, &burst) || !burst)
		return misuse("burst %s: a number of packets from 1 to %d", quoted(word), RATE_MAX);
	request->label.burst = burst;
	return DONE;
}

static int for_parse(struct ping_request *request, const char *word)
{
	uint64_t ns, ignored;

	if (!number_parse(word, UINT64_MAX, &ignored))
		return misuse("for %s: with a unit, as in 30s, 500ms, 5m, 1h", quoted(word));
	if (time_parse(word, &ns))
		return misuse("for %s: a time of up to 10 years, as in 30s, 500ms, 5m, 1h",
			      quoted(word));
	request->config.expires_ns = boot_now_ns() + ns;
	request->config.conditions |= PK_ENDS;
	return DONE;
}

static int sample_parse(struct ping_request *request, const char *word)
{
	uint64_t sample;

	if (number_parse(word, SAMPLE_MAX, &sample))
		return misuse("sample %s: time one packet of so many, 1 to %d; 0: none",
			      quoted(word), SAMPLE_MAX);
	request->config.sample = sample;
	return DONE;
}

/* --- all of them -------------------------------------------------------------------- */

static const struct grammar {
	const char *name;
	enum ping_word word;
	int (*parse)(struct ping_request *request, const char *argument);
	const char *accepts;
	bool repeats;
} arguments[] = {
	{ "dev", PING_DEV, dev_parse, "the name of a device", false },
	{ "hook", PING_HOOK, hook_parse, "auto, native, generic or tc", false },
	{ "type", PING_TYPE, type_parse, "the name or number of an ICMP type", true },
	{ "code", PING_CODE, code_parse, "the number of an ICMP code", true },
	{ "src", PING_SRC, src_parse, "a prefix", true },
	{ "src-file", PING_SRC, src_file_parse, "a file of prefixes", true },
	{ "dst", PING_DST, dst_parse, "a prefix", true },
	{ "dst-file", PING_DST, dst_file_parse, "a file of prefixes", true },
	{ "drop", PING_DROP, drop_parse, "a percentage", false },
	{ "loss", PING_DROP, drop_parse, "a percentage", false },
	{ "rate", PING_RATE, rate_parse, "a number of packets in a time, as in 10/s", false },
	{ "burst", PING_BURST, burst_parse, "a number of packets", false },
	{ "for", PING_FOR, for_parse, "a time", false },
	{ "sample", PING_SAMPLE, sample_parse, "a number", false },
};

static const struct grammar *grammar_find(const char *name)
{
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (!strcmp(name, arguments[i].name))
			return &arguments[i];
	return NULL;
}

/* Words without an argument. 0: not one of them. */
static enum ping_word flag_parse(struct ping_request *request, const char *name)
{
	if (!strcmp(name, "background")) {
		request->background = true;
		return PING_BACKGROUND;
	}
	if (!strcmp(name, "all-icmp")) {
		request->label.all_icmp = true;
		return PING_ALL;
	}
	for (enum pk_family f = PK_IPV4; f < PK_FAMILIES; f++) {
		if (strcmp(name, ping_family_names[f]))
			continue;
		request->label.families |= 1 << f;
		return PING_FAMILY;
	}
	return 0;
}

static int words_parse(int argc, char **argv, struct ping_request *request)
{
	for (int i = 0; i < argc; i++) {
		const struct grammar *grammar = grammar_find(argv[i]);
		enum ping_word flag = grammar ? 0 : flag_parse(request, argv[i]);
		int status;

		if (flag) {
			if (request->given & flag & ~PING_FAMILY)
				return misuse("\"%s\" is said twice", argv[i]);
			request->given |= flag;
			continue;
		}
		if (!grammar)
			return misuse(
				"what is %s? (dev, hook, type, code, all-icmp, ipv4, ipv6, src, src-file, dst, dst-file, drop, rate, burst, for, sample, background)",
				quoted(argv[i]));
		if (i + 1 == argc)
			return misuse("\"%s\" needs %s", grammar->name, grammar->accepts);
		if ((request->given & grammar->word) && !grammar->repeats)
			return misuse("\"%s\" is said twice", grammar->name);
		status = grammar->parse(request, argv[++i]);
		if (status != DONE)
			return status;
		request->given |= grammar->word;
	}
	return DONE;
}

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
		return misuse("\"all-icmp\" and \"type\" do not go together");
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

static int rate_finish(struct ping_request *request)
{
	struct pk_config *config = &request->config;
	struct pk_label *label = &request->label;

	if (!(request->given & PING_RATE))
		return request->given & PING_BURST
			       ? misuse("\"burst\" goes with \"rate\", as in rate 10/s burst 20")
			       : DONE;
	if (!(request->given & PING_BURST))
		label->burst = BURST_DEFAULT;
	config->packet_ns = (label->rate_ns + label->rate / 2) / label->rate;
	config->burst_ns = config->packet_ns * label->burst;
	config->conditions |= PK_RATE;
	return DONE;
}

static int request_finish(struct ping_request *request)
{
	struct pk_config *config = &request->config;
	int status;

	if (!(request->given & PING_DEV))
		return misuse("which device? (dev DEV)");
	status = types_finish(request);
	if (status == DONE)
		status = prefixes_finish(request, &request->src, "src");
	if (status == DONE)
		status = prefixes_finish(request, &request->dst, "dst");
	if (status == DONE)
		status = rate_finish(request);
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
	int status;

	*request = (struct ping_request){ .hook = "auto" };
	status = words_parse(argc, argv, request);
	return status == DONE ? request_finish(request) : status;
}

void ping_request_free(struct ping_request *request)
{
	free(request->src.entries);
	free(request->dst.entries);
}
