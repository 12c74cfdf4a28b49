/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pinned maps, as user space reads them. What fails returns -errno. */
#ifndef VSH_MAPS_H
#define VSH_MAPS_H

#include <stddef.h>
#include <stdint.h>

/* A descriptor of what is pinned under this name. */
int pin_open(const char *folder, const char *name);

/* The same of a map whose values have that size. -EPROTO: they have another one, or it is no map. */
int pin_open_map(const char *folder, const char *name, size_t value_size);

/* DONE: it can be read as that, or is not there. Else a message, and FAILED. */
int pin_check(const char *folder, const char *name, size_t value_size);

/* The first entries of a pinned array, of size bytes each. */
int pin_read(const char *folder, const char *name, void *entries, uint32_t count, size_t size);

/* An entry of a per-CPU array: adds what each processor that the kernel could have keeps. */
typedef void value_add(void *sum, const void *value);
int cpus_sum(int fd, uint32_t index, size_t size, value_add *add, void *sum);

/* Such an entry is zero on each of them from here on. */
int cpus_clear(int fd, uint32_t index, size_t size);

/* Accepts the negative result of an open that failed. */
void fd_close(int fd);

#endif
