// SPDX-License-Identifier: GPL-2.0-or-later
/* What the headers of a packet say. */
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include "trace.h"

/* Echo, in both families: type, code, checksum, id, sequence. */
static void icmp_read(struct packet *packet, const uint8_t *data, size_t length)
{
	uint8_t request = packet->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	uint8_t reply = packet->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;

	if (length < 8)
		return;
	packet->icmp_type = data[0];
	packet->is_request = data[0] == request;
	packet->is_reply = data[0] == reply;
	packet->sequence = data[6] << 8 | data[7];
}

static void port_add(char end[PACKET_END_LEN], int family, uint16_t port)
{
	char text[PACKET_END_LEN];

	snprintf(text, sizeof(text), family == AF_INET6 ? "[%.*s]:%u" : "%.*s:%u",
		 INET6_ADDRSTRLEN - 1, end, port);
	strcpy(end, text);
}

static void transport_read(struct packet *packet, const uint8_t *data, size_t length)
{
	bool is_tcp = packet->protocol == IPPROTO_TCP && length >= 20;

	packet->transport = data;
	packet->transport_bytes = length;
	if (packet->protocol == (packet->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		icmp_read(packet, data, length);
	if (!is_tcp && (packet->protocol != IPPROTO_UDP || length < 8))
		return;
	packet->ports[0] = data[0] << 8 | data[1];
	packet->ports[1] = data[2] << 8 | data[3];
	if (is_tcp)
		packet->tcp_flags = data[13];
}

#define OFFSET_MASK 0x1fff
#define MORE_MASK 0x2000

/* begin: in bytes. */
static void fragment_read(struct packet *packet, uint32_t begin, bool has_more, uint32_t bytes)
{
	packet->is_fragment = begin || has_more;
	packet->fragment_begin = begin;
	packet->fragment_end = begin + bytes;
}

static unsigned int number16(const uint8_t *data)
{
	return data[0] << 8 | data[1];
}

static void ip4_read(struct packet *packet, const uint8_t *data, size_t length)
{
	size_t header = (data[0] & 15) * 4;
	unsigned int fragment, total;

	if (length < sizeof(struct iphdr) || header > length)
		return;
	packet->family = AF_INET;
	packet->protocol = data[offsetof(struct iphdr, protocol)];
	inet_ntop(AF_INET, data + offsetof(struct iphdr, saddr), packet->source,
		  sizeof(packet->source));
	inet_ntop(AF_INET, data + offsetof(struct iphdr, daddr), packet->destination,
		  sizeof(packet->destination));
	fragment = number16(data + offsetof(struct iphdr, frag_off));
	total = number16(data + offsetof(struct iphdr, tot_len));
	fragment_read(packet, (fragment & OFFSET_MASK) * 8, fragment & MORE_MASK,
		      total > header ? total - header : 0);
	if (!packet->fragment_begin)
		transport_read(packet, data + header, length - header);
}

/* Linux puts it right after the IP header. What comes after it, if this one has that. */
static size_t fragment6_read(struct packet *packet, const uint8_t *data, size_t length)
{
	const uint8_t *fragment = data + sizeof(struct ip6_hdr);
	unsigned int bytes = number16(data + offsetof(struct ip6_hdr, ip6_plen));
	unsigned int field;

	if (packet->protocol != IPPROTO_FRAGMENT ||
	    length < sizeof(struct ip6_hdr) + sizeof(struct ip6_frag))
		return sizeof(struct ip6_hdr);
	field = number16(fragment + offsetof(struct ip6_frag, ip6f_offlg));
	packet->protocol = fragment[offsetof(struct ip6_frag, ip6f_nxt)];
	fragment_read(packet, field & ~7U, field & 1,
		      bytes > sizeof(struct ip6_frag) ? bytes - sizeof(struct ip6_frag) : 0);
	return packet->fragment_begin ? 0 : sizeof(struct ip6_hdr) + sizeof(struct ip6_frag);
}

static void ip6_read(struct packet *packet, const uint8_t *data, size_t length)
{
	size_t header;

	if (length < sizeof(struct ip6_hdr))
		return;
	packet->family = AF_INET6;
	packet->protocol = data[offsetof(struct ip6_hdr, ip6_nxt)];
	inet_ntop(AF_INET6, data + offsetof(struct ip6_hdr, ip6_src), packet->source,
		  sizeof(packet->source));
	inet_ntop(AF_INET6, data + offsetof(struct ip6_hdr, ip6_dst), packet->destination,
		  sizeof(packet->destination));
	header = fragment6_read(packet, data, length);
	if (header)
		transport_read(packet, data + header, length - header);
}

static void headers_read(struct packet *packet, const uint8_t *data, size_t length)
{
	*packet = (struct packet){ 0 };
	if (length && data[0] >> 4 == 4)
		ip4_read(packet, data, length);
	else if (length && data[0] >> 4 == 6)
		ip6_read(packet, data, length);
}

static void ports_add(struct packet *packet)
{
	if (!packet->ports[0] && !packet->ports[1])
		return;
	port_add(packet->source, packet->family, packet->ports[0]);
	port_add(packet->destination, packet->family, packet->ports[1]);
}

/* One that is in a tunnel has the addresses of that; what it is, its own headers say. */
void packet_read(struct packet *packet, const uint8_t *data, size_t length)
{
	struct packet inner;

	headers_read(packet, data, length);
	packet->tunnel = tunnel_enter(&data, &length);
	if (!packet->tunnel) {
		ports_add(packet);
		return;
	}
	headers_read(&inner, data, length);
	packet->protocol = inner.protocol;
	packet->icmp_type = inner.icmp_type;
	packet->tcp_flags = inner.tcp_flags;
	packet->is_request = inner.is_request;
	packet->is_reply = inner.is_reply;
	packet->sequence = inner.sequence;
	packet->transport = inner.transport;
	packet->transport_bytes = inner.transport_bytes;
}

static const char *flags_text(uint8_t flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	static const uint8_t order[] = { 1, 0, 2, 3, 4, 5 }; /* as in SYN,ACK and FIN,ACK */
	static char text[32];

	*text = '\0';
	for (size_t i = 0; i < sizeof(order); i++) {
		if (!(flags >> order[i] & 1))
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, names[order[i]]);
	}
	return *text ? text : "tcp";
}

static const char *icmp_text(const struct packet *packet)
{
	static const char *const names4[256] = {
		[ICMP_ECHOREPLY] = "reply",	  [ICMP_DEST_UNREACH] = "unreach",
		[ICMP_REDIRECT] = "redirect",	  [ICMP_ECHO] = "request",
		[ICMP_TIME_EXCEEDED] = "expired",
	};
	static const char *const names6[256] = {
		[ICMP6_DST_UNREACH] = "unreach",   [ICMP6_PACKET_TOO_BIG] = "too big",
		[ICMP6_TIME_EXCEEDED] = "expired", [ICMP6_ECHO_REQUEST] = "request",
		[ICMP6_ECHO_REPLY] = "reply",	   [ND_ROUTER_SOLICIT] = "rtr sol",
		[ND_ROUTER_ADVERT] = "rtr adv",	   [ND_NEIGHBOR_SOLICIT] = "nbr sol",
		[ND_NEIGHBOR_ADVERT] = "nbr adv",
	};
	static char text[16];
	const char *name = (packet->protocol == IPPROTO_ICMP ? names4 : names6)[packet->icmp_type];

	snprintf(text, sizeof(text), "icmp %u", packet->icmp_type);
	return name ?: text;
}

const char *packet_type(const struct packet *packet)
{
	static char text[16];

	switch (packet->family ? packet->protocol : -1) {
	case -1:
		return packet->is_request ? "request" : packet->is_reply ? "reply" : "-";
	case IPPROTO_TCP:
		return flags_text(packet->tcp_flags);
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_text(packet);
	default:
		snprintf(text, sizeof(text), "ip %u", packet->protocol);
		return text;
	}
}
