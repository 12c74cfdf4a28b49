/* SPDX-License-Identifier: GPL-2.0-only */
/* From a packet to the one in it, where a tunnel carries that in clear: vxlan, ipip, sit, gre, gretap. */
#ifndef TRACEPKT_TUNNEL_BPF_H
#define TRACEPKT_TUNNEL_BPF_H

#include "header.bpf.h"

#define IPPROTO_IPIP 4
#define IPPROTO_IPV6 41
#define IPPROTO_GRE 47
#define VXLAN_PORT 4789
#define VXLAN_PORT_OLD 8472 /* Linux's own, before there was a standard */
#define VXLAN_HEADER 8
#define GRE_CHECKSUM 0x80
#define GRE_KEY 0x20
#define GRE_SEQUENCE 0x10
#define GRE_ETHERNET 0x6558

struct gre_header {
	__u8 flags;
	__u8 version;
	__be16 type;
};

/* What comes before the packet in it, from the header of GRE on; 0: not known. */
static __always_inline __u32 gre_bytes(const struct packet *packet, __u32 offset)
{
	struct gre_header gre;
	__u32 bytes = sizeof(gre);

	if (header_load(packet, offset, &gre, sizeof(gre)))
		return 0;
	if (gre.flags & GRE_CHECKSUM)
		bytes += 4;
	if (gre.flags & GRE_KEY)
		bytes += 4;
	if (gre.flags & GRE_SEQUENCE)
		bytes += 4;
	return gre.type == bpf_htons(GRE_ETHERNET) ? bytes + sizeof(struct ethernet_header) : bytes;
}

static __always_inline __u32 vxlan_bytes(const struct packet *packet, __u32 offset)
{
	struct ports ports;

	if (!udp_ports_load(packet, offset, &ports) ||
	    (ports.dest != bpf_htons(VXLAN_PORT) && ports.dest != bpf_htons(VXLAN_PORT_OLD)))
		return 0;
	return sizeof(struct udp_header) + VXLAN_HEADER + sizeof(struct ethernet_header);
}

/* Where the IP header in it is; 0: it is none. */
static __always_inline __u32 tunnel_offset(const struct packet *packet,
					   const struct headers *headers)
{
	__u32 offset = headers->transport, bytes = 0;

	switch (headers->protocol) {
	case IPPROTO_UDP:
		bytes = vxlan_bytes(packet, offset);
		return bytes ? offset + bytes : 0;
	case IPPROTO_GRE:
		bytes = gre_bytes(packet, offset);
		return bytes ? offset + bytes : 0;
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return offset;
	default:
		return 0;
	}
}

#endif
