/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the kernel refuses what libbpf tries, in one line. */
#ifndef VSH_LOADLOG_H
#define VSH_LOADLOG_H

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdint.h>

#define LOG_BYTES \
	(UINT32_MAX >> 8) /* as much as all kernels take; what is not used costs nothing */

/* For libbpf_set_print. */
int log_keep(enum libbpf_print_level level, const char *format, va_list args);

/* Before each try. */
void log_begin(void);

/* What the verifier is to write, LOG_BYTES; NULL: there is no memory for that. */
extern char *log_verifier;

/* The program that libbpf has complained of last, or "". */
extern char log_program[64];

/* Of what was tried last, which has failed with this error. */
const char *log_reason(int err);

#endif
