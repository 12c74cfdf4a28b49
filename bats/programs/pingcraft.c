// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pingcraft.c - crafted packets for pingkiller's programs, through BPF_PROG_TEST_RUN: every combination
 * of headers, and each of those cut off after every byte. What has to happen follows from how a packet
 * was made, not from reading it again.
 *
 *   pingcraft PINS xdp|tc [bare]
 *
 * PINS is the folder of a device that drops the default types. After each packet the verdict, and all
 * counters, have to be as expected: one packet more, of so many bytes, in one place. bare: the device has
 * no link layer. Prints what is wrong, and last "N packets, N wrong, N refused"; the status is 1 if anything
 * was. Refused are frames that the kernel runs no program for, because they end in the IP header.
 */
#include "traffic.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/syscall.h>
#include "header.h"
#include "pingkiller.h"

#define META \
	32 /* an XDP frame may begin there, so that it can be shorter than an Ethernet header */
#define FRAME_MAX 8192
#define TYPE_NONE -1
#define ETHERNET 14

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
	size_t network; /* where the IP header begins */
	size_t known; /* a frame that is cut off before that is malformed */
	enum pk_class class;
	enum pk_family family;
	int type;
	char name[256];
};

static struct {
	int program, stats;
	bool is_xdp, is_bare;
	int cpus;
	unsigned long packets, wrong, refused;
} test;

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int pin_open(const char *folder, const char *name)
{
	char path[512];
	union bpf_attr attr = { .pathname = (uintptr_t)path };
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = bpf(BPF_OBJ_GET, &attr);
	if (fd < 0)
		die("%s", path);
	return fd;
}

/* As the kernel counts them: /sys/devices/system/cpu/possible. */
static int cpus_possible(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
	int first = 0, last = 0;

	if (!file || fscanf(file, "%d-%d", &first, &last) < 1)
		die("possible CPUs");
	fclose(file);
	return last + 1;
}

/* --- counters ------------------------------------------------------------------------------ */

struct sums {
	struct pk_count passed[PK_CLASSES];
	struct pk_type types[PK_FAMILIES][PK_TYPES];
};

