/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel says of its own types. */
#ifndef VSH_KERNELBTF_H
#define VSH_KERNELBTF_H

#include <stdint.h>

/* Of a value of an enum; NULL: it has none, or the kernel does not tell. */
const char *kernel_enum_name(const char *enumeration, uint32_t value);

/* How many arguments a tracepoint gives to its programs; 0: there is no such one, or the kernel does not tell. */
unsigned int kernel_tracepoint_arguments(const char *tracepoint);

#endif
