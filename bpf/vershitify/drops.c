// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "drops.h"
#include "maps.h"
#include "vershitify.h"
#include "vsh.h"

/* What earlier tracers have left: its memory is another packet's by now. */
static void drops_clear(void)
{
	struct vsh_dropped dropped;
	int fd = pin_open_map(VSH_MAPS_DIR, "vsh_dropped", sizeof(dropped));

	for (uint32_t slot = 0; fd >= 0 && slot < VSH_DROPPED_CPUS; slot++) {
		if (bpf_map_lookup_elem(fd, &slot, &dropped) || !dropped.address)
			continue;
		dropped.address = 0;
		bpf_map_update_elem(fd, &slot, &dropped, BPF_ANY);
	}
	fd_close(fd);
}

static bool is_gone(uint32_t pid)
{
	return !pid || (kill(pid, 0) && errno == ESRCH);
}

/* Only a tracer that says so finds the rules' verdicts. Of several the last one is known there, and
 * the others say so again when it has gone.
 */
void rules_watch(bool is_on)
{
	uint32_t zero = 0, known = 0, own = getpid(), none = 0;
	int fd = pin_open_map(VSH_MAPS_DIR, "vsh_tracer", sizeof(known));

	if (fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &known)) {
		if (is_on && is_gone(known)) {
			drops_clear();
			bpf_map_update_elem(fd, &zero, &own, BPF_ANY);
		}
		if (!is_on && known == own)
			bpf_map_update_elem(fd, &zero, &none, BPF_ANY);
	}
	fd_close(fd);
}
