// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * headers.c - crafted frames for the parser of headers (bpf/lib/header.bpf.h), in each of its ways, through
 * BPF_PROG_TEST_RUN (parse.bpf.c). What has to be found follows from how a frame was made, not from reading
 * it again.
 *
 *   headers OBJECT crafted   every combination of tags, headers and protocols, cut off after each byte;
 *                            what is cut off stays where it is, after the end
 *   headers OBJECT random    frames with bytes changed at random: all ways find the same, within the frame
 *   headers OBJECT traced    OBJECT is traced.bpf.c: are datagrams through loopback counted?
 *
 * Prints what is wrong, and last "N packets, N wrong"; the status is 1 if anything was.
 */
#include "traffic.h"

#include <linux/bpf.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "headers.h"

#define ETHERNET 14
#define FRAME_MAX 512
#define NEVER SIZE_MAX
#define RANDOM_FRAMES 40000

/* As much as the kernel wants of a packet of the IP version that Ethernet tells. */
#define CGROUP_LEAST (ETHERNET + 40)

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
	uint16_t beside; /* a tag beside the frame, of that type */
	int tags; /* in the frame */
	char name[256];
	/* What has to be found, once the frame has so many bytes. */
	enum headers_found found;
	size_t known, transport_known;
	struct headers headers; /* offsets are those in the frame */
};

static struct {
	int xdp, tc, cgroup;
	int order, results, segment;
	unsigned long packets, wrong;
} test;

static const char *const ways[] = { "XDP", "frame", "network", "cgroup", "kernel" };

/* --- one frame ------------------------------------------------------------------------------- */

static void results_clear(void)
{
	static const struct parse_result none;

	for (__u32 way = 0; way < PARSE_WAYS; way++)
		if (bpf_map_update_elem(test.results, &way, &none, BPF_ANY))
			die("cannot write to a map");
}

static struct parse_result result_read(__u32 way)
{
	struct parse_result result;

	if (bpf_map_lookup_elem(test.results, &way, &result))
		die("cannot read a map");
	return result;
}

static void order_write(const struct frame *frame, size_t length)
{
	struct parse_order order = { .length = length, .tag = htons(frame->beside) };
	__u32 zero = 0;

	if (bpf_map_update_elem(test.order, &zero, &order, BPF_ANY))
		die("cannot write to a map");
}

static void program_run(int program, const struct frame *frame, size_t length, __u32 should)
{
	static uint8_t out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = length,
		    .data_out = out, .data_size_out = sizeof(out));

	if (bpf_prog_test_run_opts(program, &opts) || opts.retval != should)
		die("%s: cannot run a program on %zu bytes: it returns %u", frame->name, length,
		    opts.retval);
}

static void frame_run(const struct frame *frame, size_t length)
{
	results_clear();
	order_write(frame, length);
	if (!frame->beside)
		program_run(test.xdp, frame, frame->length, 2);
	program_run(test.tc, frame, frame->length, 0);
	if (length >= CGROUP_LEAST)
		program_run(test.cgroup, frame, length, 1);
	test.packets++;
}

static void wrong(const struct frame *frame, size_t length, const char *way, const char *what,
		  long is, long should)
{
	test.wrong++;
	say("%s, %zu of %zu bytes, %s: %s is %ld, not %ld", frame->name, length, frame->length, way,
	    what, is, should);
}

/* Those of the transport header count only if there is one. */
static struct headers headers_compared(struct headers headers, bool has_transport)
{
	if (has_transport)
		return headers;
	headers.sport = headers.dport = 0;
	headers.tcp_flags = headers.icmp_type = headers.icmp_code = 0;
	return headers;
}

