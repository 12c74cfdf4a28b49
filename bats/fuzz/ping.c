// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ping.c - fuzzes the words of pingkiller.sh (bpf/pingkiller/pingwords.c, pingtypes.c) and what is printed
 * about them (bpf/pingkiller/pingtext.c, pingjson.c, pingplot.c). The input is the words, separated by "|"; the
 * name of a file is what is in that file. Of the system there is only what is faked here.
 *
 * Whatever the words are: a refusal is one line of printable text; an accepted request says what a second
 * reading of its words says, and is printed as printable text, in words that make the same request again,
 * and as JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "fuzz.h"
#include "pingkiller.h"

/* So few that a fuzzer comes to say more. */
#undef PK_PREFIXES_MAX
#define PK_PREFIXES_MAX 20

#define SECOND_NS 1000000000ULL
#define TEN_YEARS_NS (3650ULL * 24 * 3600 * SECOND_NS)
#define FILE_ZERO '\1' /* a byte of value 0 in a file, which no word can have */

/* --- the system, faked: always the same, and never touched ------------------------------------ */

/* 0: a device that has gone meanwhile */
static unsigned short fake_link_layer(const char *name)
{
	static const unsigned short kinds[] = { ARPHRD_ETHER, ARPHRD_LOOPBACK, ARPHRD_NONE,
						ARPHRD_RAWIP, ARPHRD_IPGRE,    0 };

	return kinds[fake_nametoindex(name) % (sizeof(kinds) / sizeof(kinds[0]))];
}

static int fake_ioctl(struct ifreq *request)
{
	request->ifr_hwaddr.sa_family = fake_link_layer(request->ifr_name);
	errno = ENODEV;
	return request->ifr_hwaddr.sa_family ? 0 : -1;
}

static const char *fake_opened;

/* There are no files with an absolute path. */
static int fake_file_open(const char *path, bool pipes)
{
	(void)pipes;
	fake_opened = path;
	return *path && *path != '/' ? 0 : -ENOENT;
}

static FILE *fake_fdopen(const char *path)
{
	FILE *file = fmemopen(NULL, strlen(path) + 1, "w+");

	CHECK(file);
	for (; *path; path++)
		fputc(*path == FILE_ZERO ? '\0' : *path, file);
	rewind(file);
	return file;
}

enum fake_map {
	FAKE_SRC,
	FAKE_DST,
	FAKE_MAPS,
};

static const struct ping_prefixes *fake_maps[FAKE_MAPS];
static int fake_next_key(int fd, const void *previous, void *key);

#include "lib/file.c"

#define if_nametoindex fake_nametoindex
#define socket(domain, type, protocol) 0
#define ioctl(fd, what, request) fake_ioctl(request)
#define close(fd) ((void)(fd))
#define fdopen(fd, mode) fake_fdopen(fake_opened)
#define file_open fake_file_open
#define bpf_map_get_next_key fake_next_key
#include "lib/fit.c"
#include "lib/grammar.c"
#include "lib/json.c"
#include "lib/print.c"
#include "lib/utf8.c"
#include "pingkiller/pingjson.c"
#include "pingkiller/pingnames.c"
#include "pingkiller/pingplot.c"
#include "pingkiller/pingsums.c"
#include "pingkiller/pingtable.c"
#include "pingkiller/pingtext.c"
#include "pingkiller/pingtypes.c"
#include "pingkiller/pingwords.c"
#include "lib/values.c"

static int fake_next_key(int fd, const void *previous, void *key)
{
	const struct ping_prefixes *map = fake_maps[fd];

	for (size_t i = 0; i < map->count; i++) {
		if (previous && memcmp(previous, &map->entries[i], sizeof(map->entries[i])))
			continue;
		i += !!previous;
		if (i == map->count)
			break;
		memcpy(key, &map->entries[i], sizeof(map->entries[i]));
		return 0;
	}
	return -ENOENT;
}

