// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets in packets. */
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include "trace.h"

#define VXLAN_PORT 4789
#define VXLAN_PORT_OLD 8472 /* Linux's own, before there was a standard */
#define VXLAN_HEADERS (8 + 8) /* with that of UDP */
#define ETHERNET_HEADER 14
#define EXTENSION_UNIT 8
#define GRE_HEADER 4
#define GRE_WORDS 0xb0 /* checksum, key, sequence number: four bytes each */
#define GRE_ETHERNET 0x6558
#define OFFSET_MASK 0x1fff

/* What is left of a packet. */
struct rest {
	const uint8_t *data;
	size_t length;
};

static bool skip(struct rest *rest, size_t bytes)
{
	if (rest->length < bytes)
		return false;
	rest->data += bytes;
	rest->length -= bytes;
	return true;
}

static unsigned int number16(const uint8_t *data)
{
	return data[0] << 8 | data[1];
}

/* Past the extension headers of IPv6 that say how long they are. The protocol after them, or -1. */
static int extensions_skip(struct rest *rest, int next)
{
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS) {
		const uint8_t *header = rest->data;

		if (rest->length < EXTENSION_UNIT || !skip(rest, EXTENSION_UNIT * (1 + header[1])))
			return -1;
		next = header[0];
	}
	return next;
}

/* Past the IP header. The protocol, or -1. */
static int ip_skip(struct rest *rest)
{
	const uint8_t *ip = rest->data;

	if (rest->length >= sizeof(struct ip6_hdr) && ip[0] >> 4 == 6) {
		skip(rest, sizeof(struct ip6_hdr));
		return extensions_skip(rest, ip[offsetof(struct ip6_hdr, ip6_nxt)]);
	}
	if (rest->length < sizeof(struct iphdr) || ip[0] >> 4 != 4 ||
	    number16(ip + offsetof(struct iphdr, frag_off)) & OFFSET_MASK)
		return -1;
	return skip(rest, (ip[0] & 15) * 4) ? ip[offsetof(struct iphdr, protocol)] : -1;
}

static const char *udp_enter(struct rest *rest)
{
	unsigned int port = rest->length < 4 ? 0 : number16(rest->data + 2);

	if ((port != VXLAN_PORT && port != VXLAN_PORT_OLD) ||
	    !skip(rest, VXLAN_HEADERS + ETHERNET_HEADER))
		return NULL;
	return "vxlan";
}

static const char *gre_enter(struct rest *rest)
{
	const uint8_t *gre = rest->data;
	bool is_ethernet;

	if (rest->length < GRE_HEADER)
		return NULL;
	is_ethernet = number16(gre + 2) == GRE_ETHERNET;
	if (!skip(rest, GRE_HEADER + 4 * __builtin_popcount(gre[0] & GRE_WORDS) +
				(is_ethernet ? ETHERNET_HEADER : 0)))
		return NULL;
	return is_ethernet ? "gretap" : "gre";
}

const char *tunnel_enter(const uint8_t **data, size_t *length)
{
	struct rest rest = { *data, *length };
	const char *name = NULL;

	switch (ip_skip(&rest)) {
	case IPPROTO_UDP:
		name = udp_enter(&rest);
		break;
	case IPPROTO_GRE:
		name = gre_enter(&rest);
		break;
	case IPPROTO_IPIP:
		name = "ipip";
		break;
	case IPPROTO_IPV6:
		name = "sit";
		break;
	}
	if (name) {
		*data = rest.data;
		*length = rest.length;
	}
	return name;
}