static void headers_check(const struct frame *frame, size_t length, enum parse_way way,
			  const struct headers *is, const struct headers *should)
{
	const struct {
		const char *name;
		long is, should;
	} fields[] = {
		{ "network", is->network, should->network },
		{ "transport", is->transport, should->transport },
		{ "end", is->end, should->end },
		{ "tags", is->tags, should->tags },
		{ "version", is->version, should->version },
		{ "protocol", is->protocol, should->protocol },
		{ "traffic class", is->traffic_class, should->traffic_class },
		{ "fragment", is->fragment, should->fragment },
		{ "extended", is->extended, should->extended },
		{ "flags", is->tcp_flags, should->tcp_flags },
		{ "type", is->icmp_type, should->icmp_type },
		{ "code", is->icmp_code, should->icmp_code },
		{ "source port", is->sport, should->sport },
		{ "destination port", is->dport, should->dport },
		{ "source", memcmp(is->saddr, should->saddr, 16), 0 },
		{ "destination", memcmp(is->daddr, should->daddr, 16), 0 },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].is != fields[i].should)
			wrong(frame, length, ways[way], fields[i].name, fields[i].is,
			      fields[i].should);
}

/* From the network header on, which BPF_PROG_TEST_RUN takes for what comes after Ethernet. */
static bool is_relative(enum parse_way way)
{
	return way != PARSE_XDP && way != PARSE_FRAME;
}

/* These two do not look for tags in the packet. */
static bool is_untagged(enum parse_way way)
{
	return way == PARSE_NETWORK || way == PARSE_CGROUP;
}

static void result_check(const struct frame *frame, size_t length, enum parse_way way)
{
	struct parse_result result = result_read(way);
	size_t cut = is_relative(way) ? ETHERNET : 0;
	enum headers_found found = length < frame->known ? HEADERS_MALFORMED : frame->found;
	bool has_transport = found == HEADERS_IP && length >= frame->transport_known;
	struct headers is, should;

	if (is_untagged(way) && frame->tags)
		found = HEADERS_OTHER;
	if (result.found != found)
		wrong(frame, length, ways[way], "what is found", result.found, found);
	if (found != HEADERS_IP || result.found != HEADERS_IP)
		return;
	if (result.has_transport != has_transport)
		wrong(frame, length, ways[way], "a transport header", result.has_transport,
		      has_transport);
	is = headers_compared(result.headers, result.has_transport);
	should = headers_compared(frame->headers, has_transport);
	should.network -= cut;
	should.transport -= cut;
	should.end -= cut;
	if (way == PARSE_CGROUP)
		should.tags = is.tags; /* a tag beside the frame is put there by the classifier */
	headers_check(frame, length, way, &is, &should);
}

/* What vershitify makes of it: TCP, no later fragment, no tag in the packet. */
static void segment_check(const struct frame *frame, size_t length)
{
	const struct headers *headers = &frame->headers;
	struct parse_segment is;
	bool should = frame->found == HEADERS_IP && headers->protocol == IPPROTO_TCP &&
		      length >= frame->known && length >= frame->transport_known && !frame->tags;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(test.segment, &zero, &is))
		die("cannot read a map");
	if (is.is_segment != should)
		wrong(frame, length, "vershitify", "a segment", is.is_segment, should);
	if (!is.is_segment || !should)
		return;
	if (is.key.family != (headers->version == 4 ? AF_INET : AF_INET6) ||
	    is.key.sport != headers->sport || is.key.dport != headers->dport ||
	    memcmp(is.key.saddr, headers->saddr, 16) || memcmp(is.key.daddr, headers->daddr, 16))
		wrong(frame, length, "vershitify", "the key", -1, 0);
	if (!!is.syn != !!(headers->tcp_flags & 2))
		wrong(frame, length, "vershitify", "SYN", is.syn, headers->tcp_flags & 2);
}

static void frame_check_at(const struct frame *frame, size_t length)
{
	frame_run(frame, length);
	for (enum parse_way way = 0; way < PARSE_WAYS; way++)
		if (result_read(way).count)
			result_check(frame, length, way);
	segment_check(frame, length);
}

