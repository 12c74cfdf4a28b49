// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh features: what this kernel offers, for `doctor`. A line each: yes or no, the
 * feature, and what it is for.
 */
#include <net/if.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "vsh.h"

static void feature_print(bool there, const char *name, const char *purpose)
{
	printf("%s\t%s\t%s\n", there ? "yes" : "no", name, purpose);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static bool has_function(const struct btf *btf, const char *name)
{
	return btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static bool has_type(const struct btf *btf, const char *name)
{
	return btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

int features_command(const struct options *options, int argc, char **argv)
{
	struct btf *btf;
	uint64_t cookie;

	(void)options;
	(void)argv;
	if (argc)
		return misuse("features takes no words");
	libbpf_set_print(silent);
	btf = btf__load_vmlinux_btf();
	feature_print(btf, "BTF", "needed: finding processes (CONFIG_DEBUG_INFO_BTF)");
	feature_print(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, NULL) == 1, "classifier",
		      "needed: loss at egress");
	feature_print(has_type(btf, "btf_trace_sched_process_exec"), "tp_btf",
		      "needed: following exec, fork and exit");
	feature_print(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK, NULL) == 1,
		      "cgroup/sock_create", "needed: tagging new sockets");
	feature_print(libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL) == 1, "cgroup_skb",
		      "direction ingress, visible denied");
	feature_print(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL) == 1,
		      "socket storage", "needed: tags");
	feature_print(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1, "ring buffer",
		      "monitor");
	feature_print(!netns_cookie(&cookie), "netns cookie",
		      "needed: telling namespaces apart (5.14)");
	feature_print(has_type(btf, "btf_trace_inet_sock_set_state"), "inet_sock_set_state",
		      "last ACKs and resets of closed connections");
	feature_print(has_function(btf, "bpf_cast_to_kern_ctx") &&
			      has_function(btf, "bpf_rdonly_cast"),
		      "bpf_cast_to_kern_ctx", "optional: cheapest path for bystanders (6.2)");
	btf__free(btf);
	return DONE;
}

#define TCX_EGRESS 47 /* BPF_TCX_EGRESS of linux/bpf.h, since 6.6 */

/* vsh tcx DEV: how many tcx programs run at egress before any filter of clsact. */
int tcx_command(const struct options *options, int argc, char **argv)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);
	unsigned int ifindex;

	(void)options;
	if (argc != 1)
		return misuse("tcx takes a device");
	ifindex = if_nametoindex(argv[0]);
	if (!ifindex)
		return failure("there is no device %s here", quoted(argv[0]));
	/* A kernel that does not know tcx has none attached. */
	if (bpf_prog_query_opts(ifindex, TCX_EGRESS, &query))
		query.prog_cnt = 0;
	printf("%u\n", query.prog_cnt);
	return DONE;
}
