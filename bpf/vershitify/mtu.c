// SPDX-License-Identifier: GPL-2.0-or-later
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "mtu.h"

#define ETHERNET_MTU 1500

/* 0 if it cannot be told. */
static uint32_t device_mtu(int fd, const char *name)
{
	struct ifreq request = {};

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, SIOCGIFMTU, &request) ? 0 : request.ifr_mtu;
}

static uint32_t largest(uint32_t one, uint32_t other)
{
	return one > other ? one : other;
}

static uint32_t all_mtu(int fd)
{
	struct if_nameindex *devices = if_nameindex();
	uint32_t mtu = 0;

	for (size_t i = 0; devices && devices[i].if_index; i++)
		mtu = largest(mtu, device_mtu(fd, devices[i].if_name));
	if_freenameindex(devices);
	return mtu;
}

uint32_t devices_mtu(const struct vsh_rule *rule, const struct vsh_label *label)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t mtu = ETHERNET_MTU;

	if (fd < 0)
		return mtu;
	if (!rule->devs)
		mtu = largest(mtu, all_mtu(fd));
	for (uint32_t i = 0; i < rule->devs; i++)
		mtu = largest(mtu, device_mtu(fd, label->dev[i]));
	close(fd);
	return mtu;
}