/* An Ethernet header is the least that the kernel runs a program for. */
static void frame_check(const struct frame *frame)
{
	for (size_t length = ETHERNET; length <= frame->length; length++)
		frame_check_at(frame, length);
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
	if (frame->length > sizeof(frame->bytes))
		die("a frame is too long");
	return at;
}

static void put16(struct frame *frame, uint16_t value)
{
	uint8_t *at = put(frame, 2);

	at[0] = value >> 8;
	at[1] = value;
}

/* VLAN tags: their types, from outside, ended by 0; and that of one beside the frame, or 0. */
struct link {
	uint16_t tags[4];
	uint16_t beside;
};

static const struct link links[] = {
	{ { 0 }, 0 },
	{ { 0x8100 }, 0 },
	{ { 0x88a8, 0x8100 }, 0 },
	{ { 0x88a8, 0x8100, 0x8100 }, 0 },
	{ { 0 }, 0x8100 },
	{ { 0x8100 }, 0x88a8 },
	{ { 0x8100, 0x8100 }, 0x88a8 },
};

#define LINKS (sizeof(links) / sizeof(links[0]))

static void link_put(struct frame *frame, const struct link *link, uint16_t type)
{
	memset(frame, 0, sizeof(*frame));
	frame->beside = link->beside;
	frame->transport_known = NEVER;
	memset(put(frame, 12), 0x02, 12);
	if (link->beside)
		name_add(frame, "(%x) ", link->beside);
	for (const uint16_t *tag = link->tags; *tag; tag++) {
		name_add(frame, "%x ", *tag);
		put16(frame, *tag);
		put16(frame, 5);
		frame->tags++;
	}
	put16(frame, type);
	frame->headers.network = frame->length;
	frame->headers.tags = frame->tags + !!link->beside;
	frame->known = frame->length;
	/* Where two are passed over, the third is not looked at. */
	if (frame->headers.tags > HEADER_TAGS_MAX) {
		frame->found = HEADERS_OTHER;
		frame->known -= 4;
	}
}

static void known_now(struct frame *frame)
{
	if (frame->found == HEADERS_IP)
		frame->known = frame->length;
}

#define TRAFFIC_CLASS 0xb9

static void ipv4_put(struct frame *frame, int option_words, uint16_t fragment, uint8_t protocol,
		     int payload)
{
	uint8_t *ip = put(frame, 20);
	uint16_t length = 20 + option_words * 4 + payload;

	name_add(frame, "IPv4 options %d fragment %x protocol %d ", option_words, fragment,
		 protocol);
	ip[0] = 0x40 + 5 + option_words;
	ip[1] = TRAFFIC_CLASS;
	ip[2] = length >> 8;
	ip[3] = length;
	ip[6] = fragment >> 8;
	ip[7] = fragment;
	ip[8] = 64;
	ip[9] = protocol;
	inet_pton(AF_INET, "192.0.2.1", ip + 12);
	inet_pton(AF_INET, "198.51.100.2", ip + 16);
	memcpy(frame->headers.saddr, ip + 12, 4);
	memcpy(frame->headers.daddr, ip + 16, 4);
	known_now(frame);
	memset(put(frame, option_words * 4), 1, option_words * 4); /* no operation */
	frame->headers.version = 4;
	frame->headers.traffic_class = TRAFFIC_CLASS;
	frame->headers.protocol = protocol;
	frame->headers.transport = frame->length;
	frame->headers.end = frame->length + payload;
}

static void ipv6_put(struct frame *frame, uint8_t next, int payload)
{
	uint8_t *ip = put(frame, 40);

	name_add(frame, "IPv6 ");
	ip[0] = 0x60 | TRAFFIC_CLASS >> 4;
	ip[1] = (TRAFFIC_CLASS & 15) << 4 | 7;
	ip[4] = payload >> 8;
	ip[5] = payload;
	ip[6] = next;
	ip[7] = 64;
	inet_pton(AF_INET6, "2001:db8::1", ip + 8);
	inet_pton(AF_INET6, "2001:db8:ffff::2", ip + 24);
	memcpy(frame->headers.saddr, ip + 8, 16);
	memcpy(frame->headers.daddr, ip + 24, 16);
	known_now(frame);
	frame->headers.version = 6;
	frame->headers.traffic_class = TRAFFIC_CLASS;
	frame->headers.protocol = next;
	frame->headers.transport = frame->length;
	frame->headers.end = frame->length + payload;
}

