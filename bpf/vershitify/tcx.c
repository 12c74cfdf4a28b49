// SPDX-License-Identifier: GPL-2.0-or-later
/* vsh tcx DEV: how many tcx programs run at egress before any filter of clsact. */
#include <net/if.h>
#include <bpf/bpf.h>
#include "vsh.h"

#define TCX_EGRESS 47 /* BPF_TCX_EGRESS of linux/bpf.h, since 6.6 */

int tcx_command(const struct options *options, int argc, char **argv)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);
	unsigned int ifindex;

	(void)options;
	if (argc != 1)
		return misuse("tcx takes a device");
	ifindex = if_nametoindex(argv[0]);
	if (!ifindex)
		return failure("cannot find device %s", quoted(argv[0]));
	/* A kernel that does not know tcx has none attached. */
	if (bpf_prog_query_opts(ifindex, TCX_EGRESS, &query))
		query.prog_cnt = 0;
	printf("%u\n", query.prog_cnt);
	return DONE;
}