/* What is said twice is in a map once. */
static void repeats_remove(struct ping_prefixes *prefixes)
{
	size_t count = 0;

	for (size_t i = 0; i < prefixes->count; i++) {
		size_t before = 0;

		while (before < count && memcmp(&prefixes->entries[before], &prefixes->entries[i],
						sizeof(prefixes->entries[i])))
			before++;
		if (before == count)
			prefixes->entries[count++] = prefixes->entries[i];
	}
	prefixes->count = count;
}

/* --- what is asked for ------------------------------------------------------------------------ */

/* Exactly one message for a failure, none if it was accepted. */
static int request_parse(const struct words *words, struct ping_request *request)
{
	struct words copy = *words;
	struct text messages;
	int status;

	messages_begin(&messages);
	status = ping_request_parse(copy.count, copy.word, request);
	CHECK(messages_end(&messages) == (status != DONE));
	CHECK(status == DONE || status == FAILED || status == MISUSED);
	return status;
}

static void types_check(const struct ping_request *request)
{
	bool any = false;

	CHECK(request->label.families && !(request->label.families >> PK_FAMILIES));
	for (int i = 0; i < PK_FAMILIES * PK_TYPES; i++) {
		bool meant = is_set(request->config.types[i / PK_TYPES], i % PK_TYPES);
		bool has_family = request->label.families >> i / PK_TYPES & 1;

		CHECK(has_family || !meant);
		CHECK(!has_family || meant || !request->label.all_icmp);
		any |= meant;
	}
	CHECK(any);
}

static void rate_check(const struct pk_rate *rate, const struct pk_limit *limit, bool is_asked)
{
	CHECK(!rate->packets == !is_asked);
	if (!is_asked) {
		CHECK(!rate->ns && !rate->burst && !limit->packet_ns && !limit->burst_ns);
		return;
	}
	CHECK(rate->packets <= 1000000);
	CHECK(rate->burst >= 1 && rate->burst <= 1000000);
	CHECK(rate->ns == SECOND_NS || rate->ns == 60 * SECOND_NS || rate->ns == 3600 * SECOND_NS);
	CHECK(fabsl((long double)rate->ns / rate->packets - limit->packet_ns) <= 0.5L);
	CHECK((long double)limit->packet_ns * rate->burst == limit->burst_ns);
}

static void device_check(const struct ping_request *request)
{
	const struct pk_label *label = &request->label;
	unsigned short kind = fake_link_layer(label->dev);

	CHECK(memchr(label->dev, '\0', sizeof(label->dev)));
	CHECK(label->ifindex && label->ifindex == fake_nametoindex(label->dev));
	CHECK(kind && kind != ARPHRD_IPGRE);
	CHECK(request->config.bare == (kind == ARPHRD_NONE || kind == ARPHRD_RAWIP));
}

static void request_check(const struct ping_request *request)
{
	const struct pk_config *config = &request->config;
	uint64_t loss = request->label.loss;

	device_check(request);
	types_check(request);
	rate_check(&request->label.source, &config->source, config->conditions & PK_RATE);
	rate_check(&request->label.all, &config->all, config->conditions & PK_RATE_ALL);
	CHECK(loss <= PERCENT_MAX);
	CHECK(fabsl(config->threshold - ldexpl(loss / 1e8L, 32)) <= 0.5L);
	CHECK(!(config->conditions & PK_SHARE) == (loss == PERCENT_MAX));
	CHECK(!(config->conditions & PK_SRC) == !request->src.count);
	CHECK(!(config->conditions & PK_DST) == !request->dst.count);
	CHECK(request->src.count <= PK_PREFIXES_MAX && request->dst.count <= PK_PREFIXES_MAX);
	CHECK(!(config->conditions & PK_ENDS) == !config->expires_ns);
	CHECK(!config->expires_ns || config->expires_ns == NOW_NS + request->label.lasts_ns);
	CHECK(!config->expires_ns ||
	      (config->expires_ns > NOW_NS && config->expires_ns - NOW_NS <= TEN_YEARS_NS));
	CHECK(config->sample <= 1000000);
	CHECK(!config->pad && !request->label.netns_cookie && !request->label.owner);
}

/* --- the words, read a second time ---------------------------------------------------------------- */

static bool address_bit(const unsigned char *address, int bit)
{
	return address[bit / 8] >> (7 - bit % 8) & 1;
}