#define PAYLOAD 28 /* whatever it is, it begins with what looks like a header of each kind */

static bool is_icmp(uint8_t version, uint8_t protocol)
{
	return protocol == (version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static size_t transport_bytes(uint8_t version, uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return 20;
	return protocol == IPPROTO_UDP || is_icmp(version, protocol) ? 8 : 0;
}

/* The last of a frame. */
static void transport_put(struct frame *frame, uint8_t protocol, uint8_t flags)
{
	struct headers *headers = &frame->headers;
	size_t bytes = transport_bytes(headers->version, protocol), begin = frame->length;
	uint8_t *at = put(frame, PAYLOAD);

	name_add(frame, "carries %d ", protocol);
	memset(at, 0x5a, PAYLOAD);
	memcpy(at, "\x80\x01\x00\x50", 4);
	at[13] = flags;
	if (!bytes || headers->fragment == FRAGMENT_LATER)
		return;
	frame->transport_known = begin + bytes;
	if (is_icmp(headers->version, protocol)) {
		headers->icmp_type = 0x80;
		headers->icmp_code = 0x01;
		return;
	}
	headers->sport = htons(0x8001);
	headers->dport = htons(0x0050);
	if (protocol == IPPROTO_TCP)
		headers->tcp_flags = flags;
}

static const uint8_t protocols[] = { 6, 17, 1, 58, 4, 41, 47, 50, 132 };

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static void ipv4_try(const struct link *link)
{
	static const struct {
		uint16_t field;
		enum header_fragment fragment;
	} fragments[] = {
		{ 0, FRAGMENT_NONE },	    { 0x4000, FRAGMENT_NONE },	{ 0x2000, FRAGMENT_FIRST },
		{ 0x2001, FRAGMENT_LATER }, { 0x1000, FRAGMENT_LATER },
	};
	static struct frame frame;

	for (int words = 0; words <= 10; words += 5) {
		for (size_t p = 0; p < PROTOCOLS; p++) {
			for (size_t f = 0; f < sizeof(fragments) / sizeof(fragments[0]); f++) {
				link_put(&frame, link, 0x0800);
				ipv4_put(&frame, words, fragments[f].field, protocols[p], PAYLOAD);
				frame.headers.fragment = fragments[f].fragment;
				transport_put(&frame, protocols[p], p % 2 ? 0x10 : 0x12);
				frame_check(&frame);
			}
		}
	}
}

struct extension {
	uint8_t kind;
	uint8_t bytes;
	uint16_t fragment;
};

/* Its length in the units of its kind. */
static uint8_t extension_length(const struct extension *extension)
{
	if (extension->kind == 44)
		return 0;
	return extension->kind == 51 ? extension->bytes / 4 - 2 : extension->bytes / 8 - 1;
}

/* What is known after the first eight bytes of it; false: nothing more. */
static bool extension_known(struct frame *frame, const struct extension *extension, uint8_t next)
{
	struct headers *headers = &frame->headers;

	headers->extended = 1;
	headers->protocol = next;
	headers->transport = frame->length;
	if (frame->found == HEADERS_IP)
		frame->known = frame->length - extension->bytes + 8;
	if (extension->kind != 44)
		return true;
	headers->fragment = extension->fragment & 0xfff8 ? FRAGMENT_LATER
			    : extension->fragment & 1	 ? FRAGMENT_FIRST
							 : FRAGMENT_NONE;
	return headers->fragment != FRAGMENT_LATER;
}

/* A packet with these extension headers; what follows the last one is `last`. */
static void chain_try(const struct link *link, const struct extension *chain, int count,
		      uint8_t last)
{
	static struct frame frame;
	int payload = PAYLOAD;
	bool is_going = true;

	for (int i = 0; i < count; i++)
		payload += chain[i].bytes;
	link_put(&frame, link, 0x86dd);
	ipv6_put(&frame, count ? chain[0].kind : last, payload);
	for (int i = 0; i < count; i++) {
		uint8_t *at = put(&frame, chain[i].bytes);
		uint8_t next = i + 1 < count ? chain[i + 1].kind : last;

		name_add(&frame, "extension %d (%d, %x) ", chain[i].kind, chain[i].bytes,
			 chain[i].fragment);
		at[0] = next;
		at[1] = extension_length(&chain[i]);
		if (chain[i].kind == 44) {
			at[2] = chain[i].fragment >> 8;
			at[3] = chain[i].fragment;
		}
		if (is_going && i == HEADER_EXTENSIONS_MAX && frame.found == HEADERS_IP)
			frame.found = HEADERS_DEEP;
		is_going = is_going && i < HEADER_EXTENSIONS_MAX &&
			   extension_known(&frame, &chain[i], next);
	}
	transport_put(&frame, last, 0x02);
	frame_check(&frame);
}

static void ipv6_try(const struct link *link)
{
	static const struct extension kinds[] = {
		{ 0, 8, 0 },   { 43, 24, 0 }, { 44, 8, 0 },   { 44, 8, 1 },
		{ 44, 8, 8 },  { 44, 8, 9 },  { 51, 12, 0 },  { 51, 24, 0 },
		{ 60, 16, 0 }, { 135, 8, 0 }, { 139, 40, 0 }, { 140, 8, 0 },
	};
	const int count = sizeof(kinds) / sizeof(kinds[0]);
	struct extension chain[HEADER_EXTENSIONS_MAX + 2];

	for (size_t p = 0; p < PROTOCOLS; p++)
		chain_try(link, NULL, 0, protocols[p]);
	for (int i = 0; i < count; i++) {
		chain_try(link, &kinds[i], 1, 6);
		chain_try(link, &kinds[i], 1, 17);
		chain_try(link, &kinds[i], 1, 58);
		chain_try(link, &kinds[i], 1, 59);
		for (int j = 0; j < count && !is_emulated(); j++) {
			chain[0] = kinds[i];
			chain[1] = kinds[j];
			chain_try(link, chain, 2, j % 2 ? 6 : 58);
		}
	}
	for (int length = 1; length <= HEADER_EXTENSIONS_MAX + 2; length++) {
		for (int i = 0; i < length; i++)
			chain[i] = (struct extension){ 60, 8 + i % 3 * 8, 0 };
		chain_try(link, chain, length, 6);
	}
}

/* What the IP header says of itself cannot be. Longer ones have options, which others try. */
static void version_try(const struct link *link)
{
	static struct frame frame;

	for (int first = 0; first < 256; first++) {
		for (int version = 4; version <= 6; version += 2) {
			if (version == 4 ? first >= 0x45 && first <= 0x4f : first >> 4 == 6)
				continue;
			link_put(&frame, link, version == 4 ? 0x0800 : 0x86dd);
			if (version == 4)
				ipv4_put(&frame, 0, 0, 6, PAYLOAD);
			else
				ipv6_put(&frame, 6, PAYLOAD);
			transport_put(&frame, 6, 0x02);
			frame.bytes[frame.headers.network] = first;
			name_add(&frame, "first byte %02x ", first);
			if (frame.found == HEADERS_IP)
				frame.found = HEADERS_MALFORMED;
			frame_check_at(&frame, frame.length);
		}
	}
}

/* The IP header leaves no room for what it carries: what follows is padding. */
static void length_try(const struct link *link)
{
	static struct frame frame;

	for (int payload = 0; payload < 24; payload++) {
		link_put(&frame, link, 0x0800);
		ipv4_put(&frame, 0, 0, 6, payload);
		transport_put(&frame, 6, 0x02);
		if (payload < 20)
			frame.transport_known = NEVER;
		frame_check(&frame);
	}
	/* A length of 0 is one that the field cannot tell. */
	link_put(&frame, link, 0x86dd);
	ipv6_put(&frame, 17, 0);
	frame.headers.end += 65536;
	transport_put(&frame, 17, 0);
	frame_check(&frame);
}

static void others_try(const struct link *link)
{
	static const uint16_t types[] = { 0x0806, 0x88cc, 0x8847, 0x9100, 0x0801 };
	static struct frame frame;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		link_put(&frame, link, types[i]);
		name_add(&frame, "type %x ", types[i]);
		frame.found = HEADERS_OTHER;
		put(&frame, 46);
		frame_check(&frame);
	}
}

/* --- at random ---------------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t limit)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % limit;
}

static void random_fill(struct frame *frame)
{
	static const struct extension chain[] = { { 0, 8, 0 }, { 44, 8, 1 }, { 60, 16, 0 } };
	int extensions = random_below(4), payload = PAYLOAD;
	uint8_t protocol = protocols[random_below(PROTOCOLS)];

	link_put(frame, &links[random_below(3)], random_below(2) ? 0x0800 : 0x86dd);
	if (frame->bytes[frame->length - 2] == 0x08) {
		ipv4_put(frame, random_below(3), 0, protocol, payload);
	} else {
		ipv6_put(frame, extensions ? chain[0].kind : protocol, payload + 40);
		for (int i = 0; i < extensions; i++) {
			uint8_t *at = put(frame, chain[i].bytes);

			at[0] = i + 1 < extensions ? chain[i + 1].kind : protocol;
			at[1] = chain[i].bytes / 8 - 1;
		}
	}
	transport_put(frame, protocol, 0x02);
	for (int changes = random_below(4); changes; changes--)
		frame->bytes[12 + random_below(frame->length - 12)] = random_below(256);
}

/* All of it lies in the frame, and in this order. */
static void within_check(const struct frame *frame, size_t length,
			 const struct parse_result *result)
{
	const struct headers *headers = &result->headers;
	size_t bytes = transport_bytes(headers->version, headers->protocol);

	if (result->found != HEADERS_IP)
		return;
	if (headers->network + (headers->version == 4 ? 20 : 40) > length)
		wrong(frame, length, "XDP", "the network header", headers->network, length);
	if (result->has_transport && headers->transport + bytes > length)
		wrong(frame, length, "XDP", "the transport header", headers->transport, length);
}

/* Also where nothing else is right any more. */
static bool begins_with_tag(const struct frame *frame)
{
	return !memcmp(frame->bytes + 12, "\x81\x00", 2) ||
	       !memcmp(frame->bytes + 12, "\x88\xa8", 2);
}

static void random_check(const struct frame *frame, size_t length)
{
	struct parse_result first = result_read(PARSE_XDP);

	within_check(frame, length, &first);
	for (enum parse_way way = PARSE_FRAME; way < PARSE_WAYS; way++) {
		struct parse_result other = result_read(way);
		struct headers should = headers_compared(first.headers, first.has_transport);
		struct headers is = headers_compared(other.headers, other.has_transport);
		size_t cut = is_relative(way) ? ETHERNET : 0;

		if (!other.count || (is_untagged(way) && begins_with_tag(frame)))
			continue;
		if (other.found != first.found || other.has_transport != first.has_transport)
			wrong(frame, length, ways[way], "what is found", other.found, first.found);
		if (other.found != HEADERS_IP || first.found != HEADERS_IP)
			continue;
		should.network -= cut;
		should.transport -= cut;
		should.end -= cut;
		headers_check(frame, length, way, &is, &should);
	}
}

static void random_try(void)
{
	static struct frame frame;

	for (int i = 0; i < RANDOM_FRAMES / (is_emulated() ? 10 : 1); i++) {
		size_t length;

		random_fill(&frame);
		name_add(&frame, "number %d", i);
		length = ETHERNET + random_below(frame.length - ETHERNET + 1);
		if (random_below(2))
			length = frame.length;
		frame_run(&frame, length);
		random_check(&frame, length);
	}
}

/* --- traced ------------------------------------------------------------------------------------- */

#define DATAGRAMS 23
#define TRACED_PORT 40023

static void datagrams_send(int family, const char *address)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(TRACED_PORT) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(TRACED_PORT) };
	void *to = family == AF_INET ? (void *)&v4 : (void *)&v6;
	int fd = socket(family, SOCK_DGRAM, 0);

	inet_pton(family, address,
		  family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	for (int i = 0; i < DATAGRAMS; i++) /* what is refused has been sent before */
		if (sendto(fd, "", 1, 0, to, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0 &&
		    errno != ECONNREFUSED)
			die("cannot send to %s", address);
	close(fd);
}

static void traced_check(int ports, __u16 version, __u64 should)
{
	struct traced_port port = { .version = version, .dport = htons(TRACED_PORT) };
	__u64 is = 0;

	bpf_map_lookup_elem(ports, &port, &is);
	test.packets += is;
	if (is == should)
		return;
	test.wrong++;
	say("IPv%d: %llu datagrams, not %llu", version, (unsigned long long)is,
	    (unsigned long long)should);
}

/* ------------------------------------------------------------------------------------------------- */

static int program_find(struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		die("no program %s", name);
	return bpf_program__fd(program);
}

static int map_find(struct bpf_object *object, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (!map)
		die("no map %s", name);
	return bpf_map__fd(map);
}

static struct bpf_object *object_load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!object)
		die("cannot open %s", path);
	bpf_object__for_each_map(map, object)
		bpf_map__set_pin_path(map, NULL);
	if (bpf_object__load(object))
		die("cannot load %s", path);
	return object;
}

