// SPDX-License-Identifier: GPL-2.0-only
/* What tracepkt is measured against: programs at the same hooks that only return. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tp_btf/net_dev_queue")
int bench_queue(void *ctx)
{
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int bench_xmit(void *ctx)
{
	return 0;
}

SEC("tp_btf/netif_rx")
int bench_netif_rx(void *ctx)
{
	return 0;
}

SEC("tp_btf/netif_receive_skb_entry")
int bench_receive(void *ctx)
{
	return 0;
}

SEC("tp_btf/netif_receive_skb_list_entry")
int bench_list(void *ctx)
{
	return 0;
}

SEC("tp_btf/napi_gro_receive_entry")
int bench_gro(void *ctx)
{
	return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int bench_read(void *ctx)
{
	return 0;
}

SEC("tp_btf/kfree_skb")
int bench_drop(void *ctx)
{
	return 0;
}

SEC("tp_btf/consume_skb")
int bench_consume(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