static void prefix_said(const struct ping_prefixes *prefixes, size_t at, char *word)
{
	const struct pk_prefix *prefix = &prefixes->entries[at];
	bool is_ipv6 = strchr(word, ':');
	char *slash = strchr(word, '/');
	int bits = slash ? atoi(slash + 1) : is_ipv6 ? 128 : 32;
	unsigned char address[16] = {};

	CHECK(at < prefixes->count);
	if (slash)
		*slash = '\0';
	CHECK(inet_pton(is_ipv6 ? AF_INET6 : AF_INET, word, address) == 1);
	CHECK(prefix->family == (is_ipv6 ? PK_IPV6 : PK_IPV4));
	CHECK(prefix->bits == 32u + bits);
	for (int i = 0; i < 128; i++)
		CHECK(address_bit(prefix->address, i) == (i < bits && address_bit(address, i)));
}

/* Returns how many there are by now. */
static size_t prefix_word_said(const struct ping_prefixes *prefixes, size_t at, const char *word)
{
	char *copy = strdup(word);

	CHECK(copy);
	prefix_said(prefixes, at, copy);
	free(copy);
	return at + 1;
}

/* A line has a prefix, or it is blank or a comment. */
static size_t prefix_file_said(const struct ping_prefixes *prefixes, size_t at, const char *content)
{
	char *copy = strdup(content), *rest = copy, *line, *word;
	size_t before = at;

	CHECK(copy && !strchr(copy, FILE_ZERO));
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, " %m[0-9a-fA-F.:/]", &word) != 1)
			continue;
		prefix_said(prefixes, at++, word);
		free(word);
	}
	CHECK(at > before);
	free(copy);
	return at;
}

static void type_said(const struct ping_request *request, const char *word)
{
	unsigned int type;

	if (sscanf(word, "%u", &type) != 1)
		return;
	for (int family = 0; family < PK_FAMILIES; family++)
		CHECK(is_set(request->config.types[family], type) ==
		      (request->label.families >> family & 1));
}

static void rate_said(const struct pk_rate *asked, const char *word)
{
	unsigned long long rate;
	char unit, end;

	CHECK(sscanf(word, "%llu/%c%c", &rate, &unit, &end) == 2);
	CHECK(asked->packets == rate);
	CHECK(asked->ns == (unit == 's' ? SECOND_NS : (unit == 'm' ? 60 : 3600) * SECOND_NS));
}

static void number_said(const struct ping_request *request, const char *name, const char *word)
{
	uint64_t number = strtoull(word, NULL, 10);

	if (!strcmp(name, "code"))
		CHECK(is_set(request->config.codes, number));
	if (!strcmp(name, "burst"))
		CHECK(request->label.source.burst == number);
	if (!strcmp(name, "burst-all"))
		CHECK(request->label.all.burst == number);
	if (!strcmp(name, "sample"))
		CHECK(request->config.sample == number);
	if (!strcmp(name, "drop") || !strcmp(name, "loss"))
		CHECK(fabsl(strtold(word, NULL) * 1000000 - request->label.loss) < 0.01L);
}

static int bits_count(const __u64 bits[PK_TYPES / 64])
{
	int count = 0;

	for (int i = 0; i < PK_TYPES / 64; i++)
		count += __builtin_popcountll(bits[i]);
	return count;
}

/* A word means one type of each family, or none; without any there are two. */
static void bits_said(const struct ping_request *request, int types, int codes)
{
	CHECK(bits_count(request->config.codes) <= codes);
	for (int family = 0; family < PK_FAMILIES && !request->label.all_icmp; family++)
		CHECK(bits_count(request->config.types[family]) <= (types ? types : 2));
}

/* The row of a word that takes one, or NULL. */
static const struct grammar_row *valued_find(const char *name)
{
	const struct grammar_row *row = row_find(&ping_grammar, name);

	return row && row->max ? row : NULL;
}