static void traced_try(struct bpf_object *object)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, "traced_queue");
	int ports = map_find(object, "traced_ports");
	struct bpf_link *link = program ? bpf_program__attach(program) : NULL;

	if (!link)
		die("cannot attach");
	datagrams_send(AF_INET, "127.0.0.1");
	datagrams_send(AF_INET6, "::1");
	bpf_link__destroy(link);
	datagrams_send(AF_INET, "127.0.0.1");
	traced_check(ports, 4, DATAGRAMS);
	traced_check(ports, 6, DATAGRAMS);
}

static void crafted_try(void)
{
	for (size_t l = 0; l < LINKS; l += is_emulated() ? 3 : 1) {
		ipv4_try(&links[l]);
		ipv6_try(&links[l]);
		version_try(&links[l]);
		length_try(&links[l]);
		others_try(&links[l]);
	}
}

static void programs_find(struct bpf_object *object)
{
	test.xdp = program_find(object, "parse_xdp");
	test.tc = program_find(object, "parse_tc");
	test.cgroup = program_find(object, "parse_cgroup");
	test.order = map_find(object, "parse_order");
	test.results = map_find(object, "parse_results");
	test.segment = map_find(object, "parse_segment");
}

static bool run(const char *path, const char *what)
{
	struct bpf_object *object = object_load(path);

	if (!strcmp(what, "traced")) {
		traced_try(object);
		return true;
	}
	programs_find(object);
	if (!strcmp(what, "crafted"))
		crafted_try();
	else if (!strcmp(what, "random"))
		random_try();
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	lifetime_limit();
	if (argc != 3 || !run(argv[1], argv[2])) {
		fprintf(stderr, "usage: headers OBJECT crafted|random|traced\n");
		return 2;
	}
	say("%lu packets, %lu wrong", test.packets, test.wrong);
	return test.wrong ? 1 : 0;
}
