/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map of devices, which the programs of cgroups share. */
#ifndef VSH_DEVICES_H
#define VSH_DEVICES_H

struct bpf_object;
struct bpf_program;

/* Pins it, if it is not there. DONE, or FAILED after a message. */
int devices_make(void);

/* Of an object that is to be loaded, for this program of it or, if that is NULL, for all. */
void devices_join(struct bpf_object *object, const struct bpf_program *only);

#endif