static void add(struct pk_count *sum, const struct pk_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

static void sums_read(struct sums *sums)
{
	static struct pk_stats *stats;
	uint32_t zero = 0;
	union bpf_attr attr = { .map_fd = test.stats, .key = (uintptr_t)&zero };

	if (!stats)
		stats = calloc(test.cpus, sizeof(*stats));
	attr.value = (uintptr_t)stats;
	if (!stats || bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		die("counters");
	memset(sums, 0, sizeof(*sums));
	for (int cpu = 0; cpu < test.cpus; cpu++) {
		for (int class = 0; class < PK_CLASSES; class ++)
			add(&sums->passed[class], &stats[cpu].passed[class]);
		for (int family = 0; family < PK_FAMILIES; family++)
			for (int type = 0; type < PK_TYPES; type++)
				for (int verdict = 0; verdict < PK_VERDICTS; verdict++)
					add(&sums->types[family][type].count[verdict],
					    &stats[cpu].types[family][type].count[verdict]);
	}
}

/* --- one packet ------------------------------------------------------------------------------ */

static void wrong(const struct frame *frame, size_t length, const char *what, long is, long should)
{
	test.wrong++;
	say("%s, %zu of %zu bytes: %s is %ld, not %ld", frame->name, length, frame->length, what,
	    is, should);
}

/* What the program returns; negative: it could not be run. */
static long program_run(const struct frame *frame, size_t length)
{
	static uint8_t in[META + FRAME_MAX], out[META + FRAME_MAX];
	struct xdp_md context = { .data = META, .data_end = META + length };
	size_t meta = test.is_xdp ? META : 0;
	union bpf_attr attr = {};

	memcpy(in + meta, frame->bytes, length);
	attr.test.prog_fd = test.program;
	attr.test.data_in = (uintptr_t)in;
	attr.test.data_size_in = meta + length;
	attr.test.data_out = (uintptr_t)out;
	attr.test.data_size_out = sizeof(out);
	if (test.is_xdp) {
		attr.test.ctx_in = (uintptr_t)&context;
		attr.test.ctx_size_in = sizeof(context);
	}
	if (bpf(BPF_PROG_TEST_RUN, &attr))
		return -errno;
	return attr.test.retval;
}

static bool is_default_type(enum pk_family family, int type)
{
	return family == PK_IPV4 ? type == 8 || type == 0 : type == 128 || type == 129;
}

static long code_of(bool is_dropped)
{
	if (test.is_xdp)
		return is_dropped ? XDP_DROP : XDP_PASS;
	return is_dropped ? TC_ACT_SHOT : (uint32_t)TC_ACT_UNSPEC;
}

static void frame_try(const struct frame *frame, size_t length)
{
	static struct sums before, after;
	enum pk_class class = length < frame->known ? PK_MALFORMED : frame->class;
	bool is_dropped = class == PK_ICMP && is_default_type(frame->family, frame->type);
	struct pk_count *count;
	long returned;

	sums_read(&before);
	returned = program_run(frame, length);
	if (returned == -EINVAL && !test.is_xdp && length < ETHERNET + 40) {
		test.refused++;
		return;
	}
	test.packets++;
	if (returned < 0) {
		wrong(frame, length, "errno of the run", -returned, 0);
		return;
	}
	if (returned != code_of(is_dropped))
		wrong(frame, length, "the verdict", returned, code_of(is_dropped));
	sums_read(&after);
	if (class == PK_ICMP)
		count = &before.types[frame->family][frame->type].count[is_dropped];
	else
		count = &before.passed[class];
	count->packets++;
	count->bytes += length;
	if (memcmp(&before, &after, sizeof(before)))
		wrong(frame, length, "the counter of the class", -1, class);
}

/* Shorter than an Ethernet header: only for XDP, and not in every kernel. */
static size_t shortest(void)
{
	static const struct frame empty = { .length = 1 };

	if (test.is_xdp && program_run(&empty, 1) >= 0)
		return 1;
	return ETHERNET;
}

/* The whole frame, with padding, and cut off after each byte. */
static void frame_try_all(struct frame *frame)
{
	static size_t least;

	if (!least)
		least = shortest();
	for (size_t length = least; length < frame->length; length++)
		frame_try(frame, length);
	frame_try(frame, frame->length);
	frame_try(frame, frame->length + 18);
}

/* --- making them ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void name_add(struct frame *frame, const char *format,
							   ...)
{
	size_t used = strlen(frame->name);
	va_list args;

	va_start(args, format);
	vsnprintf(frame->name + used, sizeof(frame->name) - used, format, args);
	va_end(args);
}

static uint8_t *put(struct frame *frame, size_t length)
{
	uint8_t *at = frame->bytes + frame->length;

	frame->length += length;
	if (frame->length + 18 > sizeof(frame->bytes))
		die("a frame is too long");
	return at;
}

static void put16(struct frame *frame, uint16_t value)
{
	uint8_t *at = put(frame, 2);

	at[0] = value >> 8;
	at[1] = value;
}

/* tags: the types of VLAN tags, from outside, ended by 0. */
static void link_put(struct frame *frame, const uint16_t *tags, uint16_t type)
{
	memset(frame, 0, sizeof(*frame));
	frame->type = TYPE_NONE;
	if (!test.is_bare) {
		memset(put(frame, 12), 0x02, 12);
		for (; *tags; tags++) {
			name_add(frame, "%x ", *tags);
			put16(frame, *tags);
			put16(frame, 5);
		}
		put16(frame, type);
	}
	frame->network = frame->length;
}

static void ipv4_put(struct frame *frame, int option_words, uint16_t fragment, uint8_t protocol,
		     int payload)
{
	uint8_t *ip = put(frame, 20 + option_words * 4);
	uint16_t length = 20 + option_words * 4 + payload;

	name_add(frame, "ipv4 options %d fragment %x protocol %d payload %d ", option_words,
		 fragment, protocol, payload);
	ip[0] = 0x40 + 5 + option_words;
	ip[2] = length >> 8;
	ip[3] = length;
	ip[6] = fragment >> 8;
	ip[7] = fragment;
	ip[8] = 64;
	ip[9] = protocol;
	inet_pton(AF_INET, "192.0.2.1", ip + 12);
	inet_pton(AF_INET, "192.0.2.2", ip + 16);
	for (int i = 0; i < option_words * 4; i++)
		ip[20 + i] = 1; /* no operation */
	frame->family = PK_IPV4;
}

static void ipv6_put(struct frame *frame, uint8_t next, int payload)
{
	uint8_t *ip = put(frame, 40);

	name_add(frame, "ipv6 payload %d ", payload);
	ip[0] = 0x60;
	ip[4] = payload >> 8;
	ip[5] = payload;
	ip[6] = next;
	ip[7] = 64;
	inet_pton(AF_INET6, "2001:db8::1", ip + 8);
	inet_pton(AF_INET6, "2001:db8::2", ip + 24);
	frame->family = PK_IPV6;
}

static void icmp_put(struct frame *frame, int type, int length)
{
	uint8_t *icmp = put(frame, length);

	name_add(frame, "type %d", type);
	icmp[0] = type;
	frame->type = type;
	frame->class = PK_ICMP;
	frame->known = frame->length; /* the IP header speaks of all of it */
}

static void known_now(struct frame *frame, enum pk_class class)
{
	frame->class = class;
	frame->known = frame->length;
}

static const uint16_t tags[][4] = {
	{ 0 }, { 0x8100 }, { 0x88a8 }, { 0x88a8, 0x8100 }, { 0x8100, 0x8100 },
};

/* Of a device without a link layer there is but the first; the last ones take their time. */
static size_t tags_count(void)
{
	if (test.is_bare)
		return 1;
	return is_emulated() ? 2 : sizeof(tags) / sizeof(tags[0]);
}

#define DF 0x4000
#define MF 0x2000

static void ipv4_try(const uint16_t *with)
{
	static const int types[] = { 8, 0, 3, 11, 128, 255 };
	static const uint16_t fragments[] = { 0, DF, MF };
	static struct frame frame;

	for (int words = 0; words <= 10; words += is_emulated() ? 5 : 1) {
		for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
			for (size_t f = 0; f < sizeof(fragments) / sizeof(fragments[0]); f++) {
				link_put(&frame, with, 0x0800);
				ipv4_put(&frame, words, fragments[f], 1, 11);
				icmp_put(&frame, types[t], 11);
				frame_try_all(&frame);
			}
		}
		link_put(&frame, with, 0x0800);
		ipv4_put(&frame, words, MF | 100, 1, 16);
		frame.length = frame.network + 20;
		known_now(&frame, PK_FRAGMENT);
		put(&frame, words * 4 + 16);
		frame_try_all(&frame);
		for (int protocol = 0; protocol < 256; protocol += 17) {
			if (protocol == 1)
				continue;
			link_put(&frame, with, 0x0800);
			ipv4_put(&frame, words, 0, protocol, 12);
			frame.length = frame.network + 20;
			known_now(&frame, PK_OTHER_IPV4);
			put(&frame, words * 4 + 12);
			frame_try_all(&frame);
		}
	}
}

/* What the IP header says of itself cannot be. */
static void ipv4_try_wrong(const uint16_t *with)
{
	static struct frame frame;

	for (int first = 0; first < 256; first++) {
		bool is_bare_ipv6 = test.is_bare && first >> 4 == 6;
		bool is_other = test.is_bare && first >> 4 != 4;

		link_put(&frame, with, 0x0800);
		ipv4_put(&frame, 0, 0, 1, 60);
		icmp_put(&frame, 8, 60);
		frame.bytes[frame.network] = first;
		name_add(&frame, " first byte %02x", first);
		if (is_bare_ipv6)
			continue; /* all its fields are elsewhere */
		if (is_other)
			frame.class = PK_OTHER, frame.known = 1;
		else if (first < 0x45 || first > 0x4f)
			frame.class = PK_MALFORMED;
		else
			frame.type = first == 0x45 ? 8 : 0; /* what follows are zeros */
		frame_try(&frame, frame.length);
	}
	/* The message is shorter than its header, and the rest is padding. */
	for (int payload = 0; payload < 10; payload++) {
		link_put(&frame, with, 0x0800);
		ipv4_put(&frame, 0, 0, 1, payload);
		icmp_put(&frame, 8, 40);
		frame.class = payload < 8 ? PK_MALFORMED : PK_ICMP;
		frame_try(&frame, frame.length);
	}
	/* The length ends in the IP header itself, or far behind the frame. */
	for (int payload = -20; payload < 0; payload++) {
		link_put(&frame, with, 0x0800);
		ipv4_put(&frame, 0, 0, 1, payload);
		icmp_put(&frame, 8, 40);
		frame.class = PK_MALFORMED;
		frame_try(&frame, frame.length);
	}
	link_put(&frame, with, 0x0800);
	ipv4_put(&frame, 0, 0, 1, 0xffff - 20);
	icmp_put(&frame, 8, 40);
	frame.class = PK_MALFORMED;
	frame_try(&frame, frame.length);
}

struct extension {
	uint8_t kind;
	int bytes;
	uint16_t fragment;
};

/* Its length in the units of its kind. */
static uint8_t extension_length(const struct extension *extension)
{
	switch (extension->kind) {
	case 44:
		return 0;
	case 51:
		return extension->bytes / 4 - 2;
	default:
		return extension->bytes / 8 - 1;
	}
}

/* A packet with these extension headers; what follows the last one is `last`. */
static void chain_try(const uint16_t *with, const struct extension *chain, int count, uint8_t last,
		      int type)
{
	static struct frame frame;
	int payload = last == 58 ? 11 : 16;
	size_t decided = 0;
	enum pk_class class = PK_ICMP;

	for (int i = 0; i < count; i++)
		payload += chain[i].bytes;
	link_put(&frame, with, 0x86dd);
	ipv6_put(&frame, count ? chain[0].kind : last, payload);
	decided = frame.length;
	for (int i = 0; i < count; i++) {
		uint8_t *at = put(&frame, chain[i].bytes);

		if (class == PK_ICMP && i == HEADER_EXTENSIONS_MAX)
			class = PK_DEEP;
		name_add(&frame, "extension %d (%d, %x) ", chain[i].kind, chain[i].bytes,
			 chain[i].fragment);
		at[0] = i + 1 < count ? chain[i + 1].kind : last;
		at[1] = extension_length(&chain[i]);
		if (class == PK_ICMP)
			decided = frame.length - chain[i].bytes + 8;
		if (chain[i].kind != 44)
			continue;
		at[2] = chain[i].fragment >> 8;
		at[3] = chain[i].fragment;
		if (class == PK_ICMP && chain[i].fragment & 0xfff8)
			class = PK_FRAGMENT;
	}
	if (last == 58) {
		icmp_put(&frame, type, 11);
	} else {
		name_add(&frame, "next %d", last);
		put(&frame, 16);
		if (class == PK_ICMP)
			class = PK_OTHER_IPV6;
	}
	if (class != PK_ICMP) {
		frame.class = class;
		frame.known = decided;
	}
	frame_try_all(&frame);
}

static void ipv6_try(const uint16_t *with)
{
	static const int types[] = { 128, 129, 1, 2, 8, 0, 133, 134, 135, 136, 137, 143 };
	static const struct extension kinds[] = {
		{ 0, 8, 0 },   { 43, 24, 0 },  { 44, 8, 0 },  { 44, 8, 1 },
		{ 44, 8, 8 },  { 51, 12, 0 },  { 51, 24, 0 }, { 60, 16, 0 },
		{ 135, 8, 0 }, { 139, 40, 0 }, { 140, 8, 0 },
	};
	const int count = sizeof(kinds) / sizeof(kinds[0]);
	struct extension chain[HEADER_EXTENSIONS_MAX + 2];

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		chain_try(with, NULL, 0, 58, types[t]);
	for (int next = 0; next < 256; next += 5) {
		bool is_extension = false;

		for (int i = 0; i < count; i++)
			is_extension |= kinds[i].kind == next;
		if (next != 58 && !is_extension)
			chain_try(with, NULL, 0, next, 0);
	}
	for (int i = 0; i < count; i++) {
		chain_try(with, &kinds[i], 1, 58, 128);
		chain_try(with, &kinds[i], 1, 17, 0);
		chain_try(with, &kinds[i], 1, 59, 0);
		for (int j = 0; j < count; j++) {
			chain[0] = kinds[i];
			chain[1] = kinds[j];
			chain_try(with, chain, 2, 58, 129);
		}
	}
	for (int length = 1; length <= HEADER_EXTENSIONS_MAX + 2; length++) {
		for (int i = 0; i < length; i++)
			chain[i] = (struct extension){ 60, 8 + i % 3 * 8, 0 };
		chain_try(with, chain, length, 58, 128);
		chain_try(with, chain, length, 6, 0);
	}
}

static void ipv6_try_wrong(const uint16_t *with)
{
	static struct frame frame;

	for (int version = 0; version < 16; version++) {
		if (test.is_bare && version == 4)
			continue; /* all its fields are elsewhere */
		link_put(&frame, with, 0x86dd);
		ipv6_put(&frame, 58, 20);
		icmp_put(&frame, 128, 20);
		frame.bytes[frame.network] = version << 4;
		name_add(&frame, " version %d", version);
		if (version != 6)
			frame.class = test.is_bare ? PK_OTHER : PK_MALFORMED;
		frame_try(&frame, frame.length);
	}
	/* Shorter than its header; 0 is also what a jumbogram has. */
	for (int payload = 0; payload < 10; payload++) {
		link_put(&frame, with, 0x86dd);
		ipv6_put(&frame, 58, payload);
		icmp_put(&frame, 128, 20);
		frame.class = payload < 8 ? PK_MALFORMED : PK_ICMP;
		frame_try(&frame, frame.length);
	}
	link_put(&frame, with, 0x86dd);
	ipv6_put(&frame, 58, 0xffff);
	icmp_put(&frame, 128, 20);
	frame.class = PK_MALFORMED;
	frame_try(&frame, frame.length);
	/* An extension that reaches behind the frame. */
	link_put(&frame, with, 0x86dd);
	ipv6_put(&frame, 60, 28);
	put(&frame, 28);
	frame.bytes[frame.network + 40] = 58;
	frame.bytes[frame.network + 41] = 255;
	name_add(&frame, "extension beyond the end");
	frame.class = PK_MALFORMED;
	frame_try(&frame, frame.length);
}

static void others_try(void)
{
	static const uint16_t types[] = { 0x0806, 0x88cc, 0x8847, 0x8863,
					  0x0026, 0x05dc, 0x9100, 0x0801 };
	static const uint16_t three[] = { 0x88a8, 0x8100, 0x8100, 0 };
	static struct frame frame;

	for (size_t t = 0; t < tags_count(); t++) {
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			link_put(&frame, tags[t], types[i]);
			name_add(&frame, "ethertype %x", types[i]);
			known_now(&frame, PK_OTHER);
			put(&frame, 46);
			frame_try_all(&frame);
		}
	}
	/* What is behind a third tag is not looked at. */
	link_put(&frame, three, 0x0800);
	frame.length -= 4;
	known_now(&frame, PK_OTHER);
	put(&frame, 4);
	ipv4_put(&frame, 0, 0, 1, 40);
	memset(put(&frame, 40), 0, 40);
	frame_try_all(&frame);
}

