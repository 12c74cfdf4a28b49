/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words to numbers. Pure functions: nothing is read, printed or allocated.
 * Each returns 0, or a negative errno: -EINVAL for what is not of the form,
 * -ERANGE for what is out of range, -EDOM for a fraction that could be meant as
 * a share of 1 (see percent_parse).
 */
#ifndef VSH_WORDS_H
#define VSH_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 100 % in millionths of a percent. */
#define PERCENT_MAX 100000000ULL

/* "25", "25%", "0.000001%": 0 to 100 with up to 6 decimals, in millionths of a
 * percent. A bare number strictly between 0 and 1 is -EDOM: 0.1 is a tenth of a
 * percent to tc and ten percent to iptables.
 */
int percent_parse(const char *word, uint64_t *millionths);

/* Millionths of a percent to a threshold of 0..2^32, rounded to the nearest. */
uint64_t percent_threshold(uint64_t millionths);

/* "25", "0.5", "99.999999", without trailing zeros. size 16 holds all
 * percentages, and size 24 any number. */
void percent_format(uint64_t millionths, char *text, size_t size);

/* "10", "2.5": a mean number of things, 1 to 1,000,000 with up to 6 decimals, in millionths. */
int length_parse(const char *word, unsigned long long *millionths);

/* "30s", "500ms", "1.5h": nanoseconds, more than 0, at most 10 years. Units as tc
 * writes them (s, sec, secs, ms, msec, msecs, us, ..., ns, ...) and m, min, h, d.
 */
int time_parse(const char *word, uint64_t *ns);

/* The same, and 0 with a unit. */
int span_parse(const char *word, uint64_t *ns);

/* The same, where a bare number is seconds, as in vmstat(8) and ping -i. */
int seconds_parse(const char *word, uint64_t *ns);

/* The same time in one of the units s, ms, us, ns. size 24 holds all. */
void time_format(uint64_t ns, char *text, size_t size);

/* "10mbit", "1.5kbps": bytes a second, up to 10^12, rounded down. Units as tc writes them, of bits (bit, kbit, ...,
 * tbit) and of bytes (bps, kbps, ..., tbps), with an i for powers of 1024 (kibit). A number without
 * one is -EINVAL: it means bits to tc.
 */
int byterate_parse(const char *word, uint64_t *bytes);

/* The same rate in the largest unit of bits that needs no decimals. size 24 holds all. */
void byterate_format(uint64_t bytes, char *text, size_t size);

/* Decimal digits only, at most max. */
int number_parse(const char *word, uint64_t max, uint64_t *number);

struct prefix {
	bool is_ipv6;
	unsigned int bits; /* 0..32 or 0..128 */
	unsigned char address[16]; /* network byte order; 0 after the prefix */
};

/* "192.0.2.0/24", "2001:db8::/32", or an address for all of its bits. */
int prefix_parse(const char *word, struct prefix *prefix);

#endif