static void words_said(const struct ping_request *request, const struct words *words)
{
	size_t src = 0, dst = 0;
	int types = 0, codes = 0;

	for (int i = 0; i + 1 < words->count; i++) {
		const char *name = words->word[i], *word = words->word[i + 1];

		if (!valued_find(name))
			continue;
		if (!strcmp(name, "dev"))
			CHECK(!strcmp(request->label.dev, word));
		else if (!strcmp(name, "hook"))
			CHECK(!strcmp(request->hook, word));
		else if (!strcmp(name, "type"))
			type_said(request, word);
		else if (!strcmp(name, "rate"))
			rate_said(&request->label.source, word);
		else if (!strcmp(name, "rate-all"))
			rate_said(&request->label.all, word);
		else if (!strcmp(name, "src"))
			src = prefix_word_said(&request->src, src, word);
		else if (!strcmp(name, "dst"))
			dst = prefix_word_said(&request->dst, dst, word);
		else if (!strcmp(name, "src-file"))
			src = prefix_file_said(&request->src, src, word);
		else if (!strcmp(name, "dst-file"))
			dst = prefix_file_said(&request->dst, dst, word);
		else
			number_said(request, name, word);
		types += !strcmp(name, "type");
		codes += !strcmp(name, "code");
		i++;
	}
	bits_said(request, types, codes);
	CHECK(src == request->src.count && dst == request->dst.count);
}

/* --- what is printed ------------------------------------------------------------------------------ */

/* As it is once the request is carried out. */
static void device_make(struct ping_device *device, const struct ping_request *request)
{
	*device = (struct ping_device){
		.config = request->config,
		.label = request->label,
		.netns_own = true,
		.hook = PK_HOOK_GENERIC, /* auto */
		.stats_fd = FAKE_MAPS,
		.src_fd = FAKE_SRC,
		.dst_fd = FAKE_DST,
	};
	for (int hook = PK_HOOK_NATIVE; hook <= PK_HOOK_TC; hook++)
		if (!strcmp(request->hook, hook_names[hook]))
			device->hook = hook;
	device->label.netns_cookie = FAKE_COOKIE;
	device->label.owner = request->background ? 0 : 4242;
	fake_maps[FAKE_SRC] = &request->src;
	fake_maps[FAKE_DST] = &request->dst;
}

/* One packet of each type that is dropped, and what else can be counted; all is timed, or nothing. */
static void stats_make(struct pk_stats *stats, const struct pk_config *config)
{
	static const struct pk_count one = { .packets = 1, .bytes = 98 };

	*stats = (struct pk_stats){};
	for (int i = 0; i < PK_FAMILIES * PK_TYPES; i++)
		if (is_set(config->types[i / PK_TYPES], i % PK_TYPES))
			stats->types[i / PK_TYPES][i % PK_TYPES].count[PK_DROP] = one;
	for (int class = PK_ICMP + 1; class < PK_CLASSES; class ++)
		stats->passed[class] = one;
	for (unsigned int i = 0; config->sample && i < PK_TIME_SLOTS; i++)
		stats->times[PK_DROP].slots[i] = config->sample % (i + 1);
}

/* What comes back is what was meant. */
static void same_check(const struct ping_request *first, const struct ping_request *second)
{
	struct pk_config a = first->config, b = second->config;
	struct pk_label label = first->label;

	CHECK(!a.expires_ns == !b.expires_ns);
	/* rounded up to a tenth of a second */
	CHECK(b.expires_ns - a.expires_ns < 100000000);
	a.expires_ns = b.expires_ns;
	CHECK(!memcmp(&a, &b, sizeof(a)));
	label.lasts_ns = second->label.lasts_ns;
	CHECK(!memcmp(&label, &second->label, sizeof(label)));
	CHECK(first->background == second->background);
	CHECK(!strcmp(first->hook, second->hook) || !strcmp(first->hook, "auto"));
	CHECK(first->src.count == second->src.count && first->dst.count == second->dst.count);
	CHECK(!first->src.count || !memcmp(first->src.entries, second->src.entries,
					   sizeof(*first->src.entries) * first->src.count));
	CHECK(!first->dst.count || !memcmp(first->dst.entries, second->dst.entries,
					   sizeof(*first->dst.entries) * first->dst.count));
}