/* More than a page: an XDP frame in several buffers. */
static void big_try(void)
{
	static struct frame frame;

	link_put(&frame, tags[0], 0x0800);
	ipv4_put(&frame, 0, 0, 1, 6000);
	icmp_put(&frame, 8, 6000);
	frame_try(&frame, frame.length);
	frame_try(&frame, frame.length - 1);
	link_put(&frame, tags[0], 0x0800);
	ipv4_put(&frame, 0, 0, 17, 6000);
	known_now(&frame, PK_OTHER_IPV4);
	put(&frame, 6000);
	frame_try(&frame, frame.length);
}

int main(int argc, char **argv)
{
	char name[32];

	lifetime_limit();
	if (argc < 3 || (strcmp(argv[2], "xdp") && strcmp(argv[2], "tc"))) {
		fprintf(stderr, "usage: pingcraft PINS xdp|tc [bare]\n");
		return 2;
	}
	test.is_xdp = !strcmp(argv[2], "xdp");
	test.is_bare = argc > 3;
	test.cpus = cpus_possible();
	snprintf(name, sizeof(name), "pk_%s", argv[2]);
	test.program = pin_open(argv[1], name);
	test.stats = pin_open(argv[1], "pk_stats");
	for (size_t t = 0; t < tags_count(); t++) {
		ipv4_try(tags[t]);
		ipv4_try_wrong(tags[t]);
		ipv6_try(tags[t]);
		ipv6_try_wrong(tags[t]);
	}
	if (!test.is_bare)
		others_try();
	if (test.is_xdp)
		big_try();
	say("%lu packets, %lu wrong, %lu refused", test.packets, test.wrong, test.refused);
	return test.wrong ? 1 : 0;
}
