// SPDX-License-Identifier: GPL-2.0-only
/* Says of each packet what a device does that has looked at its checksum: that it is right. */
#include "kernel.bpf.h"
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int believe(struct __sk_buff *skb)
{
	bpf_csum_level(skb, BPF_CSUM_LEVEL_INC);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
