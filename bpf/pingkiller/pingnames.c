// SPDX-License-Identifier: GPL-2.0-or-later
/* How a device and what is counted there are called. */
#include <arpa/inet.h>
#include <string.h>
#include "ping.h"

const struct ping_class ping_class_names[PK_CLASSES] = {
	[PK_OTHER_IPV4] = { "IPv4, not ICMP", "ipv4_other" },
	[PK_OTHER_IPV6] = { "IPv6, not ICMP", "ipv6_other" },
	[PK_OTHER] = { "neither (ARP, ...)", "other" },
	[PK_FRAGMENT] = { "later fragments", "fragments" },
	[PK_MALFORMED] = { "malformed or cut off", "malformed" },
	[PK_DEEP] = { "too many headers", "deep" },
};

static const char *const hook_names[] = {
	[PK_HOOK_NONE] = "none",
	[PK_HOOK_NATIVE] = "native",
	[PK_HOOK_GENERIC] = "generic",
	[PK_HOOK_TC] = "tc",
};

const char *ping_hook_name(const struct ping_device *device)
{
	return hook_names[device->hook <= PK_HOOK_TC ? device->hook : PK_HOOK_NONE];
}

static const char *const state_names[] = {
	[PING_ACTIVE] = "active", [PING_EXPIRED] = "expired",	[PING_ORPHANED] = "orphaned",
	[PING_MOVED] = "moved",	  [PING_DETACHED] = "detached", [PING_GONE] = "device gone",
};

static const char *const state_reasons[] = {
	[PING_EXPIRED] = "its time is over",
	[PING_ORPHANED] = "the run that it belongs to was killed",
	[PING_MOVED] = "it is in another network namespace, and served there",
	[PING_DETACHED] = "what serves it was taken off by somebody else",
	[PING_GONE] = "it was deleted, or left its network namespace",
};

/* What is over since it was looked at is over. */
enum ping_state ping_state_now(const struct ping_device *device)
{
	if (device->state == PING_ACTIVE && (device->config.conditions & PK_ENDS) &&
	    boot_now_ns() >= device->config.expires_ns)
		return PING_EXPIRED;
	return device->state;
}

const char *ping_state_name(const struct ping_device *device)
{
	return state_names[ping_state_now(device)];
}

const char *ping_state_reason(const struct ping_device *device)
{
	return state_reasons[ping_state_now(device)];
}

void ping_prefix_format(const struct pk_prefix *prefix, char text[64])
{
	int length;

	inet_ntop(prefix->family == PK_IPV4 ? AF_INET : AF_INET6, prefix->address, text, 48);
	length = strlen(text);
	snprintf(text + length, 64 - length, "/%u", prefix->bits - PK_FAMILY_BITS);
}
