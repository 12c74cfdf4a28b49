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

static void ip4_read(struct packet *packet, const uint8_t *data, size_t length)
{
	size_t header = (data[0] & 15) * 4;

	if (length < sizeof(struct iphdr) || header > length)
		return;
	packet->family = AF_INET;
	packet->protocol = data[offsetof(struct iphdr, protocol)];
	inet_ntop(AF_INET, data + offsetof(struct iphdr, saddr), packet->source,
		  sizeof(packet->source));
	inet_ntop(AF_INET, data + offsetof(struct iphdr, daddr), packet->destination,
		  sizeof(packet->destination));
	if (packet->protocol == IPPROTO_ICMP)
		icmp_read(packet, data + header, length - header);
}

static void ip6_read(struct packet *packet, const uint8_t *data, size_t length)
{
	if (length < sizeof(struct ip6_hdr))
		return;
	packet->family = AF_INET6;
	packet->protocol = data[offsetof(struct ip6_hdr, ip6_nxt)];
	inet_ntop(AF_INET6, data + offsetof(struct ip6_hdr, ip6_src), packet->source,
		  sizeof(packet->source));
	inet_ntop(AF_INET6, data + offsetof(struct ip6_hdr, ip6_dst), packet->destination,
		  sizeof(packet->destination));
	if (packet->protocol == IPPROTO_ICMPV6)
		icmp_read(packet, data + sizeof(struct ip6_hdr), length - sizeof(struct ip6_hdr));
}

static void headers_read(struct packet *packet, const uint8_t *data, size_t length)
{
	*packet = (struct packet){ 0 };
	if (length && data[0] >> 4 == 4)
		ip4_read(packet, data, length);
	else if (length && data[0] >> 4 == 6)
		ip6_read(packet, data, length);
}

/* One that is in a tunnel has the addresses of that; what it is, its own headers say. */
void packet_read(struct packet *packet, const uint8_t *data, size_t length)
{
	struct packet inner;

	headers_read(packet, data, length);
	packet->tunnel = tunnel_enter(&data, &length);
	if (!packet->tunnel)
		return;
	headers_read(&inner, data, length);
	packet->icmp_type = inner.icmp_type;
	packet->is_request = inner.is_request;
	packet->is_reply = inner.is_reply;
	packet->sequence = inner.sequence;
}