static void print_words_check(const struct ping_device *device, const struct ping_request *request)
{
	struct ping_request again;
	struct words words;
	struct text text;

	text_begin(&text);
	ping_words_print(text.out, device);
	text_end(&text);
	CHECK(is_printable(text.bytes));
	/* Escaped bytes and the number of many prefixes do not come back. */
	if (!strstr(text.bytes, "\\x") && !strstr(text.bytes, " prefixes)")) {
		words_unquote(&words, text.bytes);
		CHECK(request_parse(&words, &again) == DONE);
		same_check(request, &again);
		ping_request_free(&again);
	}
	free(text.bytes);
}

static void print_expired_check(const struct ping_device *device)
{
	struct text text;

	fake_now_ns += TEN_YEARS_NS;
	text_begin(&text);
	ping_words_print(text.out, device);
	text_end(&text);
	fake_now_ns = NOW_NS;
	CHECK(is_printable(text.bytes));
	CHECK(!strstr(text.bytes, " (expired)") == !device->config.expires_ns);
	free(text.bytes);
}

static void print_json_check(const struct ping_device *device, const struct pk_stats *stats)
{
	struct json json = {};
	struct text text;

	text_begin(&text);
	json.out = text.out;
	json_object_begin(&json, NULL);
	ping_words_print_json(&json, device);
	ping_stats_print_json(&json, stats);
	json_object_end(&json);
	text_end(&text);
	json_check(text.bytes);
	free(text.bytes);
}

static void width_check(const char *line)
{
	int columns = 0;

	for (; *line; line++)
		columns += (*line & 0xc0) != 0x80;
	CHECK(columns <= 80);
}

/* Returns how many lines there were. */
static int table_check(const struct ping_device *device, const struct pk_stats *stats, int screen)
{
	struct text text;
	int lines;

	text_begin(&text);
	ping_table_print(text.out, device, stats, screen);
	text_end(&text);
	lines = lines_check(text.bytes, width_check);
	free(text.bytes);
	return lines;
}

#define SCREEN 200 /* rows, for as many words as there can be */

static void print_table_check(const struct ping_device *device, const struct pk_stats *stats)
{
	static struct pk_stats full;
	int lines = 4; /* the words, the head of the table, the sums, the averages */

	for (int i = 0; i < PK_FAMILIES * PK_TYPES; i++)
		lines += is_set(device->config.types[i / PK_TYPES], i % PK_TYPES);
	CHECK(table_check(device, stats, 0) >= lines);
	memset(&full, 0x1d, sizeof(full));
	CHECK(table_check(device, &full, 0) >= lines);
	CHECK(table_check(device, &full, SCREEN) <= SCREEN);
}

/* No byte of a name can end the string that it stands in. */
static void plot_line_check(const char *line)
{
	if (strncmp(line, "set title ", 10))
		return;
	CHECK(line[10] == '"' && strcspn(line + 11, "\"'`\\") == strlen(line + 11) - 1);
	CHECK(line[strlen(line) - 1] == '"');
}

static void print_plot_check(const struct ping_device *device, const struct pk_stats *stats)
{
	struct text text;
	bool is_plotted;

	text_begin(&text);
	is_plotted = ping_plot_print(text.out, device, stats, device->hook == PK_HOOK_TC);
	text_end(&text);
	CHECK(is_plotted == !!ping_samples_count(&stats->times[PK_DROP]));
	CHECK(is_plotted == !!lines_check(text.bytes, plot_line_check));
	free(text.bytes);
}

static void print_check(const struct ping_request *request)
{
	static struct pk_stats stats;
	struct ping_device device;

	device_make(&device, request);
	stats_make(&stats, &device.config);
	print_expired_check(&device);
	print_json_check(&device, &stats);
	print_table_check(&device, &stats);
	print_plot_check(&device, &stats);
	print_words_check(&device, request);
}

void input_check(char *text)
{
	struct ping_request request;
	struct words words;

	speaker = "pingkiller.sh";
	words_split(&words, text);
	if (request_parse(&words, &request) == DONE) {
		request_check(&request);
		words_said(&request, &words);
		repeats_remove(&request.src);
		repeats_remove(&request.dst);
		print_check(&request);
	}
	ping_request_free(&request);
}
